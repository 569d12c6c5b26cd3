"""Integral, cdf and quantiles of a density of tau that is known up to its constant."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from bayesmeta.priors.base import Array

NODES = 20
#: So far beyond the standard errors, on the log scale, the density is its power of tau to the last digit.
BEYOND = 18.5


class Tabulated:
    """A density that rises as tau below all standard errors and falls as tau^-2 above them.

    In u = log tau its singularities lie at log s_i +- i pi / 2, so on panels of length one in u 20 Gauss-Legendre nodes
    give every digit. Beyond the panels it is integrated as the power that it has become.

    Parameters
    ----------
    log_density : vectorised over tau (n,), up to a constant.
    smallest, largest : standard errors between which it bends.

    References
    ----------
    Trefethen 2013, Approximation Theory and Approximation Practice, chapter 19.
    """

    def __init__(self, log_density: Callable[[Array], Array], smallest: float, largest: float) -> None:
        low, high = np.log(smallest) - BEYOND, np.log(largest) + BEYOND
        self._edges = np.linspace(low, high, int(np.ceil(high - low)) + 1)
        self._half = 0.5 * (self._edges[1] - self._edges[0])
        x, w = legendre.leggauss(NODES)
        u = self._edges[:-1, None] + self._half * (1.0 + x)  # (panels, NODES)
        log_value = log_density(np.exp(u.ravel())).reshape(u.shape) + u
        log_ends = log_density(np.exp(self._edges[[0, -1]])) + self._edges[[0, -1]]
        largest_value = float(log_value.max())
        value = np.exp(log_value - largest_value) * self._half
        ends = np.exp(log_ends - largest_value) / np.array([2.0, 1.0])  # of tau and of tau^-2
        masses = value @ w
        total = float(masses.sum() + ends.sum())
        self.log_mass = largest_value + float(np.log(total))
        self._ends = ends / total
        self._masses = masses / total
        self._below = self._ends[0] + np.concatenate([[0.0], np.cumsum(self._masses)])
        self._above = self._ends[1] + np.concatenate([np.cumsum(self._masses[::-1])[::-1], [0.0]])
        coefficients = (value / total) @ (legendre.legvander(x, NODES - 1) * w[:, None])
        self._density = (coefficients * (np.arange(NODES) + 0.5)).T  # (NODES, panels), d mass / d x on -1 to 1
        self._integral = legendre.legint(self._density, lbnd=-1, axis=0)

    def cdf(self, tau: Array) -> Array:
        """P(X <= tau)."""
        return self._side(tau, upper=False)

    def survival(self, tau: Array) -> Array:
        """P(X > tau)."""
        return self._side(tau, upper=True)

    def _side(self, tau: Array, upper: bool) -> Array:
        u = np.log(tau)
        panel, x = self._place(u)
        part = legendre.legval(x, self._integral[:, panel], tensor=False)
        rest = self._masses[panel] - part
        within = self._above[panel + 1] + rest if upper else self._below[panel] + part
        # mass below grows as tau^2, mass above falls as 1 / tau
        left, right = self._ends[0] * np.exp(2.0 * np.minimum(u - self._edges[0], 0.0)), self._ends[1]
        right = right * np.exp(np.minimum(self._edges[-1] - u, 0.0))
        left, right = (1.0 - left, right) if upper else (left, 1.0 - right)
        return np.asarray(np.where(u < self._edges[0], left, np.where(u > self._edges[-1], right, within)))

    def _place(self, u: Array) -> tuple[NDArray[np.intp], Array]:
        """Panel, and place in it from -1 to 1."""
        inside = np.clip(u, self._edges[0], self._edges[-1])
        panel = np.clip(np.searchsorted(self._edges, inside, side="right") - 1, 0, len(self._masses) - 1)
        return panel, np.clip((inside - self._edges[panel]) / self._half - 1.0, -1.0, 1.0)

    def quantile(self, p: Array) -> Array:
        """The tau with P(X <= tau) = p."""
        panel = np.clip(np.searchsorted(self._below, p, side="right") - 1, 0, len(self._masses) - 1)
        within = np.exp(self._solved(panel, p - self._below[panel]))
        left = np.exp(self._edges[0] + 0.5 * np.log(p / self._ends[0]))
        right = np.exp(self._edges[-1] - np.log((1.0 - p) / self._ends[1]))
        return np.where(p < self._ends[0], left, np.where(1.0 - p < self._ends[1], right, within))

    def quantile_upper(self, q: Array) -> Array:
        """The tau with P(X > tau) = q."""
        falling = self._above[::-1]
        panel = len(self._masses) - 1 - np.clip(np.searchsorted(falling, q, side="right") - 1, 0, len(self._masses) - 1)
        within = np.exp(self._solved(panel, self._masses[panel] - (q - self._above[panel + 1])))
        left = np.exp(self._edges[0] + 0.5 * np.log((1.0 - q) / self._ends[0]))
        right = np.exp(self._edges[-1] - np.log(q / self._ends[1]))
        return np.where(q < self._ends[1], right, np.where(1.0 - q < self._ends[0], left, within))

    def _solved(self, panel: NDArray[np.intp], mass: Array) -> Array:
        """u at which a panel's mass up to u is `mass`, by Newton steps kept within a shrinking bracket."""
        integral, density = self._integral[:, panel], self._density[:, panel]
        low, high = np.full(np.shape(mass), -1.0), np.full(np.shape(mass), 1.0)
        x = np.clip(2.0 * mass / self._masses[panel] - 1.0, -1.0, 1.0)
        done = np.zeros(np.shape(mass), dtype=bool)  # a point that has arrived stays, whatever others there are
        for _ in range(60):
            excess = legendre.legval(x, integral, tensor=False) - mass
            low, high = np.where(excess < 0, x, low), np.where(excess < 0, high, x)
            new = x - excess / legendre.legval(x, density, tensor=False)
            new = np.where((new >= low) & (new <= high), new, 0.5 * (low + high))
            x, done = np.where(done, x, new), done | (np.abs(new - x) < 4e-16)
            if done.all():
                break
        return np.asarray(self._edges[panel] + self._half * (1.0 + np.clip(x, -1.0, 1.0)))
