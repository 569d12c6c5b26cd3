"""`bayesmeta check`: read a file, say what is in it and what stands in the way."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd

from bayesmeta.cli.options import AsJson, File, Outcome, evidence, not_a_replication
from bayesmeta.cli.output import console, print_json, print_lines
from bayesmeta.effects import covariance, effect_sizes
from bayesmeta.errors import DataError
from bayesmeta.model import Model
from bayesmeta.trials import Trials

NOT_MODERATORS = {
    *("study", "events_treated", "total_treated", "events_control", "total_control", "estimate", "se", "trial"),
    *("source", "status", "certainty"),
}
MOST_LEVELS_SHOWN = 6


@dataclass(frozen=True)
class Moderator:
    """A column that differs between trials: numeric with its range, or categorical with the trials in each level."""

    column: str
    kind: str
    blank: int
    smallest: float | None = None
    largest: float | None = None
    levels: dict[str, int] = field(default_factory=dict)

    @property
    def in_words(self) -> str:
        """Range or levels."""
        if self.kind == "numeric":
            return f"{self.smallest:.6g} to {self.largest:.6g}"
        shown = [f"{level} ({count})" for level, count in list(self.levels.items())[:MOST_LEVELS_SHOWN]]
        more = len(self.levels) - len(shown)
        return ", ".join(shown) + (f" and {more} more" if more else "")


@dataclass(frozen=True)
class Report:
    """What `check` found. `problems` stand in the way of a fit; `notes` are for the reader to judge."""

    name: str
    outcome: str
    direction: str
    k: int
    rows_with_counts: int
    rows_with_estimates_only: int
    rows_set_aside: int
    likelihood: str
    zero_cells: list[str]
    double_zero: list[str]
    shared_controls: dict[str, list[str]]
    moderators: list[Moderator]
    notes: list[str]
    problems: list[str]


def check_command(file: File, outcome: Outcome = None, json: AsJson = False) -> None:
    """Check a file. Is it read as meant, and can it be fitted? Exit status 0 if so, 2 if not."""
    trials = evidence(file, outcome=outcome)
    report = checked(trials)
    if json:
        print_json(asdict(report))
    else:
        print_report(report)
    if report.problems:
        raise DataError(" ".join(report.problems))


def checked(trials: Trials) -> Report:
    """Look a validated table over."""
    effects = effect_sizes(trials)
    problems = []
    try:
        for positions in effects.shared:
            covariance(effects, positions)
    except DataError as refusal:
        problems.append(str(refusal))
    with_counts = int(trials.has_counts.sum())
    return Report(
        name=trials.name,
        outcome=trials.outcome,
        direction=trials.direction,
        k=trials.number,
        rows_with_counts=with_counts,
        rows_with_estimates_only=trials.k - with_counts,
        rows_set_aside=len(trials.set_aside),
        likelihood=Model().for_trials(trials).likelihood,
        zero_cells=list(effects.corrected),
        double_zero=list(effects.double_zero),
        shared_controls={
            trial: [trials.studies[row] for row in rows] for trial, rows in trials.shared_controls.items()
        },
        moderators=moderators(trials),
        notes=[*same_controls(trials), *blank_moderators(trials), *unsaid(trials), *not_a_replication(trials)],
        problems=problems,
    )


def moderators(trials: Trials) -> list[Moderator]:
    """Columns that differ between trials and could explain something; text that hardly repeats cannot."""
    found = []
    for column in trials.columns:
        if column.casefold() in NOT_MODERATORS:
            continue
        values = trials.table[column]
        blank = int(values.isna().sum())
        there = values.dropna()
        if pd.api.types.is_numeric_dtype(values):
            if there.nunique() > 1:
                found.append(Moderator(column, "numeric", blank, float(there.min()), float(there.max())))
            continue
        levels = {str(level): int(count) for level, count in there.astype(str).value_counts().sort_index().items()}
        if 2 <= len(levels) <= max(2, len(there) // 2):
            found.append(Moderator(column, "categorical", blank, levels=levels))
    return found


def same_controls(trials: Trials) -> list[str]:
    """Rows whose control arms show the same counts without being said to share it."""
    known = {row for rows in trials.shared_controls.values() for row in rows}
    rows_of: dict[tuple[float, float], list[int]] = {}
    for row in np.flatnonzero(trials.has_counts).tolist():
        events, total = trials.counts[row, 2:].tolist()
        rows_of.setdefault((events, total), []).append(row)
    return [
        f"{_rows(trials, rows)} have the same control arm ({events:.0f} of {total:.0f}): do they share a control? "
        "If so, give them one entry in column trial."
        for (events, total), rows in rows_of.items()
        if len(rows) > 1 and not known.issuperset(rows)
    ]


def blank_moderators(trials: Trials) -> list[str]:
    """Moderators that a formula would refuse."""
    return [
        f"Column {moderator.column} is blank in {moderator.blank} of {trials.k} rows: fill it in before using it as "
        "a moderator."
        for moderator in moderators(trials)
        if moderator.blank
    ]


def unsaid(trials: Trials) -> list[str]:
    """What the file leaves open."""
    if trials.direction:
        return []
    return ["Nothing says whether more or fewer events are wished: --direction higher or lower, or column direction."]


def _rows(trials: Trials, rows: Sequence[int]) -> str:
    return " and ".join(trials.place.row(row) for row in rows)


def print_report(report: Report) -> None:
    """The report for people."""
    out = console()
    listed = {
        "outcome": report.outcome or "not said",
        "wished": {"higher": "more events", "lower": "fewer events"}.get(report.direction, "not said"),
        "trials": str(report.k),
        "with counts": str(report.rows_with_counts),
        "with an estimate only": str(report.rows_with_estimates_only),
        "rows set aside": str(report.rows_set_aside),
        "likelihood, if none is named": report.likelihood,
        "with a zero cell": _named(report.zero_cells),
        "no or only events, both arms": _named(report.double_zero),
        "shared controls": _named([f"{trial} ({len(rows)} rows)" for trial, rows in report.shared_controls.items()]),
    }
    out.print(report.name, style="bold")
    print_lines(out, [f"  {what}: {found}" for what, found in listed.items()])
    if report.moderators:
        out.print("\nModerators that the file offers")
        print_lines(out, [f"  {one.column}, {one.kind}: {one.in_words}" for one in report.moderators])
    if report.notes:
        out.print("\nNotes")
        print_lines(out, [f"  {note}" for note in report.notes])
    out.print(f"\n{'Not ready: see the message.' if report.problems else 'No problems found.'}")


def _named(names: Sequence[str]) -> str:
    return f"{len(names)} ({', '.join(names)})" if names else "0"
