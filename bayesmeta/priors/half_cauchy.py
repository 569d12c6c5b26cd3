"""half_cauchy(scale)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log, pi
from typing import ClassVar

import numpy as np

from bayesmeta.priors.base import Array, HeterogeneityPrior
from bayesmeta.priors.parameters import POSITIVE


@dataclass(frozen=True)
class HalfCauchy(HeterogeneityPrior):
    """Half-Cauchy prior for tau: p(tau) = 2 / (pi scale (1 + (tau / scale)^2)).

    Heavy tail: with few trials it lets the data speak at the price of wide intervals, and posterior moments of mu may
    not exist for k < 3. The prior itself has no mean.

    Parameters
    ----------
    scale : float > 0, on the scale of tau (log odds ratio). The prior's median of tau.

    References
    ----------
    Gelman 2006, Bayesian Analysis 1:515; Polson & Scott 2012, Bayesian Analysis 7:887.

    Examples
    --------
    >>> HalfCauchy(0.5).quantile(0.5)
    0.5
    """

    scale: float = field(metadata=POSITIVE)

    examples: ClassVar[tuple[str, ...]] = ("half_cauchy(0.5)", "half_cauchy(1)", "half_cauchy(0.03)")

    @property
    def mean(self) -> float:
        return np.inf

    @property
    def sd(self) -> float:
        return np.inf

    @property
    def tail_exponent(self) -> float:
        return 2.0

    @property
    def pymc(self) -> tuple[str, dict[str, float]]:
        return "HalfCauchy", {"beta": self.scale}

    def _log_density(self, tau: Array) -> Array:
        return log(2.0 / pi) - log(self.scale) - 2.0 * np.log(np.hypot(1.0, tau / self.scale))

    def _cdf(self, tau: Array) -> Array:
        return np.arctan2(tau / self.scale, 1.0) * (2.0 / pi)

    def _survival(self, tau: Array) -> Array:
        return np.arctan2(1.0, tau / self.scale) * (2.0 / pi)

    def _quantile(self, p: Array) -> Array:
        return self.scale * _half_tangent(p, 1.0 - p)

    def _quantile_upper(self, q: Array) -> Array:
        return self.scale * _half_tangent(1.0 - q, q)


def _half_tangent(p: Array, q: Array) -> Array:
    """tan(pi p / 2) for p + q = 1, from the smaller of the two: near its pole the tangent loses all digits of p."""
    smaller = np.minimum(p, q) * pi
    tangent = np.sin(smaller) / (1.0 + np.cos(smaller))
    return np.where(p <= q, tangent, 1.0 / tangent)
