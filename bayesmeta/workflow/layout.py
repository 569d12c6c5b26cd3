"""How a report looks in a terminal: its width, and its tables."""

import sys
from typing import IO

from rich.console import Console
from rich.table import Table

WIDTH = 110


def console(stream: IO[str] | None = None) -> Console:
    """A console that wraps at a readable width, and does not shrink tables when its output goes into a file."""
    found = Console(file=stream or sys.stdout, highlight=False)
    return found if found.is_terminal else Console(file=stream or sys.stdout, highlight=False, width=WIDTH)


def plain_table(title: str, *columns: str, caption: str | None = None) -> Table:
    """A plain table: the first column is text, the others are numbers and stand to the right."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        caption=caption,
        caption_justify="left",
        caption_style="",
        box=None,
        pad_edge=False,
    )
    for position, column in enumerate(columns):
        table.add_column(column, justify="right" if position else "left", no_wrap=position > 0, vertical="bottom")
    return table
