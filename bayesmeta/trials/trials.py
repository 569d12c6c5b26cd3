"""Trials: one table of comparisons, validated once, then passed from room to room."""

import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bayesmeta.errors import DataError
from bayesmeta.trials.checking import check_table, complete
from bayesmeta.trials.columns import CANONICAL, COUNTS, ESTIMATES, NUMBERS, WHOLE_TABLE
from bayesmeta.trials.place import Place, shown
from bayesmeta.trials.published import PublishedPool

DIRECTIONS = ("higher", "lower", "")


def nothing_set_aside() -> pd.DataFrame:
    """The frame of rows not used, when all were used."""
    return pd.DataFrame({"study": [], "reason": []}, dtype=object)


def read_only(values: NDArray[Any]) -> NDArray[Any]:
    """The same array, closed for writing."""
    values.setflags(write=False)
    return values


@dataclass(frozen=True, eq=False)
class Trials:
    """Trials of one question: a frozen, validated table with one row for each comparison.

    Parameters
    ----------
    table : (k, columns). `study`, and in each row all of `events_treated, total_treated, events_control,
        total_control`, or `estimate` (log scale for ratios) with `se`; `trial` where rows share a control arm; any
        other column is kept and may serve as a moderator.
    name : short name for titles and files.
    outcome : what was counted.
    direction : "higher" where more events are wished, "lower" where fewer, "" where nobody said.
    published : the pooled result that a review printed for this question.
    set_aside : rows of the source that are not used, each with a `reason`.
    origin : file or data set, first word of every message about it.
    row_numbers : (k,) where each row stands in its file, as a spreadsheet counts; 2, 3, ... if not given.

    Raises
    ------
    DataError : naming row, study and column, the value found and what was expected.

    Examples
    --------
    >>> table = pd.DataFrame({"study": ["A", "B"], "events_treated": [3, 5], "total_treated": [20, 40],
    ...                       "events_control": [6, 9], "total_control": [21, 38]})
    >>> trials = Trials(table, outcome="relapse", direction="lower")
    >>> trials.k, trials.studies
    (2, ('A', 'B'))
    """

    table: pd.DataFrame
    name: str = "trials"
    outcome: str = ""
    direction: str = ""
    published: PublishedPool | None = None
    set_aside: pd.DataFrame = field(default_factory=nothing_set_aside)
    origin: str = ""
    row_numbers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        origin = self.origin or self.name
        if self.direction not in DIRECTIONS:
            raise DataError(f'{origin}: direction "{shown(self.direction)}". Expected "higher", "lower" or "".')
        table = canonical_table(self.table, origin)
        studies = tuple(table["study"])
        numbers = {name: table[name].to_numpy() for name in NUMBERS if name in table}
        shared = list(table["trial"]) if "trial" in table else None
        if len(self.row_numbers) != len(studies):
            object.__setattr__(self, "row_numbers", tuple(range(2, len(studies) + 2)))
        check_table(numbers, shared, Place(origin, self.row_numbers, studies))
        object.__setattr__(self, "table", table)

    def __repr__(self) -> str:
        what = f", {self.outcome}" if self.outcome else ""
        return f"<Trials {self.name}: {self.k} comparisons{what}; {len(self.set_aside)} rows set aside>"

    def __len__(self) -> int:
        return self.k

    @property
    def k(self) -> int:
        """Number of comparisons."""
        return len(self.table)

    @property
    def number(self) -> int:
        """Number of trials: the arms of a trial, rows that share a control, are one."""
        return self.k - sum(len(rows) - 1 for rows in self.shared_controls.values())

    @property
    def columns(self) -> tuple[str, ...]:
        """All column names, canonical ones first."""
        return tuple(self.table.columns)

    @cached_property
    def studies(self) -> tuple[str, ...]:
        """(k,) names."""
        return tuple(self.table["study"])

    @cached_property
    def has_counts(self) -> NDArray[np.bool_]:
        """(k,) whether a row has all four counts."""
        return read_only(~np.isnan(self.counts).any(axis=1))

    @cached_property
    def has_estimate(self) -> NDArray[np.bool_]:
        """(k,) whether a row has an estimate with its standard error."""
        return read_only(complete({"estimate": self.estimate, "se": self.se}, ESTIMATES, self.k))

    @cached_property
    def counts(self) -> NDArray[np.float64]:
        """(k, 4) events treated, total treated, events control, total control; NaN where a row has none."""
        return read_only(np.column_stack([self._numbers(name) for name in COUNTS]))

    @cached_property
    def estimate(self) -> NDArray[np.float64]:
        """(k,) printed estimates (log scale for ratios); NaN where a row has none."""
        return read_only(self._numbers("estimate"))

    @cached_property
    def se(self) -> NDArray[np.float64]:
        """(k,) printed standard errors; NaN where a row has none."""
        return read_only(self._numbers("se"))

    @cached_property
    def shared_controls(self) -> dict[str, list[int]]:
        """Trials that stand in more than one row, with the positions of those rows."""
        if "trial" not in self.table:
            return {}
        rows: dict[str, list[int]] = {}
        for position, trial in enumerate(self.table["trial"]):
            if trial:
                rows.setdefault(trial, []).append(position)
        return {trial: positions for trial, positions in rows.items() if len(positions) > 1}

    @property
    def sources(self) -> pd.DataFrame:
        """Where each row comes from: study with source, status and certainty, as far as the table has them."""
        wanted = {"study", "source", "status", "certainty"}
        return self.table[[name for name in self.columns if name.casefold() in wanted]].copy()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the table as CSV: equal for equal tables, for the record of a run."""
        return hashlib.sha256(self.to_csv().encode(errors="surrogatepass")).hexdigest()

    def select(self, chosen: ArrayLike) -> "Trials":
        """The rows of a mask (k,) or of positions, in the order given; everything else stays.

        Raises
        ------
        DataError : nothing is left, or a position is not there.

        Examples
        --------
        >>> from bayesmeta.trials import load
        >>> load("bcg").select([0, 2]).studies
        ('Aronson 1948', 'Rosenthal et al 1960')
        """
        index = np.asarray(chosen)
        if index.dtype == bool:
            if index.shape != (self.k,):
                raise DataError(f"{self._from}: a mask of shape {index.shape} for {self.k} trials.")
            index = np.flatnonzero(index)
        if index.size == 0:
            raise DataError(f"{self._from}: no trials are left.")
        if index.ndim != 1 or index.dtype.kind not in "iu" or index.min() < -self.k or index.max() >= self.k:
            raise DataError(f"{self._from}: {shown(chosen)} are not positions among {self.k} trials.")
        if len(np.unique(index % self.k)) < index.size:
            raise DataError(f"{self._from}: {shown(chosen)} names a trial twice.")
        rows = tuple(self.row_numbers[position] for position in index.tolist())
        return self.with_rows(self.table.iloc[index].reset_index(drop=True), rows)

    def without(self, study: str) -> "Trials":
        """All trials but one.

        Raises
        ------
        DataError : no study of that name, or none is left.
        """
        if study not in self.studies:
            near = difflib.get_close_matches(study, self.studies, n=1)
            hint = f" Did you mean {near[0]}?" if near else f" It has {', '.join(map(shown, self.studies))}."
            raise DataError(f'{self._from}: no study "{shown(study)}".{hint}')
        return self.select([position for position, name in enumerate(self.studies) if name != study])

    def with_estimates(self) -> "Trials":
        """The same trials with their printed estimates in place of counts.

        Raises
        ------
        DataError : a row has no estimate with its standard error.
        """
        if not self.has_estimate.all():
            position = int(np.argmin(self.has_estimate))
            finding = "blank. To use estimates, every row needs both."
            raise self.place.error(position, ESTIMATES, finding)
        table = self.table.drop(columns=[name for name in COUNTS if name in self.table])
        return self.with_rows(table, self.row_numbers)

    def refuse_shared_controls(
        self, remedy: str = "Combine the treated arms into one row, or keep one of the rows."
    ) -> None:
        """Refuse a table in which a control arm would be counted twice, for what takes all rows as independent.

        Parameters
        ----------
        remedy : last sentence of the message.

        Raises
        ------
        DataError : naming the trial and its rows.
        """
        for trial, positions in self.shared_controls.items():
            rows = " and ".join(self.place.row(position) for position in positions)
            raise DataError(
                f"{self._from}, column trial: {rows} share the control arm of {shown(trial)}, which would be counted "
                f"more than once. {remedy}"
            )

    def to_csv(self) -> str:
        """The table as CSV that `read_trials` reads back: own column names, floats in full, whole counts."""
        table = self.table.copy()
        for name in COUNTS:
            if name in table:
                table[name] = [None if np.isnan(value) else str(int(value)) for value in table[name]]
        for position, (name, value) in enumerate(zip(WHOLE_TABLE, (self.outcome, self.direction)), start=1):
            if value and name not in table:
                table.insert(min(position, table.shape[1]), name, value)
        return str(table.to_csv(index=False, lineterminator="\n"))

    @property
    def place(self) -> Place:
        """Where the rows stand, for messages: `trials.place.error(position, column, finding)`."""
        return Place(self._from, self.row_numbers, self.studies)

    @property
    def _from(self) -> str:
        return self.origin or self.name

    def _numbers(self, name: str) -> NDArray[np.float64]:
        if name not in self.table:
            return np.full(self.k, np.nan)
        return np.array(self.table[name], dtype=np.float64)

    def with_rows(self, table: pd.DataFrame, row_numbers: tuple[int, ...]) -> "Trials":
        """The same question with other rows, which the caller answers for."""
        # Rows of a checked table need no second check: leave-one-out and resampling build thousands of these.
        twin = object.__new__(Trials)
        for name in ("name", "outcome", "direction", "published", "set_aside", "origin"):
            object.__setattr__(twin, name, getattr(self, name))
        object.__setattr__(twin, "table", table)
        object.__setattr__(twin, "row_numbers", row_numbers)
        return twin


def refuse_other_than_trials(found: object, what: str) -> None:
    """Refuse a table or the name of one where trials are expected.

    Raises
    ------
    DataError : says how to read it.
    """
    if not isinstance(found, Trials):
        raise DataError(
            f"{what} takes trials, not {type(found).__name__}: read a file or a table with bm.read_trials(...), or take"
            " shipped trials with bm.load(name)."
        )


def canonical_table(table: pd.DataFrame, origin: str) -> pd.DataFrame:
    """A copy with canonical columns first and of their kind: names and trials text, numbers float."""
    if not isinstance(table, pd.DataFrame):
        raise DataError(f"{origin}: {type(table).__name__} in place of a table. Expected a pandas DataFrame.")
    names = [str(name) for name in table.columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{origin}, column {shown(twice)}: appears twice. Keep one of them or rename one.")
    if "study" not in names:
        raise DataError(f"{origin}: no column study. It has {', '.join(map(shown, names)) or 'no columns'}.")
    copy = table.set_axis(names, axis=1)
    copy = copy[[name for name in CANONICAL if name in names] + [name for name in names if name not in CANONICAL]]
    copy = copy.reset_index(drop=True).copy()
    for name in NUMBERS:
        if name in names and copy[name].dtype != np.float64:
            try:
                copy[name] = pd.to_numeric(copy[name]).astype(np.float64)
            except (TypeError, ValueError) as problem:
                raise DataError(f"{origin}, column {name}: holds something that is not a number ({problem}).") from None
    for name in ("study", "trial"):
        if name in names:
            copy[name] = pd.Series(as_text(copy[name]), dtype=object)
    return copy


def as_text(values: "pd.Series[Any]") -> Sequence[str]:
    """Entries as text, blank where missing."""
    return ["" if gap else str(value).strip() for value, gap in zip(values, values.isna())]
