"""Numbers as readers meet them."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayesmeta as bm
from bayesmeta.report import evidence, number, odds_ratio, probability


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.8512, "1.85"), (0.0312, "0.031"), (9.994, "9.99"), (9.996, "10.0"), (99.96, "100"), (572.3, "572"),
        (0, "0.00"), (-1.5, "-1.50"), (123456.0, "1.2e+05"), (3e-7, "3.0e-07"),
    ],
)  # fmt: skip
def test_numbers_keep_about_three_digits(value, text):
    assert number(value) == text


@given(st.floats(1e-6, 1e6))
def test_a_written_number_is_within_five_percent(value):
    assert float(number(value)) == pytest.approx(value, rel=0.05)


@given(st.floats(0, 1) | st.sampled_from([0.0005, 0.9995]))
def test_a_probability_never_reads_as_certainty(value):
    assert probability(value) not in ("0.000", "1.000")


def test_an_odds_ratio_has_its_interval():
    assert odds_ratio(1.85, 1.36, 2.52) == "1.85 (1.36 to 2.52)"


def test_too_few_trials_are_never_called_a_replication():
    for name in ("attachment/secure", "attachment/disorganised"):
        trials = bm.load(name)
        assert f"counts of {trials.k} of the {trials.published.k} published trials can be read" in evidence(trials)
        assert "this is not a replication" in evidence(trials)


def test_a_table_without_a_published_pool_is_only_counted():
    trials = bm.read_trials(pd.DataFrame({"study": ["A"], "estimate": [0.1], "se": [0.2]}), outcome="relapse")
    assert evidence(trials) == "relapse: 1 trial."
