"""Rows of a table as plain values."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd


def rows(table: pd.DataFrame) -> Iterator[Any]:
    """The rows one by one, each with its columns as attributes.

    Examples
    --------
    >>> [row.k for row in rows(pd.DataFrame({"k": [8, 3]}))]
    [8, 3]
    """
    return iter(table.itertuples(index=False))


def plain(value: Any) -> Any:
    """A value that JSON can hold: NumPy's numbers become Python's, and what is not a finite number becomes None.

    Examples
    --------
    >>> plain(np.float64(0.5)), plain(np.nan), plain(-np.inf), plain("yes")
    (0.5, None, None, 'yes')
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return None if value is pd.NA or value is pd.NaT else value


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as dicts of plain values, by column.

    Examples
    --------
    >>> records(pd.DataFrame({"study": ["A"], "se": [np.nan]}))
    [{'study': 'A', 'se': None}]
    """
    names = [str(name) for name in table.columns]
    return [dict(zip(names, map(plain, row))) for row in table.itertuples(index=False, name=None)]
