"""Likelihoods of counts go through the same questions, by what the exact engine keeps of them."""

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta import sensitivity
from bayesmeta.exact.variations import Powers
from bayesmeta.sensitivity.rows import row_of

MODEL = bm.Model("hypergeometric")


@pytest.fixture(scope="module")
def posterior():
    return bm.fit(bm.load("attachment/disorganised"), MODEL)


def close(row, fresh):
    for name, value in row_of(fresh).items():
        assert row[name] == pytest.approx(value, abs=1e-7, rel=1e-7), name


def test_a_row_of_the_grid_is_a_fit_under_its_prior(posterior):
    table = sensitivity.prior_grid(
        posterior, tau=["half_normal(1)", "half_cauchy(0.3)"], mu=["normal(0, 1)", "odds_ratio_within(50)"]
    ).table
    assert len(table) == 4
    for row in table.to_dict("records"):
        close(row, bm.fit(posterior.trials, MODEL.but(tau=row["tau_prior"], mu=row["mu_prior"])))


def test_a_row_is_the_fit_without_that_trial_and_the_last_step_is_the_full_fit(posterior):
    for row in sensitivity.leave_one_out(posterior).table.to_dict("records"):
        close(row, bm.fit(posterior.trials.without(row["study"]), MODEL))
    assert sensitivity.leave_one_out(posterior).refused.empty
    steps = sensitivity.cumulative(posterior, by="order").table.to_dict("records")
    close(steps[-1], posterior)
    close(steps[0], bm.fit(posterior.trials.select([0]), MODEL))


@pytest.mark.parametrize("tau", ["half_normal(0.5)", "dumouchel"])
def test_with_arms_that_share_a_control_each_row_is_a_fit(tau):
    model, trials = MODEL.but(tau=tau), bm.load("attachment/disorganised", rows="arms")
    given = bm.fit(trials, model)
    for row in sensitivity.leave_one_out(given, of="rows").table.to_dict("records"):
        close(row, bm.fit(trials.without(row["study"]), model))
    scan = sensitivity.tipping_point(given, trials=False).curve
    for row in scan[scan["question"] == "sceptical prior of mu"].iloc[[4, -1]].to_dict("records"):
        close(row, bm.fit(trials, model.but(mu=row["prior"])))
    grid = sensitivity.prior_grid(given, tau=["jeffreys", "dumouchel"], mu=["normal(0, 1)"]).table
    for row in grid.to_dict("records"):
        close(row, bm.fit(trials, model.but(tau=row["tau_prior"], mu=row["mu_prior"])))


def test_sets_of_arms_are_taken_out_together_as_by_fits():
    trials = bm.load("attachment/secure", rows="arms")
    prepared = bm.fit(trials, MODEL).prepared
    kept = np.ones((3, trials.k))
    for row, left in zip(kept, ([0], [2, 4], [1, 2]), strict=True):
        row[left] = 0.0
    many = prepared.variations.posteriors(Powers.leaving(kept, MODEL.tau, prepared.standard_errors))
    fresh = [bm.fit(trials.select(row > 0.0), MODEL)["mu"].probability(above=1.0) for row in kept]
    assert many.effect.above(1.0) == pytest.approx(fresh, abs=1e-8)


@pytest.mark.parametrize(
    "model", [MODEL.but(tau="dumouchel"), MODEL.but(random_effects="mixture(0.1, 5)"), bm.Model("binomial")]
)
def test_priors_of_the_trials_own_and_outliers_are_varied_like_any_other(model):
    posterior = bm.fit(bm.load("crins2014"), model)
    for row in sensitivity.leave_one_out(posterior).table.to_dict("records"):
        close(row, bm.fit(posterior.trials.without(row["study"]), model))
    for row in sensitivity.cumulative(posterior, by="order").table.to_dict("records"):
        close(row, bm.fit(posterior.trials.select(range(row["k"])), model))


def test_what_the_trials_say_alone_is_a_fit_with_flat_priors():
    trials = bm.load("bcg")
    found = sensitivity.prior_grid(trials, MODEL, tau=["half_normal(1)"], mu=["flat"]).data_only
    close(found, bm.fit(trials, MODEL.but(mu="flat", tau="improper_uniform")))


@pytest.mark.parametrize("rows", ["arms", "main"])
def test_what_three_trials_say_alone_is_found_however_far_tau_reaches(rows):
    trials = bm.load("attachment/disorganised", rows=rows)
    found = sensitivity.prior_grid(trials, MODEL, tau=["half_normal(1)"], mu=["normal(0, 1)"]).data_only
    alone = bm.fit(trials, MODEL.but(mu="flat", tau="improper_uniform"))
    for name in ("lower", "median", "upper"):  # tails of tau as tau^-2: a share of 1e-9 is left out
        assert found[name] == pytest.approx(row_of(alone)[name], abs=1e-5)


def test_a_point_of_a_curve_is_a_fit_under_its_prior(posterior):
    curve = sensitivity.tipping_point(posterior, trials=False).curve
    for question, one in (("sceptical prior of mu", "mu"), ("half-normal prior of tau", "tau")):
        for row in curve[curve["question"] == question].iloc[::8].to_dict("records"):
            close(row, bm.fit(posterior.trials, MODEL.but(**{one: row["prior"]})))


def test_tipping_points_are_verified_by_refitting_on_both_sides(posterior):
    table = sensitivity.tipping_point(posterior).table
    sceptic = table[table["question"] == "sceptical prior of mu"].iloc[0]
    chances = [
        bm.fit(posterior.trials, MODEL.but(mu=bm.Normal(0, sceptic["scale"] * f)))["mu"].probability(below=0.0)
        for f in (0.999, 1.001)
    ]
    assert chances[0] < 0.975 < chances[1]
    wide = table.set_index("question").loc["half-normal prior of tau", "scale"]
    ends = [
        bm.fit(posterior.trials, MODEL.but(tau=bm.HalfNormal(wide * f)))["mu"].interval()[1] for f in (0.999, 1.001)
    ]
    assert ends[0] < 0.0 < ends[1]
    removed = table.set_index("question").loc["trials removed"]
    left = [study not in removed["trials"].split("; ") for study in posterior.trials.studies]
    fresh = bm.fit(posterior.trials.select(left), MODEL)["mu"].probability(below=0.0)
    assert fresh == pytest.approx(removed["probability"], abs=1e-6)
    assert fresh < 0.975


def test_power_scaling_is_near_that_of_the_normal_likelihood_of_large_trials():
    import pandas as pd

    rng = np.random.default_rng(4)
    theta = rng.normal(0.5, 0.4, 6)
    table = {"study": [f"T{i}" for i in range(6)], "total_treated": 20_000, "total_control": 20_000}
    table["events_treated"] = rng.binomial(20_000, 1 / (1 + np.exp(-theta / 2)))
    table["events_control"] = rng.binomial(20_000, 1 / (1 + np.exp(theta / 2)))
    trials = bm.read_trials(pd.DataFrame(table))
    ours = [sensitivity.power_scaling(trials, bm.Model(name)).table for name in ("normal", "hypergeometric")]
    for name in ("prior", "likelihood"):
        np.testing.assert_allclose(ours[1][name], ours[0][name], rtol=0.02, atol=0.002)


def test_the_reference_analysis_is_near_that_of_the_normal_likelihood():
    trials = bm.load("bcg")
    normal, counts = (sensitivity.reference(trials, bm.Model(name)).table for name in ("normal", "hypergeometric"))
    np.testing.assert_allclose(counts["distance"], normal["distance"], atol=0.02)
