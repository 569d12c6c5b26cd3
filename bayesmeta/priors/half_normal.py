"""half_normal(scale)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log, pi, sqrt
from typing import ClassVar

from scipy.special import erf, erfc, erfcinv, erfinv

from bayesmeta.priors.base import Array, HeterogeneityPrior
from bayesmeta.priors.parameters import POSITIVE

SQRT_2 = sqrt(2.0)


@dataclass(frozen=True)
class HalfNormal(HeterogeneityPrior):
    """Half-normal prior for tau: p(tau) = sqrt(2 / pi) exp(-(tau / scale)^2 / 2) / scale.

    half_normal(0.5) puts 95% below 0.98: for a log odds ratio heterogeneity up to fairly high, and little beyond.
    half_normal(1) is the wider check. The density is highest at tau = 0 and falls from there.

    Parameters
    ----------
    scale : float > 0, on the scale of tau (log odds ratio). The prior's median of tau is 0.67 scale.

    References
    ----------
    Roever 2020, J Stat Softw 93(6); Spiegelhalter, Abrams & Myles 2004, Bayesian approaches to clinical trials and
    health-care evaluation (what values of tau mean for odds ratios).

    Examples
    --------
    >>> round(HalfNormal(0.5).quantile(0.95), 2)
    0.98
    """

    scale: float = field(metadata=POSITIVE)

    examples: ClassVar[tuple[str, ...]] = ("half_normal(0.5)", "half_normal(1)", "half_normal(0.02)")

    @property
    def mean(self) -> float:
        return self.scale * sqrt(2.0 / pi)

    @property
    def sd(self) -> float:
        return self.scale * sqrt(1.0 - 2.0 / pi)

    @property
    def pymc(self) -> tuple[str, dict[str, float]]:
        return "HalfNormal", {"sigma": self.scale}

    def _log_density(self, tau: Array) -> Array:
        return 0.5 * log(2.0 / pi) - log(self.scale) - 0.5 * (tau / self.scale) ** 2

    def _cdf(self, tau: Array) -> Array:
        return erf(tau / self.scale / SQRT_2)

    def _survival(self, tau: Array) -> Array:
        return erfc(tau / self.scale / SQRT_2)

    def _quantile(self, p: Array) -> Array:
        return self.scale * SQRT_2 * erfinv(p)

    def _quantile_upper(self, q: Array) -> Array:
        return self.scale * SQRT_2 * erfcinv(q)
