"""uniform(low, high)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log, sqrt
from typing import ClassVar, Self

import numpy as np

from bayesmeta.priors.base import Array, HeterogeneityPrior
from bayesmeta.priors.parameters import NOT_NEGATIVE, ParameterError, number_text


@dataclass(frozen=True)
class Uniform(HeterogeneityPrior):
    """Uniform prior for tau: p(tau) = 1 / (high - low) between low and high, 0 elsewhere.

    Nothing beyond high is possible whatever the data say, and with few trials the posterior leans on that end: a wide
    uniform is not vague. For a log odds ratio tau > 1 is already fairly extreme.

    Parameters
    ----------
    low : float >= 0, on the scale of tau (log odds ratio).
    high : float > low.

    References
    ----------
    Spiegelhalter, Abrams & Myles 2004, Bayesian approaches to clinical trials and health-care evaluation; Gelman 2006,
    Bayesian Analysis 1:515; Lambert et al. 2005, Stat Med 24:2401 (vague priors are not vague with few trials).

    Examples
    --------
    >>> Uniform(0, 2).density([1.0, 3.0])
    array([0.5, 0. ])
    >>> Uniform(0, 2).breaks
    (2.0,)
    """

    low: float = field(metadata=NOT_NEGATIVE)
    high: float

    examples: ClassVar[tuple[str, ...]] = ("uniform(0, 2)", "uniform(0, 4)", "uniform(0.1, 0.5)")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.low < self.high:
            raise self._refusal(f"high is {number_text(self.high)}. It must be above low, {number_text(self.low)}.")

    @classmethod
    def from_arguments(cls, arguments: Sequence[str]) -> Self:
        if not arguments:  # the name of the improper one elsewhere
            finding = "it needs its two ends, as in uniform(0, 2). Without an end it is improper_uniform."
            raise ParameterError(f"prior {cls.text_name}", finding)
        return super().from_arguments(arguments)

    @property
    def mean(self) -> float:
        return self.low + 0.5 * (self.high - self.low)

    @property
    def sd(self) -> float:
        return (self.high - self.low) / sqrt(12.0)

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high

    @property
    def breaks(self) -> tuple[float, ...]:
        return (self.low, self.high) if self.low > 0 else (self.high,)

    @property
    def pymc(self) -> tuple[str, dict[str, float]]:
        return "Uniform", {"lower": self.low, "upper": self.high}

    def _log_density(self, tau: Array) -> Array:
        return np.where(np.isnan(tau), tau, -log(self.high - self.low))

    def _cdf(self, tau: Array) -> Array:
        return (tau - self.low) / (self.high - self.low)

    def _survival(self, tau: Array) -> Array:
        return (self.high - tau) / (self.high - self.low)

    def _quantile(self, p: Array) -> Array:
        return np.minimum(self.low + p * (self.high - self.low), self.high)

    def _quantile_upper(self, q: Array) -> Array:
        return np.maximum(self.high - q * (self.high - self.low), self.low)
