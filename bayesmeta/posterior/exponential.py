"""A positive quantity known through its logarithm: ratios of heterogeneity."""

import numpy as np

from bayesmeta.posterior.marginal import Marginal
from bayesmeta.types import Array


class Exponential(Marginal):
    """The distribution of e^x, for a marginal of x.

    Parameters
    ----------
    name : what it is the distribution of.
    log : the marginal of x.
    mean, second : E[e^x] and E[e^2x]; None where they do not exist.

    Examples
    --------
    >>> from bayesmeta.posterior.marginal import NormalMixture
    >>> one = Exponential("ratio", NormalMixture("x", np.ones(1), np.zeros(1), np.ones(1)))
    >>> round(one.median, 6), round(one.probability(above=1), 6)
    (1.0, 0.5)
    """

    def __init__(self, name: str, log: Marginal, mean: float | None = None, second: float | None = None) -> None:
        self.name, self.log = name, log
        self._mean, self._second = mean, second

    @property
    def mean(self) -> float | None:
        return self._mean

    @property
    def sd(self) -> float | None:
        if self._mean is None or self._second is None:
            return None
        return float(np.sqrt(max(self._second - self._mean**2, 0.0)))

    def pdf(self, x: Array | float) -> Array:
        x = np.asarray(x, dtype=float)
        inside = np.where(x > 0.0, x, 1.0)
        return np.where(x > 0.0, self.log.pdf(np.log(inside)) / inside, 0.0)

    def cdf(self, x: Array | float) -> Array:
        x = np.asarray(x, dtype=float)
        return np.where(x > 0.0, self.log.cdf(np.log(np.where(x > 0.0, x, 1.0))), 0.0)

    def quantile(self, p: Array | float) -> Array:
        return np.asarray(np.exp(self.log.quantile(p)))

    def draws(self, n: int, rng: np.random.Generator | int = 0) -> Array:
        return np.asarray(np.exp(self.log.draws(n, rng)))

    def _lower_end(self) -> float:
        return 0.0
