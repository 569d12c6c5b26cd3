"""What a review may have had in hand before it rounded its pooled odds ratio for print."""

from dataclasses import dataclass

import numpy as np

from bayesmeta.errors import DataError
from bayesmeta.trials import PublishedPool
from bayesmeta.trials.published import Z_975
from bayesmeta.types import Array

DECIMALS = 2  # with which reviews print odds ratios
NODES = 5  # over what rounding leaves open, for the standard error and for the estimate: nothing bends much there


@dataclass(frozen=True, eq=False)
class Readings:
    """What the log odds ratio and its standard error may have been before a review rounded them.

    All values that round to the printed estimate, lower and upper limit at once, as nodes of an integral over them.
    The three together narrow them down further than the last digit of each.

    Attributes
    ----------
    se : (S,) standard errors.
    estimate : (S, M) log odds ratios that go with each of them.
    weight : (S, M) share of the region; sums to one.
    """

    se: Array
    estimate: Array
    weight: Array


def readings(published: PublishedPool, decimals: int | None = DECIMALS) -> Readings:
    """Every estimate and standard error that a printed result can stand for.

    With m the estimate and s its standard error: m, m - 1.96 s and m + 1.96 s each within half a unit of the last
    printed digit, on the scale of odds ratios. In (m, s) that is a polygon; each point of it is as good as any other.

    Parameters
    ----------
    published : a pooled odds ratio as printed.
    decimals : digits after the point with which its odds ratios are printed; None to take them as exact.

    Returns
    -------
    Readings

    Raises
    ------
    DataError : no symmetric interval on the log scale rounds to the printed figures.

    Examples
    --------
    >>> pool = PublishedPool.from_odds_ratio("disorganised attachment", 20, 0.54, 0.39, 0.77, 2023, "Wright 2023")
    >>> possible = readings(pool)
    >>> round(float(np.exp(np.sum(possible.weight * possible.estimate))), 3)
    0.544
    """
    if decimals is None:
        return Readings(np.array([published.se]), np.array([[published.estimate]]), np.ones((1, 1)))
    half = 0.5 * 10.0**-decimals
    printed = np.exp([published.estimate, published.lower, published.upper])
    with np.errstate(divide="ignore"):
        low, high = np.log(np.maximum(printed - half, 0.0)), np.log(printed + half)
    slope = np.array([0.0, Z_975, -Z_975])  # m must lie in [low + slope s, high + slope s] for each of the three

    def ends(se: Array) -> tuple[Array, Array]:
        return (low + slope * se[:, None]).max(axis=1), (high + slope * se[:, None]).min(axis=1)

    at = np.unique(_crossings(np.concatenate([low, high]), np.concatenate([slope, slope])))
    at = at[at > 0.0]
    left, right = ends(at)
    at = at[right - left >= -1e-12]
    if len(at) < 2:
        estimate, lower, upper = (f"{value:.{decimals}f}" for value in printed)
        raise DataError(
            f"published pool of {published.outcome}: {estimate} ({lower} to {upper}) is not symmetric on the log scale,"
            f" whatever the rounding to {decimals} decimals. It is no Wald interval of an odds ratio, or a figure is"
            " misprinted. Check the figures, or take them as they stand with decimals=None."
        )
    nodes, share = np.polynomial.legendre.leggauss(NODES)
    se = 0.5 * (at[0] + at[-1]) + 0.5 * (at[-1] - at[0]) * nodes
    left, right = ends(se)
    between = 0.5 * (right - left)[:, None]
    weight = share[:, None] * between * share
    return Readings(se, left[:, None] + between * (1.0 + nodes), weight / weight.sum())


def _crossings(bound: Array, slope: Array) -> Array:
    """Standard errors at which two of the lines bound + slope s cross: among them all corners of the polygon."""
    first, second = np.triu_indices(len(bound), 1)
    apart = (slope[first] != slope[second]) & np.isfinite(bound[first]) & np.isfinite(bound[second])
    first, second = first[apart], second[apart]
    return np.asarray((bound[first] - bound[second]) / (slope[second] - slope[first]))
