"""Matthews' analysis of credibility against the formulas of the paper, by hand."""

from math import exp, log, sqrt

import pytest

import bayesmeta as bm
from bayesmeta.errors import DataError
from bayesmeta.sensitivity import credibility

Z = 1.959963984540054


@pytest.mark.parametrize(
    ("odds_ratio", "lower", "upper", "limit"), [(1.85, 1.36, 2.52, 1.20), (0.54, 0.39, 0.77, 0.79)]
)
def test_the_published_pools_as_by_the_formula_of_matthews_2018(odds_ratio, lower, upper, limit):
    # R Soc Open Sci 5:171047: scepticism limit (U - L)^2 / (4 sqrt(U L)) on the log scale.
    found = credibility(log(odds_ratio), log(lower), log(upper))
    by_hand = (log(upper) - log(lower)) ** 2 / (4 * sqrt(log(upper) * log(lower)))
    assert abs(found.limit) == pytest.approx(by_hand, rel=1e-12)
    assert found.limit_odds_ratio == pytest.approx(limit, abs=0.005)
    assert found.credible
    assert f"OR {limit:.2f}" in found.sentence


def test_prior_and_interval_together_just_reach_no_effect():
    for lower, upper in ((log(1.36), log(2.52)), (log(0.9), log(1.6)), (log(0.6), log(1.05))):
        found = credibility(0.5 * (lower + upper), lower, upper)
        precision = found.se**-2 + found.prior_sd**-2
        mean = (0.5 * (lower + upper) * found.se**-2 + found.prior_mean * found.prior_sd**-2) / precision
        nearest = min(abs(mean - Z / sqrt(precision)), abs(mean + Z / sqrt(precision)))
        assert nearest == pytest.approx(0.0, abs=1e-12)


def test_the_advocates_prior_begins_at_no_effect_and_ends_at_the_limit():
    # Matthews 2018: advocacy limit -(U + L) (U - L)^2 / (2 U L).
    lower, upper = log(0.9), log(1.6)
    found = credibility(0.5 * (lower + upper), lower, upper)
    assert found.kind == "advocacy"
    assert found.limit == pytest.approx(-(upper + lower) * (upper - lower) ** 2 / (2 * upper * lower), rel=1e-12)
    assert found.prior_mean - Z * found.prior_sd == pytest.approx(0.0, abs=1e-12)


def test_arms_swapped_the_limit_is_the_reciprocal():
    one = credibility(log(1.85), log(1.36), log(2.52))
    other = credibility(-log(1.85), -log(2.52), -log(1.36))
    assert other.limit == pytest.approx(-one.limit, rel=1e-12)


def test_intrinsic_credibility_is_p_below_0_0127():
    # Held 2019, section 2: the estimate lies beyond the scepticism limit where p < 0.0127 (z > 2.49).
    for z, credible in ((2.48, False), (2.50, True)):
        assert credibility(z * 0.1, (z - Z) * 0.1, (z + Z) * 0.1).credible is credible


def test_a_published_pool_is_taken_as_it_is():
    published = bm.load("attachment/secure").published
    assert credibility(published).limit == pytest.approx(credibility(log(1.85), log(1.36), log(2.52)).limit)


def test_the_agreement_with_an_exact_fit_of_one_trial():
    import pandas as pd

    found = credibility(log(1.85), log(1.36), log(2.52))
    middle = 0.5 * (log(1.36) + log(2.52))
    trials = bm.read_trials(pd.DataFrame({"study": ["A"], "estimate": [middle], "se": [found.se]}))
    posterior = bm.fit(trials, bm.Model("normal", random_effects="none", mu=bm.Normal(0, found.prior_sd)))
    assert exp(posterior["mu"].interval()[0]) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("numbers", [(0.5, 0.0, 1.0), (0.0, -1.0, 1.0), (2.0, 0.1, 1.0), (0.5, None, None)])
def test_what_has_no_such_prior_is_refused(numbers):
    with pytest.raises(DataError, match="credibility of"):
        credibility(*numbers)


def test_what_is_no_published_interval_is_refused_by_what_it_is_and_what_is_expected():
    posterior = bm.fit(bm.load("crins2014"), bm.Model("normal"))
    for given, found in ((posterior, f"a {type(posterior).__name__}"), (None, "a NoneType"), (0.6, "one number alone")):
        with pytest.raises(DataError) as refusal:
            credibility(given)
        assert str(refusal.value).startswith(
            f"credibility of {found}: expected a log odds ratio with its two 95% limits"
        )
        assert "0x" not in str(refusal.value)
