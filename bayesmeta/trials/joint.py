"""Two outcomes of the same trials: two cuts of one classification of the same people."""

import hashlib
import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesmeta.errors import DataError
from bayesmeta.trials.columns import meanings
from bayesmeta.trials.place import shown
from bayesmeta.trials.reader import listed, read_trials
from bayesmeta.trials.records import records_of_file, records_of_frame
from bayesmeta.trials.trials import Trials, nothing_set_aside, read_only

ARMS = (("treated", 0), ("control", 2))
OTHER_OUTCOME = "another outcome"
NEITHER = "neither"  # the middle category, where nobody named it


@dataclass(frozen=True, eq=False)
class JointTrials:
    """Trials that report two outcomes, of which nobody can have both: two cuts of one classification.

    A person is counted by the first outcome, by the second, or by neither (the middle category). Rows are matched by
    the name of the study; a study may stand in one outcome only.

    Parameters
    ----------
    first, second : the trials of each outcome, each outcome with a name of its own.
    name : short name for titles and files; by default that of both.
    middle : what the middle category is called.

    Raises
    ------
    DataError : outcomes without names or with the same one, totals that differ between the outcomes of a study, or
        more events of both outcomes together than people in an arm.

    Examples
    --------
    >>> from bayesmeta.trials import load
    >>> both = JointTrials(load("attachment/secure"), load("attachment/disorganised"))
    >>> both.k, int(both.in_both.sum()), both.outcomes
    (8, 3, ('secure attachment', 'disorganised attachment'))
    """

    first: Trials
    second: Trials
    name: str = ""
    middle: str = NEITHER

    def __post_init__(self) -> None:
        for part in self.parts:
            if not isinstance(part, Trials):
                raise DataError(f"joined are two tables of trials, not {type(part).__name__}. Use read_trials or load.")
        one, other = (part.outcome.strip() for part in self.parts)
        if not one or not other or one == other:
            found = f'outcomes "{shown(one)}" and "{shown(other)}"'
            raise DataError(
                f"{self.first.name} with {self.second.name}: {found}. Joint outcomes need two different names: give"
                " each table its own with outcome=..."
            )
        if not self.name:
            object.__setattr__(self, "name", f"{self.first.name} with {self.second.name}")
        self._check_people()

    def __repr__(self) -> str:
        return f"<JointTrials {self.name}: {self.k} trials, {int(self.in_both.sum())} with both outcomes>"

    def __len__(self) -> int:
        return self.k

    @property
    def parts(self) -> tuple[Trials, Trials]:
        """Both tables."""
        return self.first, self.second

    @property
    def outcomes(self) -> tuple[str, str]:
        """What was counted in each."""
        return self.first.outcome, self.second.outcome

    @property
    def category_names(self) -> tuple[str, str, str]:
        """The first outcome, the middle category, the second outcome."""
        return self.first.outcome, self.middle, self.second.outcome

    @property
    def directions(self) -> tuple[str, str]:
        """What is wished of each: "higher", "lower" or ""."""
        return self.first.direction, self.second.direction

    @cached_property
    def studies(self) -> tuple[str, ...]:
        """(k,) names: those of the first outcome, then those that report the second alone."""
        return tuple(dict.fromkeys((*self.first.studies, *self.second.studies)))

    @property
    def k(self) -> int:
        """Number of trials."""
        return len(self.studies)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """(k, 2) position of each study in the table of each outcome, -1 where it does not report it."""
        places: list[dict[str, int]] = [{study: i for i, study in enumerate(part.studies)} for part in self.parts]
        found = np.array([[place.get(study, -1) for place in places] for study in self.studies], dtype=np.int64)
        found.setflags(write=False)
        return found

    @cached_property
    def in_both(self) -> NDArray[np.bool_]:
        """(k,) whether a study reports both outcomes."""
        return read_only((self.rows >= 0).all(axis=1))

    @cached_property
    def counts(self) -> NDArray[np.float64]:
        """(k, 2, 4) counts of each outcome, in the columns of `Trials.counts`; NaN where a study has none."""
        found = np.full((self.k, 2, 4), np.nan)
        for j, part in enumerate(self.parts):
            there = self.rows[:, j] >= 0
            found[there, j] = part.counts[self.rows[there, j]]
        return read_only(found)

    @cached_property
    def classified(self) -> NDArray[np.bool_]:
        """(k,) whether a study gives the counts of all three categories."""
        return read_only(~np.isnan(self.counts).any(axis=(1, 2)))

    @cached_property
    def categories(self) -> NDArray[np.float64]:
        """(k, 2, 3) people in the first, middle and second category of the treated and of the control arm."""
        events, totals = self.counts[:, :, [0, 2]], self.counts[:, 0, [1, 3]]
        middle = totals - events.sum(axis=1)
        return read_only(np.stack([events[:, 0], middle, events[:, 1]], axis=2))

    @property
    def table(self) -> pd.DataFrame:
        """Rows of both outcomes one below the other, as `read_joint` reads them."""
        parts = []
        for part in self.parts:
            frame = part.table.copy()
            frame.insert(1, "outcome", part.outcome)
            frame.insert(2, "direction", part.direction)
            parts.append(frame)
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of both tables: equal for equal tables, for the record of a run."""
        return hashlib.sha256("".join(part.fingerprint for part in self.parts).encode()).hexdigest()

    def classification(self) -> pd.DataFrame:
        """People by category and arm, in the trials that report both outcomes.

        Returns
        -------
        DataFrame : study, arm, first outcome, middle category, second outcome, total.

        Examples
        --------
        >>> from bayesmeta.trials import load
        >>> load("attachment/classification").classification().iloc[0, 1:].astype(str).tolist()
        ['treated', '29', '2', '19', '50']
        """
        rows: list[list[object]] = []
        for i in np.flatnonzero(self.classified):
            for arm, (name, _) in enumerate(ARMS):
                people = [int(count) for count in self.categories[i, arm]]
                rows.append([self.studies[i], name, *people, sum(people)])
        columns = ["study", "arm", *self.category_names, "total"]
        return pd.DataFrame(rows, columns=pd.Index(columns, dtype=object))

    def observed_control_arm(self) -> tuple[float, float]:
        """Proportions of the first and second category in the control arms of all trials with three counts together.

        Examples
        --------
        >>> from bayesmeta.trials import load
        >>> [round(share, 3) for share in load("attachment/classification").observed_control_arm()]
        [0.205, 0.644]
        """
        people = self.categories[self.classified, 1].sum(axis=0)
        if not people.sum() or not people[[0, 2]].all():
            raise DataError(f"{self.name}: no trial shows all three categories, so there is no observed control arm.")
        return float(people[0] / people.sum()), float(people[2] / people.sum())

    def without(self, study: str) -> "JointTrials":
        """All trials but one.

        Raises
        ------
        DataError : no study of that name, or an outcome would have none left.
        """
        if study not in self.studies:
            raise DataError(f'{self.name}: no study "{shown(study)}". It has {", ".join(map(shown, self.studies))}.')
        parts = [part.without(study) if study in part.studies else part for part in self.parts]
        return replace(self, first=parts[0], second=parts[1])

    def refuse_shared_controls(self) -> None:
        """Refuse tables in which a control arm would be counted twice."""
        for part in self.parts:
            part.refuse_shared_controls()

    def _check_people(self) -> None:
        """The people of both outcomes are the same people."""
        for i in np.flatnonzero(self.classified):
            place, row = self.second.place, int(self.rows[i, 1])
            for arm, column in ARMS:
                one, other = self.counts[i, 0, column : column + 2], self.counts[i, 1, column : column + 2]
                if one[1] != other[1]:
                    raise place.error(
                        row,
                        f"total_{arm}",
                        f"{shown(float(other[1]))}, but {shown(float(one[1]))} for {self.outcomes[0]}. Both outcomes"
                        " are counted among the same people; correct one total, or leave the trial out of one outcome.",
                    )
                if one[0] + other[0] > one[1]:
                    together = f"{shown(float(one[0]))} + {shown(float(other[0]))}"
                    raise place.error(
                        row,
                        f"events_{arm}",
                        f"{together} people with {self.outcomes[0]} or {self.outcomes[1]}, among"
                        f" {shown(float(one[1]))}. Joint outcomes are two categories of one classification: nobody is"
                        " in both.",
                    )


def join(first: Trials, second: Trials, *, name: str = "", middle: str = NEITHER) -> JointTrials:
    """Two outcomes of the same trials as one body of evidence, matched by study.

    Parameters
    ----------
    first, second : trials of each outcome; a study may stand in one of them only.
    name : short name for titles and files.
    middle : what the category between the two outcomes is called.

    Returns
    -------
    JointTrials

    Raises
    ------
    DataError : totals that differ, or more people in both categories than in the arm.

    Examples
    --------
    >>> from bayesmeta.trials import load
    >>> join(load("attachment/secure"), load("attachment/disorganised"))
    <JointTrials attachment/secure with attachment/disorganised: 8 trials, 3 with both outcomes>
    """
    return JointTrials(first, second, name, middle)


def read_joint(
    path_or_frame: str | os.PathLike[str] | pd.DataFrame,
    *,
    name: str | None = None,
    outcomes: tuple[str, str] | None = None,
    middle: str = NEITHER,
) -> JointTrials:
    """Read both outcomes from one CSV file or DataFrame, told apart by its column `outcome`.

    Parameters
    ----------
    path_or_frame : as for `read_trials`; one row for each comparison and outcome. Column `direction`, where there is
        one, says for each outcome what is wished.
    name : short name; the file's name without ending by default.
    outcomes : which two, in this order, where the column holds more; by default in the order of the file.
    middle : what the category between the two outcomes is called.

    Returns
    -------
    JointTrials

    Raises
    ------
    DataError : no column `outcome`, or not two of them; else as `read_trials` and `join`.

    Examples
    --------
    >>> frame = pd.DataFrame({"study": ["A", "A"], "outcome": ["well", "worse"], "ai": [9, 4], "n1i": [20, 20],
    ...                       "ci": [6, 9], "n2i": [21, 21]})
    >>> read_joint(frame).categories[0].tolist()
    [[9.0, 7.0, 4.0], [6.0, 6.0, 9.0]]
    """
    in_memory = isinstance(path_or_frame, pd.DataFrame)
    records = records_of_frame(path_or_frame) if in_memory else records_of_file(Path(path_or_frame))  # type: ignore[arg-type]
    where = meanings(records.header, records.origin)
    found = tuple(dict.fromkeys(cell.strip() for cell in records.cells(where["outcome"]))) if "outcome" in where else ()
    chosen = outcomes or found
    if len(chosen) != 2 or "" in chosen:
        there = (
            f"column outcome holds {', '.join(shown(one) or 'blank' for one in found)}"
            if found
            else f"no column outcome. It has {listed(records)}"
        )
        raise DataError(
            f"{records.origin}: {there}. Joint outcomes need a column outcome with two values, one row for each trial"
            " and outcome."
        )
    stem = "trials" if in_memory else Path(path_or_frame).stem or "trials"  # type: ignore[arg-type]
    parts = [_without_the_other(read_trials(path_or_frame, name=name or stem, outcome=one)) for one in chosen]
    return JointTrials(parts[0], parts[1], name or stem, middle)


def _without_the_other(trials: Trials) -> Trials:
    """The rows of the other outcome are not set aside here: they are the other part."""
    kept = trials.set_aside[trials.set_aside["reason"] != OTHER_OUTCOME]
    return replace(trials, set_aside=kept if len(kept) else nothing_set_aside())
