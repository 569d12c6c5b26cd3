"""The formula that uniform_shrinkage and i2 share: uniform in tau^2 / (s^2 + tau^2)."""

from __future__ import annotations

from abc import abstractmethod
from math import log, pi

import numpy as np

from bayesmeta.priors.base import Array
from bayesmeta.priors.reference import ReferencePrior


class UniformRatioPrior(ReferencePrior, abstract=True):
    """p(tau) = 2 tau s^2 / (s^2 + tau^2)^2; the family says what s is."""

    @property
    @abstractmethod
    def scale(self) -> float:
        """s: the prior's median of tau."""

    @property
    def mean(self) -> float:
        return 0.5 * pi * self.scale

    @property
    def sd(self) -> float:
        return np.inf

    @property
    def tail_exponent(self) -> float:
        return 3.0

    def _formula(self, tau: Array) -> Array:
        x = tau / self.scale
        return log(2.0) - log(self.scale) + np.log(x) - 4.0 * np.log(np.hypot(1.0, x))

    def _cdf(self, tau: Array) -> Array:
        return 1.0 / (1.0 + (self.scale / tau) ** 2)

    def _survival(self, tau: Array) -> Array:
        return 1.0 / (1.0 + (tau / self.scale) ** 2)

    def _quantile(self, p: Array) -> Array:
        return self.scale * np.sqrt(p / (1.0 - p))

    def _quantile_upper(self, q: Array) -> Array:
        return self.scale * np.sqrt((1.0 - q) / q)
