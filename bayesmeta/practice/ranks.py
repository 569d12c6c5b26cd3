"""Ranks of independent quantities, by quadrature: who is first, who is among the first, who beats whom."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import (
    betainc,
    betainccinv,
    betaincinv,
    betaln,
    expit,
    gammainc,
    gammainccinv,
    gammaincinv,
    gammaln,
    log_expit,
    ndtr,
    ndtri,
)

from bayesmeta.types import Array

#: Panels of the integration run between these quantiles of each quantity, so that narrow ones are resolved.
TAIL = np.array([1e-13, 1e-9, 1e-6, 1e-4, 3e-3, 0.03, 0.12, 0.3])
LEVELS = np.concatenate([TAIL, [0.5]])
NODES = 8


class Independent(ABC):
    """Independent quantities, on a scale where their densities are smooth on the whole line.

    Quantities keep their order on that scale, and ranks need no more.
    """

    @abstractmethod
    def lower_quantiles(self, p: Array) -> Array:
        """(n, len(p)) points with probability p below them."""

    @abstractmethod
    def upper_quantiles(self, p: Array) -> Array:
        """(n, len(p)) points with probability p above them."""

    @abstractmethod
    def density(self, x: Array) -> Array:
        """(n, len(x))."""

    @abstractmethod
    def cdf(self, x: Array) -> Array:
        """(n, len(x))."""

    @cached_property
    def _nodes(self) -> tuple[Array, Array]:
        """Points, and weights of each quantity's distribution there (n, points), which sum to one."""
        edges = np.unique(np.concatenate([self.lower_quantiles(LEVELS), self.upper_quantiles(LEVELS)], axis=1))
        at, weight = np.polynomial.legendre.leggauss(NODES)
        half = 0.5 * np.diff(edges)[:, None]
        x = (edges[:-1, None] + half * (1.0 + at)).ravel()
        weights = self.density(x) * (half * weight).ravel()
        return x, np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def above(self) -> Array:
        """Probability that i is larger than j.

        P(X_i > X_j) = integral of p_i(x) F_j(x) dx

        Returns
        -------
        (n, n), the diagonal 0.
        """
        x, weights = self._nodes
        found = weights @ self.cdf(x).T
        np.fill_diagonal(found, 0.0)
        return np.asarray(found)

    def expected_ranks(self) -> Array:
        """(n,) expected rank, 1 for the largest: 1 + sum_j P(X_j > X_i)."""
        return np.asarray(1.0 + self.above().sum(axis=0))

    def among_first(self, first: int) -> Array:
        """Probability of each of the first ranks.

        P(rank_i = r) = integral of p_i(x) P(r - 1 of the others exceed x) dx, the inner one Poisson-binomial.

        Parameters
        ----------
        first : how many ranks, from 1 to n.

        Returns
        -------
        (n, first); column 0 is the probability of being the largest.
        """
        x, weights = self._nodes
        exceed = 1.0 - self.cdf(x)
        found = np.empty((len(weights), first))
        for i in range(len(weights)):
            number = np.zeros((first, len(x)))  # row r: probability that r of the others exceed x
            number[0] = 1.0
            for j in range(len(weights)):
                if j != i:
                    moved = number[:-1] * exceed[j]
                    number *= 1.0 - exceed[j]
                    number[1:] += moved
            found[i] = number @ weights[i]
        return found


@dataclass(frozen=True, eq=False)
class Normals(Independent):
    """Normal quantities with means and sds (n,)."""

    mean: Array
    sd: Array

    def lower_quantiles(self, p: Array) -> Array:
        return np.asarray(self.mean[:, None] + self.sd[:, None] * ndtri(p))

    def upper_quantiles(self, p: Array) -> Array:
        return np.asarray(self.mean[:, None] - self.sd[:, None] * ndtri(p))

    def density(self, x: Array) -> Array:
        z = (x - self.mean[:, None]) / self.sd[:, None]
        return np.asarray(np.exp(-0.5 * z * z) / (self.sd[:, None] * np.sqrt(2.0 * np.pi)))

    def cdf(self, x: Array) -> Array:
        return np.asarray(ndtr((x - self.mean[:, None]) / self.sd[:, None]))


@dataclass(frozen=True, eq=False)
class Betas(Independent):
    """Beta quantities with parameters a, b (n,), on the logit scale."""

    a: Array
    b: Array

    def lower_quantiles(self, p: Array) -> Array:
        a, b = self._parameters
        return _log_small(betaincinv(a, b, p), a, b, np.log(p)) - _log_small(betainccinv(b, a, p), b, a, np.log1p(-p))

    def upper_quantiles(self, p: Array) -> Array:
        return -Betas(self.b, self.a).lower_quantiles(p)

    @property
    def _parameters(self) -> tuple[Array, Array]:
        return self.a[:, None], self.b[:, None]

    def density(self, x: Array) -> Array:
        a, b = self._parameters
        return np.asarray(np.exp(a * log_expit(x) + b * log_expit(-x) - betaln(a, b)))

    def cdf(self, x: Array) -> Array:
        return np.asarray(betainc(*self._parameters, expit(x)))


def _log_small(x: Array, a: Array, b: Array, log_p: Array) -> Array:
    """log x; where x is too small for a float, of a beta quantile by the leading term of its cdf, x^a / (a B(a, b))."""
    with np.errstate(divide="ignore"):
        return np.where(x > 1e-300, np.log(x), (log_p + np.log(a) + betaln(a, b)) / a)


@dataclass(frozen=True, eq=False)
class Gammas(Independent):
    """Gamma quantities with shapes (n,) and one scale, on the log scale.

    The shares of a Dirichlet distribution are independent gamma quantities divided by their sum, so their ranks are
    those of the gamma quantities.
    """

    shape: Array

    def lower_quantiles(self, p: Array) -> Array:
        shape = self.shape[:, None]
        x = gammaincinv(shape, p)
        with np.errstate(divide="ignore"):
            return np.where(x > 1e-300, np.log(x), (np.log(p) + gammaln(shape + 1.0)) / shape)

    def upper_quantiles(self, p: Array) -> Array:
        return np.asarray(np.log(gammainccinv(self.shape[:, None], p)))

    def density(self, x: Array) -> Array:
        shape = self.shape[:, None]
        with np.errstate(under="ignore"):
            return np.asarray(np.exp(shape * x - np.exp(x) - gammaln(shape)))

    def cdf(self, x: Array) -> Array:
        return np.asarray(gammainc(self.shape[:, None], np.exp(x)))
