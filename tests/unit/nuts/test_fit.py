"""One retry, then a refusal; what is asked for is checked before anything is sampled."""

import json

import numpy as np
import pytest
from scipy.stats import norm

from bayesmeta.errors import BayesmetaWarning, ConvergenceError, ModelError, PriorError
from bayesmeta.model import Model
from bayesmeta.nuts import fit_nuts
from bayesmeta.posterior import PointMass
from bayesmeta.trials import load

APART = {"shift": 5.0}
BINOMIAL = Model("binomial")


def test_a_sample_that_has_converged_is_taken_at_once(trials, scripted):
    sampler = scripted({})
    posterior = fit_nuts(trials, Model("normal"))
    assert [call.target_accept for call in sampler.calls] == [0.95]
    assert posterior.diagnostics["retried_because"] == []


@pytest.mark.parametrize("fault", [{"divergences": 3}, APART], ids=["divergences", "R-hat"])
def test_a_sample_that_has_not_is_tried_once_more_with_smaller_steps(trials, scripted, fault):
    sampler = scripted(fault, {})
    posterior = fit_nuts(trials, Model("normal"))
    assert [call.target_accept for call in sampler.calls] == [0.95, 0.99]
    assert len({call.seed for call in sampler.calls}) == 1
    assert posterior.diagnostics["target_accept"] == 0.99
    assert posterior.diagnostics["retried_because"]
    assert posterior.diagnostics["divergences"] == 0


def test_the_second_failure_is_a_refusal_with_reason_and_remedy(trials, scripted):
    sampler = scripted({"divergences": 20}, {"divergences": 14, **APART})
    with pytest.raises(ConvergenceError) as refused:
        fit_nuts(trials, Model("normal"))
    assert len(sampler.calls) == 2
    message = str(refused.value)
    assert message.startswith("NUTS did not converge: R-hat of mu ")
    assert "14 divergences at target_accept 0.99. Three trials say little about tau: fit with --engine exact" in message
    assert message.endswith("which needs no sampling, or state a narrower tau prior.")


def test_the_remedy_is_one_that_exists(trials, scripted):
    scripted(APART)
    with pytest.raises(ConvergenceError) as refused:
        fit_nuts(trials, BINOMIAL)
    assert "fit with --engine exact, which needs no sampling, or state a narrower tau prior." in str(refused.value)
    with pytest.raises(ConvergenceError) as refused:
        fit_nuts(load("bcg"), Model("normal", random_effects="none"))
    assert "tau" not in str(refused.value)
    assert "Fit with --engine exact, which needs no sampling." in str(refused.value)


def test_too_few_draws_are_a_refusal_that_says_how_many(trials, scripted):
    scripted({})
    with pytest.raises(ConvergenceError, match=r"effective sample size of .* sample longer, with --draws \d+00\.$"):
        fit_nuts(trials, Model("normal"), draws=60)
    assert fit_nuts(trials, Model("normal"), draws=500).diagnostics["draws"] == 500


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"draws": 0}, "draws is 0. It must be a whole number, at least 1."),
        ({"chains": 2.5}, "chains is 2.5. It must be a whole number"),
        ({"tune": -1}, "tune is -1."),
        ({"seed": -3}, "seed is -3."),
        ({"draws": True}, "draws is True."),
        ({"sampler": "jags"}, "sampler 'jags': there is no such. Known: nutpie, pymc."),
    ],
)
def test_settings_that_are_none(trials, settings, message):
    with pytest.raises(ModelError) as refused:
        fit_nuts(trials, Model("normal"), **settings)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "model",
    [
        {"tau": "jeffreys"},
        {"likelihood": "hypergeometric", "tau": "jeffreys", "random_effects": "mixture(0.1, 5)"},
    ],
)
def test_a_prior_that_pymc_does_not_have_is_refused_with_the_remedy(trials, model):
    with pytest.raises(PriorError, match=r"^tau prior jeffreys: PyMC has no such .* or fit with --engine exact\.$"):
        fit_nuts(trials, Model(**model))


def test_a_mixture_prior_is_refused_because_nuts_stays_in_one_mode(trials):
    # Seen: disorganised trials under mixture(0.8, normal(0.6, 0.2), 0.2, normal(0, 2)), chains without a fault that
    # miss the posterior mass near the first component.
    model = Model("binomial", baseline="mixture(0.8, normal(0.6, 0.2), 0.2, normal(0, 2))")
    with pytest.raises(PriorError, match=r"the posterior may have two modes, and NUTS stays in one .* --engine exact"):
        fit_nuts(trials, model)


def test_a_mixture_of_one_is_that_one(trials, scripted):
    scripted({})
    assert fit_nuts(trials, Model(mu="mixture(1, normal(0.2, 1))")).model.prior_of("mu").sd == 1.0


@pytest.mark.parametrize("likelihood", ["normal", "binomial", "hypergeometric"])
def test_rows_with_counts_and_rows_with_an_estimate_stand_in_one_table(mixed, scripted, likelihood):
    scripted({})
    posterior = fit_nuts(mixed, Model(likelihood))
    assert posterior.effects.studies == ("A", "B")
    assert posterior.effects.y[1] == 0.4


@pytest.mark.parametrize("likelihood", ["binomial", "hypergeometric"])
def test_a_table_without_any_counts_is_for_the_normal_likelihood(mixed, likelihood):
    with pytest.raises(ModelError, match=rf"no row has counts, which the {likelihood} .* with --likelihood normal"):
        fit_nuts(mixed.select([1]), Model(likelihood))


@pytest.mark.parametrize("rule", ["drop", "none"])
def test_the_binomial_likelihood_keeps_trials_with_a_zero_whatever_the_rule(trials, scripted, rule):
    scripted({})
    with pytest.warns(BayesmetaWarning, match=f"zero-cell rule {rule}: it has no effect with the binomial"):
        posterior = fit_nuts(trials, BINOMIAL.but(zero_cells=rule))
    assert posterior.studies()["study"].tolist() == ["A", "B", "C"]
    assert posterior.effects.zero_cells == "only_zero"
    assert fit_nuts(trials, Model("normal", zero_cells="drop")).studies_in_model == ("A", "B")


def test_spare_trials_and_columns_are_not_in_the_result(trials, scripted):
    scripted({})
    draws = fit_nuts(trials, BINOMIAL.but(moderators="~ dose")).draws(100)
    shapes = {name: value.shape for name, value in draws.items()}
    assert shapes == {"beta": (100, 2), "tau": (100,), "theta": (100, 3), "theta_new": (100,), "gamma": (100, 3)}
    assert fit_nuts(trials, BINOMIAL).draws(100)["beta"].shape == (100, 1)


def test_without_random_effects_every_study_has_the_mean_effect(trials, scripted):
    scripted({})
    joint = fit_nuts(trials, BINOMIAL.but(random_effects="none")).draws(50)
    assert np.array_equal(joint["theta"], np.repeat(joint["beta"], 3, axis=1))
    assert np.array_equal(joint["theta_new"], joint["beta"][:, 0])
    assert not joint["tau"].any()


def test_tau_of_a_common_effect_model_is_known(trials, scripted):
    scripted({})
    posterior = fit_nuts(trials, Model("normal", random_effects="none"))
    assert isinstance(posterior["tau"], PointMass)
    summary = posterior.to_dict()["parameters"]["tau"]
    assert summary["mean"] == summary["upper"] == 0.0
    assert summary["rhat"] is None


def test_the_result_is_the_contract_and_names_what_made_it(trials, scripted):
    scripted({})
    result = json.loads(
        json.dumps(fit_nuts(trials, Model("normal", moderators="~ group"), seed=5).to_dict(), allow_nan=False)
    )
    assert result["engine"] == "nuts"
    assert result["log_marginal_likelihood"] is None
    assert list(result["parameters"]) == ["mu", "group[T.y]", "tau", "theta_new"]
    wanted = ["mean", "sd", "median", "lower", "upper", "mcse_mean", "ess_bulk", "rhat"]
    assert list(result["parameters"]["mu"]) == wanted
    assert list(result["studies"][0]) == ["study", *wanted]
    made_by = result["diagnostics"]
    assert (made_by["sampler"], made_by["seed"], made_by["chains"], made_by["draws"]) == ("nutpie", 5, 4, 1000)
    assert {"pymc", "pytensor", "nutpie", "numba"} <= set(made_by["versions"])


def test_what_has_no_moment_is_null_also_for_draws(trials, scripted):
    scripted({})
    two = trials.select([0, 1])
    result = fit_nuts(two, Model("normal", mu="flat", tau="half_cauchy(0.5)")).to_dict()["parameters"]
    assert result["tau"]["sd"] is None
    assert result["tau"]["mean"] is not None
    assert result["mu"]["sd"] is None
    assert fit_nuts(two, Model("normal", tau="half_cauchy(0.5)")).to_dict()["parameters"]["mu"]["sd"] is not None


def test_joint_draws_are_rows_of_what_was_sampled(trials, scripted):
    scripted({})
    posterior = fit_nuts(trials, Model("normal"))
    all_of_them = posterior.draws(4000, seed=1)
    assert np.array_equal(np.sort(all_of_them["tau"]), np.sort(posterior["tau"].chains, axis=None))
    some = posterior.draws(10, seed=2)
    for row in range(10):
        at = np.flatnonzero(all_of_them["tau"] == some["tau"][row])[0]
        assert np.array_equal(all_of_them["theta"][at], some["theta"][row])
    assert len(posterior.draws(9000)["tau"]) == 9000


def test_effects_elsewhere_use_the_same_draws(trials, scripted):
    scripted({})
    posterior = fit_nuts(trials, Model("normal", moderators="~ group"))
    y = posterior.effect({"group": "y"})
    beta = posterior.draws(4000, seed=3)["beta"]
    assert y.mean == pytest.approx((beta @ [1, 1]).mean())
    assert posterior.new_setting({"group": "x"}).mean == pytest.approx(posterior["theta_new"].mean)
    assert posterior.groups()["group"].tolist() == ["group = x", "group = y"]
    assert posterior.contrast({"mu": 1, "group[T.y]": 1}).median == pytest.approx(y.median)


def test_every_arviz_group_is_there(trials, scripted):
    scripted({})
    tree = fit_nuts(trials, BINOMIAL).to_arviz()
    assert {"posterior", "posterior_predictive", "log_likelihood", "sample_stats", "observed_data"} <= set(
        tree.children
    )
    assert tree["posterior"]["theta"].dims == ("chain", "draw", "study")
    assert tree["sample_stats"]["diverging"].shape == (4, 1000)


def test_study_effects_given_tau_follow_their_gaussian(trials, scripted):
    # theta_i | beta, tau has mean (1 - B) y + B mu and variance (1 - B) s^2 (Gelman et al. 2013, section 5.4).
    scripted({})
    posterior = fit_nuts(trials, Model("normal"), draws=4000)
    draws, effects = posterior.draws(16000), posterior.effects
    shrink = effects.se**2 / (effects.se**2 + draws["tau"][:, None] ** 2)
    z = (draws["theta"] - (1 - shrink) * effects.y - shrink * draws["beta"]) / (effects.se * np.sqrt(1 - shrink))
    assert np.abs(z.mean(axis=0)).max() < 4 / np.sqrt(16000)
    assert np.abs(z.var(axis=0) - 1).max() < 4 * np.sqrt(2 / 16000)
    assert np.abs(np.corrcoef(z.T, draws["theta_new"])[np.triu_indices(4, 1)]).max() < 4 / np.sqrt(16000)


@pytest.mark.parametrize("effects", ["normal", "none", "student_t(4)", "mixture(0.1, 5)"])
@pytest.mark.parametrize("likelihood", ["normal", "binomial", "hypergeometric"])
def test_every_likelihood_with_every_random_effects_gives_the_same_parts(mixed, scripted, likelihood, effects):
    scripted({})
    posterior = fit_nuts(mixed, Model(likelihood, random_effects=effects))
    tree = posterior.to_arviz()
    assert tree["posterior"]["theta"].sizes["study"] == 2
    assert np.isfinite(tree["log_likelihood"]["y"].values).all()
    assert ("replicated_events" in tree.children) == (likelihood != "normal")
    assert json.loads(json.dumps(posterior.to_dict()))["model"]["likelihood"] == likelihood


def test_outliers_are_those_far_from_the_rest(trials, scripted):
    scripted({})
    posterior = fit_nuts(trials, Model(random_effects="mixture(0.1, 5)"))
    # Wherever theta lies, in terms of its mean and tau: the ratio of the two densities.
    mean, tau, theta = (posterior._draws[name] for name in ("beta", "tau", "theta"))
    inside, outside = (norm.pdf(theta, mean, c * tau[..., None]) for c in (1, 5))
    expected = (0.1 * outside / (0.9 * inside + 0.1 * outside)).mean(axis=(0, 1))
    found = posterior.outliers()
    assert found["study"].tolist() == ["A", "B", "C"]
    assert found["probability"].to_numpy() == pytest.approx(expected)
    with pytest.raises(ModelError, match=r'have no outlying part\. Fit with random_effects="mixture\(0\.1, 5\)"'):
        fit_nuts(trials, Model()).outliers()


@pytest.mark.parametrize("tau", [0.0, 0.3])
def test_a_tau_that_is_fixed_is_known(trials, scripted, tau):
    scripted({})
    posterior = fit_nuts(trials, Model("hypergeometric", tau=f"fixed({tau})"))
    assert isinstance(posterior["tau"], PointMass)
    assert posterior["tau"].mean == tau
    assert np.all(posterior.draws(10)["tau"] == tau)


def test_an_outlier_is_far_out_for_the_tau_of_its_own_level(mixed, scripted):
    scripted({})
    taus = {"A": "fixed(0.2)", "B": "fixed(0.9)"}
    posterior = fit_nuts(mixed, Model("normal", "mixture(0.1, 5)", tau_by="study", tau=taus))
    mean, spread, theta = (posterior._draws[name] for name in ("beta", "spread", "theta"))
    inside, outside = (norm.pdf(theta, mean, c * spread) for c in (1, 5))
    expected = (0.1 * outside / (0.9 * inside + 0.1 * outside)).mean(axis=(0, 1))
    assert posterior.outliers()["probability"].to_numpy() == pytest.approx(expected)
