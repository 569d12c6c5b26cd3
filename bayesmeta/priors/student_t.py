"""student_t(df, location, scale)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log, pi, sqrt
from typing import ClassVar

import numpy as np
from scipy.special import gammaincinv, gammaln, loggamma

from bayesmeta.priors import t
from bayesmeta.priors.base import Array, EffectPrior
from bayesmeta.priors.parameters import POSITIVE

#: Probability left outside the range over which `as_normal_mixture` keeps its accuracy.
OUTSIDE = 1e-8


@dataclass(frozen=True)
class StudentT(EffectPrior):
    """Student-t prior for an effect: (x - location) / scale is t distributed with df degrees of freedom.

    Like a normal prior, but it gives way where the trials contradict it. student_t(4, 0, 0.58) was fitted to the pooled
    log odds ratios of the Cochrane database.

    Parameters
    ----------
    df : float > 0, degrees of freedom. The mean exists for df > 1, the standard deviation for df > 2.
    location : float, on the scale of the effect (log odds ratio).
    scale : float > 0, on the same scale.

    References
    ----------
    Bartos et al. 2023, Res Synth Methods 14:630; O'Hagan & Pericchi 2012, Braz J Probab Stat 26:372 (heavy tails and
    conflict).

    Examples
    --------
    >>> [round(StudentT(4, 0, 0.58).quantile(p), 2) for p in (0.025, 0.975)]
    [-1.61, 1.61]
    """

    df: float = field(metadata=POSITIVE)
    location: float
    scale: float = field(metadata=POSITIVE)

    examples: ClassVar[tuple[str, ...]] = ("student_t(4, 0, 0.58)", "student_t(7, -0.3, 1)", "student_t(1, 0, 2.5)")

    @property
    def mean(self) -> float:
        return self.location if self.df > 1 else np.nan

    @property
    def sd(self) -> float:
        return self.scale * sqrt(self.df / (self.df - 2.0)) if self.df > 2 else np.inf

    @property
    def pymc(self) -> tuple[str, dict[str, float]]:
        return "StudentT", {"nu": self.df, "mu": self.location, "sigma": self.scale}

    def _standardised(self, x: Array) -> Array:
        return (x - self.location) / self.scale

    def _log_density(self, x: Array) -> Array:
        return t.log_density(self._standardised(x), self.df) - log(self.scale)

    def _cdf(self, x: Array) -> Array:
        return t.cdf(self._standardised(x), self.df)

    def _survival(self, x: Array) -> Array:
        return t.cdf(-self._standardised(x), self.df)

    def _quantile(self, p: Array) -> Array:
        return self.location + self.scale * t.quantile(p, self.df)

    def _quantile_upper(self, q: Array) -> Array:
        return self.location - self.scale * t.quantile(q, self.df)

    @property
    def tail_exponent(self) -> float:
        return self.df + 1.0

    def as_normal_mixture(
        self, accuracy: float = 1e-9, over: tuple[float, float] | None = None
    ) -> tuple[Array, Array, Array]:
        """Weights, locations and scales (n,) of normal distributions whose mixture is this prior.

        The density is the integral of N(x; location, scale^2 / v) over v ~ Gamma(df / 2, df / 2). In log v its
        integrand is analytic for |imaginary part| < pi / 2, so the trapezoid rule converges at exp(-pi^2 / step), with
        one relative error for all x, 2 |Gamma(a + 2 pi i / step)| / Gamma(a), a = (df + 1) / 2.

        Parameters
        ----------
        accuracy : relative, of the density, over the central 1 - 1e-8 of the prior.
        over : also over this range, however far out it lies.

        Returns
        -------
        Three arrays (n,), the weights with sum 1: n is 63 for df = 4 and accuracy 1e-9, 24 for df = 30.

        References
        ----------
        Trefethen & Weideman 2014, SIAM Review 56:385, section 5 (the trapezoid rule on the whole line).
        """
        half = 0.5 * self.df
        accuracy = max(accuracy, 1e-14)
        step = min(_step(half, accuracy), _step(half + 0.5, accuracy))
        # At x the integrand is Gamma(a, rate (df + z^2) / 2): the lower end serves the largest z, the upper one z = 0.
        with np.errstate(over="ignore", divide="ignore"):
            largest = min(float(t.quantile(np.array(1.0 - 0.5 * OUTSIDE), self.df)), 1e100)
        if over is not None:
            largest = min(max(largest, *(abs(end - self.location) / self.scale for end in over)), 1e100)
        low = float(gammaincinv(half + 0.5, 0.1 * accuracy)) / (half + 0.5 * largest**2)
        high = float(gammaincinv(half + 0.5, 1.0 - min(0.1 * accuracy, 0.1))) / half
        n = int(np.ceil((log(high) - log(low)) / step)) + 1
        v = np.exp(np.linspace(log(low), log(high), n))
        log_weight = half * (np.log(v) - v)
        weight = np.exp(log_weight - log_weight.max())
        return weight / weight.sum(), np.full(n, self.location), self.scale / np.sqrt(v)


def _step(a: float, accuracy: float) -> float:
    """The step of the trapezoid rule in log v at which 2 |Gamma(a + 2 pi i / step)| / Gamma(a) is half the accuracy."""
    steps = np.geomspace(2.0, 1e-3, 400)
    log_error = np.log(4.0) + np.real(loggamma(a + 2j * pi / steps)) - float(gammaln(a))
    good = log_error < log(accuracy)
    return float(steps[np.argmax(good)])
