"""Reading trials from a CSV file or a DataFrame, in the column names of this package, of metafor or of meta."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesmeta.errors import DataError
from bayesmeta.trials.cells import column_of_any_kind, is_missing, number
from bayesmeta.trials.checking import check_counts, check_table
from bayesmeta.trials.columns import ALIASES, COUNTS, ESTIMATES, NUMBERS, WHOLE_TABLE, meanings
from bayesmeta.trials.place import Place, shown
from bayesmeta.trials.published import PublishedPool
from bayesmeta.trials.records import Records, records_of_file, records_of_frame
from bayesmeta.trials.trials import DIRECTIONS, Trials, nothing_set_aside

#: Arm to the column with its people who had no event.
OTHERS = {"treated": "bi", "control": "di"}
RECOGNISED = (
    "study with events_treated, total_treated, events_control, total_control (metafor: ai, bi or n1i, ci, di or n2i; "
    "meta: event.e, n.e, event.c, n.c), or study with estimate and se (metafor: yi, vi or sei; meta: TE, seTE)"
)
DATA_CHOICES = ("auto", "estimates")


def read_trials(
    path_or_frame: str | os.PathLike[str] | pd.DataFrame,
    *,
    name: str | None = None,
    outcome: str | None = None,
    direction: str | None = None,
    data: str = "auto",
) -> Trials:
    """Read trials from a CSV file or a DataFrame.

    CSV in UTF-8, separated by commas, semicolons (numbers may then have a decimal comma) or tabs; one row for each
    comparison. Column names in any case: own, metafor's or meta's. Every other column is kept. Nothing is guessed and
    nothing dropped: a row that cannot be used is an error.

    Parameters
    ----------
    path_or_frame : the file, or a table that is already in memory.
    name : short name; the file's name without ending by default.
    outcome : what was counted. Where column `outcome` holds several, the rows of this one are read and the others
        are set aside.
    direction : "higher" or "lower", what is wished; by default what column `direction` says.
    data : "auto" takes counts where a row has them, else its estimate; "estimates" takes estimates only.

    Returns
    -------
    Trials

    Raises
    ------
    DataError : one message with file, row, study, column, the value found and what was expected.

    Examples
    --------
    >>> frame = pd.DataFrame({"study": ["A", "B"], "ai": [3, 5], "n1i": [20, 40], "ci": [6, 9], "n2i": [21, 38]})
    >>> read_trials(frame).counts[0].tolist()
    [3.0, 20.0, 6.0, 21.0]
    """
    if data not in DATA_CHOICES:
        raise DataError(f'data "{shown(data)}". Expected "auto" or "estimates".')
    if isinstance(path_or_frame, pd.DataFrame):
        records = records_of_frame(path_or_frame)
        stem = "trials"
    else:
        path = Path(path_or_frame)
        records = records_of_file(path)
        stem = path.stem or "trials"
    trials = trials_of(records, name=name or stem, outcome=outcome, direction=direction)
    return trials.with_estimates() if data == "estimates" else trials


def outcomes_named(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """What column `outcome` of a file says, each value once; nothing where there is no such column.

    Raises
    ------
    DataError : a file that is no table.
    """
    records = records_of_file(Path(path))
    position = meanings(records.header, records.origin).get("outcome")
    if position is None:
        return ()
    return tuple(dict.fromkeys(cell.strip() for cell in records.cells(position) if cell.strip()))


def trials_of(
    records: Records,
    *,
    name: str,
    outcome: str | None = None,
    direction: str | None = None,
    published: PublishedPool | None = None,
    set_aside: pd.DataFrame | None = None,
) -> Trials:
    """Trials from rows of text; `read_trials` says how."""
    where = meanings(records.header, records.origin)
    if "study" not in where:
        raise DataError(f"{records.origin}: no column study. It has {listed(records)}. Recognised: {RECOGNISED}.")
    records, others, outcome = rows_of_outcome(records, where, outcome)
    studies = [cell.strip() for cell in records.cells(where["study"])]
    place = Place(records.origin, records.numbers, studies, spelled(records.header, where))
    if direction is None:
        direction = one_direction(records, where, place)
    numbers, used = numbers_of(records, where, place)
    columns: dict[str, object] = {"study": pd.Series(studies, dtype=object), **numbers}
    shared = None
    if "trial" in where:
        shared = ["" if is_missing(cell) else cell.strip() for cell in records.cells(where["trial"])]
        columns["trial"] = pd.Series(shared, dtype=object)
    check_table(numbers, shared, place)
    for meaning, position in where.items():
        if meaning not in used and meaning not in columns and meaning not in WHOLE_TABLE:
            label = records.header[position]
            columns[label] = column_of_any_kind(records.cells(position), records.decimal_comma)
    aside = [frame for frame in (others, set_aside) if frame is not None and len(frame)]
    return Trials(
        pd.DataFrame(columns),
        name=name,
        outcome=outcome,
        direction=direction,
        published=published,
        set_aside=pd.concat(aside, ignore_index=True) if aside else nothing_set_aside(),
        origin=records.origin,
        row_numbers=tuple(records.numbers),
    )


def spelled(header: Sequence[str], where: Mapping[str, int]) -> dict[str, str]:
    """How the file names what a message speaks of, with sums and variances where those stand in for a column."""
    spelling = {meaning: header[position] for meaning, position in where.items()}
    for arm, others in OTHERS.items():
        if others in where:
            spelling.setdefault(
                f"total_{arm}", f"{spelling.get(f'events_{arm}', f'events_{arm}')} + {spelling[others]}"
            )
    if "vi" in where:
        spelling.setdefault("se", spelling["vi"])
    return spelling


def listed(records: Records) -> str:
    """The column names of a file, for messages."""
    return ", ".join(shown(column) for column in records.header if column) or "no columns"


def rows_of_outcome(
    records: Records, where: Mapping[str, int], outcome: str | None
) -> tuple[Records, pd.DataFrame | None, str]:
    """The rows of one outcome, the others as a frame with reasons, and the outcome's name."""
    if "outcome" not in where or not records.rows:
        return records, None, outcome or ""
    cells = [cell.strip() for cell in records.cells(where["outcome"])]
    found = list(dict.fromkeys(cells))
    if outcome is None:
        if len(found) > 1:
            raise DataError(
                f"{records.origin}, column {records.header[where['outcome']]}: several outcomes "
                f"({', '.join(shown(value) or 'blank' for value in found)}). Say which one with outcome=..., or rename "
                "the column if it is a moderator."
            )
        return records, None, found[0]
    chosen = [value.casefold() == outcome.strip().casefold() for value in cells]
    if not any(chosen):
        there = ", ".join(shown(value) or "blank" for value in found)
        raise DataError(f'{records.origin}: no row with outcome "{shown(outcome)}". It has {there}.')
    kept = Records(
        records.origin,
        records.header,
        [row for row, keep in zip(records.rows, chosen) if keep],
        [number for number, keep in zip(records.numbers, chosen) if keep],
        records.decimal_comma,
    )
    others = [row for row, keep in zip(records.rows, chosen) if not keep]
    return kept, frame_of_rows(others, where, "another outcome") if others else None, outcome


def frame_of_rows(rows: Sequence[Sequence[str]], where: Mapping[str, int], reason: str | Sequence[str]) -> pd.DataFrame:
    """Rows that are not used, as text, with the reason of each."""
    columns: dict[str, object] = {
        "study": [row[where["study"]] for row in rows],
        "reason": [reason] * len(rows) if isinstance(reason, str) else list(reason),
    }
    for meaning, position in where.items():
        if meaning != "study":
            columns["reason in the file" if meaning == "reason" else meaning] = [row[position] for row in rows]
    return pd.DataFrame(columns, dtype=object)


def one_direction(records: Records, where: Mapping[str, int], place: Place) -> str:
    """What column `direction` says, the same in every row."""
    if "direction" not in where or not records.rows:
        return ""
    cells = [cell.strip().casefold() for cell in records.cells(where["direction"])]
    for position, cell in enumerate(cells):
        if cell not in DIRECTIONS or cell != cells[0]:
            finding = f'"{shown(cell)}". Expected "higher" or "lower", the same in every row.'
            raise place.error(position, "direction", finding)
    return cells[0]


def numbers_of(
    records: Records, where: Mapping[str, int], place: Place
) -> tuple[dict[str, NDArray[np.float64]], set[str]]:
    """Canonical number columns, and the columns that went into them."""
    names = [name for name in ALIASES if name in where and name not in ("study", "trial", *WHOLE_TABLE)]
    read = {name: numbers_in(records.cells(where[name]), name, records.decimal_comma, place) for name in names}
    used = set(names)
    for arm in OTHERS:
        used -= totals(read, arm, place)
    used -= standard_errors(read, place)
    numbers = {name: read[name] for name in NUMBERS if name in read}
    if not all(name in numbers for name in COUNTS) and not all(name in numbers for name in ESTIMATES):
        found = f"{records.origin}: neither counts nor estimates. It has {listed(records)}."
        raise DataError(f"{found} Recognised: {RECOGNISED}.")
    return numbers, used


def numbers_in(
    cells: Sequence[str], name: str, decimal_comma: bool, place: Place, expected: str = ""
) -> NDArray[np.float64]:
    """A number column, NaN where a cell is blank; `expected` says in a refusal what the column holds."""
    values = np.full(len(cells), np.nan)
    for position, cell in enumerate(cells):
        if is_missing(cell):
            continue
        value = number(cell, decimal_comma)
        if value is None:
            hint = " Numbers have no thousands separator, and a point before decimals." if "," in cell else ""
            wanted = f" Expected {expected}." if expected else ""
            raise place.error(position, name, f'"{shown(cell)}" is not a number.{wanted}{hint}')
        if not math.isfinite(value):
            raise place.error(position, name, f"{shown(cell)} is too large for any arithmetic.")
        values[position] = value
    return values


def totals(read: dict[str, NDArray[np.float64]], arm: str, place: Place) -> set[str]:
    """Fill in totals from events and non-events; where a file has both they must agree.

    Returns the columns that stay in the table beside the totals.
    """
    events, others, total = f"events_{arm}", OTHERS[arm], f"total_{arm}"
    if others not in read:
        return set()
    check_counts(others, read[others], place)
    if events not in read:
        return {others}
    with np.errstate(invalid="ignore"):
        sums = read[events] + read[others]
    if total not in read:
        read[total] = sums
        return set()
    bad = ~np.isnan(sums) & ~np.isnan(read[total]) & (sums != read[total])
    if bad.any():
        position = int(np.argmax(bad))
        values = [shown(float(read[name][position])) for name in (events, others, total)]
        raise place.error(
            position, (events, others, total), f"{values[0]} + {values[1]} is not {values[2]}. The total is their sum."
        )
    read[total] = np.where(np.isnan(read[total]), sums, read[total])
    return {others}


def standard_errors(read: dict[str, NDArray[np.float64]], place: Place) -> set[str]:
    """Standard errors from variances where a file has no standard errors.

    Returns the columns that stay in the table beside them.
    """
    if "vi" not in read:
        return set()
    variances = read["vi"]
    bad = ~np.isnan(variances) & ~((variances > 0) & (variances < math.inf))
    if bad.any():
        position = int(np.argmax(bad))
        raise place.error(position, "vi", f"{shown(float(variances[position]))}. A variance is positive.")
    if "se" not in read:
        read["se"] = np.sqrt(variances)
        return set()
    return {"vi"}
