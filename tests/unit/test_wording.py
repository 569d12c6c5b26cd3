"""Numbers, probabilities and intervals read alike wherever they stand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.plots.text import number as drawn
from bayesmeta.report import number as reported
from bayesmeta.sensitivity.words import probability as decided
from bayesmeta.wording import figures, number, percent, probability, ratio, ratio_figures, spanned


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_a_shown_number_is_right_to_three_digits(value):
    assert float(figures(value).replace(",", "")) == pytest.approx(value, rel=5.1e-3)


def test_a_ratio_beyond_the_range_of_floats_is_shown():
    assert ratio(math.log(1.85)) == ratio_figures(math.log(1.85)) == "1.85"
    assert ratio_figures(-1e5) == "exp(-100,000)"
    assert ratio(-1e5).startswith("exp(-1")


@given(st.floats(min_value=0, max_value=1))
def test_a_probability_is_right_to_three_decimals_and_never_certain(value):
    shown = probability(value)
    assert float(shown.lstrip("<>")) == pytest.approx(value, abs=1.001e-3)
    assert shown not in ("0.000", "1.000")


@given(st.floats(min_value=1e-4, max_value=9000.0))
def test_pictures_tables_and_sentences_write_a_number_alike(value):
    assert drawn(value) == reported(value) == number(value)


@given(st.floats(min_value=0, max_value=1))
def test_a_sentence_that_decides_differs_from_a_table_only_next_to_a_bound(value):
    if min(abs(value - bound) for bound in (0.025, 0.05, 0.95, 0.975)) > 5e-4:
        assert decided(value) == probability(value)
    else:
        assert float(decided(value)) == pytest.approx(value, abs=5.1e-5)


@given(st.floats(min_value=0, max_value=1))
def test_a_percentage_never_reads_as_certainty(value):
    assert percent(value) not in ("0%", "100%", "0.0%", "100.0%")


def test_an_interval_stands_behind_its_number():
    assert spanned(1.85, 1.36, 2.52) == "1.85 (1.36 to 2.52)"
    assert spanned(math.nan, 0.0, math.inf) == "no number (0.00 to infinity)"
