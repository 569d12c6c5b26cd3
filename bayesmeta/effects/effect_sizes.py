"""Effect sizes with standard errors from trials, by measure and zero-cell rule."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesmeta.effects.measures import CONTROL_VARIANCES, MEASURES
from bayesmeta.effects.zero_cells import ZERO_CELL_RULES, any_zero
from bayesmeta.errors import DataError
from bayesmeta.trials import Trials, refuse_other_than_trials

#: Rows with an estimate in place of counts bring log odds ratios.
MEASURE_OF_ESTIMATES = "OR"
SHOWN_STUDIES = 5


@dataclass(frozen=True, eq=False)
class Effects:
    """Effect sizes of the trials that a zero-cell rule keeps.

    Parameters
    ----------
    studies : (k,) names.
    y, se : (k,) estimates and standard errors (log scale for ratios), read-only.
    rows : (k,) positions in the trials' table, read-only.
    measure : "OR", "RR" or "RD".
    zero_cells : name of the rule.
    corrected : studies to whose table something was added.
    dropped : studies that the rule "drop" left out.
    double_zero : studies with no events in either arm, or with nothing but events.
    shared : positions of the rows of each trial whose rows share a control arm.
    control_variance : (k,) variance that the control arm brings to a row's effect; NaN where it is not known, empty
        where no control is shared.
    """

    studies: tuple[str, ...]
    y: NDArray[np.float64]
    se: NDArray[np.float64]
    rows: NDArray[np.int64]
    measure: str
    zero_cells: str
    corrected: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    double_zero: tuple[str, ...] = ()
    shared: tuple[tuple[int, ...], ...] = ()
    control_variance: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        for array in (self.y, self.se, self.rows, self.control_variance):
            array.setflags(write=False)

    @property
    def k(self) -> int:
        """Number of effect sizes."""
        return len(self.studies)

    @property
    def number(self) -> int:
        """Number of trials: the arms of a trial are one."""
        return self.k - sum(len(rows) - 1 for rows in self.shared)


def effect_sizes(trials: Trials, measure: str = "OR", zero_cells: str = "only_zero") -> Effects:
    """Effect sizes and standard errors of trials.

    Rows with counts are worked out from them; rows without counts enter with their estimate and standard error.

    Parameters
    ----------
    trials : k rows.
    measure : "OR" (log odds ratio), "RR" (log risk ratio) or "RD" (risk difference).
    zero_cells : "only_zero", "all", "treatment_arm", "drop" or "none".

    Returns
    -------
    Effects

    Raises
    ------
    DataError : no measure or rule of that name; a zero cell under "none"; nothing left under "drop"; a row without
        counts where the measure is not the odds ratio.

    References
    ----------
    Viechtbauer 2010, J Stat Softw 36(3): `escalc`, whose results these are.

    Examples
    --------
    >>> from bayesmeta.trials import load
    >>> effects = effect_sizes(load("crins2014"))
    >>> effects.y.round(3).tolist()
    [-2.31, -0.46, -2.303, -1.758, -1.258, -2.418]
    >>> effects.corrected
    ('Gras (2008)',)
    """
    refuse_impossible(trials, measure, zero_cells)
    has_counts = trials.has_counts
    cells = cells_of(trials)[has_counts]
    added = _same_in_one_trial(ZERO_CELL_RULES[zero_cells](cells), trials, zero_cells)
    y, se = trials.estimate.copy(), trials.se.copy()
    with np.errstate(invalid="ignore"):
        y[has_counts], variance = MEASURES[measure](cells + added)
        se[has_counts] = np.sqrt(variance)
    kept = ~np.isnan(y)
    _refuse_nothing_left(trials, kept, zero_cells)
    corrected, double = np.zeros((2, trials.k), dtype=bool)
    corrected[has_counts] = np.any(added > 0, axis=1)
    shared = _shared(trials, kept)
    double[has_counts] = ((cells[:, 0] == 0) & (cells[:, 2] == 0)) | ((cells[:, 1] == 0) & (cells[:, 3] == 0))
    return Effects(
        studies=picked(trials, kept),
        y=y[kept],
        se=se[kept],
        rows=np.flatnonzero(kept),
        measure=measure,
        zero_cells=zero_cells,
        corrected=picked(trials, corrected),
        dropped=picked(trials, ~kept),
        double_zero=picked(trials, double),
        shared=shared,
        control_variance=_control_variance(trials, cells + added, measure)[kept] if shared else np.empty(0),
    )


def _refuse_nothing_left(trials: Trials, kept: NDArray[np.bool_], zero_cells: str) -> None:
    if not kept.any():
        raise DataError(f'{trials.name}: every table has a zero cell; the zero-cell rule "{zero_cells}" leaves none.')


def _shared(trials: Trials, kept: NDArray[np.bool_]) -> tuple[tuple[int, ...], ...]:
    """Positions, among the rows that are kept, of those of each multi-arm trial."""
    position = np.cumsum(kept) - 1
    groups = (tuple(int(position[row]) for row in rows if kept[row]) for rows in trials.shared_controls.values())
    return tuple(group for group in groups if len(group) > 1)


def _same_in_one_trial(added: NDArray[np.float64], trials: Trials, zero_cells: str) -> NDArray[np.float64]:
    """A control arm that stands in several rows is corrected once: as in that row of its trial that needs most."""
    if not trials.shared_controls:
        return added
    among_counts = np.cumsum(trials.has_counts) - 1
    same = added.copy()
    for trial, rows in trials.shared_controls.items():
        counted = [int(among_counts[row]) for row in rows if trials.has_counts[row]]
        kept = [row for row in counted if not np.isnan(added[row]).any()]
        if not kept or np.ptp(added[kept, 2]) == 0.0:
            continue
        if np.ptp(added[kept], axis=1).any():
            raise DataError(
                f'{trials.name}: the zero-cell rule "{zero_cells}" has no form for the several arms of {trial}, one of'
                ' which has a zero. Use "only_zero" or "all", or an exact likelihood, which needs no rule.'
            )
        same[kept] = added[kept].max(axis=0)
    return same


def _control_variance(trials: Trials, cells: NDArray[np.float64], measure: str) -> NDArray[np.float64]:
    """(k,) from the cells of the rows that have counts, and from the column se_control; NaN where neither tells."""
    variance = _se_control(trials.table, trials.k) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        variance[trials.has_counts] = CONTROL_VARIANCES[measure](cells)
    return variance


def _se_control(table: pd.DataFrame, k: int) -> NDArray[np.float64]:
    """(k,) the column se_control, standard errors of control arms' log odds; NaN where there is none."""
    if "se_control" not in table:
        return np.full(k, np.nan)
    values = pd.to_numeric(table["se_control"], errors="coerce").to_numpy(dtype=np.float64)
    return np.where(values > 0.0, values, np.nan)


def cells_of(trials: Trials) -> NDArray[np.float64]:
    """(k, 4) events and others of the treated arm, events and others of the control arm; NaN without counts."""
    events_treated, total_treated, events_control, total_control = trials.counts.T
    return np.column_stack(
        [events_treated, total_treated - events_treated, events_control, total_control - events_control]
    )


def refuse_impossible(trials: Trials, measure: str, zero_cells: str) -> None:
    """Refuse what has no effect size: unknown names, risks without counts, zeros to which nothing is added."""
    refuse_other_than_trials(trials, "effect_sizes")
    for what, name, registry in (("measure", measure, MEASURES), ("zero-cell rule", zero_cells, ZERO_CELL_RULES)):
        if name not in registry:
            raise DataError(f'{what} "{name}": no {what} of that name. There are {", ".join(registry)}.')
    if measure != MEASURE_OF_ESTIMATES and not trials.has_counts.all():
        studies = named(trials, ~trials.has_counts)
        raise DataError(f"{trials.name}: {studies} without counts, so there is no {measure}. Use measure OR.")
    zero = any_zero(cells_of(trials)) & trials.has_counts
    if zero_cells == "none" and zero.any():
        raise DataError(
            f'{trials.name}: {named(trials, zero)} with a zero cell under the zero-cell rule "none". State another '
            "rule, or use an exact likelihood (hypergeometric or binomial), which needs none."
        )


def picked(trials: Trials, mask: NDArray[np.bool_]) -> tuple[str, ...]:
    """Names of the studies of a mask."""
    return tuple(study for study, chosen in zip(trials.studies, mask.tolist()) if chosen)


def named(trials: Trials, mask: NDArray[np.bool_]) -> str:
    """Studies of a mask for a message, the first few by name."""
    studies = picked(trials, mask)
    more = f" and {len(studies) - SHOWN_STUDIES} more" if len(studies) > SHOWN_STUDIES else ""
    return f"{', '.join(studies[:SHOWN_STUDIES])}{more}"
