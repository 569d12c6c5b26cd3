"""What every method of the table must do: a new row is tested by being there."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from bayesmeta.frequentist import METHODS
from bayesmeta.frequentist.evidence import Evidence
from bayesmeta.frequentist.given_tau2 import pooled_given_tau2
from bayesmeta.frequentist.library import random_effects
from bayesmeta.frequentist.revman import revman_tau2

FIGURES = ("estimate", "se", "lower", "upper", "tau2", "prediction_lower", "prediction_upper")

counts_without_zeros = st.lists(
    st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40)), min_size=2, max_size=6
).map(lambda cells: np.array([[a, a + b, c, c + d] for a, b, c, d in cells], dtype=float))


def evidence_of(counts):
    a, b, c, d = counts[:, 0], counts[:, 1] - counts[:, 0], counts[:, 2], counts[:, 3] - counts[:, 2]
    return Evidence(np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d, counts, counts)


def figures(estimate):
    return [getattr(estimate, name) for name in FIGURES]


def close(values):
    return pytest.approx(values, rel=1e-7, abs=1e-7, nan_ok=True)


@pytest.mark.parametrize("method", METHODS)
@given(counts_without_zeros)
@settings(max_examples=10)
def test_swapping_the_arms_negates_the_estimate_and_keeps_tau2(method, counts):
    there = METHODS[method].fit(evidence_of(counts))
    back = METHODS[method].fit(evidence_of(counts[:, [2, 3, 0, 1]]))
    for one, other in zip(there, back, strict=True):
        assert other.estimate == close(-one.estimate)
        assert [other.se, other.tau2] == close([one.se, one.tau2])
        assert [other.lower, other.prediction_lower] == close([-one.upper, -one.prediction_upper])


@pytest.mark.parametrize("method", METHODS)
@given(counts_without_zeros)
@settings(max_examples=10)
def test_the_order_of_the_trials_does_not_matter(method, counts):
    for one, other in zip(
        METHODS[method].fit(evidence_of(counts)), METHODS[method].fit(evidence_of(counts[::-1])), strict=True
    ):
        assert figures(other) == close(figures(one))
        assert other.weights[::-1].tolist() == close(one.weights.tolist())


@pytest.mark.parametrize("method", METHODS)
@given(counts_without_zeros)
@settings(max_examples=10)
def test_weights_are_shares_and_the_estimate_lies_in_its_interval(method, counts):
    for estimate in METHODS[method].fit(evidence_of(counts)):
        assert estimate.weights.sum() == pytest.approx(1.0)
        assert np.all(estimate.weights >= 0.0)
        assert estimate.lower <= estimate.estimate <= estimate.upper
        if not np.isnan(estimate.tau2):
            assert estimate.tau2 >= 0.0
            assert estimate.prediction_lower <= estimate.lower + 1e-12
            assert estimate.prediction_upper >= estimate.upper - 1e-12


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if method.pools == "effects"])
@given(counts_without_zeros)
@settings(max_examples=10)
def test_ad_hoc_hksj_takes_the_larger_standard_error(method, counts):
    by_interval = {estimate.interval: estimate for estimate in METHODS[method].fit(evidence_of(counts))}
    if method == "EE":  # HKSJ measures a spread that the common-effect model denies
        assert list(by_interval) == ["wald"]
        return
    assert by_interval["hksj_adhoc"].se == pytest.approx(max(by_interval["wald"].se, by_interval["hksj"].se), rel=1e-9)
    for interval in ("hksj", "hksj_adhoc"):
        found = by_interval[interval]
        half_width = t.ppf(0.975, len(counts) - 1) * found.se
        assert found.upper - found.estimate == close(half_width)
        predicted = t.ppf(0.975, len(counts) - 1) * np.sqrt(found.se**2 + found.tau2)
        assert found.prediction_upper - found.estimate == close(predicted)


@pytest.mark.parametrize("tau2_method", ["DL", "PM", "REML"])
@given(counts_without_zeros)
@settings(max_examples=20)
def test_our_fit_at_the_librarys_tau2_is_the_librarys(tau2_method, counts):
    evidence = evidence_of(counts)
    theirs = random_effects(evidence, tau2_method)
    ours = pooled_given_tau2(evidence.y, evidence.variance, theirs[0].tau2)
    for one, other in zip(ours, theirs, strict=True):
        assert figures(one) == close(figures(other))


@given(counts_without_zeros)
@settings(max_examples=50)
def test_revmans_tau2_is_never_smaller_than_der_simonian_lairds(counts):
    evidence = evidence_of(counts)
    revman, laird = METHODS["RevMan"].fit(evidence)[0], METHODS["DL"].fit(evidence)[0]
    assert revman.tau2 >= laird.tau2 - 1e-12


def test_revmans_tau2_is_der_simonian_lairds_about_the_inverse_variance_mean():
    y, variance = np.array([-1.0, 0.5, 2.0]), np.array([0.2, 0.4, 0.3])
    mean = np.average(y, weights=1.0 / variance)
    assert revman_tau2(y, variance, mean) == pytest.approx(random_effects(Evidence(y, variance), "DL")[0].tau2)


def test_a_method_says_why_it_does_not_apply():
    two = Evidence(np.zeros(2), np.ones(2))
    assert METHODS["Peto"].applies(two) == "needs the counts of every trial"
    assert METHODS["Peto"].applies(replace(two, measure="RD")) == "exists for OR only, not for RD"
    assert METHODS["DL"].applies(Evidence(np.zeros(1), np.ones(1))) == "needs at least 2 trials, here 1"
    assert METHODS["DL"].applies(two) == ""
