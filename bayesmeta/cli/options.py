"""Options that several commands share, and the trials that they speak of."""

import difflib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bayesmeta.effects import ZERO_CELL_RULES
from bayesmeta.errors import DataError, ModelError
from bayesmeta.files import written
from bayesmeta.trials import Trials, dataset_names, load, read_trials
from bayesmeta.trials.place import shown

File = Annotated[str, typer.Argument(metavar="FILE", help="CSV file, - for standard input, or name of a data set.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
ZERO_CELLS_HELP = f"Rule for tables with a zero: {', '.join(ZERO_CELL_RULES)}."
ZeroCells = Annotated[str, typer.Option(metavar="RULE", help=ZERO_CELLS_HELP)]
Data = Annotated[
    str, typer.Option(metavar="auto|estimates", help="auto: counts where a row has them; estimates: estimates only.")
]
Outcome = Annotated[
    str | None, typer.Option(metavar="NAME", help="Which outcome, where column outcome of FILE holds several.")
]
Direction = Annotated[
    str | None,
    typer.Option(metavar="higher|lower", help="Whether more or fewer events are wished; as FILE says if not."),
]

Draws = Annotated[str, typer.Option(metavar="N", help="Draws in each chain.")]
Tune = Annotated[str, typer.Option(metavar="N", help="Tuning draws in each chain, not kept (nuts).")]
Chains = Annotated[str, typer.Option(metavar="N", help="Number of chains.")]
Seed = Annotated[str, typer.Option(metavar="N", help="Seed of the draws.")]
Sampler = Annotated[str, typer.Option(metavar="nutpie|pymc", help="Which NUTS (nuts).")]

LARGEST = 2**32 - 1  # what every generator takes for a seed


def whole_number(option: str, text: str, smallest: int) -> int:
    """The number that an option states.

    Examples
    --------
    >>> whole_number("--draws", "500", smallest=1)
    500

    Raises
    ------
    ModelError : it states none, or one out of range.
    """
    if re.fullmatch(r"\d{1,10}", text, re.ASCII) and smallest <= int(text) <= LARGEST:
        return int(text)
    raise ModelError(f'{option} "{shown(text)}". Expected a whole number from {smallest} to {LARGEST}.')


def evidence(file: str, *, data: str = "auto", outcome: str | None = None, direction: str | None = None) -> Trials:
    """The trials that the argument FILE means; a file goes before a data set of the same name.

    Raises
    ------
    DataError : no such file or data set, or trials that cannot be used.
    """
    if file == "-":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "standard input"
            path.write_bytes(sys.stdin.buffer.read())
            return read_trials(path, data=data, outcome=outcome, direction=direction)
    if is_data_set(file):
        return _data_set(file, data, outcome, direction)
    close = difflib.get_close_matches(file, dataset_names(), n=1)
    if close and not Path(file).exists():
        raise DataError(f"{shown(file)}: no such file, and no data set of that name. Did you mean {close[0]}?")
    return read_trials(file, data=data, outcome=outcome, direction=direction)


def is_data_set(file: str) -> bool:
    """Whether a data set is meant: a file goes before a data set of the same name."""
    return file in dataset_names() and not Path(file).is_file()


def _data_set(name: str, data: str, outcome: str | None, direction: str | None) -> Trials:
    trials = load(name)
    if outcome is not None and outcome.casefold() != trials.outcome.casefold():
        raise DataError(f'data set {name}: no outcome "{shown(outcome)}". It has {trials.outcome} alone.')
    if direction is not None:
        trials = replace(trials, direction=direction)
    if data not in ("auto", "estimates"):
        raise DataError(f'data "{shown(data)}". Expected "auto" or "estimates".')
    return trials.with_estimates() if data == "estimates" else trials


@contextmanager
def output_file(path: Path) -> Iterator[Path]:
    """A temporary path to write to, moved to `path` in the end; what the system refuses becomes a message.

    Raises
    ------
    DataError : it cannot be written.
    """
    try:
        with written(path) as temporary:
            yield temporary
    except OSError as problem:
        raise DataError(f"{shown(path)}: cannot be written ({problem.strerror or problem}).") from None


def picture_folder(text: str) -> Path:
    """The folder that --pictures names, which may still have to be made.

    Raises
    ------
    DataError : there is a file of that name, or nothing can be written there.
    """
    path = Path(text)
    nearest = next(one for one in (path, *path.parents) if one.exists())
    if not nearest.is_dir():
        raise DataError(f"--pictures {shown(text)}: {shown(nearest)} is a file. Name a folder.")
    if not os.access(nearest, os.W_OK):
        raise DataError(f"--pictures {shown(text)}: {shown(nearest)} cannot be written to. Name another folder.")
    return path


def not_a_replication(trials: Trials) -> list[str]:
    """The sentence that goes with every number from a part of the published trials; none where all are there."""
    published = trials.published
    if published is None or published.k <= trials.number:
        return []
    return [
        f"Counts could be read for {trials.number} of the {published.k} trials that the review pooled. They are not a"
        f" fair sample of them, and results from them are not a replication of the review."
    ]
