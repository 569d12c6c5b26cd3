"""Coordinates of two effects that follow what a trial says of them: 2 x 2 matrices written out in scalars."""

from collections.abc import Callable
from typing import Any

import numpy as np


def whitened(
    precision: tuple[Any, Any, Any],
    root: tuple[Any, Any, Any],
    away: tuple[Any, Any],
    e: tuple[Any, Any],
    sqrt: Callable[[Any], Any] = np.sqrt,
    log: Callable[[Any], Any] = np.log,
) -> tuple[tuple[Any, Any], Any]:
    """Two effects in coordinates that are standard normal under what a normal likelihood says of them.

    theta = mu + A z with A A' = T and A lower triangular. With K the inverse of the within-trial covariance and
    P = I + A' K A, the normal likelihood of y has z = P^-1 A' K (y - mu) + P^(-1/2) e, e ~ N(0, I).

    Parameters
    ----------
    precision : entries 11, 12, 22 of K.
    root : entries 11, 21, 22 of A.
    away : y - mu of both outcomes.
    e : both coordinates.
    sqrt, log : of NumPy or of PyTensor; the arrays are of either, in shapes that broadcast.

    Returns
    -------
    z, a pair, and log det P.

    Examples
    --------
    >>> z, log_determinant = whitened((4.0, 0.0, 1.0), (1.0, 0.0, 1.0), (0.5, 0.2), (0.0, 0.0))
    >>> [float(one) for one in z], round(float(log_determinant), 3)
    ([0.4, 0.1], 2.303)
    """
    k11, k12, k22 = precision
    a11, a21, a22 = root
    p11 = 1.0 + a11 * (k11 * a11 + k12 * a21) + a21 * (k12 * a11 + k22 * a21)
    p12 = a22 * (a11 * k12 + a21 * k22)
    p22 = 1.0 + a22**2 * k22
    pulled = k11 * away[0] + k12 * away[1], k12 * away[0] + k22 * away[1]
    h1, h2 = a11 * pulled[0] + a21 * pulled[1], a22 * pulled[1]
    determinant = p11 * p22 - p12**2
    z1 = (p22 * h1 - p12 * h2) / determinant + sqrt(p22 / determinant) * e[0]
    z2 = (p11 * h2 - p12 * h1) / determinant - p12 / sqrt(determinant * p22) * e[0] + e[1] / sqrt(p22)
    return (z1, z2), log(determinant)
