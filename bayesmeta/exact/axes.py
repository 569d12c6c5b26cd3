"""Axes of an integral over several parameters of the heterogeneity: panels of nodes in u = asinh(tau / c), or in alpha.

On a panel the density is as good as a polynomial of degree 15, so eight Gauss-Legendre nodes integrate it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bayesmeta.exact.nodes import gauss_legendre, refined, tau_nodes
from bayesmeta.likelihoods.series import NODES, Panels
from bayesmeta.types import Array

LogDensity = Callable[[Array], Array]
FEW = 8  # nodes of a panel that are summed over
THIN = 4  # nodes of a panel where only the place of another axis is sought
FALL = 42.0  # below its peak a density holds no mass that a double could show
PROBES = 101
ROUNDS = 60
SHORT = 0.25  # of the range: the first panels


@dataclass(frozen=True, eq=False)
class Axis(ABC):
    """Panels on one axis.

    Attributes
    ----------
    edges : (P + 1,) in the coordinate in which densities are smooth.
    """

    edges: Array

    @abstractmethod
    def value(self, coordinate: Array) -> Array:
        """The parameter at a coordinate."""

    @abstractmethod
    def log_slope(self, coordinate: Array) -> Array:
        """Log of d value / d coordinate."""

    def nodes(self, n: int) -> tuple[Array, Array]:
        """Values at n nodes a panel, and logs of their weights: (P * n,) twice."""
        x, w, _ = gauss_legendre(n)
        half = 0.5 * np.diff(self.edges)[:, None]
        coordinate = (self.edges[:-1, None] + half * (1.0 + x)).ravel()
        return self.value(coordinate), np.log((half * w).ravel()) + self.log_slope(coordinate)

    def finer(self) -> "Axis":
        """Twice the panels, and one more at the end: what the self-check compares with."""
        middles = 0.5 * (self.edges[:-1] + self.edges[1:])
        return replace(self, edges=np.append(np.sort(np.concatenate([self.edges, middles])), self._beyond()))

    def _beyond(self) -> float:
        return float(2.0 * self.edges[-1] - self.edges[-2])

    @cached_property
    def summed(self) -> tuple[Array, Array]:
        """Nodes that are summed over."""
        return self.nodes(FEW)

    @cached_property
    def thin(self) -> tuple[Array, Array]:
        """Fewer."""
        return self.nodes(THIN)


@dataclass(frozen=True, eq=False)
class TauAxis(Axis):
    """A heterogeneity: u = asinh(tau / c), from 0."""

    scale: float

    @classmethod
    def of(cls, log_density: LogDensity, scale: float, breaks: tuple[float, ...], moments: int) -> "TauAxis":
        """Panels for a density of tau."""
        found = tau_nodes(log_density, scale, breaks, moments)
        return cls(found.edges, found.scale)

    def value(self, coordinate: Array) -> Array:
        return np.asarray(self.scale * np.sinh(coordinate))

    def log_slope(self, coordinate: Array) -> Array:
        return np.asarray(np.log(self.scale) + np.logaddexp(coordinate, -coordinate) - np.log(2.0))


@dataclass(frozen=True, eq=False)
class LineAxis(Axis):
    """A parameter that may be any number."""

    @classmethod
    def of(cls, log_density: LogDensity, low: float, high: float) -> "LineAxis":
        """Panels for a density of which all lies between low and high, or near to them."""
        for _ in range(ROUNDS):
            x = np.linspace(low, high, PROBES)
            value = log_density(x)
            seen = np.flatnonzero(value > value.max() - FALL)
            first, last = int(seen[0]), int(seen[-1])
            width = high - low
            if first == 0 or last == PROBES - 1:
                low, high = low - width * (first == 0), high + width * (last == PROBES - 1)
                continue
            low, high = float(x[first - 1]), float(x[last + 1])
            if last - first > 0.5 * PROBES:
                break
        edges = np.linspace(low, high, int(np.ceil(1.0 / SHORT)) + 1)
        # `refined` looks at panels to the right of 0: the line is moved there.
        moved = refined(edges - low + 1.0, lambda u: log_density(u + low - 1.0)[None])
        return cls(moved + low - 1.0)

    def value(self, coordinate: Array) -> Array:
        return coordinate

    def log_slope(self, coordinate: Array) -> Array:
        return np.zeros_like(coordinate)

    @cached_property
    def panels(self) -> Panels:
        """The same as panels of 16 nodes."""
        return Panels(self.edges)


def marginal_nodes(axis: Axis) -> tuple[Array, Array]:
    """Values at 16 nodes a panel, at which a marginal density becomes a polynomial, and logs of their weights."""
    return axis.nodes(NODES)
