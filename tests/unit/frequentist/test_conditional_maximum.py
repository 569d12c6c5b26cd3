"""The exact conditional maximum against a brute-force maximum of scipy's Fisher noncentral hypergeometric."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import nchypergeom_fisher

from bayesmeta.errors import ConvergenceError
from bayesmeta.frequentist import conditional as module
from bayesmeta.frequentist.conditional import conditional, maximise
from bayesmeta.frequentist.evidence import Evidence, NotEstimableError

CRINS = np.array([[14, 61, 15, 20], [16, 28, 19, 28], [3, 18, 8, 12], [9, 54, 29, 54], [4, 36, 11, 36], [0, 50, 3, 34]])
CRINS = CRINS.astype(float)
DOUBLE_ZERO, ALL_EVENTS = [0.0, 40.0, 0.0, 30.0], [40.0, 40.0, 30.0, 30.0]


@st.composite
def tables(draw):
    """Two to five tables with a finite conditional maximum."""
    found = []
    for _ in range(draw(st.integers(2, 5))):
        treated, control = draw(st.integers(2, 40)), draw(st.integers(2, 40))
        found.append([draw(st.integers(0, treated)), treated, draw(st.integers(0, control)), control])
    counts = np.array(found, dtype=float)
    fewest, most = np.maximum(0.0, counts[:, 0] + counts[:, 2] - counts[:, 3]), counts[:, [0, 2]].sum(axis=1)
    assume(np.any(counts[:, 0] > fewest) and np.any(counts[:, 0] < np.minimum(most, counts[:, 1])))
    return counts


def brute_log_likelihood(counts, theta):
    """Sum of scipy's log probabilities; its arguments are all people, events, treated."""
    return sum(
        nchypergeom_fisher.logpmf(r1, n1 + n0, r1 + r0, n1, np.exp(theta)) for r1, n1, r0, n0 in counts.astype(int)
    )


def test_crins_by_brute_force():
    found = minimize_scalar(
        lambda theta: -brute_log_likelihood(CRINS, theta), bounds=(-5, 5), method="bounded", options={"xatol": 1e-10}
    )
    theta, information = maximise(CRINS)
    # A maximum is found from values only to the square root of their precision.
    assert theta == pytest.approx(found.x, abs=1e-6)
    moments = [nchypergeom_fisher.stats(n1 + n0, r1 + r0, n1, np.exp(theta)) for r1, n1, r0, n0 in CRINS.astype(int)]
    assert sum(float(mean) for mean, _ in moments) == pytest.approx(CRINS[:, 0].sum(), rel=1e-9)
    assert information.tolist() == pytest.approx([float(variance) for _, variance in moments], rel=1e-7)


@given(tables())
@settings(max_examples=25)
def test_no_neighbour_is_more_likely(counts):
    theta, _ = maximise(counts)
    assume(abs(theta) < 20.0)  # scipy's own probabilities break down further out
    here = brute_log_likelihood(counts, theta)
    assert here >= brute_log_likelihood(counts, theta + 1e-3) - 1e-9
    assert here >= brute_log_likelihood(counts, theta - 1e-3) - 1e-9


@given(tables())
@settings(max_examples=50)
def test_swapping_the_arms_negates_the_estimate(counts):
    theta, information = maximise(counts)
    swapped, swapped_information = maximise(counts[:, [2, 3, 0, 1]])
    assert swapped == pytest.approx(-theta, rel=1e-9, abs=1e-9)
    assert swapped_information.tolist() == pytest.approx(information.tolist(), rel=1e-6)


def test_trials_without_information_change_nothing():
    alone = conditional(Evidence(np.empty(0), np.empty(0), CRINS, CRINS))[0]
    more = np.vstack([CRINS, DOUBLE_ZERO, ALL_EVENTS])
    with_them = conditional(Evidence(np.empty(0), np.empty(0), more, more))[0]
    assert (with_them.estimate, with_them.se) == pytest.approx((alone.estimate, alone.se), rel=1e-12)
    assert with_them.weights[-2:].tolist() == [0.0, 0.0]


def test_the_weights_are_shares_of_the_information():
    estimate = conditional(Evidence(np.empty(0), np.empty(0), CRINS, CRINS))[0]
    _, information = maximise(CRINS)
    assert estimate.weights.tolist() == pytest.approx((information / information.sum()).tolist())
    assert estimate.se == pytest.approx(information.sum() ** -0.5)


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ([[0.0, 10.0, 3.0, 10.0], [0.0, 8.0, 1.0, 9.0]], "infinite"),
        ([[5.0, 10.0, 0.0, 10.0]], "infinite"),
        ([DOUBLE_ZERO, ALL_EVENTS], "no trial has both events and non-events"),
    ],
)
def test_an_infinite_or_missing_maximum_is_not_estimable(counts, reason):
    with pytest.raises(NotEstimableError, match=reason):
        maximise(np.array(counts))


def test_trials_without_counts_are_not_estimable():
    with pytest.raises(NotEstimableError, match="counts"):
        conditional(Evidence(np.zeros(2), np.ones(2)))


def test_large_trials_with_a_large_effect_converge():
    counts = np.array([[49_000.0, 50_000.0, 400.0, 50_000.0], [9_900.0, 10_000.0, 90.0, 10_000.0]])
    theta, information = maximise(counts)
    # Large trials: the conditional maximum is near the log odds ratio itself.
    assert theta == pytest.approx(np.log(49_000 * 49_600 / (1_000 * 400)), abs=0.2)
    assert np.all(information > 0)


def test_running_out_of_iterations_is_refused(monkeypatch):
    monkeypatch.setattr(module, "LARGEST_ITERATIONS", 2)
    with pytest.raises(ConvergenceError, match="conditional"):
        maximise(CRINS)
