"""Rows of a table as plain values."""

import json

import numpy as np
import pandas as pd

from bayesmeta.tables import plain, records, rows

TABLE = pd.DataFrame({"study": ["A", "B"], "k": [3, 4], "se": [0.5, np.nan], "of": [None, "x"], "yes": [True, False]})


def test_rows_have_their_columns_as_attributes():
    assert [(row.study, row.k) for row in rows(TABLE)] == [("A", 3), ("B", 4)]


def test_records_are_json():
    text = json.dumps(records(TABLE), allow_nan=False)
    assert json.loads(text) == [
        {"study": "A", "k": 3, "se": 0.5, "of": None, "yes": True},
        {"study": "B", "k": 4, "se": None, "of": "x", "yes": False},
    ]
    assert records(pd.DataFrame()) == []


def test_what_is_missing_is_none_and_numpy_is_gone():
    assert [plain(value) for value in (np.nan, np.inf, pd.NA, pd.NaT, None)] == [None] * 5
    assert [type(plain(value)) for value in (np.float64(1), np.int64(1), np.bool_(True), "x")] == [
        float,
        int,
        bool,
        str,
    ]
