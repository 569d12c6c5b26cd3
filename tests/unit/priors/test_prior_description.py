"""Priors in words: the numbers in the sentence are the prior's."""

import re

import numpy as np
import pytest

from bayesmeta.priors import (
    Exponential,
    Flat,
    HalfNormal,
    LogNormal,
    Normal,
    OddsRatioWithin,
    Uniform,
    catalogue,
    describe,
)
from bayesmeta.priors.parse import parse_prior


def test_a_tau_prior_is_told_as_odds_ratios_between_settings():
    # Median 0.6745 * 0.5 = 0.337; quantiles 0.0313 * 0.5 and 2.241 * 0.5; exp(1.96 * 0.337) = 1.94; 2 Phi(-2) = 4.55%.
    assert describe(HalfNormal(0.5)) == (
        "half_normal(0.5): median of tau 0.337, 95% between 0.0157 and 1.12. At the median, in 1 of 20 settings the "
        "odds ratio differs from the typical one by a factor of more than exp(1.96 tau) = 1.94. P(tau > 1) is 4.6%."
    )


def test_an_effect_prior_is_told_as_an_odds_ratio():
    assert describe(OddsRatioWithin(250)) == (
        "odds_ratio_within(250): median of the odds ratio 1, 95% between 0.004 and 250."
    )
    assert describe(Normal(0, 4)) == "normal(0, 4): median of the odds ratio 1, 95% between 0.000394 and 2,540."


def test_an_improper_prior_is_called_so():
    assert "improper" in describe(Flat())


@pytest.mark.parametrize(
    ("prior", "words"),
    [
        (Uniform(0, 0.9), "is 0%."),
        (Uniform(1, 2), "is 100%."),
        (HalfNormal(0.02), "is less than 0.01%."),
        (LogNormal(5, 0.1), "is more than 99.99%."),
        (Exponential(np.log(2)), "is 50%."),
        (HalfNormal(100), "is 99%."),
    ],
    ids=str,
)
def test_zero_and_hundred_percent_are_said_only_where_they_are_exact(prior, words):
    assert describe(prior).endswith(f"P(tau > 1) {words}")


def test_odds_ratios_beyond_floats_are_written_as_powers():
    assert "95% between exp(-19,600) and exp(19,600)" in describe(Normal(0, 1e4))


def test_every_prior_can_be_described():
    for family in catalogue():
        for text in family.examples:
            words = describe(parse_prior(text, family.role or "mu"))
            assert words.startswith(f"{text}: ")
            assert re.search(r"\b(nan|inf)\b", words) is None


@pytest.mark.parametrize(
    "text", ["half_normal(0.5)", "Normal(0, 1)", "flat", "mixture(0.9, normal(0, 1), 0.1, normal(0, 4))"]
)
def test_a_text_is_described_as_its_prior(text):
    role = "tau" if text.startswith("half") else "mu"
    assert describe(text) == describe(parse_prior(text, role))


@pytest.mark.parametrize(("text", "beyond"), [("fixed(0.3)", "0%"), ("fixed(2)", "100%")])
def test_a_known_tau_says_whether_it_is_fairly_extreme(text, beyond):
    assert describe(text).endswith(f"P(tau > 1) is {beyond}.")
