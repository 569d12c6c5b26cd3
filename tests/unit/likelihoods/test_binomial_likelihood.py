"""log p(r0, r1 | theta), the baseline integrated out, against sums that share nothing with it but the definition."""

import numpy as np
import pytest
from scipy import stats

from bayesmeta.likelihoods import binomial

TABLES = {
    "ordinary": (3, 10, 1, 10),
    "no events": (0, 50, 0, 50),
    "nothing but events": (50, 50, 50, 50),
    "one child in each arm": (0, 1, 1, 1),
    "separated": (20, 20, 0, 20),
    "large": (41_000, 100_000, 39_500, 100_000),
    "large without events": (0, 100_000, 0, 100_000),
    "unequal arms": (1, 1, 12, 100_000),
}
THETA = np.array([-40.0, -12.3, -1.0, 0.0, 0.01, 2.7, 15.0, 40.0])


def by_definition(counts, theta, location, scale, below) -> float:
    """SciPy's binomial probabilities on a fine grid of the baseline, the grid narrowed to where they matter."""
    r1, n1, r0, n0 = counts

    def log_joint(g):
        with np.errstate(divide="ignore", under="ignore"):
            return (
                _log_binomial(r0, n0, g - below * theta)
                + _log_binomial(r1, n1, g + (1 - below) * theta)
                + stats.norm.logpdf(g, location, scale)
            )

    low, high = location - 60.0, location + 60.0
    for _ in range(4):
        g = np.linspace(low, high, 20_001)
        value = log_joint(g)
        kept = np.flatnonzero(value > value.max() - 45)
        low, high = g[max(kept[0] - 1, 0)], g[min(kept[-1] + 1, len(g) - 1)]
    g = np.linspace(low, high, 20_001)
    value = log_joint(g)
    return value.max() + np.log(np.exp(value - value.max()).sum() * (g[1] - g[0]))


def _log_binomial(events, total, logit):
    # binom.logpmf(events, total, 1/2) = log C - n log 2, so C comes from SciPy and the rest is the logistic function.
    log_ways = stats.binom.logpmf(events, total, 0.5) + total * np.log(2)
    return log_ways + events * logit - total * np.logaddexp(0, logit)


@pytest.mark.parametrize("at_control", [False, True], ids=["midpoint", "control"])
@pytest.mark.parametrize(("location", "scale"), [(0.0, 5.0), (-2.0, 1.0)])
@pytest.mark.parametrize("counts", TABLES.values(), ids=TABLES)
def test_as_the_integral_by_its_definition(counts, location, scale, at_control):
    value = binomial.log_likelihood_derivatives(
        np.array([counts], float), THETA, location=location, scale=scale, at_control=at_control
    )[0]
    within = 1e-9 if max(counts) < 1e4 else 5e-9  # log C(100000, r) itself is rounded to 1e-9
    for j, theta in enumerate(THETA):
        expected = by_definition(counts, theta, location, scale, 0.0 if at_control else 0.5)
        assert value[0, j] == pytest.approx(expected, abs=within, rel=2e-12)


@pytest.mark.parametrize("counts", TABLES.values(), ids=TABLES)
def test_slope_and_curvature_are_the_derivatives(counts):
    counts, step = np.array([counts], float), 1e-4

    def at(theta):
        return binomial.log_likelihood_derivatives(counts, theta, location=0.0, scale=5.0)

    (below, slope_below, _), (_, slope, curvature), (above, slope_above, _) = (
        at(THETA - step), at(THETA), at(THETA + step),
    )  # fmt: skip
    assert slope == pytest.approx((above - below) / (2 * step), rel=1e-5, abs=1e-4)
    assert curvature == pytest.approx((slope_above - slope_below) / (2 * step), rel=1e-5, abs=1e-5)


def test_exchanging_the_arms_mirrors_theta_at_the_midpoint():
    value, slope, _ = binomial.log_likelihood_derivatives(
        np.array([[3.0, 10.0, 1.0, 12.0]]), THETA, location=-1.0, scale=2.0
    )
    mirrored, back, _ = binomial.log_likelihood_derivatives(
        np.array([[1.0, 12.0, 3.0, 10.0]]), -THETA, location=-1.0, scale=2.0
    )
    assert mirrored == pytest.approx(value, abs=1e-11)
    assert back == pytest.approx(-slope, abs=1e-10)


def test_each_trial_may_have_its_own_theta():
    counts = np.array([TABLES["ordinary"], TABLES["no events"]], float)
    both = binomial.log_likelihood_derivatives(counts, np.array([[0.5], [-0.5]]), location=0.0, scale=5.0)[0]
    grid = binomial.log_likelihood_derivatives(counts, np.array([0.5, -0.5]), location=0.0, scale=5.0)[0]
    assert both[:, 0] == pytest.approx(np.diag(grid), abs=1e-12)
