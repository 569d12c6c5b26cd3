"""The Student-t distribution with location 0 and scale 1, exact in both tails: what log_t and student_t share."""

from __future__ import annotations

from math import log

import numpy as np

from bayesmeta.priors.base import Array
from bayesmeta.priors.half_t import HalfT


def log_density(z: Array, df: float) -> Array:
    """log of the t density at z."""
    return np.asarray(HalfT(df, 1.0).log_density(np.abs(z))) - log(2.0)


def cdf(z: Array, df: float) -> Array:
    """P(T <= z), with full relative accuracy where it is small."""
    beyond = 0.5 * np.asarray(HalfT(df, 1.0).survival(np.abs(z)))
    return np.where(z < 0, beyond, 1.0 - beyond)


def quantile(p: Array, df: float) -> Array:
    """The inverse of cdf."""
    half = HalfT(df, 1.0)
    smaller = np.minimum(p, 1.0 - p)
    # Near the middle the distance from it is exact, near the ends the tail.
    near = half.quantile(np.abs(1.0 - 2.0 * p))
    far = half.quantile_upper(2.0 * smaller)
    return np.where(p < 0.5, -1.0, 1.0) * np.where(smaller > 0.25, near, far)
