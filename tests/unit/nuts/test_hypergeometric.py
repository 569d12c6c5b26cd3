"""Fisher's noncentral hypergeometric distribution in PyTensor: SciPy's, whatever the totals."""

import numpy as np
import pytest
from scipy import stats

from bayesmeta.likelihoods.hypergeometric import log_likelihood_derivatives
from bayesmeta.nuts.plan import COUNTS, neutral
from bayesmeta.nuts.ways import log_ways

pytensor = pytest.importorskip("pytensor")
log_p = pytest.importorskip("bayesmeta.nuts.hypergeometric").log_p

# Events treated, total treated, events control, total control.
SMALL = np.array(
    [[3, 10, 1, 12], [0, 20, 4, 25], [40, 80, 30, 90], [9, 9, 2, 9], [17, 33, 20, 41], [5, 5, 0, 7]], dtype=float
)
LARGE = np.array(
    [[62, 13598, 248, 12867], [505, 88391, 499, 88391], [300_000, 10**6, 290_000, 999_000], [5, 10**6, 3, 10**6]],
    dtype=float,
)
NEUTRAL = np.array([[0, 10, 0, 12], [9, 9, 9, 9], [0, 0, 0, 0], [4, 10, 0, 0]], dtype=float)


@pytest.fixture(scope="module")
def both():
    """Value and gradient as functions of theta and the counts, without waiting for a compiler."""
    pt = pytensor.tensor
    theta, counts, start, ways = pt.dvector(), pt.dmatrix(), pt.dvector(), pt.dvector()
    value = log_p(theta, counts, start, ways)
    mode = pytensor.compile.mode.Mode(linker="py", optimizer="fast_compile")
    function = pytensor.function([theta, counts, start, ways], [value, pytensor.grad(value.sum(), theta)], mode=mode)

    def at(theta, counts):
        ways, start = log_ways(counts)
        with np.errstate(divide="ignore"):
            return function(np.broadcast_to(theta, len(counts)).astype(float), counts[:, COUNTS], start, ways)

    return at


@pytest.mark.parametrize("theta", [-6.0, -0.7, 0.0, 1.3, 5.0])
def test_probabilities_are_those_of_scipy(both, theta):
    value, _ = both(theta, SMALL)
    treated, total_treated, control, total_control = SMALL.T
    size = total_treated + total_control
    law = stats.nchypergeom_fisher(size, treated + control, total_treated, np.exp(theta))
    assert value == pytest.approx(law.logpmf(treated), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("theta", [-40.0, -3.0, 0.0, 0.2, 4.0, 40.0])
def test_a_few_terms_in_long_steps_are_the_whole_sum(both, theta):
    # The sum of all terms: bayesmeta.likelihoods, which sums outward from the mode in steps of one.
    tables = np.concatenate([SMALL, LARGE])
    value, slope = both(theta, tables)
    expected, expected_slope, _ = log_likelihood_derivatives(tables, np.array([theta]))
    assert value == pytest.approx(expected[:, 0], rel=1e-9, abs=2e-8)
    assert slope == pytest.approx(expected_slope[:, 0], rel=1e-9, abs=1e-8)


def test_margins_that_allow_one_table_alone_say_nothing(both):
    assert neutral(NEUTRAL).all()
    assert not neutral(np.concatenate([SMALL, LARGE])).any()
    for theta in (-50.0, 0.0, 50.0):
        value, slope = both(theta, NEUTRAL)
        assert not value.any()
        assert not slope.any()


def test_nothing_overflows_at_the_ends_of_theta(both):
    for theta in (-800.0, 800.0):
        value, slope = both(theta, np.concatenate([SMALL, LARGE, NEUTRAL]))
        assert np.isfinite(value).all()
        assert np.isfinite(slope).all()
