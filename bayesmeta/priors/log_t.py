"""log_t(df, location, scale)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log
from typing import ClassVar

import numpy as np

from bayesmeta.priors import t
from bayesmeta.priors.base import Array, HeterogeneityPrior
from bayesmeta.priors.parameters import POSITIVE


@dataclass(frozen=True)
class LogT(HeterogeneityPrior):
    """Log-t prior for tau: log tau = location + scale T, with T Student-t distributed with df degrees of freedom.

    The form of the empirical priors for standardised mean differences. Those are stated for tau^2: for tau location
    and scale are halved. Its tails are heavier than any power: no mean exists, and near tau = 0 the density grows
    without bound, so that a little of the probability lies at values of tau that are 0 for every purpose.

    Parameters
    ----------
    df : float > 0, degrees of freedom.
    location : float, median of log tau. The prior's median of tau is exp(location).
    scale : float > 0, scale of log tau.

    References
    ----------
    Rhodes, Turner & Higgins 2015, J Clin Epidemiol 68:52.

    Examples
    --------
    >>> [round(LogT(5, -1.72, 1.295).quantile(p), 2) for p in (0.025, 0.5, 0.975)]
    [0.01, 0.18, 5.0]
    """

    df: float = field(metadata=POSITIVE)
    location: float
    scale: float = field(metadata=POSITIVE)

    examples: ClassVar[tuple[str, ...]] = ("log_t(5, -1.72, 1.295)", "log_t(5, 0, 0.5)", "log_t(12, -1, 0.8)")

    @property
    def mean(self) -> float:
        return np.inf

    @property
    def sd(self) -> float:
        return np.inf

    @property
    def tail_exponent(self) -> float:
        # 1 / tau up to powers of log tau, which make it integrable and nothing more
        return 1.0

    @property
    def pymc(self) -> None:
        return None

    def _standardised(self, tau: Array) -> Array:
        return (np.log(tau) - self.location) / self.scale

    def _log_density(self, tau: Array) -> Array:
        inside = (tau > 0.0) & (tau < np.inf)
        finite = np.where(inside, tau, 1.0)
        value = t.log_density(self._standardised(finite), self.df) - log(self.scale) - np.log(finite)
        at_the_ends = np.where(tau == 0.0, np.inf, np.where(np.isnan(tau), np.nan, -np.inf))
        return np.where(inside, value, at_the_ends)

    def _cdf(self, tau: Array) -> Array:
        return t.cdf(self._standardised(tau), self.df)

    def _survival(self, tau: Array) -> Array:
        return t.cdf(-self._standardised(tau), self.df)

    def _quantile(self, p: Array) -> Array:
        return np.exp(self.location + self.scale * t.quantile(p, self.df))

    def _quantile_upper(self, q: Array) -> Array:
        return np.exp(self.location - self.scale * t.quantile(q, self.df))
