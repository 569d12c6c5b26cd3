"""Draws of two outcomes in the groups that ArviZ knows: estimates, people in categories, likelihoods of trials."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit

import bayesmeta as bm
from bayesmeta.effects import joint_effects
from bayesmeta.nuts import NutsJointPosterior
from bayesmeta.posterior.joint_likelihood import log_likelihood
from bayesmeta.trials import JointTrials, Trials, join

ALL = {
    *("posterior", "posterior_predictive", "prior", "prior_predictive", "log_likelihood", "log_prior"),
    *("sample_stats", "observed_data", "constant_data"),
}
CHAINS, DRAWS = 2, 150


def counted(rows, outcome, direction=""):
    columns = ["study", "events_treated", "total_treated", "events_control", "total_control"]
    return Trials(pd.DataFrame(rows, columns=columns), name=outcome, outcome=outcome, direction=direction)


#: Simulated: one trial with all three categories, one with each cut alone.
SIMULATED = join(
    counted([["A", 22, 60, 14, 58], ["B", 12, 30, 8, 31]], "well", "higher"),
    counted([["A", 18, 60, 23, 58], ["C", 7, 25, 11, 26]], "worse", "lower"),
)


def by_hand(trials: JointTrials, model: bm.JointModel, seed=1, mu=(0.5, -0.4), tau=(0.3, 0.2)):
    """A sampled posterior from draws made by hand, all near one point."""
    rng = np.random.default_rng(seed)
    effects = joint_effects(trials)
    shape = (CHAINS, DRAWS)
    pairs = (*shape, trials.k, 2)
    theta = np.array(mu) + 0.2 * rng.standard_normal(pairs)
    gamma = np.array([-0.7, -0.7]) + 0.05 * rng.standard_normal(pairs)
    draws = {
        "mu": np.array(mu) + 0.01 * rng.standard_normal((*shape, 2)),
        "tau": np.array(tau) * rng.uniform(0.9, 1.1, (*shape, 2)),
        "rho": rng.uniform(-0.9, 0.9, shape),
        "theta": theta,
        "theta_new": theta[..., 0, :],
    }
    draws |= {"gamma": gamma} if model.likelihood == "trinomial" else {}
    statistics = {"diverging": np.zeros(shape, dtype=bool), "energy": rng.normal(size=shape)}
    return NutsJointPosterior(trials, model, effects, draws, statistics, 3, {}), draws


@pytest.mark.parametrize("engine", ["exact", "nuts"])
@pytest.mark.parametrize("likelihood", ["normal", "trinomial"])
def test_every_group_is_there(likelihood, engine):
    model = bm.JointModel(likelihood)
    if engine == "exact" and not model.has_exact:
        pytest.skip("the exact engine does not carry it")
    posterior = bm.fit(SIMULATED, model) if engine == "exact" else by_hand(SIMULATED, model)[0]
    tree = posterior.to_arviz(draws=DRAWS, chains=CHAINS) if engine == "exact" else posterior.to_arviz()
    assert set(tree.children) == ALL
    assert tree["log_likelihood"]["y"].dims == ("chain", "draw", "study")
    assert {name: value.dims for name, value in tree["log_prior"].items()} == {
        "mu": ("chain", "draw", "outcome"),
        "tau": ("chain", "draw", "outcome"),
        "rho": ("chain", "draw"),
    }
    for group in ("prior_predictive", "posterior_predictive"):
        assert set(tree[group].data_vars) == set(tree["observed_data"].data_vars)
        for name, value in tree["observed_data"].items():
            assert tree[group][name].shape == (CHAINS, DRAWS, *value.shape)
            assert np.isfinite(tree[group][name].values).all()
    assert np.isfinite(tree["log_likelihood"]["y"].values).all()


def test_people_are_observed_and_replicated_by_the_cells_that_trials_report():
    tree = by_hand(SIMULATED, bm.JointModel("trinomial"))[0].to_arviz()
    people = tree["observed_data"]["people"]
    assert people.sel(cell="A, treated: neither") == 60 - 22 - 18
    assert people["cell"].size == 6 + 2 + 2
    assert "B, treated: worse" not in people["cell"]
    drawn = tree["posterior_predictive"]["people"]
    arms = [drawn.sel(cell=[f"A, {arm}: {c}" for c in ("well", "neither", "worse")]).sum("cell") for arm in ARMS]
    assert (arms[0] == 60).all()
    assert (arms[1] == 58).all()
    assert (drawn >= 0).all()
    assert (drawn <= tree["constant_data"]["total"]).all()


ARMS = ("treated", "control")


def test_replicated_people_have_the_proportions_of_effects_and_baselines():
    # Without heterogeneity a new effect is mu, and baselines at which it was observed stay where they are.
    posterior, draws = by_hand(SIMULATED, bm.JointModel("trinomial"), tau=(0.0, 0.0))
    draws["theta"][:] = draws["mu"][..., None, :]
    posterior = NutsJointPosterior(
        SIMULATED, posterior.model, posterior.effects, draws, posterior.statistics, 3, posterior.diagnostics
    )
    drawn = posterior.to_arviz()["posterior_predictive"]["people"]
    for arm, side, total in (("treated", 0.5, 60), ("control", -0.5, 58)):
        p = expit(draws["gamma"][..., 0, :] + side * draws["mu"]).mean(axis=(0, 1))
        for category, share in (("well", p[0]), ("neither", 1 - p.sum()), ("worse", p[1])):
            found = drawn.sel(cell=f"A, {arm}: {category}").values / total
            assert abs(found.mean() - share) < 4.5 * np.sqrt(share * (1 - share) / total / found.size)


def test_every_effect_is_possible_at_the_baselines_that_are_replicated():
    # At tau = 3 new effects at the old baselines would leave fewer than none in the middle.
    model = bm.JointModel("trinomial", mu="normal(0, 3)", tau="half_normal(3)")
    tree = by_hand(SIMULATED, model, tau=(3.0, 3.0))[0].to_arviz()
    for group in ("posterior_predictive", "prior_predictive"):
        middle = tree[group]["people"].sel(cell=["A, treated: neither", "A, control: neither"])
        assert (middle >= 0).all()
        assert middle.std() > 1


def test_the_likelihood_of_three_categories_is_the_integral_over_effects_and_baselines():
    posterior, draws = by_hand(SIMULATED, bm.JointModel("trinomial", baseline="normal(-0.5, 2)"))
    few = {name: value[:1, :2] for name, value in draws.items()}
    found = log_likelihood(posterior, few)[0]
    z, weight = np.polynomial.hermite_e.hermegauss(15)
    x = np.linspace(-3.0, 1.5, 121)  # both baselines: the middle category keeps the integrand from the edge
    one, other = np.meshgrid(x, x, indexing="ij")
    prior = stats.norm(-0.5, 2.0)
    log_prior = prior.logpdf(one) + prior.logpdf(other)
    for draw in range(2):
        mu, tau, rho = (few[name][0, draw] for name in ("mu", "tau", "rho"))
        root = np.linalg.cholesky([[tau[0] ** 2, rho * tau[0] * tau[1]], [rho * tau[0] * tau[1], tau[1] ** 2]])
        total = 0.0
        for i, a in enumerate(z):
            for j, b in enumerate(z):
                theta = mu + root @ [a, b]
                possible = stats.norm(-1.0, np.sqrt(8.0)).cdf(-abs(theta.sum()) / 2)
                inside = np.exp(log_prior) / possible
                for side, people in ((0.5, SIMULATED.categories[0, 0]), (-0.5, SIMULATED.categories[0, 1])):
                    p, q = expit(one + side * theta[0]), expit(other + side * theta[1])
                    middle = np.maximum(1 - p - q, 0.0)
                    shares = np.stack([p, middle, q], axis=-1) / (p + middle + q)[..., None]
                    inside = inside * stats.multinomial(people.sum(), shares).pmf(people) * (middle > 0)
                total += weight[i] * weight[j] / (2 * np.pi) * inside.sum() * (x[1] - x[0]) ** 2
        assert found[draw, 0] == pytest.approx(np.log(total), abs=2e-3)


def test_the_likelihood_of_one_cut_is_the_binomial_one():
    posterior, draws = by_hand(SIMULATED, bm.JointModel("trinomial"))
    found = log_likelihood(posterior, draws)
    for j, (part, study) in enumerate(((SIMULATED.first, 1), (SIMULATED.second, 2))):
        alone = bm.fit(part, bm.Model("binomial"))
        expected = alone.log_likelihood(np.repeat(draws["mu"][..., j, None], 2, axis=-1), draws["tau"][..., j])
        assert found[..., study] == pytest.approx(expected[..., 1], abs=1e-8)


def test_the_likelihoods_of_estimates_are_bivariate_normal():
    posterior = bm.fit(SIMULATED, bm.JointModel())
    tree = posterior.to_arviz(draws=5, chains=1)
    draws, effects = tree["posterior"], posterior.effects
    for n in range(5):
        mu, tau, rho = (draws[name].values[0, n] for name in ("mu", "tau", "rho"))
        between = np.array([[tau[0] ** 2, rho * tau[0] * tau[1]], [rho * tau[0] * tau[1], tau[1] ** 2]])
        within = np.diag(effects.se[0] ** 2) + effects.covariance[0] * (1 - np.eye(2))
        expected = [
            stats.multivariate_normal(mu, between + within).logpdf(effects.y[0]),
            stats.norm(mu[0], np.hypot(effects.se[1, 0], tau[0])).logpdf(effects.y[1, 0]),
            stats.norm(mu[1], np.hypot(effects.se[2, 1], tau[1])).logpdf(effects.y[2, 1]),
        ]
        assert tree["log_likelihood"]["y"].values[0, n] == pytest.approx(expected, abs=1e-10)


def test_replicated_estimates_have_the_spread_of_a_new_setting_and_the_errors_of_their_trial():
    posterior = bm.fit(SIMULATED, bm.JointModel())
    drawn = posterior.to_arviz(draws=5000, chains=2)["posterior_predictive"]["y"].values.reshape(-1, 4)
    sds = [posterior[f"theta_new[{o}]"].sd for o in ("well", "worse", "well", "worse")]
    se = posterior.effects.se[posterior.effects.reported]
    assert drawn.std(axis=0) == pytest.approx(np.hypot(sds, se), rel=0.04)
    draws = posterior.draws(20_000)
    new = np.cov(draws["theta_new"].T)[0, 1]
    assert np.cov(drawn[:, :2].T)[0, 1] == pytest.approx(new + posterior.effects.covariance[0], abs=0.05)


def test_what_has_an_improper_prior_is_not_in_prior():
    tree = bm.fit(SIMULATED, bm.JointModel(mu="flat")).to_arviz(draws=20, chains=1)
    assert set(tree.children) == ALL - {"prior_predictive"}
    assert set(tree["prior"].data_vars) == {"tau", "rho"}
    assert set(tree["log_prior"].data_vars) == {"tau", "rho"}


@pytest.mark.slow
def test_leave_one_out_by_arviz_is_the_ratio_of_evidences():
    import arviz as az

    trials = bm.load("attachment/classification")
    posterior = bm.fit(trials, bm.JointModel())
    found = az.loo(posterior.to_arviz(draws=10_000, chains=4), pointwise=True)
    assert float(found.pareto_k.max()) < 0.7
    for study in trials.studies:
        rest = bm.fit(trials.without(study), posterior.model)
        expected = posterior.log_marginal_likelihood - rest.log_marginal_likelihood
        assert float(found.elpd_i.sel(study=study)) == pytest.approx(expected, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("likelihood", ["normal", "trinomial"])
def test_arviz_summarises_and_scales_what_nuts_drew(likelihood):
    import arviz as az

    posterior = bm.fit(bm.load("attachment/classification"), bm.JointModel(likelihood), engine="nuts")
    tree = posterior.to_arviz()
    names = ["mu", "tau", "rho"]
    summary = az.summary(tree, var_names=names, round_to="none")
    assert summary["mean"].to_numpy() == pytest.approx(posterior.summary()["mean"].to_numpy()[:5], abs=1e-9)
    sensitivity = az.psense_summary(tree, var_names=names, prior_var_names=names)
    assert np.isfinite(sensitivity[["prior", "likelihood"]].to_numpy(dtype=float)).all()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Estimated shape parameter")  # Cicchetti 2006, with its OR of 73
        assert np.isfinite(float(az.loo(tree).elpd))
