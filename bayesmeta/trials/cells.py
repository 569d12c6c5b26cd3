"""From text to numbers: every conversion is written here, none is left to a guess."""

import math
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
CODE = re.compile(r"[+-]?0\d")  # "007" is a code; making it 7 would lose it
WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
LARGEST_WHOLE = 2**53

#: What R writes for "not there", beside the empty cell.
MISSING = ("", "NA")


def is_missing(text: str) -> bool:
    """Whether a cell says that there is nothing."""
    return text.strip() in MISSING


def number(text: str, decimal_comma: bool = False) -> float | None:
    """The number that a cell holds, None where it holds none.

    No thousands separators, no words such as "nan" or "inf"; the typographic minus sign counts as one.

    Examples
    --------
    >>> number(" 12.0 "), number("1e3"), number("1,5", decimal_comma=True), number("1,234")
    (12.0, 1000.0, 1.5, None)
    """
    plain = text.strip().replace("\N{MINUS SIGN}", "-")
    if decimal_comma and plain.count(",") == 1 and "." not in plain:
        plain = plain.replace(",", ".")
    return float(plain) if NUMBER.fullmatch(plain) else None


def column_of_any_kind(cells: Sequence[str], decimal_comma: bool = False) -> "pd.Series":
    """A column that may serve as moderator: numbers where every entry that is there is one, else text.

    Missing entries stay missing: NaN among numbers, None among words.
    """
    missing = [is_missing(cell) for cell in cells]
    values = [None if gap else number(cell, decimal_comma) for cell, gap in zip(cells, missing)]
    numeric = not all(missing) and all(
        gap or (value is not None and is_quantity(cell.strip(), value))
        for cell, value, gap in zip(cells, values, missing)
    )
    if not numeric:
        return pd.Series([None if gap else cell.strip() for cell, gap in zip(cells, missing)], dtype=object)
    array = np.array([math.nan if value is None else value for value in values])
    if all(WHOLE.fullmatch(cell.strip()) for cell in cells):
        return pd.Series(array.astype(np.int64))
    return pd.Series(array)


def is_quantity(cell: str, value: float) -> bool:
    """Whether nothing is lost when the cell becomes a number: "007" and twenty-digit identifiers stay text."""
    if CODE.match(cell) or not math.isfinite(value):
        return False
    return abs(value) < LARGEST_WHOLE or not WHOLE.fullmatch(cell)
