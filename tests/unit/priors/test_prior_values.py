"""Priors against other sources: papers, SciPy, PyMC, closed forms far out in the tails."""

import math

import numpy as np
import pytest
from scipy import stats

from bayesmeta.priors import (
    Exponential,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfT,
    InverseGamma,
    LogNormal,
    LogT,
    Normal,
    OddsRatioWithin,
    StudentT,
    Uniform,
    catalogue,
    parse_prior,
)


def test_half_normal_05_has_95_percent_below_098_as_in_roever_2020():
    # Roever 2020, J Stat Softw 93(6), on the choice of the scale.
    assert HalfNormal(0.5).quantile(0.95) == pytest.approx(0.98, abs=5e-3)


def test_odds_ratio_within_250_is_normal_0_282_as_in_guenhan_2020():
    # Guenhan, Roever & Friede 2020, Res Synth Methods 11:74: N(0, 2.82^2) has odds ratios 1/250 to 250 with 95%.
    prior = OddsRatioWithin(250)
    assert prior.sd == pytest.approx(2.82, abs=5e-3)
    assert np.exp(prior.quantile([0.025, 0.975])) == pytest.approx([1 / 250, 250], rel=1e-12)
    assert prior.gaussian == (0.0, prior.sd)


def test_turner_2015_marginal_for_tau():
    # Turner et al. 2015, Stat Med 34:984: tau^2 ~ LN(-2.56, 1.74^2), so tau has median 0.28 and 95% 0.05 to 1.53.
    prior = LogNormal(-2.56 / 2, 1.74 / 2)
    assert prior.quantile([0.025, 0.5, 0.975]) == pytest.approx([0.05, 0.28, 1.53], abs=5e-3)


def test_half_t_lies_between_half_cauchy_and_half_normal():
    tau = np.geomspace(1e-3, 30, 40)
    p = [1e-12, 0.1, 0.5, 0.9, 1 - 1e-12]
    np.testing.assert_allclose(HalfT(1, 0.4).log_density(tau), HalfCauchy(0.4).log_density(tau), rtol=1e-12)
    np.testing.assert_allclose(HalfT(1, 0.4).quantile(p), HalfCauchy(0.4).quantile(p), rtol=1e-12)
    np.testing.assert_allclose(HalfT(1e9, 0.4).quantile(p), HalfNormal(0.4).quantile(p), rtol=1e-6)
    assert HalfT(1e9, 0.4).sd == pytest.approx(HalfNormal(0.4).sd, rel=1e-6)


FAR = [1e-9, 1e-12, 1e-15, 1e-30, 1e-100]


@pytest.mark.parametrize("q", FAR)
def test_heavy_tails_are_right_far_out(q):
    # cot(x) = 1/x - x/3 - ..., so the half-Cauchy's upper quantile is 2 scale / (pi q) for small q.
    assert HalfCauchy(0.5).quantile_upper(q) == pytest.approx(1 / (math.pi * q), rel=1e-14)
    assert HalfCauchy(0.5).survival(1 / (math.pi * q)) == pytest.approx(q, rel=1e-14)
    assert HalfT(1, 0.5).quantile_upper(q) == pytest.approx(1 / (math.pi * q), rel=1e-12)
    # df = 2 has the closed form survival = 1 - t / sqrt(2 + t^2), so t^2 = 2 (1 - q)^2 / (q (2 - q)).
    t = math.sqrt(2 / (q * (2 - q))) * (1 - q)
    assert HalfT(2, 0.5).quantile_upper(q) == pytest.approx(0.5 * t, rel=1e-12)


def test_the_half_cauchy_quantile_keeps_its_digits_just_below_one():
    # 1 - p is exact in floating point here, so the answer is that of the upper quantile.
    for p in (1 - 1e-12, 1 - 1e-6, 0.999):
        assert HalfCauchy(0.5).quantile(p) == pytest.approx(HalfCauchy(0.5).quantile_upper(1 - p), rel=1e-14)
        assert HalfT(3, 0.5).quantile(p) == pytest.approx(HalfT(3, 0.5).quantile_upper(1 - p), rel=1e-12)


@pytest.mark.parametrize("prior", [HalfNormal(0.5), HalfCauchy(0.5), HalfT(3, 0.5), Uniform(0, 2)], ids=str)
def test_near_zero_the_quantile_is_p_over_the_density_at_zero(prior):
    for p in (1e-12, 1e-100, 1e-200):
        assert prior.quantile(p) == pytest.approx(p / prior.density(0.0), rel=1e-10)


def test_log_densities_where_the_density_underflows():
    assert HalfNormal(0.5).log_density(1e3) == pytest.approx(0.5 * math.log(2 / math.pi) + math.log(2) - 2e6, rel=1e-15)
    assert Normal(0, 4).log_density(-4e6) == pytest.approx(-0.5 * math.log(32 * math.pi) - 5e11, rel=1e-15)
    assert Exponential(2).log_density(1e6) == pytest.approx(math.log(2) - 2e6, rel=1e-15)
    # tau^2 overflows, its logarithm does not
    assert HalfCauchy(1).log_density(1e200) == pytest.approx(math.log(2 / math.pi) - 400 * math.log(10), rel=1e-14)
    assert HalfT(1, 1).log_density(1e200) == pytest.approx(math.log(2 / math.pi) - 400 * math.log(10), rel=1e-14)
    assert LogNormal(0, 1).log_density(0.0) == -math.inf
    assert LogNormal(0, 1).log_density(1e-300) == pytest.approx(stats.lognorm(1).logpdf(1e-300), rel=1e-14)


def test_lognormal_moments_out_of_the_range_of_floats():
    assert LogNormal(800, 1).mean == math.inf
    assert LogNormal(0, 1e200).sd == math.inf
    assert LogNormal(-700, 30).sd == pytest.approx(math.exp(-700 + 900), rel=1e-12)
    assert LogNormal(0, 1e-9).sd == pytest.approx(1e-9, rel=1e-8)


SCIPY = {
    Normal: lambda prior: stats.norm(prior.location, prior.scale),
    OddsRatioWithin: lambda prior: stats.norm(0, math.log(prior.ratio) / 1.959963984540054),
    HalfNormal: lambda prior: stats.halfnorm(scale=prior.scale),
    HalfCauchy: lambda prior: stats.halfcauchy(scale=prior.scale),
    Uniform: lambda prior: stats.uniform(prior.low, prior.high - prior.low),
    Exponential: lambda prior: stats.expon(scale=1 / prior.rate),
    LogNormal: lambda prior: stats.lognorm(prior.sigma, scale=math.exp(prior.mu)),
    Gamma: lambda prior: stats.gamma(prior.shape, scale=1 / prior.rate),
    StudentT: lambda prior: stats.t(prior.df, prior.location, prior.scale),
}


@pytest.mark.parametrize("family", SCIPY, ids=lambda family: family.text_name)
def test_scipy_has_the_same_distribution(family):
    for text in family.examples:
        prior = parse_prior(text, family.role or "mu")
        frozen = SCIPY[family](prior)
        p = np.array([1e-9, 0.01, 0.3, 0.5, 0.9, 0.999])
        x = frozen.ppf(p)
        np.testing.assert_allclose(prior.quantile(p), x, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(prior.quantile_upper(p), frozen.isf(p), rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(prior.log_density(x), frozen.logpdf(x), rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(prior.cdf(x), frozen.cdf(x), rtol=1e-11)
        np.testing.assert_allclose(prior.survival(x), frozen.sf(x), rtol=1e-11)
        if np.isfinite(prior.mean) and np.isfinite(prior.sd):
            assert prior.mean == pytest.approx(frozen.mean(), rel=1e-12, abs=1e-15)
            assert prior.sd == pytest.approx(frozen.std(), rel=1e-10)


@pytest.mark.parametrize("df", [0.7, 1, 3, 4.5, 30, 5000])
def test_scipy_has_the_same_half_t(df):
    prior, t = HalfT(df, 0.5), stats.t(df, scale=0.5)
    tau = np.array([1e-6, 0.1, 0.5, 2.0, 7.0])
    np.testing.assert_allclose(prior.log_density(tau), t.logpdf(tau) + math.log(2), rtol=1e-10)
    np.testing.assert_allclose(prior.survival(tau), 2 * t.sf(tau), rtol=1e-10)
    np.testing.assert_allclose(prior.quantile_upper([1e-9, 0.01, 0.5]), t.isf([5e-10, 0.005, 0.25]), rtol=1e-10)


@pytest.mark.parametrize(("on", "power"), [("tau2", 2), ("tau", 1)])
def test_scipy_has_the_same_inverse_gamma_on_tau_and_on_its_square(on, power):
    prior, frozen = InverseGamma(3.5, 0.4, on), stats.invgamma(3.5, scale=0.4)
    tau = np.array([0.05, 0.3, 1.0, 4.0])
    np.testing.assert_allclose(prior.cdf(tau), frozen.cdf(tau**power), rtol=1e-11)
    density = frozen.pdf(tau**power) * power * tau ** (power - 1)
    np.testing.assert_allclose(prior.density(tau), density, rtol=1e-11)
    assert prior.mean == pytest.approx(frozen.expect(lambda x: x ** (1 / power)), rel=1e-8)


def test_an_inverse_gamma_on_the_variance_is_a_gamma_of_the_precision():
    # BUGS: precision ~ dgamma(a, b), precision = 1 / tau^2
    tau = np.array([0.1, 0.5, 2.0])
    np.testing.assert_allclose(InverseGamma(0.5, 0.02).cdf(tau), stats.gamma(0.5, scale=50).sf(tau**-2.0), rtol=1e-11)


def test_log_t_is_a_t_of_the_logarithm_and_nears_the_lognormal():
    prior, log_tau = LogT(5, -1.7, 1.3), stats.t(5, -1.7, 1.3)
    tau = np.array([1e-100, 1e-3, 0.2, 1.0, 50.0, 1e100])
    np.testing.assert_allclose(prior.cdf(tau), log_tau.cdf(np.log(tau)), rtol=1e-11)
    np.testing.assert_allclose(prior.survival(tau), log_tau.sf(np.log(tau)), rtol=1e-11)
    np.testing.assert_allclose(prior.log_density(tau), log_tau.logpdf(np.log(tau)) - np.log(tau), rtol=1e-11)
    np.testing.assert_allclose(LogT(1e9, -1, 0.8).cdf(tau), LogNormal(-1, 0.8).cdf(tau), rtol=1e-6, atol=1e-30)
    assert prior.log_density(0.0) == math.inf


def test_gamma_and_inverse_gamma_at_zero():
    assert [Gamma(shape, 2).density(0.0) for shape in (0.5, 1, 2)] == [math.inf, 2.0, 0.0]
    assert InverseGamma(0.5, 1e-5).density([0.0, 1e-200]).tolist() == [0.0, 0.0]


@pytest.mark.slow
def test_the_pymc_form_has_the_same_log_density():
    import pymc as pm

    # PyTensor holds a Python float that is short, such as 2, in single precision, and then takes its logarithm: so
    # double precision is asked for here. Inside its densities PyMC does the same, hence 1e-8.
    for family in catalogue():
        for text in family.examples:
            prior = parse_prior(text, family.role or "mu")
            if prior.pymc is None:
                continue
            name, parameters = prior.pymc
            parameters = {parameter: np.float64(value) for parameter, value in parameters.items()}
            points = prior.quantile([1e-6, 0.1, 0.5, 0.9, 1 - 1e-6]) if prior.proper else np.array([-50.0, 0.0, 3.0])
            logp = pm.logp(getattr(pm, name).dist(**parameters), points).eval()
            np.testing.assert_allclose(prior.log_density(points), logp, rtol=1e-8, atol=1e-8, err_msg=text)
