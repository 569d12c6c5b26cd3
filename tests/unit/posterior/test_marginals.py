"""One quantity as functions that fit together: density, cdf, quantile, interval, draws, probability."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

import bayesmeta as bm
from bayesmeta.posterior import NormalMixture, PointMass, mixture_quantiles
from bayesmeta.posterior.draws import DrawsMarginal

LEVELS = np.array([1e-6, 0.001, 0.025, 0.2, 0.5, 0.9, 0.975, 0.9999])


def posterior(tau="half_normal(0.5)", mu="normal(0, 4)", likelihood="normal"):
    return bm.fit(bm.load("crins2014"), bm.Model(likelihood, tau=tau, mu=mu))


MARGINALS = {
    "mu": posterior()["mu"],
    "theta_new": posterior()["theta_new"],
    "tau": posterior()["tau"],
    "tau under a uniform prior": posterior("uniform(0.1, 0.6)")["tau"],
    "tau under a heavy tail": posterior("half_t(0.5, 1)", "flat")["tau"],
    "theta_new under a heavy tail": posterior("half_t(0.5, 1)", "flat")["theta_new"],
    "a study": posterior().study("Gras (2008)"),
}


@pytest.fixture(params=MARGINALS.values(), ids=MARGINALS)
def marginal(request):
    return request.param


def test_the_quantile_inverts_the_cdf(marginal):
    assert marginal.cdf(marginal.quantile(LEVELS)) == pytest.approx(LEVELS, rel=1e-8)
    assert marginal.median == marginal.quantile(0.5)


def test_the_cdf_is_the_integral_of_the_density(marginal):
    points = marginal.quantile(np.linspace(0.01, 0.99, 8))
    for left, right in pairwise(points):
        mass = integrate.quad(lambda x: float(marginal.pdf(x)), left, right, epsabs=1e-12)[0]
        assert marginal.probability(above=left, below=right) == pytest.approx(mass, abs=1e-9)


def test_mean_and_sd_are_those_of_the_density(marginal):
    # The mean is the integral of the quantile function over (0, 1), taken on the probit scale.
    z = np.linspace(-8, 8, 1601)
    x, weight = marginal.quantile(stats.norm.cdf(z)), stats.norm.pdf(z) * 0.01
    if marginal.sd is not None and np.ptp(x) < 50 * marginal.sd:  # a heavy tail holds its moments beyond eight sd
        mean = weight @ x
        assert marginal.mean == pytest.approx(mean, abs=1e-6 * marginal.sd)
        assert marginal.sd == pytest.approx(np.sqrt(weight @ (x - mean) ** 2), rel=1e-6)


def test_draws_follow_the_cdf(marginal):
    draws = marginal.draws(4000, 7)
    assert draws.shape == (4000,)
    assert stats.kstest(draws, marginal.cdf).pvalue > 1e-4
    assert np.array_equal(draws, marginal.draws(4000, np.random.default_rng(7)))


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_both_intervals_hold_their_level_and_the_shortest_is_shortest(marginal, level):
    central, shortest = marginal.interval(level), marginal.interval(level, kind="shortest")
    for lower, upper in (central, shortest):
        assert marginal.probability(above=lower, below=upper) == pytest.approx(level, abs=1e-7)
    assert shortest[1] - shortest[0] <= (central[1] - central[0]) * (1 + 1e-9)
    # Neither sliding it to the left nor to the right makes it shorter.
    below = marginal.cdf(shortest[0])
    for shift in (-0.002, 0.002):
        if 1e-9 < below + shift < 1 - level:
            lower, upper = marginal.quantile(np.array([below + shift, below + shift + level]))
            assert upper - lower >= (shortest[1] - shortest[0]) * (1 - 1e-9)


def test_the_mode_is_where_the_density_is_highest(marginal):
    grid = np.concatenate([[marginal.mode], marginal.quantile(np.linspace(0.001, 0.999, 999))])
    assert marginal.pdf(marginal.mode) >= marginal.pdf(grid).max() * (1 - 1e-9)


def test_probability_above_below_and_between(marginal):
    a, b = marginal.quantile(np.array([0.3, 0.8]))
    assert marginal.probability(below=a) == pytest.approx(0.3, abs=1e-9)
    assert marginal.probability(above=b) == pytest.approx(0.2, abs=1e-9)
    assert marginal.probability(above=a, below=b) == pytest.approx(0.5, abs=1e-9)
    assert marginal.probability(above=b, below=a) == 0.0
    with pytest.raises(ValueError, match="above=, below=, or both"):
        marginal.probability()


def test_the_ends_of_the_line(marginal):
    assert marginal.cdf(-np.inf) == 0.0
    assert marginal.cdf(np.inf) == pytest.approx(1.0, abs=1e-12)
    lower, upper = marginal.quantile(np.array([0.0, 1.0]))
    assert marginal.cdf(lower) == 0.0
    assert marginal.cdf(upper) == pytest.approx(1.0, abs=1e-12)


def test_shapes_are_kept(marginal):
    x = np.full((2, 3), marginal.median)
    assert marginal.pdf(x).shape == marginal.cdf(x).shape == (2, 3)
    assert marginal.quantile(np.full((2, 3), 0.5)).shape == (2, 3)
    assert np.ndim(marginal.quantile(0.5)) == 0


OF_EVERY_KIND = {
    **MARGINALS,
    "mu of counts": posterior(likelihood="hypergeometric")["mu"],
    "theta_new of counts": posterior(likelihood="hypergeometric")["theta_new"],
    "tau of counts": posterior(likelihood="hypergeometric")["tau"],
    "draws": DrawsMarginal("x", np.random.default_rng(1).normal(size=(4, 100))),
    "a known value": PointMass("tau", 0.3),
}


@pytest.mark.parametrize("p", [-0.1, 1.1, np.nan])
@pytest.mark.parametrize("marginal", OF_EVERY_KIND.values(), ids=OF_EVERY_KIND)
def test_a_probability_outside_zero_to_one_is_refused_alike(marginal, p):
    with pytest.raises(ValueError, match=rf"a quantile at probability {p} was asked for\. It must be between 0 and 1"):
        marginal.quantile(p)
    with pytest.raises(ValueError, match=rf"level is {p}\. It must lie between 0 and 1"):
        marginal.interval(p)


def test_an_interval_that_cannot_be_is_refused(marginal):
    with pytest.raises(ValueError, match="level is 95"):
        marginal.interval(95)
    with pytest.raises(ValueError, match="'central' or 'shortest'"):
        marginal.interval(kind="hpd")


@given(
    st.lists(st.tuples(st.floats(0.01, 1), st.floats(-1e3, 1e3), st.floats(1e-4, 1e4)), min_size=1, max_size=8),
    st.floats(1e-6, 1 - 1e-6),
)
def test_quantiles_of_any_mixture_of_normals(components, p):
    weights, means, sds = np.array(components).T
    weights = weights / weights.sum()
    x = mixture_quantiles(weights, means[None], sds[None], np.array([p]))[0, 0]
    mixture = NormalMixture("x", weights, means, sds)
    # Between components that lie far apart the cdf is flat: then any point there is a quantile.
    step = 1e-9 * (1 + abs(x))
    assert mixture.cdf(x - step) <= p + 1e-10
    assert mixture.cdf(x + step) >= p - 1e-10


def test_a_mixture_whose_tail_spans_a_hundred_decades():
    scale = np.geomspace(1e-3, 1e100, 400)
    weights = np.full(400, 1 / 400)
    levels = np.array([0.025, 0.2, 0.5, 0.8, 0.975])
    x = mixture_quantiles(weights, np.zeros((1, 400)), scale[None], levels)[0]
    assert NormalMixture("x", weights, np.zeros(400), scale).cdf(x) == pytest.approx(levels, abs=1e-9)


def test_a_known_value():
    tau = PointMass("tau", 0.0)
    assert (tau.mean, tau.sd, tau.median, tau.mode) == (0.0, 0.0, 0.0, 0.0)
    assert tau.cdf([-1.0, 0.0, 1.0]).tolist() == [0.0, 1.0, 1.0]
    assert tau.probability(above=-1, below=1) == 1.0
    assert tau.probability(below=0) == tau.probability(above=0) == 0.0


def test_the_frames_index_is_the_parameters():
    summary = posterior().summary()
    assert isinstance(summary, pd.DataFrame)
    assert summary.index.tolist() == ["mu", "tau", "theta_new"]
