"""A density on panels of Gauss-Legendre nodes: the marginal of tau."""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.polynomial import legendre

from bayesmeta.posterior.marginal import Marginal
from bayesmeta.types import Array


class PanelDensity(Marginal):
    """The posterior of tau, known at panels of Gauss-Legendre nodes in u = asinh(tau / c).

    On each panel the density of u is a Legendre series, so its integral, the cdf, is one too.

    Parameters
    ----------
    name : "tau".
    edges : (P + 1,) panel edges on the scale of u.
    scale : c, on the scale of tau.
    density_u : (P, n) density of u at the nodes, integrating to one.
    pdf : the normalised density of tau itself, vectorised.
    moments : how many moments exist.
    """

    def __init__(
        self,
        name: str,
        edges: Array,
        scale: float,
        density_u: Array,
        pdf: Callable[[Array], Array],
        moments: int = 2,
    ) -> None:
        self.name = name
        self._edges, self._scale, self._pdf, self._moments = edges, scale, pdf, moments
        self._half = 0.5 * np.diff(edges)
        nodes, weights, to_series, integrate = _panel_matrices(density_u.shape[1])
        self._series = density_u @ to_series.T  # (P, n) Legendre coefficients of the density
        self._integral = self._series @ integrate.T * self._half[:, None]  # (P, n + 1) of the cdf within the panel
        self._mass = (density_u @ weights) * self._half
        self._cumulative = np.concatenate([[0.0], np.cumsum(self._mass)])
        self._total = self._cumulative[-1]
        u = edges[:-1, None] + self._half[:, None] * (1.0 + nodes)
        self._tau = scale * np.sinh(u)
        self._weight = density_u * weights * self._half[:, None]

    @property
    def mean(self) -> float | None:
        return float(np.sum(self._weight * self._tau)) if self._moments >= 1 else None

    @property
    def sd(self) -> float | None:
        if self._moments < 2:
            return None
        mean = np.sum(self._weight * self._tau)
        return float(np.sqrt(np.sum(self._weight * (self._tau - mean) ** 2)))

    def pdf(self, x: Array | float) -> Array:
        x = np.asarray(x, dtype=float)
        return np.where(x < 0.0, 0.0, self._pdf(np.maximum(x, 0.0)))

    def cdf(self, x: Array | float) -> Array:
        u = np.arcsinh(np.maximum(np.asarray(x, dtype=float), 0.0) / self._scale)
        inside = np.clip(u, self._edges[0], self._edges[-1])
        panel = np.clip(np.searchsorted(self._edges, inside, side="right") - 1, 0, len(self._half) - 1)
        local = (inside - self._edges[panel]) / self._half[panel] - 1.0
        value = self._cumulative[panel] + _evaluate(self._integral[panel], local)
        return np.clip(value / self._total, 0.0, 1.0)

    def quantile(self, p: Array | float) -> Array:
        target = np.atleast_1d(np.asarray(p, dtype=float)) * self._total
        panel = np.clip(np.searchsorted(self._cumulative, target, side="right") - 1, 0, len(self._half) - 1)
        rest = target - self._cumulative[panel]
        series, integral, half = self._series[panel], self._integral[panel], self._half[panel]
        lower, upper = np.full(target.shape, -1.0), np.full(target.shape, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            x = np.clip(2.0 * rest / self._mass[panel] - 1.0, -1.0, 1.0)
            x = np.where(np.isfinite(x), x, 0.0)
            for _ in range(60):
                basis = legendre.legvander(x, integral.shape[-1] - 1)
                excess = np.einsum("...n,...n->...", basis, integral) - rest
                upper, lower = np.where(excess > 0.0, x, upper), np.where(excess > 0.0, lower, x)
                trial = x - excess / (np.einsum("...n,...n->...", basis[..., :-1], series) * half)
                safe = (trial >= lower) & (trial <= upper)
                settled = safe & (np.abs(trial - x) <= 1e-7)  # Newton's error is the square of its step
                x = np.where(safe, trial, 0.5 * (lower + upper))
                if np.all(settled | (upper - lower <= 1e-14)):
                    break
        return (self._scale * np.sinh(self._edges[panel] + half * (1.0 + x))).reshape(np.shape(p))

    def draws(self, n: int, rng: np.random.Generator | int = 0) -> Array:
        return self.quantile(np.random.default_rng(rng).random(n))

    def _lower_end(self) -> float:
        return 0.0


def _evaluate(coefficients: Array, x: Array) -> Array:
    """Legendre series, one at each point: coefficients (..., n), x (...)."""
    return np.asarray(legendre.legval(x, np.moveaxis(coefficients, -1, 0), tensor=False))


@cache
def _panel_matrices(n: int) -> tuple[Array, Array, Array, Array]:
    """Nodes, weights, and the matrices from values to Legendre series and from a series to its integral from -1."""
    nodes, weights = legendre.leggauss(n)
    degree = np.arange(n)
    to_series = (legendre.legvander(nodes, n - 1) * weights[:, None] * (degree + 0.5)).T  # (n, n): series, values
    integrate = legendre.legint(np.eye(n), lbnd=-1)  # (n + 1, n)
    return nodes, weights, to_series, integrate
