"""The data sets that come with the package, one row of a table each."""

import csv
import difflib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, overload

import pandas as pd

from bayesmeta.errors import DataError
from bayesmeta.trials.columns import meanings
from bayesmeta.trials.joint import JointTrials
from bayesmeta.trials.place import shown
from bayesmeta.trials.published import PublishedPool
from bayesmeta.trials.reader import frame_of_rows, trials_of
from bayesmeta.trials.records import Records, records_of_file
from bayesmeta.trials.trials import Trials

#: The review whose pooled results the attachment trials stand beside.
REVIEW = "Wright et al. HTA 27(2)"
ROW_CHOICES = ("main", "arms")


@dataclass(frozen=True)
class DataSet:
    """One data set: where its rows are and what they count.

    Parameters
    ----------
    file : in the data folder.
    about : one line for lists.
    outcome : what was counted.
    direction : "higher" or "lower", what is wished.
    rows : entries of the file's column `outcome` that belong to it; empty where the whole file does.
    pooled : (review, outcome) of its published pooled result, None where there is none.
    """

    file: str
    about: str
    outcome: str
    direction: str
    rows: tuple[str, ...] = ()
    pooled: tuple[str, str] | None = None


DATA_SETS: dict[str, DataSet] = {
    "attachment/secure": DataSet(
        "attachment.csv",
        "parenting interventions and secure attachment: 8 of 26 trials",
        "secure attachment",
        "higher",
        rows=("secure", "secure (continuous, Attachment Q-sort)"),
        pooled=(REVIEW, "secure"),
    ),
    "attachment/disorganised": DataSet(
        "attachment.csv",
        "parenting interventions and disorganised attachment: 3 of 20 trials",
        "disorganised attachment",
        "lower",
        rows=("disorganised",),
        pooled=(REVIEW, "disorganised"),
    ),
    "bcg": DataSet("bcg.csv", "BCG vaccine against tuberculosis: 13 trials", "tuberculosis", "lower"),
    "crins2014": DataSet(
        "crins2014.csv",
        "IL-2 receptor antibodies in children with a new liver: 6 controlled studies",
        "acute rejection",
        "lower",
    ),
}

#: Two data sets of the same trials, joined.
JOINT_SETS: dict[str, tuple[str, str]] = {
    "attachment/classification": ("attachment/secure", "attachment/disorganised"),
}
#: What the category between their two outcomes is called.
MIDDLES = {"attachment/classification": "organised insecure attachment"}

TEMPLATE_COLUMNS = (
    "study",
    "outcome",
    "direction",
    "events_treated",
    "total_treated",
    "events_control",
    "total_control",
    "sensitivity_focused",
    "trial",
    "year",
    "source",
)


def data_folder() -> Path:
    """The folder with the shipped data: inside the installed package, or beside it in a source tree."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "data", package.parent / "data"):
        if (folder / "attachment.csv").is_file():
            return folder
    raise DataError(f"{package / 'data'}: the shipped data are not there. Install bayesmeta again.")


def dataset_names() -> tuple[str, ...]:
    """Names that `load` knows.

    Examples
    --------
    >>> dataset_names()
    ('attachment/secure', 'attachment/disorganised', 'bcg', 'crins2014')
    """
    return tuple(DATA_SETS)


def dataset(name: str) -> DataSet:
    """One row of the table of data sets, or a refusal that lists them."""
    if name not in DATA_SETS:
        known = (*DATA_SETS, *JOINT_SETS)
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise DataError(f'data set "{shown(name)}": no data set of that name.{hint} There are {", ".join(known)}.')
    return DATA_SETS[name]


@overload
def load(name: Literal["attachment/classification"], *, rows: str = ...) -> JointTrials: ...  # type: ignore[overload-overlap]
@overload
def load(name: str, *, rows: str = ...) -> Trials: ...
def load(name: str, *, rows: str = "main") -> Trials | JointTrials:
    """A data set that comes with the package.

    The attachment trials are those whose counts could be read, which favours trials with large effects: a pool of
    them is not a replication of the review. The rows without usable counts are in `set_aside`, with reasons. Their
    moderator `sensitivity_focused` is "yes" where the trial's abstract plainly says so, else "no"; column
    `sensitivity_note` keeps the words.

    Parameters
    ----------
    name : one of `dataset_names()`; or "attachment/classification", secure and disorganised attachment joined.
    rows : "main" has one row for each trial; "arms" has the arms of multi-arm trials, which share a control.

    Returns
    -------
    Trials, or JointTrials for "attachment/classification".

    Raises
    ------
    DataError : no data set of that name.

    Examples
    --------
    >>> trials = load("attachment/secure")
    >>> trials.k, trials.published.k, trials.direction
    (8, 26, 'higher')
    >>> load("attachment/classification").outcomes
    ('secure attachment', 'disorganised attachment')
    """
    if name in JOINT_SETS:
        first, second = JOINT_SETS[name]
        return JointTrials(load(first, rows=rows), load(second, rows=rows), name, MIDDLES[name])
    wanted = dataset(name)
    if rows not in ROW_CHOICES:
        raise DataError(f'data set {name}: rows "{shown(rows)}". Expected "main" or "arms".')
    records = replace(records_of_file(data_folder() / wanted.file), origin=f"bayesmeta data set {name}")
    where = meanings(records.header, records.origin)
    set_aside = None
    if wanted.rows:
        records, set_aside = chosen_rows(records, where, wanted.rows, rows)
        records = plain_moderator(records, where["sensitivity_focused"])
    return trials_of(
        without_columns(records, ("outcome", "reason") if wanted.rows else ()),
        name=name,
        outcome=wanted.outcome,
        direction=wanted.direction,
        published=published_pool(*wanted.pooled) if wanted.pooled else None,
        set_aside=set_aside,
    )


def chosen_rows(
    records: Records, where: dict[str, int], outcomes: Sequence[str], rows: str
) -> tuple[Records, pd.DataFrame]:
    """The rows of one outcome that are pooled, and the others of that outcome with their reasons."""

    def cell(row: Sequence[str], name: str) -> str:
        return row[where[name]]

    here = [(number, row) for number, row in zip(records.numbers, records.rows) if cell(row, "outcome") in outcomes]
    in_arms = {cell(row, "trial") for _, row in here if cell(row, "pool_set").startswith("arm")}
    choose: dict[str, Callable[[Sequence[str]], bool]] = {
        "main": lambda row: cell(row, "pool_set") == "main",
        "arms": lambda row: (
            cell(row, "pool_set").startswith("arm")
            or (cell(row, "pool_set") == "main" and cell(row, "trial") not in in_arms)
        ),
    }
    used = [(number, row) for number, row in here if choose[rows](row)]
    unused = [row for _, row in here if not choose[rows](row)]
    reasons = [cell(row, "reason") or "both arms combined: its single arms are used" for row in unused]
    others = {name: position for name, position in where.items() if name != "reason"}
    kept = replace(records, rows=[row for _, row in used], numbers=[number for number, _ in used])
    return kept, frame_of_rows(unused, others, reasons)


def plain_moderator(records: Records, position: int) -> Records:
    """Two values: only a plain yes is "yes"; unclear counts as "no"."""
    rows = [[*row[:position], "yes" if row[position] == "yes" else "no", *row[position + 1 :]] for row in records.rows]
    return replace(records, rows=rows)


def without_columns(records: Records, names: Sequence[str]) -> Records:
    """Records without the columns named."""
    keep = [position for position, name in enumerate(records.header) if name not in names]
    header = tuple(records.header[position] for position in keep)
    return replace(records, header=header, rows=[[row[position] for position in keep] for row in records.rows])


def published_pools() -> pd.DataFrame:
    """Pooled results of this and sibling reviews as they were printed, each with its source.

    Returns
    -------
    DataFrame : review, year, outcome, subgroup, k, n, effect, estimate, lo95, hi95, ...; a number that was not seen
        is NaN, as is a cell in which two were printed (`figures_as_shown` has both).

    Examples
    --------
    >>> pools = published_pools()
    >>> pools.loc[pools["k"] == 26, ["outcome", "estimate", "lo95", "hi95"]].values.tolist()
    [['secure', 1.85, 1.36, 2.52]]
    """
    table = pd.read_csv(data_folder() / "published_pooled.csv", dtype=str, keep_default_na=False, encoding="utf-8")
    for name in ("year", "k", "n", "estimate", "lo95", "hi95"):
        table[name] = pd.to_numeric(table[name], errors="coerce")
    return table


def published_pool(review: str, outcome: str) -> PublishedPool:
    """The pooled odds ratio that one review printed for one outcome."""
    table = published_pools()
    row = table[(table["review"] == review) & (table["outcome"] == outcome)].iloc[0]
    return PublishedPool.from_odds_ratio(
        outcome=f"{outcome} attachment",
        k=int(row["k"]),
        estimate=float(row["estimate"]),
        lower=float(row["lo95"]),
        upper=float(row["hi95"]),
        year=int(row["year"]),
        source=f"{row['review']}, {row['source_url']}",
    )


def template(name: str) -> str:
    """An empty CSV for whoever holds the full report: the columns to fill in, one row for each trial pooled there.

    Outcome and direction are filled in. A row that is left empty is passed over by `read_trials`.

    Parameters
    ----------
    name : data set with a published pooled result, or its outcome: "attachment/secure" or "secure".

    Returns
    -------
    str : CSV text.

    Raises
    ------
    DataError : no such data set.

    Examples
    --------
    >>> template("secure").splitlines()[0]
    'study,outcome,direction,events_treated,total_treated,events_control,total_control,sensitivity_focused,trial,year,source'
    """
    full = name if name in DATA_SETS or "/" in name else f"attachment/{name}"
    wanted = dataset(full if full in DATA_SETS else name)
    rows = published_pool(*wanted.pooled).k if wanted.pooled else 1
    filled = {"outcome": wanted.outcome, "direction": wanted.direction}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(TEMPLATE_COLUMNS)
    writer.writerows([[filled.get(column, "") for column in TEMPLATE_COLUMNS]] * rows)
    return text.getvalue()
