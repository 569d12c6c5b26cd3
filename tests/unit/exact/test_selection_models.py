"""Selection models in the exact engine: what must hold whatever the trials."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

import bayesmeta as bm
from bayesmeta.exact.selection import prepare_selection
from bayesmeta.posterior import PointMass
from bayesmeta.posterior.published import published_effects

QUANTITIES = ["mu", "tau", "theta_new"]


def table(y, se, **named):
    frame = pd.DataFrame({"study": [f"t{i}" for i in range(len(y))], "estimate": y, "se": se})
    return bm.read_trials(frame, **named)


def simulated(k=12, seed=5):
    """Simulated estimates, wished above 0."""
    rng = np.random.default_rng(seed)
    se = np.exp(rng.normal(-1.0, 0.4, k))
    return table(0.3 + np.hypot(se, 0.3) * rng.normal(size=k), se, direction="higher")


@pytest.mark.parametrize("selection", ["one_sided(0.025)", "two_sided(0.05, 0.1)", "one_sided(0.025, 0.05, 0.5)"])
@pytest.mark.parametrize("random_effects", ["normal", "none"])
def test_weights_of_one_are_no_selection(selection, random_effects):
    trials, intervals = simulated(), selection.count(",") + 1
    model = bm.Model("normal", random_effects=random_effects)
    ones = f"fixed({', '.join('1' * intervals)})"
    plain, selected = bm.fit(trials, model), bm.fit(trials, model.but(selection=selection, omega=ones))
    assert selected.log_marginal_likelihood == pytest.approx(plain.log_marginal_likelihood, abs=1e-8)
    unit = plain.summary()["sd"].to_numpy()[:, None] + (plain.summary()["sd"] == 0).to_numpy()[:, None]
    change = (selected.summary().loc[QUANTITIES] - plain.summary()).to_numpy() / unit
    assert np.abs(change).max() < 1e-8
    columns = ["mean", "sd", "median", "lower", "upper"]
    change = (selected.studies()[columns] - plain.studies()[columns]).to_numpy() / plain.studies()[["sd"]].to_numpy()
    assert np.abs(change).max() < 1e-7
    assert isinstance(selected["omega[0.025,1]"] if intervals == 1 else selected[selected.parameters[-1]], PointMass)


def brute(trials, selection, mu_sd, tau_sd, upper=1.0):
    """Log marginal likelihood and moments by sums over a grid, from the formula and SciPy's normal distribution."""
    effects = bm.effect_sizes(trials)
    y, se = effects.y, effects.se
    mu, tau = np.linspace(-4, 4, 161), (np.arange(80) + 0.5) * 0.025
    omega = upper * (np.arange(120) + 0.5) / 120
    m, t = np.meshgrid(mu, tau, indexing="ij")
    chance = []
    for s in se:
        scale = np.sqrt(s**2 + t**2)
        if selection == "two":
            z = norm.isf(0.025) * s
            chance.append(norm.sf(z, m, scale) + norm.cdf(-z, m, scale))
        else:
            chance.append(norm.sf(norm.isf(0.025) * s, m, scale))
    z = np.abs(y / se) if selection == "two" else y / se
    weak = int((z < norm.isf(0.025)).sum())
    base = sum(norm.logpdf(one, m, np.sqrt(s**2 + t**2)) for one, s in zip(y, se))
    base = base + norm.logpdf(m, 0, mu_sd) + np.log(2) + norm.logpdf(t, 0, tau_sd)
    log = np.stack([base + weak * np.log(w) - sum(np.log(c + w * (1 - c)) for c in chance) for w in omega], axis=-1)
    log = log - np.log(upper) + np.log((mu[1] - mu[0]) * (tau[1] - tau[0]) * (omega[1] - omega[0]))
    total = logsumexp(log)
    mass = np.exp(log - total)
    marginals = {"mu": (mu, mass.sum((1, 2))), "tau": (tau, mass.sum((0, 2))), "omega": (omega, mass.sum((0, 1)))}
    return total, {name: (x @ p, np.sqrt(x**2 @ p - (x @ p) ** 2)) for name, (x, p) in marginals.items()}


@pytest.mark.parametrize(
    ("kind", "text", "omega", "upper"),
    [("one", "one_sided(0.025)", "uniform(0, 1)", 1.0), ("two", "two_sided(0.05)", "uniform(0, 3)", 3.0)],
)
def test_against_a_sum_over_a_dense_grid(kind, text, omega, upper):
    # Midpoint sums over 161 x 80 x 120 points.
    trials = simulated(6)
    log_marginal, moments = brute(trials, kind, 1.0, 0.4, upper)
    posterior = bm.fit(
        trials, bm.Model("normal", mu="normal(0, 1)", tau="half_normal(0.4)", selection=text, omega=omega)
    )
    assert posterior.log_marginal_likelihood == pytest.approx(log_marginal, abs=2e-4)
    for name, (mean, sd) in moments.items():
        found = posterior[name] if name != "omega" else posterior[posterior.selection.names[0]]
        assert found.mean == pytest.approx(mean, abs=1e-3 * sd)
        assert found.sd == pytest.approx(sd, rel=2e-3)


@pytest.mark.parametrize(
    ("selection", "limit"),
    [("one_sided(0.025)", 5e-7), ("two_sided(0.05, 0.1)", 1e-5), ("one_sided(0.025, 0.05, 0.5)", 2e-3)],
)
@pytest.mark.parametrize("data", ["attachment/secure", "attachment/disorganised", "bcg"])
def test_refinement_moves_nothing(data, selection, limit):
    trials = bm.load(data)
    trials = trials if trials.direction else table_with_direction(trials)
    change = bm.fit(trials, bm.Model("normal", selection=selection)).accuracy()["change"]
    assert change.max() < limit
    assert change[["mu", "tau", "theta_new", "log_marginal_likelihood"]].max() < max(2.5e-7, 0.05 * limit)


def table_with_direction(trials):
    return replace(trials, direction="lower")


def test_row_order_and_names_do_not_matter():
    trials, order = simulated(), np.random.default_rng(1).permutation(12)
    model = bm.Model("normal", selection="one_sided(0.025, 0.5)")
    there, back = bm.fit(trials, model), bm.fit(trials.select(order), model)
    np.testing.assert_allclose(there.summary(), back.summary(), rtol=1e-9, atol=1e-11)
    assert there.log_marginal_likelihood == pytest.approx(back.log_marginal_likelihood, abs=1e-10)
    frame = trials.table.assign(study=[f"other {i}" for i in range(12)])
    renamed = bm.fit(bm.read_trials(frame, direction="higher"), model)
    np.testing.assert_allclose(there.summary(), renamed.summary(), rtol=1e-12)


def test_the_other_side_of_negated_trials_is_the_same_model():
    trials = simulated()
    effects = bm.effect_sizes(trials)
    negated = table(-effects.y, effects.se, direction="lower")
    model = bm.Model("normal", selection="one_sided(0.025)")
    there, back = bm.fit(trials, model), bm.fit(negated, model)
    assert back["mu"].mean == pytest.approx(-there["mu"].mean, abs=1e-10)
    assert back["omega[0.025,1]"].median == pytest.approx(there["omega[0.025,1]"].median, abs=1e-9)


def test_a_two_sided_cut_with_effects_far_above_zero_is_the_one_sided_cut_of_half_the_p():
    # Where no trial could be significant below 0 both select alike.
    trials = table([2.0, 2.3, 1.1, 2.8, 0.9], [0.5, 0.6, 0.7, 0.4, 0.8], direction="higher")
    model = bm.Model("normal", mu="normal(2, 0.2)", tau="half_normal(0.1)")
    one, two = (bm.fit(trials, model.but(selection=text)) for text in ("one_sided(0.025)", "two_sided(0.05)"))
    assert one["mu"].mean == pytest.approx(two["mu"].mean, abs=1e-3)
    assert one["omega[0.025,1]"].mean == pytest.approx(two["omega[0.05,1]"].mean, abs=2e-3)


def test_an_interval_without_prior_difference_changes_nothing():
    # Known weights that are equal on both sides of a cut: the cut is not there.
    trials = simulated()
    one = bm.fit(trials, bm.Model("normal", selection="one_sided(0.025)", omega="fixed(0.4)"))
    two = bm.fit(trials, bm.Model("normal", selection="one_sided(0.025, 0.5)", omega="fixed(0.4, 0.4)"))
    np.testing.assert_allclose(one.summary().loc[QUANTITIES], two.summary().loc[QUANTITIES], rtol=1e-10, atol=1e-12)


def test_a_weight_below_one_moves_the_effect_towards_zero_and_more_the_smaller_it_is():
    trials = table([0.8, 0.7, 1.0, 0.9, 0.6], [0.35, 0.3, 0.4, 0.4, 0.29], direction="higher")
    model = bm.Model("normal", selection="one_sided(0.025)")
    means = [bm.fit(trials, model.but(omega=f"fixed({w})"))["mu"].mean for w in (1, 0.5, 0.1, 0.02)]
    assert np.all(np.diff(means) < 0)


def test_with_all_simulated_trials_published_the_weight_goes_to_one_and_with_few_to_its_share():
    rng = np.random.default_rng(8)
    se = np.exp(rng.normal(-1.2, 0.4, 3000))
    y = 0.2 + np.hypot(se, 0.2) * rng.normal(size=3000)
    model = bm.Model("normal", selection="one_sided(0.025)", omega="uniform(0, 2)")
    for share in (1.0, 0.25):
        kept = (y / se > 1.96) | (rng.random(3000) < share)
        posterior = bm.fit(table(y[kept], se[kept], direction="higher"), model)
        omega, mu, tau = (posterior[name] for name in ("omega[0.025,1]", "mu", "tau"))
        for marginal, true in ((omega, share), (mu, 0.2), (tau, 0.2)):
            assert abs(marginal.mean - true) < 4 * marginal.sd
    assert omega.sd < 0.03


def test_many_trials_by_a_gauss_rule_are_the_trials_one_by_one(monkeypatch):
    from bayesmeta.exact import published

    trials, model = simulated(60, 3), bm.Model("normal", selection="one_sided(0.025, 0.5)")
    by_rule = bm.fit(trials, model)
    monkeypatch.setattr(published, "FEW", 100)
    one_by_one = bm.fit(trials, model)
    np.testing.assert_allclose(by_rule.summary(), one_by_one.summary(), rtol=1e-8, atol=1e-9)


def test_nodes_go_where_many_trials_say_the_weights_are():
    # 400 simulated trials leave a small part of the square of two weights; the self-check must see nothing there.
    rng = np.random.default_rng(4)
    se = np.exp(rng.normal(-1.2, 0.4, 800))
    y = 0.2 + np.hypot(se, 0.2) * rng.normal(size=800)
    kept = np.flatnonzero((y / se > 1.96) | (rng.random(800) < np.where(y > 0, 0.5, 0.2)))
    trials = table(y[kept], se[kept], direction="higher")
    posterior = bm.fit(trials, bm.Model("normal", selection="one_sided(0.025, 0.5)"))
    assert posterior.published.ends
    change = posterior.accuracy()["change"]
    assert change[["mu", "tau", "theta_new", "log_marginal_likelihood"]].max() < 1e-5
    assert change.max() < 1e-3
    drawn = posterior.draws(4000, seed=3)["omega"]
    for j, name in enumerate(posterior.selection.names):
        uniform = np.sort(posterior[name].cdf(drawn[:, j]))
        assert np.abs(uniform - (np.arange(4000) + 0.5) / 4000).max() < 1.95 / np.sqrt(4000)


def test_draws_follow_the_marginals():
    posterior = bm.fit(bm.load("attachment/secure"), bm.Model("normal", selection="one_sided(0.025, 0.5)"))
    n = 4000
    drawn = posterior.draws(n, seed=3)
    chains = {"mu": drawn["beta"][:, 0], "tau": drawn["tau"], "theta_new": drawn["theta_new"]}
    chains |= {name: drawn["omega"][:, j] for j, name in enumerate(posterior.selection.names)}
    for name, values in chains.items():
        uniform = np.sort(posterior[name].cdf(values))
        assert np.abs(uniform - (np.arange(n) + 0.5) / n).max() < 1.95 / np.sqrt(n), name  # Kolmogorov, p 0.001


def test_three_trials_leave_the_weights_at_their_prior_and_the_words_say_so():
    posterior = bm.fit(bm.load("attachment/disorganised"), bm.Model("normal", selection="one_sided(0.025)"))
    weights = posterior.weights()
    assert weights["trials"].tolist() == [3, 0]
    assert weights["overlap"].iloc[1] > 0.8
    assert "3 trials say next to nothing of the weights" in " ".join(posterior.remarks)


def test_overlap_of_a_weight_that_was_learnt_is_small():
    rng = np.random.default_rng(8)
    se = np.exp(rng.normal(-1.2, 0.4, 800))
    posterior = bm.fit(
        table(0.2 + se * rng.normal(size=800), se, direction="higher"), bm.Model("normal", selection="one_sided(0.025)")
    )
    assert posterior.overlap("omega[0.025,1]") < 0.5
    assert "the rest was learnt" in posterior.remarks[-1]


def test_replicated_trials_are_as_published():
    # With known weights the share of each interval among replicates is omega_j P_j over the sum.
    trials = table([0.2], [0.3], direction="higher")
    for text in ("one_sided(0.025, 0.5)", "two_sided(0.05, 0.1)"):
        posterior = bm.fit(trials, bm.Model("normal", selection=text, omega="fixed(0.5, 0.2)"))
        n = 20000
        mean, tau, omega = np.full((n, 1), 0.1), np.full(n, 0.2), np.full((n, 2), (0.5, 0.2))
        se = posterior.effects.se
        y = published_effects(posterior.selection, se, mean, tau, omega, np.random.default_rng(2))[:, 0]
        share = np.bincount(posterior.selection.interval_of(y, np.full(n, 0.3)), minlength=3) / n
        chance, published = posterior.chances(mean[:1], tau[:1], omega[:1])
        expected = chance[0, 0] * [1, 0.5, 0.2] / published[0, 0]
        np.testing.assert_allclose(share, expected, atol=4 * np.sqrt(0.25 / n))


def test_unpublished_trials_are_none_where_everything_is_published():
    posterior = bm.fit(simulated(), bm.Model("normal", selection="one_sided(0.025)", omega="fixed(1)"))
    assert posterior.unpublished(200).quantile(0.99) == pytest.approx(0.0, abs=1e-9)


def test_other_priors_reuse_the_nodes():
    trials, model = simulated(), bm.Model("normal", selection="one_sided(0.025)")
    prepared = prepare_selection(trials, model)
    for change in ({"tau": "half_cauchy(0.3)"}, {"mu": "normal(0, 1)"}):
        again, anew = prepared.posterior(**change), bm.fit(trials, model.but(**change))
        np.testing.assert_allclose(again.summary(), anew.summary(), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(
        prepared.without("t3").posterior().summary(),
        bm.fit(trials.without("t3"), model).summary(),
        rtol=1e-7,
        atol=1e-8,
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"likelihood": "hypergeometric"}, "--likelihood normal"),
        ({"random_effects": "student_t(4)"}, "--random-effects normal"),
        ({"moderators": "~ ablat"}, "--engine nuts"),
        ({"selection": "one_sided(0.01, 0.02, 0.03, 0.04, 0.05)"}, "fewer cut points"),
    ],
)
def test_what_the_exact_engine_does_not_carry_is_refused_with_a_remedy(changes, why):
    model = bm.Model("normal", selection="one_sided(0.025, side=less)").but(**changes)
    with pytest.raises(bm.ModelError, match=why):
        bm.fit(table_with_direction(bm.load("bcg")), model)


def test_plain_data_say_what_was_selected():
    result = bm.fit(bm.load("attachment/secure"), bm.Model("normal", selection="one_sided(0.025)")).to_dict()
    assert result["selection"] == {"kind": "one_sided", "cuts": [0.025], "side": "greater", "trials": [6, 2]}
    assert result["model"]["selection"] == "one_sided(0.025)"
    assert set(result["parameters"]) == {"mu", "tau", "theta_new", "omega[0.025,1]"}
