"""The axis of odds ratios: 1 is always on it, wild intervals do not stretch it, labels do not touch."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.plots.odds_ratios import FARTHEST, limits, ticks, wishes
from bayesmeta.plots.style import TEXT
from bayesmeta.plots.text import width

values = st.floats(-1e3, 1e3)


@given(st.lists(values, min_size=1, max_size=20), st.lists(values, max_size=20))
def test_1_lies_on_the_axis_whatever_the_data(inside, intervals):
    lower, upper = limits(inside, intervals)
    assert lower < 0 < upper
    assert max(-lower, upper) < 1.1 * FARTHEST + 1


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=20))
def test_what_must_be_seen_is_seen(inside):
    lower, upper = limits(inside, [])
    assert lower < min(inside)
    assert max(inside) < upper


def test_one_wild_interval_does_not_stretch_the_axis():
    # The interval of Cicchetti 2006 (secure) reaches 572; the others stay below 30.
    lower, upper = limits([0.3, 4.29], [-0.5, math.log(572)])
    assert math.log(73) < upper < math.log(572)
    assert lower < -0.5


@given(st.floats(-9, -0.001), st.floats(0.001, 9), st.floats(2, 8))
def test_ticks_are_on_the_axis_and_apart(lower, upper, inches):
    shown = ticks(lower, upper, inches)
    assert 1.0 in shown
    assert len(shown) <= 12
    at = [math.log(value) for value in shown]
    assert all(lower <= x <= upper for x in at)
    for (x0, v0), (x1, v1) in itertools.pairwise(zip(at, shown, strict=True)):
        apart = (x1 - x0) * inches / (upper - lower)
        assert apart >= (width(f"{v0:g}", TEXT) + width(f"{v1:g}", TEXT)) / 2


@pytest.mark.parametrize(
    ("lower", "upper", "wanted"),
    [(0.1, 10, [0.1, 0.2, 0.5, 1, 2, 5, 10]), (0.0099, 101, [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100])],
)
def test_ticks_are_those_that_readers_expect(lower, upper, wanted):
    assert ticks(math.log(lower), math.log(upper), 3.7) == wanted


def test_more_events_are_a_benefit_or_a_harm_by_the_direction_alone():
    assert wishes("higher").above == wishes("lower").below == "favours intervention"
    assert wishes("").above == "more events"
