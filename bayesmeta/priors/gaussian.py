"""The formulas that the normal priors of an effect share."""

from __future__ import annotations

from abc import abstractmethod
from math import log, pi

from scipy.special import ndtr, ndtri

from bayesmeta.priors.base import Array, EffectPrior

LOG_SQRT_2PI = 0.5 * log(2.0 * pi)


class GaussianPrior(EffectPrior, abstract=True):
    """A normal prior, however it is parametrised: the family says what its location and scale are."""

    @property
    @abstractmethod
    def gaussian(self) -> tuple[float, float]:
        """Location and scale."""

    @property
    def mean(self) -> float:
        return self.gaussian[0]

    @property
    def sd(self) -> float:
        return self.gaussian[1]

    @property
    def pymc(self) -> tuple[str, dict[str, float]]:
        location, scale = self.gaussian
        return "Normal", {"mu": location, "sigma": scale}

    def _standardised(self, x: Array) -> Array:
        location, scale = self.gaussian
        return (x - location) / scale

    def _log_density(self, x: Array) -> Array:
        return -0.5 * self._standardised(x) ** 2 - LOG_SQRT_2PI - log(self.gaussian[1])

    def _cdf(self, x: Array) -> Array:
        return ndtr(self._standardised(x))

    def _survival(self, x: Array) -> Array:
        return ndtr(-self._standardised(x))

    def _quantile(self, p: Array) -> Array:
        location, scale = self.gaussian
        return location + scale * ndtri(p)

    def _quantile_upper(self, q: Array) -> Array:
        location, scale = self.gaussian
        return location - scale * ndtri(q)
