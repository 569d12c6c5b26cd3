"""Reading a survey of practice from a CSV file or a DataFrame."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from bayesmeta.errors import DataError
from bayesmeta.practice.survey import DIRECTIONS, EFFECT, NUMBERS, Survey
from bayesmeta.trials.cells import column_of_any_kind
from bayesmeta.trials.place import Place, shown
from bayesmeta.trials.reader import listed, numbers_in
from bayesmeta.trials.records import Records, records_of_file, records_of_frame

#: What a column means, and the names that mean it in any case: own name first.
ALIASES: dict[str, tuple[str, ...]] = {
    "intervention": ("intervention", "programme", "program"),
    "services_using": ("services_using", "using", "users"),
    "services": ("services", "services_asked", "services_total"),
    "odds_ratio": ("odds_ratio", "or"),
    "lower": ("lower", "or_lower", "lo95"),
    "upper": ("upper", "or_upper", "hi95"),
    "k": ("k", "trials"),
    "direction": ("direction",),
}
MEANING = {alias: meaning for meaning, aliases in ALIASES.items() for alias in aliases}
TEMPLATE = ("intervention", *NUMBERS, "direction", "source")


def read_survey(
    path_or_frame: str | os.PathLike[str] | pd.DataFrame, *, direction: str | None = None, name: str | None = None
) -> Survey:
    """Read what services use beside what trials found: one row for each intervention.

    Columns: intervention, services_using, services (how many were asked), odds_ratio, lower, upper (95% interval), k
    (trials pooled). An intervention without trials has k 0 and no odds ratio. Column direction says "higher" or
    "lower", the same in every row. Every other column is kept. CSV as for `read_trials`.

    Parameters
    ----------
    path_or_frame : the file, or a table that is already in memory.
    direction : "higher" where odds ratios above 1 are wished, "lower" where those below 1 are; by default what column
        `direction` says. It is never guessed.
    name : short name; the file's name without ending by default.

    Returns
    -------
    Survey

    Raises
    ------
    DataError : one message with file, row, intervention, column, the value found and what was expected.

    Examples
    --------
    >>> frame = pd.DataFrame({"intervention": ["A", "B"], "services_using": [30, 5], "services": [40, 40],
    ...                       "odds_ratio": [1.2, None], "lower": [0.8, None], "upper": [1.8, None], "k": [4, 0]})
    >>> read_survey(frame, direction="higher").has_evidence.tolist()
    [True, False]
    """
    if isinstance(path_or_frame, pd.DataFrame):
        records, stem = records_of_frame(path_or_frame), "survey"
        records = replace(records, origin=name or records.origin)
    else:
        path = Path(path_or_frame)
        _refuse_missing(path)
        records, stem = records_of_file(path), path.stem or "survey"
    where = columns_of(records)
    names = [cell.strip() for cell in records.cells(where["intervention"])]
    spelling = {meaning: records.header[position] for meaning, position in where.items()}
    place = Place(records.origin, records.numbers, names, spelling)
    columns: dict[str, object] = {"intervention": pd.Series(names, dtype=object)}
    for column in NUMBERS:
        expected = "an odds ratio, above 0" if column in EFFECT else "a whole number"
        columns[column] = numbers_in(records.cells(where[column]), column, records.decimal_comma, place, expected)
    columns["k"] = _without_trials(columns)
    for position, label in enumerate(records.header):
        if label and position not in where.values():
            columns[label] = column_of_any_kind(records.cells(position), records.decimal_comma)
    wished = direction if direction is not None else stated_direction(records, where, place)
    columns["direction"] = wished  # so that the table, written to a file, is read again
    return Survey(
        pd.DataFrame(columns),
        direction=wished,
        name=name or stem,
        origin=records.origin,
        rows=tuple(records.numbers),
        spelling=spelling,
    )


def _refuse_missing(path: Path) -> None:
    """No data set can be given by name here, so the refusal of a file of trials would mislead."""
    if not path.exists():
        raise DataError(
            f"{shown(path)}: no such file. Expected a survey as CSV: `bayesmeta practice --template` prints its"
            " header, `bayesmeta practice simulated` shows an example."
        )


def columns_of(records: Records) -> dict[str, int]:
    """Where each column stands.

    Raises
    ------
    DataError : one that is missing, or there twice.
    """
    where: dict[str, int] = {}
    for position, label in enumerate(records.header):
        meaning = MEANING.get(label.casefold())
        if meaning in where:
            raise DataError(
                f"{records.origin}, row 1, column {shown(label)}: means the same as column"
                f" {shown(records.header[where[meaning]])}. Keep one of them or rename one."
            )
        if meaning is not None:
            where[meaning] = position
    missing = [column for column in ("intervention", *NUMBERS) if column not in where]
    if missing:
        raise DataError(
            f"{records.origin}: no column {missing[0]}. It has {listed(records)}. Expected intervention,"
            f" {', '.join(NUMBERS)}: `bayesmeta practice --template` prints the header."
        )
    return where


def stated_direction(records: Records, where: dict[str, int], place: Place) -> str:
    """What column `direction` says, the same in every row."""
    if "direction" not in where:
        raise DataError(
            f"{records.origin}: no column direction. Say what is wished, there or as direction=... (--direction):"
            ' "higher" where odds ratios above 1 are, "lower" where those below 1 are.'
        )
    cells = [cell.strip().casefold() for cell in records.cells(where["direction"])]
    for position, cell in enumerate(cells):
        if cell not in DIRECTIONS or cell != cells[0]:
            finding = f'"{shown(cell)}". Expected "higher" or "lower", the same in every row.'
            raise place.error(position, "direction", finding)
    return cells[0] if cells else ""


def _without_trials(columns: dict[str, object]) -> object:
    """k is 0 where it and the effect are blank."""
    k, *effect = (np.asarray(columns[name], dtype=float) for name in ("k", *EFFECT))
    return np.where(np.isnan(k) & np.all(np.isnan(effect), axis=0), 0.0, k)


def template() -> str:
    """An empty CSV for a survey, one line of column names: `read_survey` says what goes where.

    Examples
    --------
    >>> print(template(), end="")
    intervention,services_using,services,odds_ratio,lower,upper,k,direction,source
    """
    return f"{','.join(TEMPLATE)}\n"
