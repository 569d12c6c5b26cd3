"""Two correlated normal variables: the probability that both lie on wished sides of zero."""

import numpy as np
from scipy.special import ndtr, owens_t

from bayesmeta.types import Array


def both_below(h: Array, k: Array, r: Array) -> Array:
    """P(X < h, Y < k) for standard normal X, Y with correlation r.

    (Phi(h) + Phi(k)) / 2 - T(h, a) - T(k, b) - 1/2 where h and k lie on two sides of zero, T of Owen.

    Parameters
    ----------
    h, k, r : arrays of one shape; |r| < 1.

    Returns
    -------
    Array

    References
    ----------
    Owen 1956, Ann Math Stat 27:1075, equation 2.1.

    Examples
    --------
    >>> both_below(np.zeros(2), np.zeros(2), np.array([0.0, 0.5])).round(4)
    array([0.25  , 0.3333])
    """
    # Owen's formula divides by h and k: zero is moved by less than a double shows.
    h, k = (np.where(np.abs(value) < 1e-150, 1e-150, value) for value in (h, k))
    root = np.sqrt((1.0 - r) * (1.0 + r))
    with np.errstate(over="ignore", divide="ignore"):
        first = owens_t(h, (k / h - r) / root)
        second = owens_t(k, (h / k - r) / root)
    other_sides = np.where(np.sign(h) * np.sign(k) < 0.0, 0.5, 0.0)
    found = 0.5 * (ndtr(h) + ndtr(k)) - first - second - other_sides
    return np.asarray(np.clip(found, 0.0, 1.0))


def both_sides(mean: Array, covariance: Array, signs: tuple[int, int]) -> Array:
    """P(sign_1 X > 0, sign_2 Y > 0) for normal X, Y.

    Parameters
    ----------
    mean : (2, N). covariance : (3, N) var(X), cov, var(Y).
    signs : 1 for above zero, -1 for below.

    Returns
    -------
    (N,)
    """
    sd = np.sqrt(covariance[[0, 2]])
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.where((sd > 0.0).all(axis=0), covariance[1] / (sd[0] * sd[1]), 0.0)
    limits = np.asarray(signs, dtype=float)[:, None] * mean / sd
    return both_below(limits[0], limits[1], np.clip(signs[0] * signs[1] * correlation, -1.0 + 1e-15, 1.0 - 1e-15))
