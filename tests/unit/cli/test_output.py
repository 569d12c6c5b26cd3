"""Numbers as people read them, and JSON that every parser takes."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.cli.output import in_one_line, json_text, plain, print_table, printable


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_in_json_lose_no_digit(value):
    assert json.loads(json_text({"x": np.float64(value)}))["x"] == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan"), np.array([math.inf])[0]])
def test_what_is_no_number_is_null(value):
    assert json_text([value]) == "[\n  null\n]"


def test_json_is_ascii_and_knows_the_types_of_numpy():
    assert plain({"a": np.arange(2), "b": (np.bool_(True),), "c": {"d": np.int64(1)}}) == {
        "a": [0, 1],
        "b": [True],
        "c": {"d": 1},
    }
    assert json_text("Günhan").isascii()


@given(st.text())
def test_no_text_controls_the_terminal(text):
    assert printable(text).isprintable()
    assert "\n" not in in_one_line(text)


def test_a_wide_table_gets_longer_lines_and_keeps_every_digit():
    import io

    from rich.console import Console

    out = Console(file=io.StringIO(), width=30, markup=False)
    cells = [f"{n}.123456789 (1.1 to 2.2)" for n in range(4)]
    print_table(out, "title", ["name", "a", "b", "c", "d"], [["a study with a long name", *cells]])
    text = out.file.getvalue()
    assert all(cell in text for cell in cells)


def test_a_label_breaks_between_its_words_and_not_inside_them():
    import io

    from rich.console import Console

    out = Console(file=io.StringIO(), width=40, markup=False)
    cells = ["1.234 (1.1 to 2.2)", "0.123 to 4.567"]
    print_table(out, "title", ["name", "a", "b"], [["DerSimonian-Laird random effects", *cells]])
    assert "DerSimonian-Laird " in out.file.getvalue()
