"""tau2 by maximum likelihood, and restricted likelihoods with more than one mode."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from bayesmeta.errors import ConvergenceError
from bayesmeta.frequentist import likelihood_tau2 as module
from bayesmeta.frequentist.likelihood_tau2 import (
    ProfileLikelihood,
    higher_restricted_mode,
    maximum_likelihood_tau2,
)

# Two precise trials agree, four imprecise ones do not: the restricted likelihood has a mode at 0 and a much higher one.
TWO_MODES_Y = np.array([0.0, 0.005, 5.0, -5.0, 4.0, -6.0])
TWO_MODES_V = np.array([1e-4, 1e-4, 1.0, 1.0, 1.0, 1.0])

trials = st.integers(3, 12).flatmap(
    lambda k: st.tuples(
        st.lists(st.floats(-5, 5), min_size=k, max_size=k).map(np.array),
        st.lists(st.floats(1e-3, 10), min_size=k, max_size=k).map(np.array),
    )
)


def ones(y):
    return np.ones((len(y), 1))


def direct_log_likelihood(y, variance, tau2, restricted):
    """The definition, written out for the pooled effect."""
    w = 1.0 / (variance + tau2)
    mu = (w @ y) / w.sum()
    value = -0.5 * np.log(variance + tau2).sum() - 0.5 * (w @ (y - mu) ** 2)
    return value - 0.5 * np.log(w.sum()) if restricted else value


@pytest.mark.parametrize("restricted", [False, True])
@given(trials, st.floats(0, 50))
@settings(max_examples=50)
def test_the_likelihood_is_its_definition(restricted, evidence, tau2):
    y, variance = evidence
    profile = ProfileLikelihood(y, variance, ones(y), restricted)
    expected = direct_log_likelihood(y, variance, tau2, restricted)
    assert profile.log_likelihood(np.array([tau2]))[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("restricted", [False, True])
@pytest.mark.parametrize("moderator", [False, True])
def test_score_and_curvature_are_derivatives(restricted, moderator):
    rng = np.random.default_rng(1)
    y, variance = rng.normal(size=9), rng.uniform(0.1, 1.0, size=9)
    matrix = np.column_stack([np.ones(9), rng.normal(size=9)])[:, : 1 + moderator]
    profile = ProfileLikelihood(y, variance, matrix, restricted)
    step, at = 1e-5, 0.3
    below, above = profile.log_likelihood(np.array([at - step, at + step]))
    assert profile.score(np.array([at]))[0] == pytest.approx((above - below) / (2 * step), rel=1e-7)
    low, high = profile.score(np.array([at - step, at + step]))
    assert profile.curvature(at) == pytest.approx((high - low) / (2 * step), rel=1e-7)


@given(trials)
@settings(max_examples=50)
def test_maximum_likelihood_is_the_highest_point_of_a_fine_grid(evidence):
    y, variance = evidence
    tau2 = maximum_likelihood_tau2(y, variance, ones(y))
    best = direct_log_likelihood(y, variance, tau2, restricted=False)
    for other in np.concatenate([[0.0], np.geomspace(1e-6, 400.0, 400)]):
        assert direct_log_likelihood(y, variance, other, restricted=False) <= best + 1e-9


@given(trials, st.floats(0.01, 100))
@settings(max_examples=25)
def test_maximum_likelihood_follows_the_scale(evidence, unit):
    y, variance = evidence
    tau2 = maximum_likelihood_tau2(y, variance, ones(y))
    assert maximum_likelihood_tau2(unit * y, unit**2 * variance, ones(y)) == pytest.approx(
        unit**2 * tau2, rel=1e-6, abs=1e-9 * unit**2
    )


def test_agreeing_trials_have_no_heterogeneity():
    assert maximum_likelihood_tau2(np.zeros(5), np.ones(5), np.ones((5, 1))) == 0.0


def test_a_higher_restricted_mode_is_found():
    found = higher_restricted_mode(TWO_MODES_Y, TWO_MODES_V, ones(TWO_MODES_Y), 0.0)
    brute = minimize_scalar(
        lambda tau2: -direct_log_likelihood(TWO_MODES_Y, TWO_MODES_V, tau2, restricted=True),
        bounds=(1.0, 100.0),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert found == pytest.approx(brute.x, rel=1e-6)
    assert ProfileLikelihood(TWO_MODES_Y, TWO_MODES_V, ones(TWO_MODES_Y), True).modes()[0] == 0.0


def test_the_only_restricted_mode_stays():
    y, variance = np.array([-1.0, 0.0, 1.5]), np.array([0.2, 0.3, 0.25])
    only = ProfileLikelihood(y, variance, ones(y), True).highest_mode()
    assert only > 0.0
    assert higher_restricted_mode(y, variance, ones(y), only) is None


def test_running_out_of_iterations_is_refused(monkeypatch):
    monkeypatch.setattr(module, "LARGEST_ITERATIONS", 2)
    with pytest.raises(ConvergenceError, match="ML: tau2 still moved"):
        maximum_likelihood_tau2(np.array([-1.0, 0.0, 1.5]), np.array([0.2, 0.3, 0.25]), np.ones((3, 1)))
