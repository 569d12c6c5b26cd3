"""What commands print: strict JSON, tables that fit 80 columns, and numbers as people read them."""

import json
import math
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from rich.console import Console

FIRST_COLUMN, LONGEST_WORD = 12, 24  # least width of the column that wraps; a word up to so long stays in one piece
GAP = 2


def plain(value: Any) -> Any:
    """The same value in what JSON knows: NaN and infinity become None, arrays lists, NumPy's numbers Python's.

    Examples
    --------
    >>> plain({"x": np.float64("nan"), "n": np.int64(3), "rows": (1.5, None)})
    {'x': None, 'n': 3, 'rows': [1.5, None]}
    """
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def json_text(value: Any) -> str:
    """Strict JSON in full precision, in ASCII so that it passes through every pipe."""
    return json.dumps(plain(value), indent=2, allow_nan=False)


def print_json(value: Any) -> None:
    """JSON on standard output."""
    sys.stdout.write(f"{json_text(value)}\n")


def printable(text: object) -> str:
    """Text as it may be shown in a terminal: characters that control it, or turn its writing around, as escapes.

    Examples
    --------
    >>> printable("Moran\\x1b[31m 2005")
    'Moran\\\\x1b[31m 2005'
    """
    return "".join(
        letter
        if letter.isprintable()
        else " "
        if unicodedata.category(letter) == "Zs"
        else letter.encode("unicode_escape").decode("ascii")
        for letter in str(text)
    )


def in_one_line(text: str) -> str:
    """A message on one line, safe to show."""
    return printable(" ".join(text.split()))


# Tables


def console() -> "Console":
    """Standard output without markup: a study called [red] is shown as [red]."""
    from rich.console import Console

    return Console(markup=False, emoji=False, highlight=False)


def print_table(out: "Console", title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table whose first column wraps between words and whose other columns, the numbers, never do.

    Where the numbers need more room than the terminal has, lines get longer; nothing is cut off.
    """
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table

    texts = list(zip(columns, *rows, strict=True))
    words = [cell_len(word) for text in texts[0] for word in printable(text).split()]
    first = max(FIRST_COLUMN, *(min(word, LONGEST_WORD) for word in words), 0)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for position, column in enumerate(columns):
        table.add_column(
            printable(column),
            justify="right" if position else "left",
            no_wrap=position > 0,
            overflow="fold",
            min_width=None if position else first,
        )
    for row in rows:
        table.add_row(*(printable(cell) for cell in row))
    needed = first + sum(GAP + max(cell_len(printable(text)) for text in column) for column in texts[1:])
    out.print(printable(title), style="bold")
    usual, out.width = out.width, max(out.width, needed)
    out.print(table)
    out.width = usual
    out.print()


def print_lines(out: "Console", lines: Sequence[str]) -> None:
    """Sentences, each on lines of its own, with a hanging indent; addresses stay in one piece."""
    import textwrap

    for line in lines:
        hanging = " " * (len(line) - len(line.lstrip()) + 2)
        wrapped = textwrap.fill(
            printable(line),
            width=out.width,
            subsequent_indent=hanging,
            break_on_hyphens=False,
            break_long_words=False,
        )
        out.print(wrapped, soft_wrap=True)
