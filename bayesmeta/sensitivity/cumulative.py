"""Trials added one after the other."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmeta.errors import BayesmetaError, DataError
from bayesmeta.model import Model
from bayesmeta.posterior import Posterior
from bayesmeta.sensitivity.asked import analysis, effect_name, trials_of
from bayesmeta.sensitivity.count_subsets import CountSubsets
from bayesmeta.sensitivity.part import Part, refusals, varied
from bayesmeta.sensitivity.refit import without
from bayesmeta.sensitivity.rows import Row, completed, conclusion, conclusions, row_of
from bayesmeta.sensitivity.subsets import Subsets
from bayesmeta.sensitivity.words import effect_of
from bayesmeta.trials import Trials
from bayesmeta.types import Integers
from bayesmeta.wording import counted


@dataclass(frozen=True, eq=False)
class Cumulative(Part):
    """The posterior as trials came in; the arms of a trial with several come together.

    Attributes
    ----------
    table : study (the last one added), k, value (of what the trials were ordered by), the columns of `rows.COLUMNS`,
        changes (against all trials).
    by : what the trials were ordered by.
    order : positions of each trial's rows, in that order.
    """

    by: str = "year"
    order: tuple[tuple[int, ...], ...] = ()

    name = "cumulative"

    def after(self, k: int) -> Posterior:
        """The full posterior of the first k trials."""
        return _first(self.posterior, np.concatenate([np.array(rows, dtype=np.int64) for rows in self.order[:k]]))


def cumulative(
    posterior: Posterior | Trials, model: Model | None = None, *, by: str | None = None, descending: bool = False
) -> Cumulative:
    """Fit the model to the first trial, the first two, and so on.

    Parameters
    ----------
    posterior : the analysis as given (of either engine), or trials.
    model : with trials, the model; None for the default one.
    by : "precision" (smallest standard error first), "order" (as in the table), or a column of the table, such as
        "year"; None for "year" where every trial has one, else "precision". Trials with the same value keep the order
        of the table.
    descending : from the largest value of a column to the smallest.

    Returns
    -------
    Cumulative. The first trials with which the model cannot be fitted yet are in `refused`.

    Raises
    ------
    DataError
        No such column, or a trial without a value in it.

    References
    ----------
    Lau et al. 1992, N Engl J Med 327:248.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> part = cumulative(bm.load("bcg"), by="year")
    >>> part.table["study"].iloc[0], part.table["k"].iloc[-1]
    ('Aronson 1948', np.int64(13))
    """
    given = analysis(posterior, model)
    by = by or ("year" if _complete(given.trials, "year") else "precision")
    values, sorted_ = _order(given, by, descending)
    names, steps = _trials(given, sorted_)
    order = np.concatenate(steps)
    together = _together(given, order)
    rows: list[Row] = []
    labels: list[dict[str, object]] = []
    refused = []
    for count, (study, added) in enumerate(zip(names, steps, strict=True), start=1):
        try:
            rows.append(_row(given, np.concatenate(steps[:count]), together))
        except BayesmetaError as error:
            refused.append({"study": study, "reason": str(error)})
            continue
        labels.append({"study": study, "k": count, "value": values.iloc[added[0]]})
    columns = {name: [label[name] for label in labels] for name in ("study", "k", "value")}
    table = varied(columns, completed(rows, given.trials.direction), row_of(given))
    ordered = tuple(tuple(added.tolist()) for added in steps)
    return Cumulative(table, _sentence(given, table, by), refusals(refused, "study"), given, by, ordered)


def _trials(given: Posterior, order: Integers) -> tuple[list[str], list[Integers]]:
    """The trials as their first row comes up in an order of the rows: names, and the positions of their rows."""
    studies = given.trials.studies
    trial_of = {study: trial for trial, rows in trials_of(given).items() for study in rows}
    found: dict[str, list[int]] = {}
    for position in order.tolist():
        found.setdefault(trial_of[studies[position]], []).append(position)
    return list(found), [np.array(rows, dtype=np.int64) for rows in found.values()]


def _together(given: Posterior, order: Integers) -> dict[int, Row]:
    """The rows of all steps at once where the model allows it, by the number of trials in the model."""
    counts, subsets, rows = CountSubsets.of(given), Subsets.of(given), given.effects.rows
    if counts is None and subsets is None:
        return _one_by_one(given, [given.trials.studies[position] for position in order if position in rows])
    entered = np.array([position for position in order if position in rows])  # a zero-cell rule may leave trials out
    place = np.searchsorted(rows, entered)  # rows are in the order of the table
    kept = np.zeros((len(entered), len(entered)))
    for step, column in enumerate(place):
        kept[step:, column] = 1.0
    if counts is not None:
        return {step: row for step, row in enumerate(counts.rows(kept), start=1) if row is not None}
    assert subsets is not None
    first = max(subsets.least, 1)
    return dict(zip(range(first, len(entered) + 1), subsets.rows(kept[first - 1 :])))


def _one_by_one(given: Posterior, studies: list[str]) -> dict[int, Row]:
    """The same by taking out the last trial again and again, where the engine keeps what it knows of the others."""
    found: dict[int, Row] = {}
    if not hasattr(given, "prepared"):
        return found
    left = given
    for count in range(len(studies) - 1, 0, -1):
        try:
            left = without(left, [studies[count]])
        except BayesmetaError:
            break  # it is tried, and refused with its reason, where the rows are made
        found[count] = row_of(left)
    return found


def _row(given: Posterior, chosen: Integers, together: dict[int, Row]) -> Row:
    """The row of the first trials: the last step holds all trials and is the analysis itself."""
    if len(chosen) == given.trials.k:
        return row_of(given)
    in_model = int(np.isin(chosen, given.effects.rows).sum())
    if in_model in together:
        return together[in_model]
    return row_of(_first(given, chosen))


def _first(given: Posterior, chosen: Integers) -> Posterior:
    """The posterior of some of the trials."""
    kept = set(chosen.tolist())
    if not kept:
        raise DataError("cumulative: the first step has at least one trial.")
    return without(given, [study for position, study in enumerate(given.trials.studies) if position not in kept])


def _order(posterior: Posterior, by: str, descending: bool) -> tuple["pd.Series[float]", Integers]:
    """The value of each trial, and the positions of the trials in their order."""
    trials = posterior.trials
    if by == "precision":
        se = np.full(trials.k, np.inf)
        se[posterior.effects.rows] = posterior.effects.se
        values = pd.Series(se)
    elif by == "order":
        values = pd.Series(np.arange(trials.k, dtype=float))
    else:
        require_order(trials, by)
        values = trials.table[by]
    ranks = values.rank(method="min", ascending=not descending).to_numpy()
    return values, np.argsort(ranks, kind="stable").astype(np.int64)


def require_order(trials: Trials, by: str) -> None:
    """Refuse an order that these trials do not have.

    Raises
    ------
    DataError : no such column, or a trial without a value in it.
    """
    if by in ("precision", "order"):
        return
    if by not in trials.columns:
        raise DataError(
            f"cumulative by {by!r}: no such column. Give precision, order, or one of {', '.join(trials.columns)}."
        )
    if not _complete(trials, by):
        values = trials.table[by]
        missing = trials.studies[int(np.argmax(values.isna() | (values.astype(str).str.strip() == "")))]
        raise DataError(f"cumulative by {by!r}: {missing} has no value there. Fill it in, or leave the trial out.")


def _complete(trials: Trials, column: str) -> bool:
    if column not in trials.columns:
        return False
    values = trials.table[column]
    return not bool((values.isna() | (values.astype(str).str.strip() == "")).any())


def _sentence(given: Posterior, table: pd.DataFrame, by: str) -> str:
    """Since when the interval says what it says, and what was said before."""
    last, name, k = row_of(given), effect_name(given), int(table["k"].iloc[-1])
    if len(table) == 1:
        return f"Cumulative by {by}: one step, with {counted(k)}, at which the {name} is {effect_of(last)}."
    same = conclusions(table["lower"], table["upper"]) == conclusion(last)
    since = len(same) - int(np.argmin(same[::-1])) if not same.all() else 0
    row = table.iloc[since]
    says = {1: "has lain above OR 1", -1: "has lain below OR 1", 0: "has taken in OR 1"}[conclusion(last)]
    first = table.iloc[0].to_dict()
    return (
        f"Cumulative by {by}: the {name} went from {effect_of(first)} with"
        f" {counted(int(first['k']))} to {effect_of(last)} with {counted(k)}; the 95%"
        f" interval {says} from {row['study']} ({counted(int(row['k']))}) on."
    )
