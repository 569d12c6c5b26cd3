"""half_t(df, scale)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, log, sqrt
from typing import ClassVar

import numpy as np
from scipy.special import betainc, betaincc, betainccinv, betaincinv, betaln

from bayesmeta.priors.base import Array, HeterogeneityPrior
from bayesmeta.priors.parameters import POSITIVE

#: Below this a square comes near the smallest float.
TINY = 1e-140


@dataclass(frozen=True)
class HalfT(HeterogeneityPrior):
    """Half-t prior for tau: p(tau) = 2 (1 + (tau / scale)^2 / df)^(-(df + 1) / 2) / (scale sqrt(df) B(1/2, df/2)).

    Between the half-Cauchy (df = 1) and the half-normal (df without bound): the scale says where heterogeneity is
    expected, df how far beyond it the data may lead. The mean exists for df > 1, the standard deviation for df > 2.

    Parameters
    ----------
    df : float > 0, degrees of freedom.
    scale : float > 0, on the scale of tau (log odds ratio).

    References
    ----------
    Gelman 2006, Bayesian Analysis 1:515; Roever et al. 2021, Res Synth Methods 12:448.

    Examples
    --------
    >>> round(HalfT(1, 0.5).quantile(0.5), 12)
    0.5
    >>> round(HalfT(3, 0.5).mean, 4)
    0.5513
    """

    df: float = field(metadata=POSITIVE)
    scale: float = field(metadata=POSITIVE)

    examples: ClassVar[tuple[str, ...]] = ("half_t(3, 0.5)", "half_t(1, 0.5)", "half_t(4, 1)", "half_t(30, 0.2)")

    @property
    def _log_beta(self) -> float:
        return float(betaln(0.5, 0.5 * self.df))

    @property
    def mean(self) -> float:
        if self.df <= 1:
            return np.inf
        return self.scale * 2.0 * sqrt(self.df) / (self.df - 1.0) * exp(-self._log_beta)

    @property
    def sd(self) -> float:
        if self.df <= 2:
            return np.inf
        return self.scale * sqrt(self.df / (self.df - 2.0) - (self.mean / self.scale) ** 2)

    @property
    def tail_exponent(self) -> float:
        return self.df + 1.0

    @property
    def pymc(self) -> tuple[str, dict[str, float]]:
        return "HalfStudentT", {"nu": self.df, "sigma": self.scale}

    def _log_density(self, tau: Array) -> Array:
        ratio = tau / self.scale / sqrt(self.df)
        # The square overflows long before its logarithm does.
        log1p_square = np.where(ratio < 1e8, np.log1p(ratio**2), 2.0 * np.log(ratio))
        constant = log(2.0) - log(self.scale) - 0.5 * log(self.df) - self._log_beta
        return constant - 0.5 * (self.df + 1.0) * log1p_square

    def _cdf(self, tau: Array) -> Array:
        near, far = self._parts(tau)
        half = 0.5 * self.df
        return np.where(near < far, betainc(0.5, half, near), _beta_survival(half, 0.5, far))

    def _survival(self, tau: Array) -> Array:
        near, far = self._parts(tau)
        half = 0.5 * self.df
        return np.where(near < far, _beta_survival(0.5, half, near), betainc(half, 0.5, far))

    def _parts(self, tau: Array) -> tuple[Array, Array]:
        """t^2 / (df + t^2) and df / (df + t^2) for t = tau / scale: the first is beta(1/2, df/2) distributed."""
        ratio = tau / self.scale / sqrt(self.df)
        return np.sin(np.arctan(ratio)) ** 2, np.hypot(1.0, ratio) ** -2.0

    def _quantile(self, p: Array) -> Array:
        tau = self._from_parts(betaincinv(0.5, 0.5 * self.df, p), betainccinv(0.5 * self.df, 0.5, p))
        # Where tau^2 is out of the range of floats, the density is still that at 0.
        return np.where(p < TINY, p / self.density(0.0), tau)

    def _quantile_upper(self, q: Array) -> Array:
        far = betaincinv(0.5 * self.df, 0.5, q)
        tau = self._from_parts(betainccinv(0.5, 0.5 * self.df, q), far)
        # As far out the survival is the first term of its series, far^(df/2) 2 / (df B(1/2, df/2)).
        log_term = np.log(q) + log(0.5 * self.df) + self._log_beta
        return np.where(far < TINY, self.scale * sqrt(self.df) * np.exp(-log_term / self.df), tau)

    def _from_parts(self, near: Array, far: Array) -> Array:
        """tau from the two parts; each is used where it is the smaller one, and so has all its digits."""
        odds = np.where(near < far, near / (1.0 - near), (1.0 - far) / far)
        return self.scale * sqrt(self.df) * np.sqrt(odds)


def _beta_survival(a: float, b: float, x: Array) -> Array:
    """1 - betainc(a, b, x), by the complement only where it is small: it loses digits where it is near 1."""
    below = betainc(a, b, x)
    return np.where(below < 0.5, 1.0 - below, betaincc(a, b, x))
