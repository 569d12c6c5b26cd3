"""From a file or a DataFrame to a header and rows of text, each row with the number a spreadsheet shows."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bayesmeta.errors import DataError
from bayesmeta.trials.columns import MEANING, WHOLE_TABLE
from bayesmeta.trials.place import shown

SEPARATORS = (",", ";", "\t")

#: First bytes of files that are often given by mistake, with what they are.
SIGNATURES = (
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a compressed file"),
    (b"%PDF", "a PDF"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)
REMEDY = 'Save it as "CSV UTF-8".'


@dataclass(frozen=True)
class Records:
    """A table as text.

    Parameters
    ----------
    origin : file, or "table".
    header : column names, surrounding blanks removed.
    rows : cells of each row that holds anything.
    numbers : their row numbers; the header is row 1.
    decimal_comma : whether "1,5" is a number here.
    """

    origin: str
    header: tuple[str, ...]
    rows: list[list[str]]
    numbers: list[int]
    decimal_comma: bool = False

    def cells(self, position: int) -> list[str]:
        """One column."""
        return [row[position] for row in self.rows]


def records_of_file(path: Path) -> Records:
    """Read a CSV file: UTF-8 with or without BOM; separated by commas, semicolons (decimal commas allowed) or tabs.

    Raises
    ------
    DataError : it cannot be opened, is no CSV text in UTF-8, or its rows differ in length.
    """
    text = text_of(path)
    origin = path.name or str(path)
    separator, lines = split(text, origin)
    header = tuple(cell.strip() for cell in lines[0][1]) if lines else ()
    if not any(header):
        raise DataError(f"{origin}: empty. Expected a header row with column names, and one row for each comparison.")
    for number, cells in lines[1:]:
        if len(cells) != len(header):
            first = next((cell for cell in cells if cell.strip()), "")
            raise DataError(
                f"{origin}, row {number} ({shown(first)}): {len(cells)} cells under {len(header)} column names. Every "
                "row needs as many cells as the header; text that holds the separator stands in double quotes."
            )
    return with_content(origin, header, lines[1:], separator == ";")


def records_of_frame(frame: pd.DataFrame) -> Records:
    """A DataFrame as the same kind of text, so that both pass the same conversions."""
    header = tuple(str(name).strip() for name in frame.columns)
    gaps = frame.isna().to_numpy()
    values = [list(frame.iloc[:, position]) for position in range(frame.shape[1])]
    rows = [
        (row + 2, ["" if gaps[row, column] else str(values[column][row]) for column in range(len(header))])
        for row in range(len(frame))
    ]
    return with_content("table", header, rows, False)


def with_content(
    origin: str, header: tuple[str, ...], lines: Sequence[tuple[int, list[str]]], decimal_comma: bool
) -> Records:
    """Leave out rows that say nothing: all blank but for what holds for the whole table, as in an unfilled template."""
    telling = [position for position, name in enumerate(header) if MEANING.get(name.casefold()) not in WHOLE_TABLE]
    kept = [(number, cells) for number, cells in lines if any(cells[position].strip() for position in telling)]
    for position, name in enumerate(header):
        content = next(((number, cells[position]) for number, cells in kept if cells[position].strip()), None)
        if not name and content:
            raise DataError(
                f"{origin}, row 1: column {position + 1} has no name, but holds {shown(content[1])} in row "
                f"{content[0]}. Name it or empty it "
                "(from R: write.csv(..., row.names = FALSE))."
            )
    return Records(origin, header, [cells for _, cells in kept], [number for number, _ in kept], decimal_comma)


def text_of(path: Path) -> str:
    """The text of a file, or a refusal that says what the file is instead."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(
            f"{shown(path)}: no such file. `bayesmeta data` lists the data sets that can be given by name."
        ) from None
    except IsADirectoryError:
        raise DataError(f"{shown(path)}: a folder. Expected a CSV file.") from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        raise DataError(f"{shown(path)}: cannot be read ({reason}).") from None
    origin = path.name
    for signature, what in SIGNATURES:
        if content.startswith(signature):
            raise DataError(f"{origin}: {what}, not a CSV file in UTF-8. {REMEDY}")
    if b"\0" in content:
        raise DataError(f"{origin}: binary data, not a CSV file. {REMEDY}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        row = content.count(b"\n", 0, problem.start) + 1
        raise DataError(f"{origin}, row {row}: byte 0x{content[problem.start]:02x} is not UTF-8. {REMEDY}") from None


def split(text: str, origin: str) -> tuple[str, list[tuple[int, list[str]]]]:
    """The separator, and the rows that are not empty with their numbers.

    The separator is the one under which the header holds the most known column names, then the most columns.
    """
    best = max(SEPARATORS, key=lambda separator: header_score(text, separator))
    return best, parse(text, best, origin)


def header_score(text: str, separator: str) -> tuple[int, int]:
    """How much a separator makes of the first row: known column names, columns."""
    try:
        header = next(
            (
                cells
                for cells in csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
                if cells
            ),
            [],
        )
    except csv.Error:
        return (0, 0)
    return sum(cell.strip().casefold() in MEANING for cell in header), len(header)


def parse(text: str, separator: str, origin: str) -> list[tuple[int, list[str]]]:
    """Rows that are not empty, numbered as a spreadsheet does."""
    rows: list[tuple[int, list[str]]] = []
    number = 0
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
        for number, cells in enumerate(lines, start=1):
            if any(cell.strip() for cell in cells):
                rows.append((number, cells))
    except csv.Error as problem:
        raise DataError(
            f"{origin}, row {number + 1}: not CSV ({problem}). Look for a double quote that is not closed or doubled."
        ) from None
    return rows
