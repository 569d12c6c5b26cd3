"""lognormal(mu, sigma)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log, pi
from typing import ClassVar

import numpy as np
from scipy.special import ndtr, ndtri

from bayesmeta.priors.base import Array, HeterogeneityPrior
from bayesmeta.priors.parameters import POSITIVE

LOG_SQRT_2PI = 0.5 * log(2.0 * pi)


@dataclass(frozen=True)
class LogNormal(HeterogeneityPrior, text_name="lognormal"):
    """Log-normal prior for tau: p(tau) = exp(-((log tau - mu) / sigma)^2 / 2) / (tau sigma sqrt(2 pi)).

    The form of the empirical priors from Cochrane reviews. Those are stated for tau^2: for tau both numbers are halved,
    so that LN(-2.56, 1.74^2) for tau^2 is lognormal(-1.28, 0.87). The density is 0 at tau = 0: homogeneity is excluded
    a priori, however alike the trials are.

    Parameters
    ----------
    mu : float, mean of log tau (not the pooled effect). The prior's median of tau is exp(mu).
    sigma : float > 0, standard deviation of log tau.

    References
    ----------
    Turner et al. 2015, Stat Med 34:984.

    Examples
    --------
    >>> [round(LogNormal(-1.28, 0.87).quantile(p), 2) for p in (0.025, 0.5, 0.975)]
    [0.05, 0.28, 1.53]
    """

    mu: float
    sigma: float = field(metadata=POSITIVE)

    examples: ClassVar[tuple[str, ...]] = ("lognormal(-1.28, 0.87)", "lognormal(-1.17, 0.86)", "lognormal(0, 0.1)")

    @property
    def mean(self) -> float:
        return _exp(self.mu + 0.5 * self.sigma * self.sigma)

    @property
    def sd(self) -> float:
        # mean sqrt(exp(sigma^2) - 1), on the log scale, where neither factor can over- or underflow alone
        square = self.sigma * self.sigma
        with np.errstate(divide="ignore"):
            return _exp(self.mu + square + 0.5 * float(np.log(-np.expm1(-square))))

    @property
    def pymc(self) -> tuple[str, dict[str, float]]:
        return "LogNormal", {"mu": self.mu, "sigma": self.sigma}

    def _standardised(self, tau: Array) -> Array:
        return (np.log(tau) - self.mu) / self.sigma

    def _log_density(self, tau: Array) -> Array:
        z = self._standardised(tau)
        # z^2 / 2 + log tau with log tau = mu + sigma z, as a product: at tau = 0 the sum would be inf - inf.
        return -z * (0.5 * z + self.sigma) - self.mu - log(self.sigma) - LOG_SQRT_2PI

    def _cdf(self, tau: Array) -> Array:
        return ndtr(self._standardised(tau))

    def _survival(self, tau: Array) -> Array:
        return ndtr(-self._standardised(tau))

    def _quantile(self, p: Array) -> Array:
        return np.exp(self.mu + self.sigma * ndtri(p))

    def _quantile_upper(self, q: Array) -> Array:
        return np.exp(self.mu - self.sigma * ndtri(q))


def _exp(x: float) -> float:
    with np.errstate(over="ignore", under="ignore"):
        return float(np.exp(x))
