"""Where a probability crosses a bound as a scale grows: a grid, then zooming in."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bayesmeta.types import Array

Curve = Callable[[Array], Array]


@dataclass(frozen=True)
class Crossing:
    """Where a curve crosses a bound.

    Attributes
    ----------
    status : "found"; "always below" or "never below" the bound on the whole range.
    scale : where, NaN unless found.
    """

    status: str
    scale: float


def crossing(
    curve: Curve, low: float, high: float, bound: float, *, rising: bool, points: int = 65, rounds: int = 6
) -> Crossing:
    """Find the scale at which a curve crosses a bound, nearest to the end where it is above it.

    Parameters
    ----------
    curve : (n,) scales, increasing, to (n,) probabilities.
    low, high : range of scales.
    bound : probability.
    rising : whether the curve is looked at from the high end (the largest scale below the bound is sought) or from
        the low end (the smallest one).
    points : of each round's grid, which is geometric.
    rounds : each divides the bracket's logarithmic width by points - 1.

    Returns
    -------
    Crossing. On either side of the scale the curve is on either side of the bound.

    Examples
    --------
    >>> crossing(lambda s: s / (1 + s), 0.01, 100, 0.75, rising=True).scale.__round__(6)
    3.0
    """
    ends = np.array([low, high])
    for turn in range(rounds):
        scales = np.geomspace(float(ends[0]), float(ends[1]), points if turn == 0 else max(points // 4, 4))
        below = curve(scales) < bound
        if turn == 0 and below.all():
            return Crossing("always below", np.nan)
        if turn == 0 and not below.any():
            return Crossing("never below", np.nan)
        position = int(np.flatnonzero(below)[-1 if rising else 0])
        other = position + (1 if rising else -1)
        if not 0 <= other < len(scales):
            # From the end where it should be above the bound it is below: nothing is crossed on the way.
            return Crossing("always below", np.nan)
        ends = np.sort(scales[[position, other]])
        if ends[1] - ends[0] <= 1e-9 * ends[1]:
            break
    return Crossing("found", float(np.sqrt(ends[0] * ends[1])))
