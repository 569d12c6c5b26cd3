"""Study effects and the effect in a new setting: the random effects put back, averaged over mean and tau."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.exact.arms import put_arms
from bayesmeta.exact.convolution import FARTHEST, Convolution, outer_panels, spread, spread_each
from bayesmeta.exact.lines import Line, from_chebyshev, to_chebyshev
from bayesmeta.exact.predictors import Predictors
from bayesmeta.exact.random_effects import SEEN, Kernel
from bayesmeta.exact.weights import Weights
from bayesmeta.likelihoods.series import NODES, Panels, graded_edges
from bayesmeta.likelihoods.theta_grid import FLOOR, Core
from bayesmeta.types import Array, Booleans

if TYPE_CHECKING:
    from bayesmeta.exact.prepared import Prepared

NEGLIGIBLE = 1e-15  # weight of a node of tau


@dataclass(frozen=True, eq=False)
class StudyEffects:
    """Posterior densities of all study effects on one set of panels.

    Attributes
    ----------
    panels : of theta.
    density : (k, P * 16).
    moments : (k,) how many moments exist.
    closure : (k,) integral of each density before it was normalised, which theory says is one.
    """

    panels: Panels
    density: Array
    moments: Array
    closure: Array

    @classmethod
    def of(cls, prepared: "Prepared", predictors: Predictors, tau: Array, weights: Weights) -> "StudyEffects":
        """p(theta | y) = p(y_i | theta) sum_t W_t integral g(theta; m, tau_t) p(m | tau_t, y) / L_i(m, tau_t) d m."""
        grid = prepared.grid
        lines = predictors.row_lines()
        unbounded = ~prepared.bounding
        panels, log_p = grid.panels, grid.log_p
        if unbounded.any():
            reach = 9.0 * weights.largest(1e-10) * widest(prepared.kernel)
            seen = [one.line.only(_seen(one.line, weights)) for one in lines]
            low = min(float(line.low.min()) for line in seen) - reach
            high = max(float(line.high.max()) for line in seen) + reach
            panels = outer_panels(grid.panels, low, high)
            log_p = _extended(grid.log_p, grid.peak, grid.flat_from, grid.neutral, grid.panels, panels)
        density = np.empty((len(log_p), len(panels.nodes)))
        for one in lines:
            chosen = _seen(one.line, weights)
            line = one.line.only(chosen)
            mass = line.of(weights.nodes)
            sign, of_tau = np.sign(mass), tau[line.node]
            log_f, offset, points, spacing = _over_likelihood(line, one.log_marginal[:, chosen], mass)
            # Effects far from the mean count where the likelihood there is so much larger than on average.
            largest = max(float((grid.peak[one.positions] + offset).max()), 0.0)
            reach = min(float(np.sqrt(SEEN**2 + 2.0 * largest)), FARTHEST)
            relative = spread(prepared.kernel, panels.nodes, points, spacing, of_tau, log_f, sign, reach)
            with np.errstate(over="ignore"):
                density[one.positions] = np.exp(
                    np.minimum(log_p[one.positions] + offset[:, None] + np.log(np.maximum(relative, 1e-300)), 700.0)
                )
            weighted = points, spacing, log_f, offset
            put_arms(density, panels.nodes, prepared.convolution, one.positions, of_tau, weighted, sign)
        closure = density @ panels.weights
        moments = np.full(len(log_p), 2)
        for one in lines:
            of_mean = prepared.moments_of(prepared.design.matrix[one.positions[0]], weights.tail)
            moments[one.positions] = min(of_mean, weights.held, prepared.kernel.moments)
        moments[~unbounded] = 2
        return cls(panels, density / closure[:, None], moments, closure)

    def table(self, levels: Array) -> Array:
        """(k, 2 + Q) mean, sd and quantiles of each study."""
        weight = self.density * self.panels.weights
        mean = weight @ self.panels.nodes
        variance = (weight * (self.panels.nodes - mean[:, None]) ** 2).sum(axis=1)
        table = np.column_stack([mean, np.sqrt(variance), self.panels.quantiles(self.density, levels)])
        table[self.moments < 2, 1] = np.nan
        table[self.moments < 1, 0] = np.nan
        return table

    @staticmethod
    def outlying(prepared: "Prepared", predictors: Predictors, tau: Array, weights: Weights) -> Array:
        """(k,) posterior probability of the outlying component."""
        outlying = prepared.kernel.outlying
        assert outlying is not None
        alone = Convolution(prepared.grid, prepared.kernel.only(outlying))
        probability = np.empty(len(prepared.effects.y))
        for one in predictors.row_lines():
            nodes = one.line.nodes
            points, spacing, value = one.line.points()
            part = alone.log_marginal(nodes, tau[one.line.node], one.positions) - one.log_marginal
            basis = from_chebyshev(nodes.shape[1], points.shape[1])
            share = np.exp(np.minimum(part @ to_chebyshev(nodes.shape[1]).T @ basis, 0.0))
            mass = np.exp(value) * spacing[:, None] * one.line.of(weights.nodes)[:, None]
            probability[one.positions] = np.einsum("ktn,tn->k", share, mass)
        probability[prepared.neutral] = prepared.kernel.weight[outlying]  # what says nothing is left at its prior
        return probability


def _seen(line: Line, weights: Weights) -> Booleans:
    """(R,) rows of a line that are not negligible."""
    return np.asarray(np.abs(line.of(weights.nodes)) > NEGLIGIBLE)


def _over_likelihood(line: Line, log_marginal: Array, mass: Array) -> tuple[Array, Array, Array, Array]:
    """Log of |W_r| p_r(m | y) / L_i(m, tau) at equally spaced m, less its largest value for each trial."""
    points, spacing, value = line.points()
    n = line.series.shape[1]
    at_points = log_marginal @ to_chebyshev(n).T @ from_chebyshev(n, points.shape[1])
    log_f = value - at_points + np.log(np.abs(mass))[:, None]
    offset = log_f.max(axis=(1, 2))
    return log_f - offset[:, None, None], offset, points, spacing


def _extended(log_p: Array, peak: Array, flat_from: Array, neutral: Booleans, inner: Panels, outer: Panels) -> Array:
    """Log likelihoods on the wider panels: flat tails go on, others are nothing there."""
    left = NODES * int(np.searchsorted(outer.edges, inner.edges[0]))
    right = len(outer.nodes) - len(inner.nodes) - left
    flat = np.isfinite(flat_from) | neutral[:, None]
    ends = np.where(flat, log_p[:, [0, -1]], (peak + FLOOR)[:, None])
    return np.concatenate([np.repeat(ends[:, :1], left, 1), log_p, np.repeat(ends[:, 1:], right, 1)], axis=1)


def widest(kernel: Kernel) -> float:
    """How many normal standard deviations of the random effects can matter, over nine."""
    tail = np.cumsum(kernel.weight[np.argsort(-kernel.scale)])
    scale = np.sort(kernel.scale)[::-1]
    return float(scale[np.flatnonzero(tail > 1e-12)[0]]) if len(scale) > 1 else float(scale[0])


@dataclass(frozen=True, eq=False)
class NewEffects:
    """The effect in a new setting at each node of tau: the same for every prior of tau.

    Attributes
    ----------
    panels : of theta.
    density : (T, P * 16) integral g(theta; m, tau_t) p(m | tau_t, y) d m.
    reach : largest tau whose random effects the panels hold.
    """

    panels: Panels
    density: Array
    reach: float

    @classmethod
    def of(cls, kernel: Kernel, line: Line, tau: Array, largest: float, panel: float) -> "NewEffects":
        """For tau up to `largest`."""
        points, spacing, value = line.points()
        scale = tau[line.node]
        centre, sd, row = line.cores
        core = Core(centre, sd, scale[row])
        seen = scale <= max(largest, float(tau.min()))
        reach = 9.0 * largest * widest(kernel)
        low, high = float(line.low[seen].min()) - reach, float(line.high[seen].max()) + reach
        panels = Panels(graded_edges(low, high, lambda theta: core.allowed(theta, panel)))
        density = spread_each(kernel, panels.nodes, points, spacing, scale, value)
        return cls(panels, line.summed(density), largest)
