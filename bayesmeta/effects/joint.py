"""Both log odds ratios of each trial with the covariance that they have from being counted among the same people."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayesmeta.effects.effect_sizes import Effects, effect_sizes
from bayesmeta.errors import DataError
from bayesmeta.trials import JointTrials

HALF = 0.5  # added to every category of a trial with an empty one, for its correlation


@dataclass(frozen=True, eq=False)
class JointEffects:
    """Effect sizes of two outcomes, row by row of the same trials.

    Parameters
    ----------
    studies : (k,) names.
    y, se : (k, 2) estimates and standard errors, NaN where a trial does not report an outcome; read-only.
    correlation : (k,) within-trial correlation of the two estimates, 0 where there is one.
    rows : (k,) positions among the joint trials.
    parts : the effects of each outcome by itself, whose numbers y and se are.
    empty : studies with an empty category, to which 1/2 was added for the correlation.
    """

    studies: tuple[str, ...]
    y: NDArray[np.float64]
    se: NDArray[np.float64]
    correlation: NDArray[np.float64]
    rows: NDArray[np.int64]
    parts: tuple[Effects, Effects]
    empty: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for array in (self.y, self.se, self.correlation, self.rows):
            array.setflags(write=False)

    @property
    def k(self) -> int:
        """Number of trials with at least one effect size."""
        return len(self.studies)

    @cached_property
    def reported(self) -> NDArray[np.bool_]:
        """(k, 2) whether a trial has an estimate of each outcome."""
        return ~np.isnan(self.y)

    @cached_property
    def covariance(self) -> NDArray[np.float64]:
        """(k,) within-trial covariance of the two estimates, 0 where there is one."""
        return np.where(self.reported.all(axis=1), self.correlation * self.se[:, 0] * self.se[:, 1], 0.0)

    @cached_property
    def precision(self) -> NDArray[np.float64]:
        """(k, 3) entries 11, 12, 22 of the inverse within-trial covariance; 0 for what is not reported."""
        there = self.reported
        variance = np.where(there, self.se, 1.0) ** 2
        share = 1.0 - self.correlation**2
        found = [
            1.0 / variance[:, 0] / share,
            -self.covariance / (variance[:, 0] * variance[:, 1]) / share,
            1.0 / variance[:, 1] / share,
        ]
        return np.column_stack(found) * np.column_stack([there[:, 0], there.all(axis=1), there[:, 1]])


def joint_effects(trials: JointTrials, *, zero_cells: str = "only_zero", within: float | None = None) -> JointEffects:
    """Log odds ratios of both outcomes, their standard errors and their within-trial covariance.

    cov(y_1, y_2) = - sum over arms of 1 / (n (1 - p_1) (1 - p_2)), p_j the proportion with outcome j: the delta method
    for two categories of one multinomial. Its accuracy in small trials: docs/decisions/joint-models.md.

    Parameters
    ----------
    trials : k trials. Rows without counts enter with their estimate and standard error.
    zero_cells : rule for a 2x2 table with a zero, outcome by outcome as in `effect_sizes`. The correlation of a trial
        with an empty category (a zero among the three in either arm) is that of its counts with 1/2 added to each
        category, whatever the rule: without it the two estimates could be perfectly correlated.
    within : correlation of the two estimates in every trial that has both, in place of what the counts say.

    Returns
    -------
    JointEffects

    Raises
    ------
    DataError : a trial has both outcomes but no counts, and `within` is not given; or `within` is no correlation.

    References
    ----------
    Wei & Higgins 2013, Stat Med 32:1191 (within-study covariances of effect sizes by the delta method); Bishop,
    Fienberg & Holland 1975, Discrete Multivariate Analysis, section 14.6.

    Examples
    --------
    >>> from bayesmeta.trials import load
    >>> effects = joint_effects(load("attachment/classification"))
    >>> effects.studies[2], effects.y[2].round(2).tolist(), float(effects.correlation[2].round(2))
    ('Bernard 2012', [0.76, -1.04], -0.75)
    """
    if within is not None and not -1.0 < within < 1.0:
        raise DataError(f"within is {within!r}. A correlation within trials lies between -1 and 1.")
    parts = (effect_sizes(trials.first, zero_cells=zero_cells), effect_sizes(trials.second, zero_cells=zero_cells))
    y, se = np.full((trials.k, 2), np.nan), np.full((trials.k, 2), np.nan)
    for j, part in enumerate(parts):
        places = [trials.studies.index(study) for study in part.studies]
        y[places, j], se[places, j] = part.y, part.se
    both = ~np.isnan(y).any(axis=1)
    correlation = np.zeros(trials.k)
    empty = np.zeros(trials.k, dtype=bool)
    if within is not None:
        correlation[both] = within
    else:
        _refuse_without_counts(trials, both & ~trials.classified)
        empty = both & trials.classified & (trials.categories == 0).any(axis=(1, 2))
        correlation[both] = category_correlation(trials.categories[both] + HALF * empty[both, None, None])
    kept = ~np.isnan(y).all(axis=1)
    return JointEffects(
        studies=tuple(study for study, there in zip(trials.studies, kept) if there),
        y=y[kept],
        se=se[kept],
        correlation=correlation[kept],
        rows=np.flatnonzero(kept),
        parts=parts,
        empty=tuple(study for study, there in zip(trials.studies, empty) if there),
    )


def category_covariance(categories: NDArray[np.float64]) -> NDArray[np.float64]:
    """Covariance of the two log odds ratios: minus the sum over arms of n / ((n - r_1) (n - r_2)).

    Parameters
    ----------
    categories : (k, arms, 3) people in the first, middle and second category.

    Returns
    -------
    (k,)

    Examples
    --------
    >>> category_covariance(np.array([[[31.0, 10.0, 19.0], [20.0, 6.0, 34.0]]])).round(4)
    array([-0.1082])
    """
    n = categories.sum(axis=2)
    return np.asarray(-np.sum(n / ((n - categories[:, :, 0]) * (n - categories[:, :, 2])), axis=1))


def category_correlation(categories: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation of the two log odds ratios by the delta method: (k, arms, 3) -> (k,)."""
    n = categories.sum(axis=2)
    variances = [np.sum(n / (categories[:, :, j] * (n - categories[:, :, j])), axis=1) for j in (0, 2)]
    return np.asarray(category_covariance(categories) / np.sqrt(variances[0] * variances[1]))


def _refuse_without_counts(trials: JointTrials, lacking: NDArray[np.bool_]) -> None:
    if lacking.any():
        i = int(np.flatnonzero(lacking)[0])
        raise DataError(
            f"{trials.name} ({trials.studies[i]}): both outcomes, but not the counts of both, from which their"
            " within-trial covariance follows. State the correlation of the two estimates (within=..., --within), or"
            " leave the trial out of one outcome."
        )
