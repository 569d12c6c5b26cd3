"""`bm.script`: what a model script needs around the analysis itself, so that the script is the analysis."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesmeta.errors import BayesmetaError
from bayesmeta.fit import SEED
from bayesmeta.trials import Trials, load, read_trials

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Script:
    """One run of a model script: its options, its data, its results.

    Attributes
    ----------
    draws : draws kept in each chain, for `bm.fit(..., draws=run.draws)`.
    seed : integer seed, for `bm.fit(..., seed=run.seed)`.
    out : folder for the results.
    data : path of a table to use instead of the shipped one, or None.

    Examples
    --------
    >>> run = Script("An analysis.", ["--seed", "1"])
    >>> run.seed, run.trials("crins2014").k
    (1, 6)
    """

    def __init__(self, description: str | None, arguments: list[str] | None = None) -> None:
        text = (description or "").strip()
        parser = argparse.ArgumentParser(
            description=text, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
        )
        parser.add_argument(
            "--data", metavar="FILE", help="CSV table to use instead of the shipped trials (bayesmeta data --template)"
        )
        parser.add_argument(
            "--draws", type=_positive, default=1000, help="draws kept in each of 4 chains (default 1000)"
        )
        parser.add_argument("--seed", type=int, default=SEED, help=f"integer seed (default {SEED})")
        parser.add_argument(
            "--out", metavar="FOLDER", default="results", help="folder for the results (default results)"
        )
        options = parser.parse_args(arguments)
        self.data: str | None = options.data
        self.draws: int = options.draws
        self.seed: int = options.seed
        self.out = Path(options.out)
        self._trials: Trials | None = None
        self._figures: list[Figure] = []

    def trials(self, name: str) -> Trials:
        """The shipped trials of that name, or the table given by --data in their place.

        A table from --data keeps the outcome, the wished direction and the published pooled result of the shipped set,
        so that whoever holds all published trials checks them against what was printed.

        Parameters
        ----------
        name : of a shipped data set.

        Returns
        -------
        Trials
        """
        shipped = load(name)
        self._trials = shipped if self.data is None else _in_place_of(shipped, self.data)
        from bayesmeta.report import evidence

        self.say(evidence(self._trials))
        return self._trials

    def say(self, message: str) -> None:
        """A line of progress on standard error."""
        print(message, file=sys.stderr, flush=True)

    def save(self, *figures: "Figure") -> None:
        """Keep figures for the results folder, each under its label; written by `report`.

        Parameters
        ----------
        figures : from `bm.plots`.
        """
        self._figures += figures

    def report(self, *results: Any) -> None:
        """Write figures, results.json, results.csv, draws and record.json, and print the tables.

        Parameters
        ----------
        results : pools, posteriors and checks, in any order.
        """
        from bayesmeta.plots import save_figure
        from bayesmeta.report import Report
        from bayesmeta.workflow import terminal
        from bayesmeta.workflow.outputs import staged, write_draws, write_results

        if self._trials is None:
            raise BayesmetaError("a script reports on trials: call run.trials(name) first.")
        report = Report.of(self._trials, *results)
        with staged(self.out) as folder:
            for figure in self._figures:
                save_figure(figure, folder / f"{figure.get_label()}.png")
            write_draws(folder, [fit for fit in report.fits if fit.engine == "nuts"])
            write_results(
                folder,
                {self._trials.name: report},
                seed=self.seed,
                options={"draws": self.draws, "data": bool(self.data)},
            )
        terminal.show(report)
        self.say(f"Results are in {self.out}.")


def script(description: str | None = None) -> Script:
    """Read a model script's options from the command line: --data --draws --seed --out.

    A refusal (`BayesmetaError`) anywhere in the script then ends it with one message and status 2, without a traceback.

    Parameters
    ----------
    description : shown by --help; give the script's `__doc__`.

    Returns
    -------
    Script
    """
    sys.excepthook = _one_message
    return Script(description)


def _one_message(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
    if isinstance(error, BayesmetaError):
        print(error, file=sys.stderr, flush=True)
        sys.stdout.flush()
        raise SystemExit(2)  # an excepthook that exits sets the status
    sys.__excepthook__(kind, error, traceback)


def _in_place_of(shipped: Trials, path: str) -> Trials:
    """The user's table with the shipped set's outcome, direction and published result."""
    from dataclasses import replace

    table = read_trials(path, outcome=shipped.outcome, direction=shipped.direction)
    return replace(table, published=shipped.published)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a positive whole number")
    return value
