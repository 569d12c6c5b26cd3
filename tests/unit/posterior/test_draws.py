"""A marginal known by draws agrees with the distribution that they are from."""

import numpy as np
import pytest
from scipy import stats

from bayesmeta.posterior.draws import DrawsMarginal

NORMAL = DrawsMarginal("mu", np.random.default_rng(1).normal(1.0, 2.0, size=(4, 5000)))
HALF = DrawsMarginal("tau", np.abs(np.random.default_rng(2).normal(0.0, 0.5, size=(4, 5000))), lower=0.0)


def test_moments_quantiles_and_cdf_are_those_of_the_draws():
    assert NORMAL.mean == pytest.approx(NORMAL.chains.mean())
    assert NORMAL.sd == pytest.approx(NORMAL.chains.std(ddof=1))
    assert NORMAL.quantile([0.1, 0.9]) == pytest.approx(np.quantile(NORMAL.chains, [0.1, 0.9]))
    assert NORMAL.median == pytest.approx(np.median(NORMAL.chains))
    assert float(NORMAL.cdf(1.0)) == pytest.approx((NORMAL.chains <= 1.0).mean())
    assert NORMAL.probability(above=1.0) == pytest.approx((NORMAL.chains > 1.0).mean())


def test_what_has_no_moment_shows_none():
    cauchy = DrawsMarginal("tau", HALF.chains, lower=0.0, moments=1)
    assert cauchy.mean is not None
    assert cauchy.sd is None
    assert DrawsMarginal("tau", HALF.chains, moments=0).mean is None


@pytest.mark.parametrize(
    ("marginal", "known"),
    [(NORMAL, stats.norm(1.0, 2.0)), (HALF, stats.halfnorm(scale=0.5))],
    ids=["normal", "half-normal"],
)
def test_the_kernel_density_is_near_the_density_and_integrates_to_one(marginal, known):
    x = known.ppf(np.linspace(0.02, 0.98, 49))
    assert np.abs(marginal.pdf(x) - known.pdf(x)).max() < 0.07 * known.pdf(known.ppf(0.01) if known.a == 0 else 1.0)
    grid = np.linspace(known.ppf(1e-9), known.ppf(1 - 1e-9), 20001)
    assert np.trapezoid(marginal.pdf(grid), grid) == pytest.approx(1.0, abs=2e-3)


def test_the_density_is_reflected_at_zero_and_nothing_lies_below():
    assert float(HALF.pdf(0.0)) == pytest.approx(stats.halfnorm(scale=0.5).pdf(0.0), rel=0.05)
    assert float(HALF.pdf(-1e-9)) == 0.0
    unreflected = DrawsMarginal("tau", HALF.chains)
    assert float(unreflected.pdf(0.0)) < 0.7 * float(HALF.pdf(0.0))


def test_a_far_draw_leaves_the_density_of_the_rest_alone():
    chains = NORMAL.chains.copy()
    chains[0, 0] = 500.0
    assert float(DrawsMarginal("mu", chains).pdf(1.0)) == pytest.approx(float(NORMAL.pdf(1.0)), rel=0.02)


def test_the_shortest_interval_of_a_falling_density_begins_at_the_end_of_the_support():
    lower, upper = HALF.interval(0.95, kind="shortest")
    assert lower == 0.0
    assert upper == pytest.approx(stats.halfnorm(scale=0.5).ppf(0.95), rel=0.03)


def test_the_shortest_interval_is_no_longer_than_the_central_one_and_holds_its_share():
    lower, upper = NORMAL.interval(0.9, kind="shortest")
    central = NORMAL.interval(0.9)
    assert upper - lower <= central[1] - central[0]
    assert NORMAL.probability(above=lower, below=upper) == pytest.approx(0.9, abs=1e-3)


def test_resampled_draws_follow_the_draws_and_their_seed():
    again = NORMAL.draws(20000, 7)
    assert np.isin(again, NORMAL.chains).all()
    assert stats.kstest(again, stats.norm(1.0, 2.0).cdf).statistic < 0.02
    assert np.array_equal(again, NORMAL.draws(20000, 7))


def test_a_quantity_that_hardly_varies_still_has_a_density():
    still = DrawsMarginal("x", np.full((2, 100), 3.0))
    assert np.isfinite(still.pdf([2.0, 3.0, 4.0])).all()
