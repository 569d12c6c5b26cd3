"""Coordinates in which the effects of two outcomes are sampled: 2 x 2 matrices written out in scalars."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bayesmeta.effects import JointEffects
from bayesmeta.types import Array


def precision(effects: JointEffects) -> Array:
    """(k, 3) entries 11, 12, 22 of the inverse within-trial covariance; 0 for what is not reported."""
    variance = np.where(effects.reported, effects.se, 1.0) ** 2
    share = 1.0 - effects.correlation**2
    found = np.column_stack(
        [
            1.0 / variance[:, 0] / share,
            -effects.covariance / (variance[:, 0] * variance[:, 1]) / share,
            1.0 / variance[:, 1] / share,
        ]
    )
    there = effects.reported
    return found * np.column_stack([there[:, 0], there.all(axis=1), there[:, 1]])


def whitened(
    precision: tuple[Any, Any, Any],
    root: tuple[Any, Any, Any],
    away: tuple[Any, Any],
    e: tuple[Any, Any],
    sqrt: Callable[[Any], Any] = np.sqrt,
    log: Callable[[Any], Any] = np.log,
) -> tuple[tuple[Any, Any], Any]:
    """z and log det P, in NumPy or PyTensor: see `_effects`."""
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
