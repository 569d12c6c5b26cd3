"""`bm.script`: what a model script needs around the analysis itself, so that the script is the analysis."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesmeta.errors import BayesmetaError
from bayesmeta.fit import SEED
from bayesmeta.trials import JointTrials, Trials, load
from bayesmeta.workflow.own_data import among, in_place_of, said_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from bayesmeta.practice import PracticeAgainstEvidence, Survey
    from bayesmeta.report import Report


class Script:
    """One run of a model script: its options, its data, its results.

    Attributes
    ----------
    draws : draws kept in each chain, for `bm.fit(..., draws=run.draws)`.
    seed : integer seed, for `bm.fit(..., seed=run.seed)`.
    out : folder for the results.
    data : path of a table to use instead of the shipped one, or None.
    direction : what is wished of other trials in such a table, "higher", "lower" or None.

    Examples
    --------
    >>> run = Script("An analysis.", ["--seed", "1"])
    >>> run.seed, run.trials("crins2014").k
    (1, 6)
    """

    def __init__(self, description: str | None, arguments: list[str] | None = None) -> None:
        parser = argparse.ArgumentParser(
            description=(description or "").strip(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        table = "CSV table to use instead of the shipped trials (bayesmeta data --template)"
        parser.add_argument("--data", metavar="FILE", help=table)
        wished = "what is wished, in a table of other trials that does not say it in column direction"
        parser.add_argument("--direction", choices=("higher", "lower"), help=wished)
        parser.add_argument("--draws", type=_positive, default=1000, help="draws in each of 4 chains (default 1000)")
        parser.add_argument("--seed", type=int, default=SEED, help=f"integer seed (default {SEED})")
        parser.add_argument("--out", metavar="FOLDER", default="results", help="folder for results (default results)")
        options = parser.parse_args(arguments)
        self.data: str | None = options.data
        self.direction: str | None = options.direction
        self.draws: int = options.draws
        self.seed: int = options.seed
        self.out = Path(options.out)
        self._evidence: list[Trials | JointTrials | Survey] = []
        self._figures: dict[str, list[Figure]] = {}
        self._tables: dict[str, dict[str, pd.DataFrame]] = {}
        self._reports: dict[str, Report] = {}

    def trials(self, name: str, rows: str = "arms", *, template: bool = False) -> Trials:
        """The shipped trials of that name, or the table given by --data in their place.

        A table from --data whose column outcome names that of the shipped set, as the template does, keeps its wished
        direction and published pooled result, so that whoever holds all published trials checks them against what was
        printed. One without that column answers the script's question, any other stands for itself. What is saved and
        reported afterwards belongs to these trials, until the next call.

        Parameters
        ----------
        name : of a shipped data set.
        rows : "arms" has the arms of multi-arm trials, "main" one row for each trial.
        template : whether a table from --data must be of that outcome, because the script goes on with what was
            published of it.

        Returns
        -------
        Trials

        Raises
        ------
        DataError
            A table that cannot be used.
        """
        from bayesmeta.report import evidence

        shipped = load(name, rows=rows)
        found = shipped
        if self.data is not None:
            found = in_place_of(shipped, self.data, direction=self.direction, template=template)
        if any(earlier.name == found.name for earlier in self._evidence):
            found = replace(found, name=name)
        self._evidence.append(found)
        self.say(evidence(found))
        if aside := said_of(found, shipped):
            self.say(aside)
        return found

    def outcomes(self, *names: str) -> list[str]:
        """The shipped data sets of these names; with --data, those whose outcome the table names.

        Parameters
        ----------
        names : of shipped data sets that have a published result.

        Raises
        ------
        DataError
            A table with none of these outcomes.
        """
        return list(names) if self.data is None else among(names, self.data)

    def survey(self) -> "Survey":
        """The survey of practice given by --data, or the simulated example in its place, which says that it is one.

        Returns
        -------
        Survey

        Raises
        ------
        DataError
            A table that cannot be used.
        """
        from bayesmeta.workflow.survey import survey_of

        found, sentence = survey_of(self.data)
        self._evidence.append(found)
        self.say(sentence)
        return found

    def joint(self, name: str) -> "JointTrials":
        """The shipped trials with two outcomes of that name, or the table given by --data in their place.

        Parameters
        ----------
        name : of a shipped joint data set.

        Returns
        -------
        JointTrials
        """
        from bayesmeta.workflow import classification

        found = classification.joint_of(self.data, name)
        self._evidence.append(found)
        self.say(classification.words(found))
        return found

    def say(self, message: str) -> None:
        """A line of progress on standard error."""
        print(message, file=sys.stderr, flush=True)

    def save(self, *figures: "Figure") -> None:
        """Keep figures for the results folder, each under its label; `report` writes them.

        Parameters
        ----------
        figures : from `bm.plots`.
        """
        self._figures.setdefault(self._current().name, []).extend(figures)

    def table(self, frame: "pd.DataFrame", name: str) -> None:
        """Keep one more table for the results folder, as NAME.csv; `report` writes it.

        Parameters
        ----------
        frame : any table.
        name : of the file, without ending.
        """
        self._tables.setdefault(self._current().name, {})[name] = frame

    def report(self, *results: Any) -> None:
        """Write figures, results.json, results.csv, draws and record.json, and print the tables.

        A script with several outcomes calls it for each; their files then stand in a folder for each outcome.

        Parameters
        ----------
        results : pools, posteriors, checks and sensitivity analyses, in any order.
        """
        from bayesmeta.report import Report
        from bayesmeta.workflow import terminal

        trials = self._current()
        if not isinstance(trials, Trials):
            raise BayesmetaError("a survey has no trials to report on: call run.report_survey(result).")
        report = Report.of(trials, *results)
        self._reports[trials.name] = report
        self._write()
        terminal.show(report)
        self.say(f"Results are in {self.out}.")

    def report_joint(self, *results: Any) -> None:
        """Write figures, tables, draws, results.json and record.json of two outcomes at once, and print what was found.

        Parameters
        ----------
        results : joint posteriors, checks and findings, in any order.
        """
        from bayesmeta.workflow import classification

        trials = self._current()
        if not isinstance(trials, JointTrials):
            raise BayesmetaError("these trials have one outcome: call run.report(...), or begin with run.joint(name).")
        figures, tables = self._figures.get(trials.name, []), self._tables.get(trials.name, {})
        options = {"seed": self.seed, "options": {"draws": self.draws, "own data": self.data is not None}}
        print("\n".join(classification.write(self.out, trials, results, figures, tables, options)))
        self.say(f"Results are in {self.out}.")

    def report_survey(self, found: "PracticeAgainstEvidence") -> None:
        """Write figures, tables, results.json and record.json of a survey of practice, and print what was found.

        Parameters
        ----------
        found : from `bm.practice.against_evidence`.
        """
        from bayesmeta.workflow import survey

        name = found.survey.name
        options = {"seed": self.seed, "options": {"own data": self.data is not None}}
        survey.write(self.out, found, self._figures.get(name, []), self._tables.get(name, {}), options)
        print("\n".join(found.sentences))
        self.say(f"Results are in {self.out}.")

    def _current(self) -> "Trials | JointTrials | Survey":
        if not self._evidence:
            raise BayesmetaError("a script saves and reports on trials: call run.trials(name) first.")
        return self._evidence[-1]

    def _write(self) -> None:
        from bayesmeta.plots import save_figure
        from bayesmeta.workflow.outputs import slug, staged, write_draws, write_findings, write_results

        with staged(self.out) as staging:
            for name, report in self._reports.items():
                folder = staging / slug(name) if len(self._reports) > 1 else staging
                folder.mkdir(exist_ok=True)
                for figure in self._figures.get(name, []):
                    save_figure(figure, folder / f"{figure.get_label()}.png")
                write_draws(folder, [fit for fit in report.fits if fit.engine == "nuts"])
                write_findings(folder, report)
                for title, frame in self._tables.get(name, {}).items():
                    frame.to_csv(folder / f"{slug(title)}.csv", index=False, lineterminator="\n")
            options = {"draws": self.draws, "own data": self.data is not None}
            write_results(staging, self._reports, seed=self.seed, options=options)


def script(description: str | None = None) -> Script:
    """Read a model script's options from the command line: --data --direction --draws --seed --out.

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


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a positive whole number")
    return value
