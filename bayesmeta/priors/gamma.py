"""gamma(shape, rate)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log, sqrt
from typing import ClassVar

import numpy as np
from scipy.special import gammainc, gammaincc, gammainccinv, gammaincinv, gammaln, xlogy

from bayesmeta.priors.base import Array, HeterogeneityPrior
from bayesmeta.priors.parameters import POSITIVE


@dataclass(frozen=True)
class Gamma(HeterogeneityPrior):
    """Gamma prior for tau: p(tau) = rate^shape tau^(shape - 1) exp(-rate tau) / Gamma(shape).

    Of tau, not of the precision 1 / tau^2. shape = 1 is the exponential prior. With shape > 1 the density is 0 at
    tau = 0, which keeps estimates off the boundary: gamma(2, rate) with a small rate is the usual choice. With
    shape < 1 it is unbounded there.

    Parameters
    ----------
    shape : float > 0.
    rate : float > 0, one over a scale of tau (log odds ratio). The prior's mean of tau is shape / rate.

    References
    ----------
    Chung et al. 2013, Psychometrika 78:685.

    Examples
    --------
    >>> Gamma(2, 4).mean
    0.5
    >>> Gamma(2, 4).density(0.0)
    0.0
    """

    shape: float = field(metadata=POSITIVE)
    rate: float = field(metadata=POSITIVE)

    examples: ClassVar[tuple[str, ...]] = ("gamma(2, 4)", "gamma(1, 2)", "gamma(0.5, 1)")

    @property
    def mean(self) -> float:
        return self.shape / self.rate

    @property
    def sd(self) -> float:
        return sqrt(self.shape) / self.rate

    @property
    def pymc(self) -> tuple[str, dict[str, float]]:
        return "Gamma", {"alpha": self.shape, "beta": self.rate}

    def _log_density(self, tau: Array) -> Array:
        constant = self.shape * log(self.rate) - float(gammaln(self.shape))
        finite = np.where(np.isinf(tau), 1.0, tau)  # inf - inf otherwise
        return np.where(np.isinf(tau), -np.inf, constant + xlogy(self.shape - 1.0, finite) - self.rate * finite)

    def _cdf(self, tau: Array) -> Array:
        return gammainc(self.shape, self.rate * tau)

    def _survival(self, tau: Array) -> Array:
        return gammaincc(self.shape, self.rate * tau)

    def _quantile(self, p: Array) -> Array:
        return gammaincinv(self.shape, p) / self.rate

    def _quantile_upper(self, q: Array) -> Array:
        return gammainccinv(self.shape, q) / self.rate
