"""A trial with two treated arms on a grid, and its likelihood with both effects integrated out.

    l(m, tau) = log integral integral p(y | s, d) N(s; m, a^2 tau^2) N(d; 0, b^2 tau^2) ds dd

with s the mean and d the difference of the two effects, a^2 = (1 + rho) / 2 and b^2 = 2 (1 - rho). The inner integral
does not depend on m.
"""

from dataclasses import dataclass, field

import numpy as np

from bayesmeta.likelihoods.normal import LOG_2PI
from bayesmeta.likelihoods.series import Panels, graded_edges
from bayesmeta.likelihoods.two_arms import LogP
from bayesmeta.types import Array, Booleans

TRAPEZOID = 0.6 * np.arange(-24.0, 25.0)  # of a standard normal density: the rule where it is narrower than the grid
FALL = 60.0  # a likelihood that much below its peak is no longer looked at
FAR = 60.0  # log odds ratios about the observed effects that are looked at first
COARSE = 81
GROWTH = 0.3  # of panels beyond the middle, by distance
STRIP = 2.5  # widest panel in s: the likelihood has singularities at |Im s| = pi, and at |Im d| = 2 pi
LINES = 3
LEAST = -690.0  # log of next to nothing
TINY = 1e-300
FARTHEST = 38.0  # scales from the mean: a normal density there is zero in double precision
SPLINE = 81  # nodes of the splines for draws
ROOT_2PI = float(np.sqrt(2.0 * np.pi))
SLOPE = 1e-3  # over which a slope at an end is taken
FINE = 0.1  # step of the lines along which the likelihood's curvature is looked at


@dataclass(frozen=True, eq=False)
class Extent:
    """Where the mean effect lies, and how narrow and wide the random effects are.

    Attributes
    ----------
    low, high : ends of the mean effect m, where the random effects are narrow.
    finest : smallest scale of m at any tau.
    reach : how far beyond those ends the random effects can lie at any tau.
    """

    low: float
    high: float
    finest: float
    reach: float


@dataclass(eq=False)
class TwoArmGrid:
    """log p(y | s, d) at panels of s and of d.

    Parameters
    ----------
    log_p : from s (S,) and d (D,) to (S, D).
    mean, difference : panels of s and d.
    correlation : rho.
    fine_mean, fine_difference : scale below which random effects are narrower than the panels resolve.
    """

    log_p: LogP
    mean: Panels
    difference: Panels
    correlation: float
    fine_mean: float
    fine_difference: float
    _values: dict[float, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.table = self.log_p(self.mean.nodes, self.difference.nodes)  # (S, D)
        self._row_peak = self.table.max(axis=1)
        self._relative = np.exp(self.table - self._row_peak[:, None])
        self._in_difference = self.difference.series(self.table)
        self.of_mean = np.sqrt(0.5 * (1.0 + self.correlation))
        self.of_difference = np.sqrt(2.0 * (1.0 - self.correlation))

    @classmethod
    def of(cls, log_p: LogP, y: Array, se: Array, correlation: float, extent: Extent, panel: float) -> "TwoArmGrid":
        """Panels that hold what matters.

        Parameters
        ----------
        log_p : of the trial.
        y, se : (2,) observed effects and their standard errors, a guess.
        correlation : of the random effects.
        extent : of the mean effect.
        panel : width of a panel in standard deviations of what lies on it.
        """
        s0, d0 = float(y.mean()), float(y[0] - y[1])
        s = np.linspace(min(s0, extent.low) - FAR, max(s0, extent.high) + FAR, COARSE)
        d = np.linspace(min(d0, 0.0) - 2.0 * FAR, max(d0, 0.0) + 2.0 * FAR, COARSE)
        look = log_p(s, d)
        seen = look > look.max() - FALL
        # Where the likelihood does not fall, the random effects do.
        s_low, s_high = _ends(s, seen.any(axis=1), extent.low, extent.high, extent.reach)
        d_low, d_high = _ends(d, seen.any(axis=0), 0.0, 0.0, 2.0 * extent.reach)
        along_s = np.arange(s_low, s_high + FINE, FINE)
        along_d = np.arange(d_low, d_high + 2.0 * FINE, 2.0 * FINE)
        bend_s = _bend(log_p(along_s, np.linspace(min(d0, 0.0), max(d0, 0.0), LINES)), FINE)
        bend_d = _bend(log_p(np.linspace(min(s0, extent.low), max(s0, extent.high), LINES), along_d).T, 2.0 * FINE)
        fine_s = 0.5 * extent.finest
        fine_d = 0.5 / float(np.sqrt(bend_d.max() + 1.0 / 16.0))

        def allowed_s(x: Array) -> Array:
            away = np.maximum(np.maximum(extent.low - x, x - extent.high), 0.0)
            own = panel / np.sqrt(np.interp(x, along_s, bend_s) + 1e-12)
            wide = np.maximum(2.0 * panel * fine_s, GROWTH * away)
            return np.minimum(np.minimum(own, wide), np.maximum(STRIP, GROWTH * away))

        def allowed_d(x: Array) -> Array:
            own = panel / np.sqrt(np.interp(x, along_d, bend_d) + 1e-12)
            wide = np.maximum(2.0 * panel * fine_d, GROWTH * np.abs(x))
            return np.minimum(np.minimum(own, wide), np.maximum(2.0 * STRIP, GROWTH * np.abs(x)))

        mean, difference = (
            Panels(graded_edges(s_low, s_high, allowed_s)),
            Panels(graded_edges(d_low, d_high, allowed_d)),
        )
        return cls(log_p, mean, difference, correlation, fine_s, fine_d)

    def differences(self, tau: float) -> tuple[Array, Array]:
        """Where to sum over d at a tau, and logs of the weights of its random effects there: (J,) twice."""
        scale = self.of_difference * tau
        if scale >= self.fine_difference:
            d = self.difference.nodes
            return d, np.log(self.difference.weights) - 0.5 * (d / scale) ** 2 - np.log(scale) - 0.5 * LOG_2PI
        return scale * TRAPEZOID, np.log(0.6) - 0.5 * TRAPEZOID**2 - 0.5 * LOG_2PI

    def at_differences(self, tau: float) -> tuple[Array, Array, Array]:
        """Where to sum over d, logs of the weights, and log p there at the nodes of s: (J,), (J,), (S, J)."""
        d, log_weight = self.differences(tau)
        if d is self.difference.nodes:
            return d, log_weight, self.table
        kept = (d >= self.difference.edges[0]) & (d <= self.difference.edges[-1])
        return d[kept], log_weight[kept], self.difference.interpolate(self._in_difference, d[kept])

    def of_mean_alone(self, tau: float) -> Array:
        """log integral p(y | s, d) N(d; 0, b^2 tau^2) dd at the nodes of s: (S,)."""
        if tau not in self._values:
            d, log_weight, log_p = self.at_differences(tau)
            if d is self.difference.nodes:
                mass = self._relative @ np.exp(log_weight)
                self._values[tau] = self._row_peak + np.log(np.maximum(mass, TINY))
            else:
                self._values[tau] = log_sum(log_p + log_weight)
        return self._values[tau]

    def log_marginal(self, m: Array, tau: Array) -> Array:
        """l(m, tau): m (T, n) and tau (T,) to (T, n)."""
        found = np.empty(m.shape)
        nodes = self.mean.nodes
        for t, one in enumerate(tau.tolist()):
            value, scale = self.of_mean_alone(one), self.of_mean * one
            if scale >= self.fine_mean:
                reach = FARTHEST * scale
                first, last = np.searchsorted(nodes, (float(m[t].min()) - reach, float(m[t].max()) + reach))
                away = (nodes[first:last] - m[t][:, None]) / scale
                peak, weight = float(value.max()), self.mean.weights[first:last] / (scale * ROOT_2PI)
                mass = np.exp(-0.5 * away * away) @ (np.exp(value[first:last] - peak) * weight)
                found[t] = peak + np.log(np.maximum(mass, TINY))
            else:
                s = m[t][:, None] + scale * TRAPEZOID
                log_weight = np.log(0.6) - 0.5 * TRAPEZOID**2 - 0.5 * LOG_2PI
                found[t] = log_sum(self._anywhere(self.mean.series(value), s) + log_weight)
        return np.maximum(found, self.table.max() + LEAST)

    def _anywhere(self, series: Array, s: Array) -> Array:
        """A function of s, given by its series, at points s; beyond the panels it goes on as a straight line."""
        low, high = self.mean.edges[[0, -1]]
        ends = self.mean.interpolate(series, np.array([low, low + SLOPE, high - SLOPE, high]))
        value = self.mean.interpolate(series, s.ravel()).reshape(s.shape)
        left, right = (ends[1] - ends[0]) / SLOPE, (ends[3] - ends[2]) / SLOPE
        return np.asarray(value + left * np.minimum(s - low, 0.0) + right * np.maximum(s - high, 0.0))

    def each(self, m: Array, tau: Array) -> Array:
        """l(m, tau) of many single draws: m and tau (N,) to (N,), by splines in m and log tau; good to about 1e-5."""
        from scipy.interpolate import RectBivariateSpline

        log_tau = np.log(np.maximum(tau, 1e-3))
        nodes = np.linspace(float(log_tau.min()) - 1e-3, float(log_tau.max()) + 1e-3, SPLINE)
        means = np.linspace(float(m.min()) - 1e-3, float(m.max()) + 1e-3, SPLINE)
        table = self.log_marginal(np.broadcast_to(means, (SPLINE, SPLINE)), np.exp(nodes))
        return np.asarray(RectBivariateSpline(nodes, means, table).ev(log_tau, m))


def log_sum(terms: Array) -> Array:
    """Log of the sum of e^terms over the last axis."""
    largest = terms.max(axis=-1, keepdims=True)
    return np.asarray(largest[..., 0] + np.log(np.exp(terms - largest).sum(axis=-1)))


def _ends(x: Array, seen: Booleans, low: float, high: float, reach: float) -> tuple[float, float]:
    step = x[1] - x[0]
    first, last = np.flatnonzero(seen)[[0, -1]]
    left = float(x[first] - step) if first > 0 else -np.inf
    right = float(x[last] + step) if last < len(x) - 1 else np.inf
    # At least the mean effect itself, and no farther than the random effects can go.
    return max(min(left, low - 0.5), low - max(reach, 1.0)), min(max(right, high + 0.5), high + max(reach, 1.0))


def _bend(value: Array, step: float) -> Array:
    """(N,) largest information at points `step` apart, over lines (N, L)."""
    second = np.zeros(value.shape)
    second[1:-1] = -np.diff(value, 2, axis=0) / step**2
    largest = np.maximum(second, 0.0).max(axis=1)
    padded = np.pad(largest, 2, mode="edge")
    return np.asarray(np.stack([padded[i : i + len(largest)] for i in range(5)]).max(axis=0))
