"""Where a probability crosses a bound as a scale grows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from bayesmeta.errors import ConvergenceError
from bayesmeta.types import Array

ROUNDS = 60
MET = 1e-6  # in probits: farther from the bound than this is no crossing

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


def crossing(curve: Curve, scales: Array, bound: float, *, rising: bool) -> Crossing:
    """Find the scale at which a curve crosses a bound, nearest to the end where it is above it.

    A grid finds the bracket; inside it the probit of the probability is nearly a straight line of the logarithm of the
    scale, which the Illinois form of false position follows.

    Parameters
    ----------
    curve : (n,) scales to (n,) probabilities.
    scales : (n,) grid, increasing.
    bound : probability.
    rising : whether the crossing is sought from the high end (the largest scale below the bound) or from the low end
        (the smallest one).

    Returns
    -------
    Crossing. On either side of the scale the curve is on either side of the bound, and at the scale it meets it.

    Raises
    ------
    ConvergenceError : the curve jumps over the bound, so that no scale meets it.

    References
    ----------
    Dowell & Jarratt 1971, BIT 11:168.

    Examples
    --------
    >>> crossing(lambda s: s / (1 + s), np.geomspace(0.01, 100, 9), 0.75, rising=True).scale.__round__(6)
    3.0
    """
    values = curve(scales)
    below = values < bound
    if below.all():
        return Crossing("always below", np.nan)
    if not below.any():
        return Crossing("never below", np.nan)
    position = int(np.flatnonzero(below)[-1 if rising else 0])
    other = position + (1 if rising else -1)
    if not 0 <= other < len(scales):
        return Crossing("always below", np.nan)  # from the end where it should be above the bound

    def height(probability: float) -> float:
        return float(ndtri(min(max(probability, 1e-300), 1.0 - 1e-16)) - ndtri(bound))

    left, right = float(np.log(scales[position])), float(np.log(scales[other]))
    low, high = height(float(values[position])), height(float(values[other]))
    kept = 0  # the end that stayed where it was in the last round: its height is halved when it stays again
    for _ in range(ROUNDS):
        middle = (left * high - right * low) / (high - low)
        found = height(float(curve(np.array([np.exp(middle)]))[0]))
        if abs(found) < 1e-12 or abs(right - left) < 1e-10:
            break
        if found < 0.0:
            left, low, high, kept = middle, found, 0.5 * high if kept > 0 else high, 1
        else:
            right, high, low, kept = middle, found, 0.5 * low if kept < 0 else low, -1
    if abs(found) > MET:
        raise ConvergenceError(f"the probability jumps over {bound:g} at {np.exp(middle):.6g}: no scale meets it.")
    return Crossing("found", float(np.exp(middle)))
