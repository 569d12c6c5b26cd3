"""Priors that are made from the standard errors of the trials."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesmeta.errors import PriorError
from bayesmeta.priors import (
    I2,
    BergerDeely,
    Conventional,
    DuMouchel,
    HalfCauchy,
    HalfNormal,
    ImproperUniform,
    Jeffreys,
    LogT,
    OverallJeffreys,
    Sqrt,
    UniformShrinkage,
    catalogue,
    describe,
    parse_prior,
)

SE = np.array([0.2, 0.35, 0.5, 1.1])
REFERENCE = [family for family in catalogue("tau") if parse_prior(family.examples[0]).needs_standard_errors]
each = pytest.mark.parametrize("family", REFERENCE, ids=lambda family: family.text_name)
standard_errors = st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=8)

FORMULAS = {
    Jeffreys: lambda tau, s: np.sqrt(np.sum((tau / (s**2 + tau**2)) ** 2)),
    OverallJeffreys: lambda tau, s: np.sqrt(np.sum(1 / (s**2 + tau**2)) * np.sum((tau / (s**2 + tau**2)) ** 2)),
    BergerDeely: lambda tau, s: tau * np.prod(s**2 + tau**2) ** (-1 / len(s)),
    Conventional: lambda tau, s: tau * np.prod(s**2 + tau**2) ** (-3 / (2 * len(s))),
    DuMouchel: lambda tau, s: np.sqrt(len(s) / np.sum(s**-2)) / (np.sqrt(len(s) / np.sum(s**-2)) + tau) ** 2,
    UniformShrinkage: lambda tau, s: 2 * tau * (len(s) / np.sum(s**-2)) / ((len(s) / np.sum(s**-2)) + tau**2) ** 2,
    I2: lambda tau, s: 2 * tau * typical_variance(s) / (typical_variance(s) + tau**2) ** 2,
}


def typical_variance(s):
    # Higgins & Thompson 2002, Stat Med 21:1539, equation 9
    w = s**-2.0
    return (len(s) - 1) * w.sum() / (w.sum() ** 2 - (w**2).sum())


def test_every_prior_that_needs_standard_errors_has_its_formula_here():
    assert set(REFERENCE) == set(FORMULAS)


@each
def test_the_density_is_the_published_formula(family):
    prior = family().given(SE)
    tau = np.array([1e-4, 0.1, 0.3, 1.0, 20.0])
    formula = np.log([FORMULAS[family](t, SE) for t in tau])
    difference = prior.log_density(tau) - formula
    if family in (Conventional, OverallJeffreys):  # normalised
        np.testing.assert_allclose(difference, difference[0], rtol=1e-12)
        assert difference[0] == pytest.approx(-prior.log_constant, rel=1e-12)
    else:
        np.testing.assert_allclose(difference, 0, atol=1e-12)


@each
def test_without_standard_errors_it_is_a_name_that_refuses_to_be_a_density(family):
    prior = family()
    assert prior.needs_standard_errors
    for ask in (prior.log_density, prior.density):
        with pytest.raises(PriorError, match="depends on the standard errors"):
            ask(0.5)
    if prior.proper:
        for ask in (prior.cdf, prior.survival, prior.quantile, lambda n: prior.draws(int(n), 1)):
            with pytest.raises(PriorError, match="depends on the standard errors"):
                ask(0.5)


@each
def test_given_standard_errors_it_keeps_its_name(family):
    prior = family().given(SE)
    assert not prior.needs_standard_errors
    assert str(prior) == family.text_name
    assert parse_prior(str(prior)) == family()
    assert prior == family().given(list(SE)) != family()
    assert prior.given(2 * SE) == family().given(2 * SE)


@pytest.mark.parametrize(
    ("se", "message"),
    [
        ([0.3, 0.0], "standard error 2 is 0"),
        ([0.3, -1.0], "standard error 2 is -1"),
        ([np.nan], "standard error 1 is nan"),
        ([np.inf, 1.0], "standard error 1 is inf"),
        ([], "has none yet"),
    ],
)
@each
def test_impossible_standard_errors_are_refused(family, se, message):
    with pytest.raises(PriorError, match=message):
        family().given(se)


def test_the_typical_variance_needs_two_trials():
    with pytest.raises(PriorError, match="defined from 2 trials on; 1 is given"):
        I2().given([0.3])
    assert UniformShrinkage().given([0.3]).quantile(0.5) == pytest.approx(0.3)


@pytest.mark.parametrize("value", [0.5, "0.3", [[0.3]], None])
def test_what_is_no_list_of_standard_errors_is_refused(value):
    with pytest.raises(PriorError, match="takes no numbers"):
        Jeffreys(value)


def test_priors_that_need_nothing_are_given_back():
    prior = HalfNormal(0.5)
    assert prior.given(SE) is prior
    assert not prior.needs_standard_errors


def test_with_one_standard_error_jeffreys_and_berger_deely_differ_by_a_constant():
    tau = np.geomspace(1e-3, 1e3, 9)
    s = [0.4] * 5
    difference = Jeffreys().given(s).log_density(tau) - BergerDeely().given(s).log_density(tau)
    np.testing.assert_allclose(difference, 0.5 * np.log(5), rtol=1e-12)


def test_with_one_standard_error_the_shrinkage_and_the_i2_prior_are_one():
    p = np.linspace(0.05, 0.95, 9)
    np.testing.assert_allclose(
        I2().given([0.4] * 5).quantile(p), UniformShrinkage().given([0.4] * 5).quantile(p), rtol=1e-12
    )


def test_what_is_uniform_under_each_prior():
    u = np.linspace(0.05, 0.95, 19)
    tau = I2().given(SE).quantile(u)
    np.testing.assert_allclose(tau**2 / (typical_variance(SE) + tau**2), u, rtol=1e-12)
    s0 = np.sqrt(len(SE) / np.sum(SE**-2))
    tau = UniformShrinkage().given(SE).quantile(u)
    np.testing.assert_allclose(s0**2 / (s0**2 + tau**2), 1 - u, rtol=1e-12)
    tau = DuMouchel().given(SE).quantile(u)
    np.testing.assert_allclose(tau / (s0 + tau), u, rtol=1e-12)


def test_with_one_standard_error_the_normalised_priors_are_known():
    # p(tau) = tau s / (s^2 + tau^2)^(3/2) has the cdf 1 - s / sqrt(s^2 + tau^2)
    tau = np.geomspace(1e-8, 1e8, 33)
    for family in (Conventional, OverallJeffreys):
        prior = family().given([0.5] * 3)
        np.testing.assert_allclose(prior.survival(tau), 0.5 / np.hypot(0.5, tau), rtol=1e-13)
        below = tau**2 / (np.hypot(0.5, tau) * (np.hypot(0.5, tau) + 0.5))
        np.testing.assert_allclose(prior.cdf(tau), below, rtol=1e-13)
        assert prior.quantile_upper(1e-40) == pytest.approx(0.5e40, rel=1e-12)
        assert prior.quantile(1e-40) == pytest.approx(np.sqrt(0.5) * 1e-20, rel=1e-12)


@each
@settings(max_examples=40)
@given(se=standard_errors, factor=st.floats(1e-3, 1e3), order=st.randoms())
def test_the_unit_and_the_order_of_the_trials_do_not_matter(family, se, factor, order):
    tau = np.array([0.01, 0.3, 2.0])
    prior = family().given(se)
    shuffled = list(se)
    order.shuffle(shuffled)
    rescaled = family().given([factor * s for s in shuffled])
    difference = rescaled.log_density(factor * tau) - prior.log_density(tau)
    np.testing.assert_allclose(difference, difference[0], atol=1e-10)
    if prior.proper:
        assert difference[0] == pytest.approx(-np.log(factor), abs=1e-10)
        assert rescaled.quantile(0.3) == pytest.approx(factor * prior.quantile(0.3), rel=1e-10)


@each
def test_neither_extreme_trials_nor_extreme_tau_overflow(family):
    prior = family().given([1e-8, 0.3, 1e8])
    tau = np.array([1e-200, 1e-9, 1.0, 1e9, 1e200])
    values = prior.log_density(tau)
    assert np.all(np.isfinite(values))
    slope = (values[-1] - values[-2]) / np.log(tau[-1] / tau[-2])
    assert slope == pytest.approx(-prior.tail_exponent, abs=1e-2)


@each
def test_many_trials_at_once_and_any_shape(family):
    se = np.linspace(0.1, 1, 500)
    prior = family().given(se)
    tau = np.linspace(0.01, 3, 12).reshape(3, 4)
    values = prior.log_density(tau)
    assert values.shape == (3, 4)
    np.testing.assert_array_equal(values.ravel(), [prior.log_density(t) for t in tau.ravel()])


@pytest.mark.parametrize(
    ("prior", "with_flat_mu", "with_proper_mu", "with_two_flat"),
    [
        (ImproperUniform(), 3, 2, 4),
        (Sqrt(), 2, 1, 3),
        (Jeffreys(), 2, 1, 3),
        (BergerDeely(), 2, 1, 3),
        (DuMouchel(), 1, 1, 2),
        (HalfCauchy(0.5), 1, 1, 2),
        (HalfNormal(0.5), 1, 1, 2),
    ],
    ids=str,
)
def test_the_least_number_of_trials_as_in_roever_2020(prior, with_flat_mu, with_proper_mu, with_two_flat):
    # Roever 2020, J Stat Softw 93(6), section 2.2: uniform needs k >= 3, Jeffreys and Berger-Deely k >= 2.
    assert prior.least_k() == prior.least_k(1) == with_flat_mu
    assert prior.least_k(0) == with_proper_mu
    assert prior.least_k(2) == with_two_flat


@pytest.mark.parametrize("prior", [ImproperUniform(), Sqrt(), Jeffreys(), BergerDeely()], ids=str)
@pytest.mark.parametrize("flat", [0, 1])
def test_from_the_least_number_of_trials_on_the_posterior_can_be_integrated(prior, flat):
    # p(tau | y) ~ tau^-(a + k - q) for large tau: its integral over a decade must shrink from decade to decade.
    def masses(k: int) -> np.ndarray:
        se = np.full(k, 0.4)
        tau = np.geomspace(1e3, 1e12, 4001)
        weight = 1 / (se[:, None] ** 2 + tau**2)
        likelihood = 0.5 * np.log(weight).sum(axis=0) - (0.5 * np.log(weight.sum(axis=0)) if flat else 0.0)
        density = np.exp(likelihood + np.asarray(prior.given(se).log_density(tau)))
        by_decade = np.array_split((density * tau)[:-1], 9)
        return np.array([decade.sum() for decade in by_decade])

    least = prior.least_k(flat)
    assert np.all(np.diff(masses(least)) < 0)
    if least > max(1, flat):
        assert not np.all(np.diff(masses(least - 1)) < -1e-6 * masses(least - 1)[1:])


def test_a_description_says_what_is_missing_or_what_it_means_for_these_trials():
    assert describe(DuMouchel()) == (
        "dumouchel: it says something only beside trials, for it depends on their standard errors."
    )
    assert describe(DuMouchel(), se=[0.4, 0.4]).startswith("dumouchel: median of tau 0.4, 95% between 0.0103 and 15.6.")
    assert describe(DuMouchel().given([0.4])) == describe(DuMouchel(), se=[0.4])
    assert describe(HalfNormal(0.5), se=[0.4]) == describe(HalfNormal(0.5))
    words = describe(Jeffreys(), se=[0.4, 0.4])
    assert "improper" in words
    assert "2 trials with a flat prior of mu, 1 trial with a proper one" in words
    assert "no Bayes factors" in words
    assert "the same for every tau" in describe(ImproperUniform())


def test_an_unbounded_density_says_so_at_zero():
    # An integrator can ask: these need nodes that crowd towards tau = 0.
    assert Sqrt().log_density(0.0) == np.inf
    assert LogT(5, -1, 1).log_density(0.0) == np.inf
    assert Jeffreys().given(SE).log_density(0.0) == -np.inf
