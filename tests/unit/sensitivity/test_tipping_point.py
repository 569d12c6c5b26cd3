"""Tipping points are verified by refitting just on both sides of them."""

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.sensitivity import tipping_point
from bayesmeta.sensitivity.crossing import crossing
from bayesmeta.sensitivity.sceptics import Sceptics


def chance(trials, **changes):
    return bm.fit(trials, bm.Model("normal").but(**changes))["mu"].probability(below=0.0)


@pytest.fixture(scope="module")
def disorganised():
    trials = bm.load("attachment/disorganised")
    return trials, tipping_point(trials, bm.Model("normal", tau="half_cauchy(0.5)"))


@pytest.mark.parametrize("bound", [0.975, 0.95])
def test_a_slightly_sharper_sceptic_doubts_and_a_slightly_milder_one_does_not(disorganised, bound):
    trials, part = disorganised
    row = part.table[(part.table["question"] == "sceptical prior of mu") & (part.table["bound"] == bound)].iloc[0]
    scale, tau = row["scale"], "half_cauchy(0.5)"
    assert (
        chance(trials, tau=tau, mu=bm.Normal(0, scale * 0.999))
        < bound
        < chance(trials, tau=tau, mu=bm.Normal(0, scale * 1.001))
    )
    assert row["odds_ratio"] == pytest.approx(np.exp(1.959963984540054 * scale))


@pytest.mark.parametrize(
    ("question", "prior"), [("half-normal prior of tau", bm.HalfNormal), ("wider prior of tau", bm.HalfCauchy)]
)
def test_the_interval_takes_in_one_from_that_scale_of_tau_on(disorganised, question, prior):
    trials, part = disorganised
    row = part.table.set_index("question").loc[question]
    found = bm.parse_prior(row["prior"])
    below, above = (
        bm.fit(trials, bm.Model("normal", tau=prior(found.scale * f)))["mu"].interval()[1] for f in (0.999, 1.001)
    )
    assert below < 0.0 < above


def test_the_sentence_says_each_point(disorganised):
    _, part = disorganised
    for text in (
        "0.975",
        "0.95",
        "half_normal(2.68)",
        "half_cauchy(2.81)",
        "Cicchetti 2006 and Moss 2011",
        "no fewer do it",
    ):
        assert text in part.sentence


def test_curves_run_through_the_points(disorganised):
    _, part = disorganised
    curve = part.curve[part.curve["question"] == "half-normal prior of tau"]
    scale = part.table.set_index("question").loc["half-normal prior of tau", "scale"]
    crossed = np.interp(np.log(scale), np.log(curve["scale"]), curve["upper"])
    assert abs(crossed) < 0.05


def test_an_interval_that_takes_in_one_already_needs_no_sceptic():
    trials = bm.read_trials(pd.DataFrame({"study": ["A", "B"], "estimate": [0.3, -0.2], "se": [0.3, 0.4]}))
    part = tipping_point(trials)
    assert set(part.table["status"]) == {"always below"}
    assert "even with a flat prior" in part.sentence


def test_tau_known_to_be_zero_has_no_scale():
    part = tipping_point(bm.load("bcg"), bm.Model("normal", random_effects="none"), trials=False)
    assert set(part.table["question"]) == {"sceptical prior of mu"}


def test_a_prior_without_a_scale_is_named():
    part = tipping_point(bm.load("crins2014"), bm.Model("normal", tau="half_normal(0.3)"), trials=False)
    assert "wider prior of tau" not in set(part.table["question"])  # it is the half-normal question


@pytest.mark.parametrize("scale", [0.02, 0.3, 1.0, 30.0])
def test_another_prior_of_mu_only_multiplies_its_posterior(scale):
    posterior = bm.fit(bm.load("attachment/secure"), bm.Model("normal"))
    fresh = bm.fit(posterior.trials, posterior.model.but(mu=bm.Normal(0, scale)))["mu"].probability(above=0.0)
    assert Sceptics.of(posterior).above(np.array([scale]))[0] == pytest.approx(fresh, abs=1e-10)


def test_a_crossing_is_sought_from_the_side_that_is_asked():
    def hump(s):
        return 1.0 / (1.0 + np.log(s) ** 2)  # above 1/2 between 1/e and e

    def found(low, high, rising):
        return crossing(hump, np.geomspace(low, high, 9), 0.5, rising=rising)

    assert found(1.0, 100.0, rising=False).scale == pytest.approx(np.e)
    assert found(0.01, 1.0, rising=True).scale == pytest.approx(1 / np.e)
    assert found(0.5, 2.0, rising=True).status == "never below"
    assert found(10.0, 20.0, rising=True).status == "always below"
