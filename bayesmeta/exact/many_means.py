"""Posteriors of one pooled effect that are known at the same means: their densities by one product for all of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayesmeta.exact.convolution import local_polynomial, spread
from bayesmeta.exact.lines import cores
from bayesmeta.exact.nodes import gauss_legendre
from bayesmeta.exact.random_effects import SEEN, Kernel
from bayesmeta.exact.study_effects import NEGLIGIBLE, widest
from bayesmeta.exact.weights import Weights
from bayesmeta.likelihoods.series import Panels, graded_edges
from bayesmeta.likelihoods.theta_grid import GROWTH
from bayesmeta.posterior import Marginal, PanelDensity
from bayesmeta.types import Array, Integers


@dataclass(frozen=True, eq=False)
class Densities:
    """S densities on the same panels: density (S, P * 16)."""

    panels: Panels
    density: Array

    def quantiles(self, levels: Array) -> Array:
        """(S, L)."""
        return self.panels.quantiles(self.density, levels)

    def cdf(self, x: Array) -> Array:
        """(X,) to (S, X)."""
        return self.panels.cdf(self.density, x)

    def above(self, value: float) -> Array:
        """(S,) probability beyond a value."""
        return np.asarray(1.0 - self.cdf(np.array([value]))[:, 0])


@dataclass(frozen=True, eq=False)
class ManyMeans:
    """S posteriors.

    Attributes
    ----------
    kernel : of the random effects.
    tau : (T,) nodes.
    points, spacing : (T, N) equally spaced means at each, and (T,) their distances.
    value : (S, T, N) log p(m | tau, y).
    weights : of the nodes of tau, for each posterior.
    panel : width of a panel in standard deviations of what lies on it.
    """

    kernel: Kernel
    tau: Array
    points: Array
    spacing: Array
    value: Array
    weights: list[Weights]
    panel: float

    @cached_property
    def _at_nodes(self) -> Array:
        """(S, T)."""
        return np.stack([one.nodes for one in self.weights])

    @cached_property
    def _chosen(self) -> Integers:
        """Nodes of tau that weigh something."""
        return np.flatnonzero(np.abs(self._at_nodes).max(axis=0) > NEGLIGIBLE)

    @cached_property
    def _cores(self) -> tuple[Array, Array, Array, Integers]:
        """Where the posteriors lie at the chosen nodes: lowest and highest centre, finest scale, and which node."""
        points, spacing = self.points[self._chosen], self.spacing[self._chosen]
        steps = len(points)
        edges: list[tuple[Array, Array, Integers]] = []
        lowest, highest, finest = np.full(steps, np.inf), np.full(steps, -np.inf), np.full(steps, np.inf)
        for value in self.value[:, self._chosen]:
            found = cores(points, spacing, value)
            mean, sd = found[0][:steps], found[1][:steps]
            lowest, highest, finest = np.minimum(lowest, mean), np.maximum(highest, mean), np.minimum(finest, sd)
            edges.append((found[0][steps:], found[1][steps:], found[2][steps:]))
        centre, scale, node = (np.concatenate(parts) for parts in zip(*edges))
        own = np.concatenate([np.arange(steps), node])
        return np.append(lowest, centre), np.append(highest, centre), np.append(finest, scale), own

    @cached_property
    def effect(self) -> Densities:
        """Of the pooled effect."""
        lowest, highest, sd, _ = self._cores

        def allowed(v: Array) -> Array:
            away = np.maximum(np.maximum(lowest - v[:, None], v[:, None] - highest) - 7.0 * sd, 0.0)
            return np.asarray((self.panel * np.maximum(sd, 0.3 * away)).min(axis=1))

        points = self.points[self._chosen]
        panels = Panels(graded_edges(float(points[:, 0].min()), float(points[:, -1].max()), allowed))
        found = np.zeros((len(self.value), len(panels.nodes)))
        for t in self._chosen:
            first, last = np.searchsorted(panels.nodes, self.points[t, [0, -1]])
            here = slice(int(first), int(last))
            log_density = local_polynomial(self.points[t], self.value[:, t], panels.nodes[here])
            found[:, here] += self._at_nodes[:, t, None] * np.exp(log_density)
        return Densities(panels, np.maximum(found, 0.0))

    @cached_property
    def new(self) -> Densities:
        """Of the effect in a new setting."""
        lowest, highest, sd, node = self._cores
        tau = self.tau[self._chosen]
        finest = np.hypot(tau[node], sd)

        def allowed(theta: Array) -> Array:
            away = np.maximum(np.maximum(lowest - theta[:, None], theta[:, None] - highest) - 8.0 * sd, 0.0)
            return np.asarray((self.panel * np.maximum(finest, GROWTH * away)).min(axis=1))

        largest = max(one.largest(1e-13) for one in self.weights)
        seen = self.points[self._chosen][tau <= max(largest, float(tau.min()))]
        reach = 9.0 * largest * widest(self.kernel)
        panels = Panels(graded_edges(float(seen[:, 0].min()) - reach, float(seen[:, -1].max()) + reach, allowed))
        chosen = self._chosen
        of_means = self.points[chosen], self.spacing[chosen], tau, self.value[:, chosen]
        found = spread(self.kernel, panels.nodes, *of_means, self._at_nodes[:, chosen], SEEN)
        return Densities(panels, np.maximum(found, 0.0))

    def heterogeneity(self, s: int) -> Marginal:
        """Tau of one of them."""
        return tau_density(self.weights[s])


def tau_density(weights: Weights) -> PanelDensity:
    """The posterior of tau on the nodes that it was integrated with."""
    nodes = weights.fine
    assert nodes is not None
    half = 0.5 * np.diff(nodes.edges)[:, None]
    _, quadrature, _ = gauss_legendre(len(weights.mass) // len(half))
    density = weights.mass.reshape(len(half), -1) / (half * quadrature)
    return PanelDensity("tau", nodes.edges, nodes.scale, density, weights.density, weights.held)
