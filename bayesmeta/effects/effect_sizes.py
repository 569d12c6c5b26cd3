"""Effect sizes with standard errors from trials, by measure and zero-cell rule."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.effects.measures import MEASURES
from bayesmeta.effects.zero_cells import ZERO_CELL_RULES, any_zero
from bayesmeta.errors import DataError
from bayesmeta.trials import Trials

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

    def __post_init__(self) -> None:
        for array in (self.y, self.se, self.rows):
            array.setflags(write=False)

    @property
    def k(self) -> int:
        """Number of effect sizes."""
        return len(self.studies)


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
    added = ZERO_CELL_RULES[zero_cells](cells)
    y, se = trials.estimate.copy(), trials.se.copy()
    with np.errstate(invalid="ignore"):
        y[has_counts], variance = MEASURES[measure](cells + added)
        se[has_counts] = np.sqrt(variance)
    kept = ~np.isnan(y)
    if not kept.any():
        raise DataError(f'{trials.name}: every table has a zero cell; the zero-cell rule "{zero_cells}" leaves none.')
    corrected, double = np.zeros((2, trials.k), dtype=bool)
    corrected[has_counts] = (added > 0).any(axis=1)
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
    )


def cells_of(trials: Trials) -> NDArray[np.float64]:
    """(k, 4) events and others of the treated arm, events and others of the control arm; NaN without counts."""
    events_treated, total_treated, events_control, total_control = trials.counts.T
    return np.column_stack(
        [events_treated, total_treated - events_treated, events_control, total_control - events_control]
    )


def refuse_impossible(trials: Trials, measure: str, zero_cells: str) -> None:
    """Refuse what has no effect size: unknown names, risks without counts, zeros to which nothing is added."""
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
