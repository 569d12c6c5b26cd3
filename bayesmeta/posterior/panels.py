"""A density on panels of Gauss-Legendre nodes: the marginal of tau."""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.polynomial import chebyshev, legendre

from bayesmeta.posterior.marginal import Marginal, probabilities
from bayesmeta.types import Array, Integers


class PanelDensity(Marginal):
    """The posterior of tau, known at panels of Gauss-Legendre nodes in u = asinh(tau / c).

    On each panel the density of u is a polynomial, so its integral, the cdf, is one too. Both are kept as Chebyshev
    series, sum_j a_j cos(j arccos x), which NumPy evaluates at many points without a loop.

    Parameters
    ----------
    name : "tau".
    edges : (P + 1,) panel edges on the scale of u.
    scale : c, on the scale of tau.
    density_u : (P, n) density of u at the nodes, integrating to one.
    pdf : the normalised density of tau itself, vectorised; None to take it from the series.
    moments : how many moments exist.
    """

    def __init__(
        self,
        name: str,
        edges: Array,
        scale: float,
        density_u: Array,
        pdf: Callable[[Array], Array] | None,
        moments: int = 2,
    ) -> None:
        self.name = name
        self.edges, self.scale, self._pdf, self._moments = edges, scale, pdf, moments
        self._half = 0.5 * np.diff(edges)
        nodes, weights, to_density, to_integral = _panel_matrices(density_u.shape[1])
        self._density = density_u @ to_density.T  # (P, n) coefficients
        self._integral = density_u @ to_integral.T * self._half[:, None]  # (P, n + 1), from the panel's left edge
        self._weight = density_u * weights * self._half[:, None]
        self._mass = self._weight.sum(axis=1)
        self._cumulative = np.concatenate([[0.0], np.cumsum(self._mass)])
        self._total = self._cumulative[-1]
        self._tau = self._value(edges[:-1, None] + self._half[:, None] * (1.0 + nodes))

    def _value(self, u: Array) -> Array:
        """The quantity at u."""
        return np.asarray(self.scale * np.sinh(u))

    def _place(self, value: Array) -> Array:
        """u of the quantity."""
        return np.arcsinh(value / self.scale)

    def _slope(self, u: Array) -> Array:
        """d value / d u."""
        return np.asarray(self.scale * np.cosh(u))

    def _local(self, u: Array) -> tuple[Integers, Array]:
        """Panel of each u, and the place there between -1 and 1."""
        inside = np.clip(u, self.edges[0], self.edges[-1])
        panel = np.clip(np.searchsorted(self.edges, inside, side="right") - 1, 0, len(self._half) - 1)
        return panel, (inside - self.edges[panel]) / self._half[panel] - 1.0

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
        inside = (x >= self._lower_end()) & (x <= self._upper_end())
        known = np.where(inside, x, self._tau.flat[0])
        if self._pdf is not None:
            return np.where(inside, self._pdf(known), 0.0)
        u = self._place(known)
        panel, local = self._local(u)
        density = np.sum(self._density[panel] * _basis(local, self._density.shape[1]), axis=-1)
        inside = inside & (u >= self.edges[0]) & (u <= self.edges[-1])
        return np.where(inside, np.maximum(density, 0.0) / self._slope(u) / self._total, 0.0)

    def cdf(self, x: Array | float) -> Array:
        u = self._place(np.clip(np.asarray(x, dtype=float), self._lower_end(), self._upper_end()))
        panel, local = self._local(u)
        value = self._cumulative[panel] + np.sum(
            self._integral[panel] * _basis(local, self._integral.shape[1]), axis=-1
        )
        return np.where(u <= self.edges[0], 0.0, np.clip(value / self._total, 0.0, 1.0))

    def quantile(self, p: Array | float) -> Array:
        target = probabilities(p) * self._total
        held = np.flatnonzero(self._mass > 0.0)
        panel = np.clip(np.searchsorted(self._cumulative, target) - 1, held[0], held[-1])
        rest = target - self._cumulative[panel]
        density, integral = self._density[panel] * self._half[panel, None], self._integral[panel]
        lower, upper = np.full(target.shape, -1.0), np.full(target.shape, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            x = np.clip(2.0 * rest / self._mass[panel] - 1.0, -1.0, 1.0)
            for _ in range(60):
                basis = _basis(x, integral.shape[1])
                excess = np.sum(basis * integral, axis=1) - rest
                upper, lower = np.where(excess > 0.0, x, upper), np.where(excess > 0.0, lower, x)
                trial = x - excess / np.sum(basis[:, :-1] * density, axis=1)
                safe = (trial >= lower) & (trial <= upper)
                settled = safe & (np.abs(trial - x) <= 1e-7)  # Newton's error is the square of its step
                x = np.where(safe, trial, 0.5 * (lower + upper))
                if np.all(settled | (upper - lower <= 1e-14)):
                    break
        found = self._value(self.edges[panel] + self._half[panel] * (1.0 + x))
        return np.asarray(found.reshape(np.shape(p)))

    def draws(self, n: int, rng: np.random.Generator | int = 0) -> Array:
        return self.quantile(np.random.default_rng(rng).random(n))

    def _lower_end(self) -> float:
        return 0.0

    def _upper_end(self) -> float:
        return np.inf


def _basis(x: Array, n: int) -> Array:
    """(..., n) Chebyshev polynomials T_0 to T_(n - 1) at x in [-1, 1]."""
    return np.asarray(np.cos(np.arccos(np.clip(x, -1.0, 1.0))[..., None] * np.arange(n)))


@cache
def _panel_matrices(n: int) -> tuple[Array, Array, Array, Array]:
    """Nodes, weights, and the matrices from values there to the series of the function and of its integral from -1."""
    nodes, weights = (np.asarray(part) for part in legendre.leggauss(n))
    to_density = np.asarray(np.linalg.inv(chebyshev.chebvander(nodes, n - 1)), dtype=np.float64)
    return nodes, weights, to_density, np.asarray(chebyshev.chebint(to_density, lbnd=-1), dtype=np.float64)
