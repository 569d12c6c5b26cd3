"""Priors of an effect: what the named ones mean, mixtures, and priors as mixtures of normals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from bayesmeta.errors import PriorError
from bayesmeta.priors import (
    BartosEffect,
    Enthusiastic,
    Fixed,
    Flat,
    HalfNormal,
    Mixture,
    Normal,
    OddsRatioWithin,
    Sceptical,
    StudentT,
    UnitInformation,
    describe,
    parse_prior,
)


@pytest.mark.parametrize("ratio", [1.2, 2.0, 5.0])
def test_a_sceptic_gives_5_percent_to_the_effect_and_beyond(ratio):
    # Spiegelhalter, Freedman & Parmar 1994, J R Stat Soc A 157:357, section 4
    assert Sceptical(ratio).survival(math.log(ratio)) == pytest.approx(0.05, rel=1e-12)
    assert Sceptical(ratio).gaussian == pytest.approx(Sceptical(1 / ratio).gaussian, rel=1e-12)
    assert Sceptical(ratio).sd > OddsRatioWithin(ratio).sd


@pytest.mark.parametrize("ratio", [0.5, 1.2, 5.0])
def test_an_enthusiast_gives_5_percent_to_no_effect_and_beyond(ratio):
    prior = Enthusiastic(ratio)
    no_effect = prior.cdf(0.0) if ratio > 1 else prior.survival(0.0)
    assert no_effect == pytest.approx(0.05, rel=1e-12)
    assert prior.quantile(0.5) == pytest.approx(math.log(ratio))
    assert prior.sd == Sceptical(ratio).sd


@pytest.mark.parametrize("family", ["sceptical", "enthusiastic"])
@pytest.mark.parametrize("ratio", ["0", "1", "-2"])
def test_an_odds_ratio_of_no_effect_is_nothing_to_doubt_or_count_on(family, ratio):
    with pytest.raises(PriorError, match="must be positive and not 1"):
        parse_prior(f"{family}({ratio})", "mu")


def test_unit_information_is_normal_0_4_as_in_roever_2020():
    assert UnitInformation().gaussian == Normal(0, 4).gaussian
    # 16 / n: a trial of n = 4 m participants, m in each cell of the table, has variance 4 / m.
    assert UnitInformation().sd ** 2 == 4 / (1 / 4)


MIXED = Mixture((0.9, 0.1), (Normal(0.6, 0.2), Normal(0, 2.82)))


def test_a_mixture_is_the_weighted_sum_of_its_parts():
    x = np.linspace(-8, 8, 33)
    density = 0.9 * stats.norm(0.6, 0.2).pdf(x) + 0.1 * stats.norm(0, 2.82).pdf(x)
    np.testing.assert_allclose(MIXED.density(x), density, rtol=1e-12)
    cdf = 0.9 * stats.norm(0.6, 0.2).cdf(x) + 0.1 * stats.norm(0, 2.82).cdf(x)
    np.testing.assert_allclose(MIXED.cdf(x), cdf, rtol=1e-12)
    assert MIXED.mean == pytest.approx(0.54)
    assert MIXED.log_density(1e3) == pytest.approx(math.log(0.1) + stats.norm(0, 2.82).logpdf(1e3), rel=1e-12)
    assert MIXED.gaussian is None
    assert MIXED.pymc is None
    assert Mixture((1.0,), (Normal(1, 2),)).gaussian == (1.0, 2.0)


def test_a_mixture_of_mixtures_is_read_and_written():
    text = "mixture(0.5, mixture(0.25, normal(0, 1), 0.75, student_t(3, 0, 1)), 0.5, odds_ratio_within(250))"
    prior = parse_prior(text, "mu")
    assert str(prior) == text
    assert isinstance(prior.components[0], Mixture)
    assert parse_prior(" Mixture( .5,Normal(0, scale=1) , 0.5, bartos_effect( cochrane ) )", "mu") == Mixture(
        (0.5, 0.5), (Normal(0, 1), BartosEffect("cochrane"))
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mixture(0.5, normal(0, 1), 0.4, normal(0, 2))", "the weights have the sum 0.9. It must be 1."),
        ("mixture(1.5, normal(0, 1), -0.5, normal(0, 2))", "a weight is -0.5. It must be positive."),
        ("mixture(0, normal(0, 1), 1, normal(0, 2))", "a weight is 0.0. It must be positive."),
        ("mixture(nan, normal(0, 1))", "weights is nan. It must be finite."),
        ("mixture(0.5, flat, 0.5, normal(0, 2))", "flat cannot be mixed."),
        ("mixture(1, half_normal(1))", "half_normal is a prior on [0, inf)"),
        ("mixture(0.5, normal(0, 1), 0.5)", "takes weights and priors in turn; 3 arguments are given."),
        ("mixture", "takes weights and priors in turn; 0 arguments are given."),
        ("mixture(normal(0, 1), 1)", 'a weight is "normal(0, 1)". It must be a number.'),
        ("mixture(1, norml(0, 1))", "Did you mean normal(0, 1)?"),
        ("mixture(1, normal(0, -1))", "scale is -1. It must be positive."),
    ],
)
def test_a_mixture_that_is_none_is_refused(text, message):
    with pytest.raises(PriorError) as refusal:
        parse_prior(text, "mu")
    assert str(refusal.value).startswith(f'mu prior "{text}": ')
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("weights", "components"),
    [(0.5, (Normal(0, 1),)), ((1.0,), Normal(0, 1)), ((1.0,), ()), ((), ()), ((1.0,), (HalfNormal(1),)), ("1", "n")],
)
def test_parts_that_do_not_fit_are_refused(weights, components):
    with pytest.raises(PriorError, match=r'prior "mixture'):
        Mixture(weights, components)


normals = st.builds(Normal, st.floats(-5, 5), st.floats(0.01, 20))
students = st.builds(StudentT, st.floats(0.6, 40), st.floats(-5, 5), st.floats(0.01, 20))


@st.composite
def mixtures(draw):
    parts = draw(st.lists(st.one_of(normals, students), min_size=1, max_size=4))
    raw = np.array([draw(st.floats(0.05, 1)) for _ in parts])
    return Mixture(tuple((raw / raw.sum()).tolist()), tuple(parts))


@given(prior=mixtures(), p=st.floats(1e-9, 1 - 1e-9))
def test_any_mixture_comes_back_from_its_text_and_inverts_its_cdf(prior, p):
    assert parse_prior(str(prior), "mu") == prior
    assert prior.cdf(prior.quantile(p)) == pytest.approx(p, rel=1e-10)
    assert prior.survival(prior.quantile_upper(p)) == pytest.approx(p, rel=1e-10)
    ends = [part.quantile(p) for part in prior.components]
    assert min(ends) - 1e-9 <= prior.quantile(p) <= max(ends) + 1e-9


def mixture_density(parts, x):
    weights, locations, scales = parts
    return np.sum(weights * stats.norm(locations, scales).pdf(x[:, None]), axis=1)


@pytest.mark.parametrize("df", [0.7, 1, 2, 4, 7, 30, 1000])
@pytest.mark.parametrize("accuracy", [1e-6, 1e-9, 1e-12])
def test_a_student_t_as_a_mixture_of_normals_has_the_accuracy_that_was_asked_for(df, accuracy):
    prior = StudentT(df, 0.2, 0.58)
    far = prior.quantile_upper(0.5e-8) - 0.2
    x = 0.2 + np.concatenate([[0.0], np.geomspace(1e-3, far, 60)])
    parts = prior.as_normal_mixture(accuracy)
    assert parts[0].sum() == pytest.approx(1, rel=1e-14)
    # 1e-12 leaves room for the rounding of the sum itself
    assert np.abs(mixture_density(parts, x) / prior.density(x) - 1).max() < accuracy + 1e-12
    assert len(parts[0]) < 300


def test_mixtures_and_normals_are_mixtures_of_normals_exactly():
    x = np.linspace(-5, 5, 21)
    for prior in (MIXED, Normal(1, 2), UnitInformation(), Sceptical(2), OddsRatioWithin(250)):
        np.testing.assert_allclose(mixture_density(prior.as_normal_mixture(), x), prior.density(x), rtol=1e-12)
    mixed = Mixture((0.3, 0.7), (BartosEffect("cochrane"), Normal(0, 1)))
    np.testing.assert_allclose(mixture_density(mixed.as_normal_mixture(), x), mixed.density(x), rtol=2e-9)
    assert Flat().as_normal_mixture() is None


def test_a_student_t_far_out():
    # T with df = 2 has the cdf 1/2 + t / (2 sqrt(2 + t^2)): beyond t = -1e8 lies 1 / (2 t^2)
    assert StudentT(2, 0, 1).cdf(-1e8) == pytest.approx(0.5e-16, rel=1e-12)
    assert StudentT(2, 0, 1).quantile(0.5e-16) == pytest.approx(-1e8, rel=1e-12)
    assert StudentT(2, 0, 1).quantile(0.5) == 0.0
    assert math.isnan(StudentT(1, 0, 1).mean)
    assert StudentT(2, 0, 1).sd == math.inf


def test_a_known_tau_is_a_point():
    prior = Fixed(0.3)
    assert (prior.point, prior.mean, prior.sd, prior.proper) == (0.3, 0.3, 0.0, True)
    assert prior.cdf([0.2999, 0.3, 0.3001]).tolist() == [0, 1, 1]
    assert prior.survival([0.2999, 0.3, 0.3001]).tolist() == [1, 0, 0]
    assert prior.draws(3, 1).tolist() == [0.3] * 3
    assert prior.quantile(0.2) == prior.quantile_upper(0.2) == 0.3
    assert math.isnan(prior.cdf(math.nan))
    with pytest.raises(PriorError, match=r"has no density. Its value is prior\.point"):
        prior.density(0.3)
    assert HalfNormal(0.5).point is None
    assert Fixed(0).point == 0.0
    assert describe(Fixed(0)) == "fixed(0): tau is known to be 0: all settings share one effect."
    assert describe(Fixed(0.3)) == (
        "fixed(0.3): tau is known to be 0.3. In 1 of 20 settings the odds ratio differs from the typical one by a "
        "factor of more than exp(1.96 tau) = 1.8. P(tau > 1) is 0%."
    )


def test_the_normal_mixture_of_a_student_t_integrates_like_it():
    weights, locations, scales = StudentT(3, 0, 1).as_normal_mixture()
    mixed = np.sum(weights * np.exp(locations - 0.5 * scales**2 * 0.04))
    exact = 2 * integrate.quad(lambda x: np.cos(0.2 * x) * stats.t(3).pdf(x), 0, 4000, limit=2000)[0]
    assert mixed == pytest.approx(exact, abs=1e-6)
