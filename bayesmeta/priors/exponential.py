"""exponential(rate)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log
from typing import ClassVar

import numpy as np

from bayesmeta.priors.base import Array, HeterogeneityPrior
from bayesmeta.priors.parameters import POSITIVE


@dataclass(frozen=True)
class Exponential(HeterogeneityPrior):
    """Exponential prior for tau: p(tau) = rate exp(-rate tau).

    The penalised-complexity prior of a standard deviation: every step away from tau = 0 costs the same. For
    P(tau > u) = a the rate is -log(a) / u: exponential(3) puts 5% above 1.

    Parameters
    ----------
    rate : float > 0, one over the prior's mean of tau (log odds ratio).

    References
    ----------
    Simpson et al. 2017, Statistical Science 32:1.

    Examples
    --------
    >>> Exponential(2).mean
    0.5
    >>> round(Exponential(3).survival(1), 2)
    0.05
    """

    rate: float = field(metadata=POSITIVE)

    examples: ClassVar[tuple[str, ...]] = ("exponential(2)", "exponential(3)", "exponential(0.5)")

    @property
    def mean(self) -> float:
        return 1.0 / self.rate

    @property
    def sd(self) -> float:
        return 1.0 / self.rate

    @property
    def pymc(self) -> tuple[str, dict[str, float]]:
        return "Exponential", {"lam": self.rate}

    def _log_density(self, tau: Array) -> Array:
        return log(self.rate) - self.rate * tau

    def _cdf(self, tau: Array) -> Array:
        return -np.expm1(-self.rate * tau)

    def _survival(self, tau: Array) -> Array:
        return np.exp(-self.rate * tau)

    def _quantile(self, p: Array) -> Array:
        return -np.log1p(-p) / self.rate

    def _quantile_upper(self, q: Array) -> Array:
        return -np.log(q) / self.rate
