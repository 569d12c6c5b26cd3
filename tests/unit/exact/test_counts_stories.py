"""What must hold of count likelihoods in the exact engine, whatever the numbers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayesmeta as bm
from bayesmeta.exact import prepare
from bayesmeta.likelihoods.values import hypergeometric_log_p

approx = pytest.approx
CRINS = [[14, 61, 15, 20], [16, 28, 19, 28], [3, 18, 8, 12], [9, 54, 29, 54], [4, 36, 11, 36], [0, 50, 3, 34]]
ARMS_EMPTY = [[0, 20, 5, 20], [0, 30, 4, 28], [0, 15, 3, 17]]


def trials(rows, **columns) -> bm.Trials:
    counts = np.array(rows, dtype=float)
    names = ["events_treated", "total_treated", "events_control", "total_control"]
    table = {"study": [f"trial {i + 1}" for i in range(len(counts))]} | dict(zip(names, counts.T)) | columns
    return bm.read_trials(pd.DataFrame(table))


def fit(rows, likelihood="hypergeometric", columns=None, **model) -> bm.Posterior:
    return bm.fit(trials(rows, **(columns or {})), bm.Model(likelihood, **model))


def same(first: bm.Posterior, second: bm.Posterior, within: float = 1e-7) -> None:
    one, other = first.summary(), second.summary()
    assert (one.sub(other).abs().div(other["sd"], axis=0).max().max()) < within


@pytest.mark.parametrize("likelihood", ["hypergeometric", "binomial"])
def test_swapping_the_arms_negates_mu_and_keeps_tau(likelihood):
    straight, swapped = fit(CRINS, likelihood), fit(np.array(CRINS)[:, [2, 3, 0, 1]], likelihood)
    assert swapped["mu"].mean == approx(-straight["mu"].mean, abs=1e-8)
    assert swapped["mu"].interval() == approx([-end for end in straight["mu"].interval()[::-1]], abs=1e-8)
    assert swapped["tau"].quantile([0.025, 0.5, 0.975]) == approx(
        straight["tau"].quantile([0.025, 0.5, 0.975]), abs=1e-8
    )
    assert swapped.log_marginal_likelihood == approx(straight.log_marginal_likelihood, abs=1e-9)


def test_a_double_zero_trial_changes_nothing_without_baselines():
    more = fit([*CRINS, [0, 30, 0, 40]])
    same(more, fit(CRINS), 1e-9)
    assert more.diagnostics["neutral"] == ["trial 7"]
    # Its own effect is that of a new setting.
    assert more.study("trial 7").interval() == approx(more["theta_new"].interval(), abs=1e-6)


def test_a_double_zero_trial_has_something_to_say_with_baselines():
    plain, more = fit(CRINS, "binomial"), fit([*CRINS, [0, 30, 0, 40]], "binomial")
    assert abs(more["mu"].mean - plain["mu"].mean) > 1e-3


def test_the_place_of_the_baseline_matters():
    midpoint, control = (fit([*CRINS, [0, 30, 0, 40]], "binomial", baseline_at=at) for at in ("midpoint", "control"))
    assert abs(midpoint["mu"].mean - control["mu"].mean) > 1e-3


@pytest.mark.parametrize("likelihood", ["hypergeometric", "binomial"])
def test_order_does_not_matter(likelihood):
    same(fit(CRINS[::-1], likelihood), fit(CRINS, likelihood), 1e-9)


@pytest.mark.parametrize("likelihood", ["hypergeometric", "binomial"])
def test_large_trials_are_normal(likelihood):
    rows = [[4000, 10000, 4400, 10000], [3000, 9000, 3500, 9500], [5200, 12000, 5600, 12000], [2500, 8000, 2400, 8200]]
    counts, normal = fit(rows, likelihood), fit(rows, "normal")
    for name in ("mu", "tau", "theta_new"):
        assert counts[name].median == approx(normal[name].median, abs=2e-3 * normal[name].sd)


@pytest.mark.parametrize("likelihood", ["hypergeometric", "binomial"])
def test_a_million_participants(likelihood):
    rows = [[500000, 1000000, 501000, 1000000], [250000, 500000, 250900, 500000], [100, 1000000, 150, 1000000]]
    posterior, normal = fit(rows, likelihood), fit(rows, "normal")
    assert posterior["mu"].mean == approx(normal["mu"].mean, abs=0.02 * normal["mu"].sd)
    assert posterior.study("trial 1").sd == approx(normal.study("trial 1").sd, rel=1e-3)


def test_an_empty_arm_everywhere_is_bounded_by_the_prior_alone():
    posterior = fit(ARMS_EMPTY)
    assert posterior["mu"].interval()[0] < -6.0
    assert posterior["mu"].probability(below=0.0) > 0.99
    with pytest.raises(bm.PriorError, match="improper"):
        fit(ARMS_EMPTY, mu="flat")


def test_empty_arms_on_both_sides_bound_mu():
    posterior = fit([[0, 20, 5, 20], [4, 30, 0, 28], [0, 15, 3, 17]], mu="flat")
    assert np.isfinite(posterior["mu"].sd)


def test_one_trial_or_none_that_says_anything():
    lone = fit([[3, 20, 5, 20]])
    assert lone["tau"].mean == approx(bm.HalfNormal(0.5).mean, rel=0.02)
    silent = fit([[0, 20, 0, 20], [0, 30, 0, 28]])
    assert silent["mu"].sd == approx(bm.OddsRatioWithin(250).sd, rel=1e-6)
    assert silent["tau"].quantile(0.9) == approx(bm.HalfNormal(0.5).quantile(0.9), rel=1e-8)
    assert silent.log_marginal_likelihood == approx(0.0, abs=1e-10)


@pytest.mark.parametrize(
    "tau", ["half_cauchy(0.5)", "uniform(0, 0.3)", "half_normal(0.001)", "fixed(0.3)", "dumouchel"]
)
def test_another_prior_of_tau_is_a_fresh_fit(tau):
    prepared = prepare(trials(CRINS), bm.Model("hypergeometric"))
    again, fresh = prepared.posterior(tau=tau), fit(CRINS, tau=tau)
    assert again.model == fresh.model
    assert again.log_marginal_likelihood == approx(fresh.log_marginal_likelihood, abs=1e-8)
    assert again["mu"].quantile([0.025, 0.5, 0.975]) == approx(fresh["mu"].quantile([0.025, 0.5, 0.975]), abs=1e-7)
    assert again["tau"].quantile([0.025, 0.5, 0.975]) == approx(fresh["tau"].quantile([0.025, 0.5, 0.975]), abs=1e-7)


@pytest.mark.parametrize(
    "priors",
    [
        ["half_normal(0.5)", "half_normal(0.02)", "uniform(0, 0.3)", "half_cauchy(0.5)", "fixed(0.2)", "dumouchel"],
        [f"half_normal({scale})" for scale in (1, 1.5, 2, 2.5, 3, 4)],  # beyond the nodes of tau that the model has
    ],
)
def test_many_priors_at_once_are_as_many_fits(priors):
    table = prepare(trials(CRINS), bm.Model("hypergeometric")).under(priors)
    for prior in priors:
        fresh = fit(CRINS, tau=prior)
        row = table.loc[prior]
        assert row["", "log_marginal_likelihood"] == approx(fresh.log_marginal_likelihood, abs=1e-8)
        for name in ("mu", "tau", "theta_new"):
            wanted = fresh.summary().loc[name]
            assert row[name][wanted.index].to_numpy() == approx(wanted.to_numpy(dtype=float), abs=1e-7, nan_ok=True)
            if name != "tau":
                assert row[name, "above"] == approx(fresh[name].probability(above=0.0), abs=1e-8)


@pytest.mark.parametrize("mu", ["normal(0, 0.01)", "normal(1, 0.2)", "flat"])
def test_another_prior_of_mu_is_a_fresh_fit(mu):
    prepared = prepare(trials(CRINS), bm.Model("hypergeometric"))
    same(prepared.posterior(mu=mu), fit(CRINS, mu=mu))


def test_leaving_a_trial_out_is_a_fresh_fit():
    prepared = prepare(trials(CRINS), bm.Model("hypergeometric"))
    same(prepared.without("trial 4").posterior(), fit([*CRINS[:3], *CRINS[4:]]))
    with pytest.raises(KeyError):
        prepared.without("trial 9")


@pytest.mark.parametrize("likelihood", ["hypergeometric", "binomial"])
def test_leaving_out_all_but_one_or_two_is_a_fresh_fit(likelihood):
    # Two of these thirteen say much less than the thirteen: the nodes for all would be too narrow for them.
    table = bm.load("bcg")
    left = prepare(table, bm.Model(likelihood))
    for study in table.studies[:-1]:
        left = left.without(study)
        if len(left.trials.studies) <= 2:
            same(left.posterior(), bm.fit(left.trials, bm.Model(likelihood)))


@pytest.mark.parametrize("row", [[19, 50, 42, 54], [4, 123, 11, 139], [27, 16913, 29, 17854], [0, 20, 5, 20]])
def test_a_trial_alone_is_integrated_over_all_of_its_posterior(row):
    posterior = fit([row])
    assert posterior.accuracy()["change"].max() < 1e-6
    # By hand, for a common effect: the conditional likelihood times N(0, 2.82^2) on a fine grid.
    common = fit([row], random_effects="none")
    mu = np.linspace(-20.0, 20.0, 40_001)
    log_density = hypergeometric_log_p(np.array(row, dtype=float), mu) - 0.5 * (mu / common.design.prior_scale) ** 2
    density = np.exp(log_density - log_density.max())
    assert common["mu"].mean == approx((mu * density).sum() / density.sum(), abs=1e-7)


def test_the_common_effect_is_tau_zero():
    common, fixed, nearly = (
        fit(CRINS, random_effects="none"),
        fit(CRINS, tau="fixed(0)"),
        fit(CRINS, tau="half_normal(1e-4)"),
    )
    assert common["mu"].quantile([0.1, 0.9]) == approx(fixed["mu"].quantile([0.1, 0.9]), abs=1e-9)
    assert common["mu"].sd == approx(nearly["mu"].sd, rel=1e-5)
    assert common["tau"].mean == 0.0
    assert common.study("trial 3").mean == approx(common["mu"].mean, abs=1e-7)


def test_a_study_effect_lies_between_its_estimate_and_the_mean():
    posterior = fit(CRINS, tau="fixed(0.5)")
    studies = posterior.studies().set_index("study")
    mu = posterior["mu"].mean
    assert studies.loc["trial 2", "y"] > studies.loc["trial 2", "mean"] > mu


def test_rows_with_estimates_stand_beside_rows_with_counts():
    # A huge trial's counts and its estimate with standard error say the same.
    huge = [40000, 100000, 42000, 100000]
    pure = fit([*CRINS, huge])
    effects = bm.effect_sizes(trials([huge]))
    table = trials([*CRINS, huge]).table.assign(estimate=np.nan, se=np.nan)
    table.loc[6, ["events_treated", "total_treated", "events_control", "total_control"]] = np.nan
    table.loc[6, ["estimate", "se"]] = [effects.y[0], effects.se[0]]
    mixed = bm.fit(bm.read_trials(table), bm.Model("hypergeometric"))
    same(mixed, pure, 1e-3)


def test_estimates_alone_have_no_count_likelihood():
    table = bm.read_trials(pd.DataFrame({"study": ["a", "b"], "estimate": [0.1, 0.2], "se": [0.3, 0.4]}))
    with pytest.raises(bm.ModelError, match="no row has counts"):
        bm.fit(table, bm.Model("hypergeometric"))


def test_the_self_check_finds_nothing():
    assert fit(CRINS).accuracy()["change"].max() < 1e-6


def test_the_self_check_finds_nothing_where_one_trial_alone_holds_the_effect():
    # Its likelihood falls as far as the window of mu reaches, so it has to be followed as far.
    assert fit([[12, 47, 12, 25]]).accuracy()["change"].max() < 1e-6


def test_leaving_most_trials_out_is_as_exact_as_leaving_out_one():
    # The few that are left ask for means far from where all of them together put the effect.
    many = [[20 + 3 * i, 90 + i, 12 + i, 88] for i in range(14)]
    prepared = prepare(trials(many), bm.Model("hypergeometric"))
    for name in [f"trial {i}" for i in range(3, 15)]:
        prepared = prepared.without(name)
    same(prepared.posterior(), fit(many[:2]), 1e-7)


@settings(max_examples=12)
@given(
    rows=st.lists(
        st.tuples(st.integers(3, 60), st.integers(3, 60), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=6
    ),
    likelihood=st.sampled_from(["hypergeometric", "binomial"]),
)
def test_any_tables_have_a_posterior_that_hangs_together(rows, likelihood):
    counts = [[round(p * n), n, round(q * m), m] for n, m, p, q in rows]
    posterior = fit(counts, likelihood)
    assert np.isfinite(posterior.log_marginal_likelihood)
    mu = posterior["mu"]
    assert mu.cdf(mu.quantile(0.3)) == approx(0.3, abs=1e-9)
    # Theory says that each study effect's density integrates to one; the engine normalises only in the end.
    assert posterior._effects_of_studies.closure == approx(1.0, abs=1e-6)
    # The law of total expectation, by two ways: the new effect has the mean of mu.
    assert posterior["theta_new"].mean == approx(mu.mean, abs=1e-6 * posterior["theta_new"].sd)
    draws = posterior.draws(500, seed=1)
    assert draws["theta"].shape == (500, len(rows))
    assert abs(draws["beta"].mean() - mu.mean) < 0.3 * mu.sd
