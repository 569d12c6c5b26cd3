"""Fisher's noncentral hypergeometric distribution against SciPy's, and where SciPy does not go."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bayesmeta.likelihoods import hypergeometric

sizes = st.integers(1, 60)


@st.composite
def tables(draw):
    n1, n0 = draw(sizes), draw(sizes)
    return draw(st.integers(0, n1)), n1, draw(st.integers(0, n0)), n0


@settings(max_examples=60)
@given(tables(), st.floats(-6, 6))
def test_probability_mean_and_variance_as_in_scipy(table, theta):
    r1, n1, r0, n0 = table
    exact = stats.nchypergeom_fisher(n1 + n0, n1, r1 + r0, np.exp(theta))
    value, slope, curvature = hypergeometric.log_likelihood_derivatives(np.array([table], float), np.array([theta]))
    assert value[0, 0] == pytest.approx(exact.logpmf(r1), abs=1e-9)
    assert slope[0, 0] == pytest.approx(r1 - exact.mean(), abs=1e-8)
    assert -curvature[0, 0] == pytest.approx(exact.var(), abs=1e-7)
    assert hypergeometric.log_likelihood(np.array([table], float), np.array([theta])) == pytest.approx(value)


def test_a_trial_without_events_or_with_nothing_else_says_nothing():
    counts = np.array([[0.0, 30, 0, 40], [30.0, 30, 40, 40]])
    for part in hypergeometric.log_likelihood_derivatives(counts, np.array([-300.0, 0.0, 300.0])):
        assert np.all(np.abs(part) == 0)


def test_the_probabilities_of_all_tables_add_to_one():
    counts = np.array([[r1, 25, 18 - r1, 30] for r1 in range(19)], float)
    theta = np.array([-3.0, 0.0, 0.7, 8.0])
    assert np.exp(hypergeometric.log_likelihood(counts, theta)).sum(axis=0) == pytest.approx(np.ones(4), abs=1e-12)


@pytest.mark.parametrize(
    "table", [(480_000, 10**6, 470_000, 10**6), (10**6, 10**6, 0, 10**6), (5, 10**6, 10**6, 10**6)]
)
def test_arms_of_a_million(table):
    # The slope is the derivative, and far out it is what is left of the events: no overflow, no gap in the sum.
    theta, step = np.array([-40.0, -0.5, 0.01, 3.0, 40.0]), 1e-5
    counts = np.array([table], float)
    value, slope, curvature = hypergeometric.log_likelihood_derivatives(counts, theta)
    above, below = (hypergeometric.log_likelihood(counts, theta + side * step) for side in (1, -1))
    assert slope == pytest.approx((above - below) / (2 * step), rel=1e-5, abs=1e-2)
    assert np.all(curvature <= 0)
    assert np.all(value <= 1e-6)
    least, most = max(0, table[0] + table[2] - table[3]), min(table[1], table[0] + table[2])
    assert slope[0, [0, -1]] == pytest.approx([table[0] - least, table[0] - most], abs=1e-2)


def test_swapping_the_arms_mirrors_theta():
    theta = np.linspace(-5, 5, 11)
    ours = hypergeometric.log_likelihood(np.array([[3.0, 12, 9, 31]]), theta)
    assert hypergeometric.log_likelihood(np.array([[9.0, 31, 3, 12]]), -theta) == pytest.approx(ours, abs=1e-11)


def test_score_and_information_of_many_trials_at_once():
    counts = np.array([[3.0, 12, 9, 31], [0, 5, 0, 5], [400, 1000, 300, 1000]])
    score, information = hypergeometric.score_and_information(counts, 0.4)
    alone = [hypergeometric.score_and_information(row[None], 0.4) for row in counts]
    assert score == pytest.approx([part[0][0] for part in alone], rel=1e-12)
    assert information == pytest.approx([part[1][0] for part in alone], rel=1e-12)
