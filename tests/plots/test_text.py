"""Names from data are drawn as they stand, and fit their column."""

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import cbook

from bayesmeta.plots.style import new_figure, styled
from bayesmeta.plots.text import UNKNOWN_SIGN, fitted, number, plain_text, width
from bayesmeta.wording import percent
from tests.plots.reading import AWKWARD

anything = st.text(st.characters(exclude_categories=()), max_size=40)


@given(anything)
def test_no_text_is_taken_for_a_formula(text):
    assert not cbook.is_math_text(plain_text(text))
    assert "\n" not in plain_text(text)


@pytest.mark.parametrize("text", [*AWKWARD, "lone \ud800 surrogate"])
def test_any_name_can_be_drawn_without_a_warning(text):
    with styled():
        figure = new_figure("text", 4, 1)
        figure.text(0, 0, plain_text(text))
        figure.text(0, 0.5, plain_text(text), fontweight="bold")
        figure.canvas.draw()


@given(anything)
def test_only_signs_that_the_font_has_are_left(text):
    with styled():
        figure = new_figure("text", 2, 0.5)
        figure.text(0, 0, plain_text(text))
        figure.draw_without_rendering()


def test_signs_without_a_picture_become_simpler_ones_or_a_box():
    assert plain_text("山田 2001") == UNKNOWN_SIGN * 2 + " 2001"
    assert plain_text("Ｗright") == "Wright"  # full-width W


@given(anything, st.floats(0.3, 3.0))
def test_a_fitted_name_is_no_wider_than_its_column(text, inches):
    assert width(fitted(text, inches, 8.5), 8.5) <= inches


def test_a_long_name_keeps_its_year():
    short = fitted("Kalinauskienė, Cekuolienė, van IJzendoorn and others 2009", 2.0, 8.5)
    assert short.startswith("Kalina")
    assert short.endswith("2009")
    assert "…" in short


def test_the_width_is_that_of_the_drawn_text():
    with styled():
        figure = new_figure("text", 4, 1)
        text = figure.text(0, 0, "Cicchetti 2006 [0.95]", fontsize=8.5)
    drawn = text.get_window_extent(figure.canvas.get_renderer()).width / figure.dpi
    assert width("Cicchetti 2006 [0.95]", 8.5) == pytest.approx(drawn, rel=0.03)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (9.996, "10.0"), (99.96, "100"), (9999.6, "1e+04"), (float("inf"), "∞"), (0.0996, "0.10")],
)
def test_numbers_at_the_edges(value, text):
    assert number(value) == text


def test_no_probability_is_printed_as_certain():
    assert percent(1.0) == ">99.9%"
    assert percent(0.0) == "<0.1%"
    assert percent(0.9951) == "99.5%"


def test_settings_of_the_user_come_back():
    with mpl.rc_context({"font.size": 30}):
        with styled():
            assert mpl.rcParams["font.size"] != 30
        assert mpl.rcParams["font.size"] == 30
