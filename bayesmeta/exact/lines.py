"""The posterior of one linear predictor given tau: a polynomial log density where it is not negligible."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache

import numpy as np

from bayesmeta.likelihoods.series import Panels, graded_edges
from bayesmeta.types import Array, Booleans, Integers

DENSE = 241  # points at which a polynomial is looked over
ROUNDS = 60
SLACK = 9.0  # a window may reach farther down than asked for
SPACING = 0.5  # of the conditional standard deviation: the trapezoid rule between equally spaced points
RESOLVED = 1e-9  # what the last Chebyshev coefficients of a log density may still hold
MOST = 640
FEW = 12
MOST_POINTS = 2400
NEAR_PEAK = 16.0  # below it, log: farther down an edge does not show
SHARP, BLOCKS = 0.7, 8  # a scale is another one below so much of a standard deviation; looked for in so many blocks
NEGLIGIBLE = 1e-15  # share of a part at a node of tau
TINY = 1e-300

LogDensity = Callable[[Array, Integers], Array]


@dataclass(frozen=True, eq=False)
class Line:
    """p(v | tau_t, y) of a linear predictor v at each tau, as a sum over the parts of its prior.

    p(v | tau_t, y) = sum_r share_r p_r(v) over the rows r that belong to node t of tau; one row a node where the prior
    has one part.

    Attributes
    ----------
    low, high : (R,) window of each row.
    series : (R, n) Chebyshev series of the log density p_r there, normalised.
    node : (R,) the node of tau that a row belongs to; every node has one.
    share : (R,) probability of the row given the node.
    outside : (R,) probability that the windows leave out.
    unresolved : (R,) probability of what has more detail than the sums over it can follow: 1 or 0.
    """

    low: Array
    high: Array
    series: Array
    node: Integers
    share: Array
    outside: Array
    unresolved: Array

    @property
    def nodes(self) -> Array:
        """(R, n) the Chebyshev nodes of the windows."""
        return window_nodes(self.low, self.high, self.series.shape[1])

    def at(self, v: Array) -> Array:
        """Log density of the rows at v (R, N); -inf outside the window."""
        local = (2.0 * v - (self.low + self.high)[:, None]) / (self.high - self.low)[:, None]
        value = clenshaw(self.series, np.clip(local, -1.0, 1.0))
        return np.where(np.abs(local) <= 1.0, value, -np.inf)

    def density(self, v: Array) -> Array:
        """(T, N) density at each node of tau at common points v (N,)."""
        return self.summed(np.exp(self.at(np.broadcast_to(v, (len(self.low), len(v))))))

    def summed(self, values: Array) -> Array:
        """(T, N) from values of the rows (R, N): the weighted sum over the rows of each node."""
        return np.asarray(values if len(self.low) == self.steps else self._sums @ values)

    @property
    def steps(self) -> int:
        """How many nodes of tau there are."""
        return int(self.node.max()) + 1

    @cached_property
    def _sums(self) -> Array:
        """(T, R)"""
        sums = np.zeros((self.steps, len(self.node)))
        sums[self.node, np.arange(len(self.node))] = self.share
        return sums

    def doubts(self) -> tuple[Array, Array, Array]:
        """(T,) at each node of tau: probability outside the windows, probability not resolved, and error of log p.

        A series whose last coefficients are not small goes on: they say how much of it is missing.
        """
        last = np.minimum(np.abs(self.series[:, -2:]).max(axis=1), 1.0)
        outside, unresolved, error = self.summed(np.stack([self.outside, self.unresolved, last], axis=1)).T
        return outside, unresolved, error

    def of(self, weights: Array) -> Array:
        """(R,) weights of the rows, from those of the nodes of tau (T,)."""
        return np.asarray(weights[self.node] * self.share)

    def without_negligible(self) -> "Line":
        """The rows that have a share of their node."""
        kept = self.share > NEGLIGIBLE
        return self if kept.all() else self.only(kept)

    def only(self, rows: Booleans) -> "Line":
        """Some of the rows."""
        low, high, series = self.low[rows], self.high[rows], self.series[rows]
        return Line(low, high, series, self.node[rows], self.share[rows], self.outside[rows], self.unresolved[rows])

    def times(self, factor: float) -> "Line":
        """The density of factor * v."""
        if factor == 1.0:
            return self
        ends = np.stack([self.low * factor, self.high * factor])
        sign = np.where(np.arange(self.series.shape[1]) % 2 == 1, np.sign(factor), 1.0)
        series = self.series * sign
        series[:, 0] -= np.log(abs(factor))
        return replace(self, low=ends.min(axis=0), high=ends.max(axis=0), series=series)

    def points(self) -> tuple[Array, Array, Array]:
        """Equally spaced points (R, N), their distances (R,) and the log density there (R, N)."""
        return self._points

    @cached_property
    def _points(self) -> tuple[Array, Array, Array]:
        nodes = self.series.shape[1]
        most = float(needed(self.series @ from_chebyshev(nodes, max(DENSE, 2 * nodes))).max())
        n = int(np.clip(int(np.ceil(most)) + 1, 33, MOST_POINTS))
        place = np.linspace(-1.0, 1.0, n)
        half = 0.5 * (self.high - self.low)
        points = 0.5 * (self.high + self.low)[:, None] + half[:, None] * place
        return points, half * (place[1] - place[0]), self.series @ from_chebyshev(nodes, n)

    @cached_property
    def cores(self) -> tuple[Array, Array, Integers]:
        """Where panels have to be fine: centres, scales (C,) and the row of each. See `cores`."""
        return cores(*self.points())

    def panels(self, panel: float) -> Panels:
        """Panels on which the density is resolved at every tau."""
        centre, scale, _ = self.cores

        def allowed(v: Array) -> Array:
            away = np.maximum(np.abs(v[:, None] - centre) - 7.0 * scale, 0.0)
            return np.asarray((panel * np.maximum(scale, 0.3 * away)).min(axis=1))

        return Panels(graded_edges(float(self.low.min()), float(self.high.max()), allowed))


def cores(points: Array, spacing: Array, value: Array) -> tuple[Array, Array, Integers]:
    """Where log densities (R, N) at points (R, N), spacing (R,) apart, ask for fine panels, and how fine.

    Each row about its mean on the scale of its standard deviation. A row that is much sharper somewhere, such as at the
    edge that trials with an empty arm make under a wide prior, there too: at the sharpest point of each of some blocks.

    Returns
    -------
    centres (C,), scales (C,), and the row (C,) of each.
    """
    density = np.exp(value - value.max(axis=1, keepdims=True))
    total = density.sum(axis=1)
    mean = (density * points).sum(axis=1) / total
    sd = np.sqrt((density * (points - mean[:, None]) ** 2).sum(axis=1) / total)
    bend = np.pad(_bend(value, NEAR_PEAK), ((0, 0), (1, 1)))
    sharp = np.flatnonzero(spacing / np.sqrt(np.maximum(bend.max(axis=1), 1e-12)) < SHARP * sd)
    centres, scales, rows = [mean], [sd], [np.arange(len(sd))]
    for block in np.array_split(np.arange(points.shape[1]), BLOCKS) if len(sharp) else []:
        place = block[bend[np.ix_(sharp, block)].argmax(axis=1)]
        scale = spacing[sharp] / np.sqrt(np.maximum(bend[sharp, place], 1e-12))
        kept = scale < SHARP * sd[sharp]
        centres.append(points[sharp, place][kept])
        scales.append(scale[kept])
        rows.append(sharp[kept])
    return np.concatenate(centres), np.concatenate(scales), np.concatenate(rows)


def needed(value: Array) -> Array:
    """(R,) points of the trapezoid rule that a log density needs, known at equally spaced points of its window."""
    return np.asarray(2.0 / (SPACING * sharpest(value, 2.0 / (value.shape[1] - 1))))


def sharpest(value: Array, step: float) -> Array:
    """(T,) smallest standard deviation near the peak of a log density on points `step` apart."""
    return np.asarray(step / np.sqrt(np.maximum(_bend(value, 8.0).max(axis=1), 1e-12 * step**2)))


def _bend(value: Array, fall: float) -> Array:
    """(T, N - 2) second differences of log densities, downwards, at points less than `fall` below the peak; else 0."""
    near = value[:, 1:-1] > value.max(axis=1, keepdims=True) - fall
    return np.asarray(np.where(near, np.maximum(-np.diff(value, 2, axis=1), 0.0), 0.0))


def solve(
    log_posterior: LogDensity,
    mean: Array,
    sd: Array,
    *,
    nodes: int,
    fall: float,
    resolved: float = RESOLVED,
    most: int = MOST,
) -> "Solved":
    """Windows and polynomials of unnormalised log densities of v, row by row.

    Parameters
    ----------
    log_posterior : v (t, n) of t of the rows, and which (t,), to log densities (t, n).
    mean, sd : (R,) a guess.
    nodes : Chebyshev nodes to begin with; doubled while the series has not ended.
    fall : how far each end of a window lies below the peak.
    resolved : what the last coefficients of a series may still hold.
    most : nodes that are not doubled any more.

    Returns
    -------
    Solved
    """
    half = np.sqrt(2.0 * fall + 7.0) * sd
    low, high = mean - half, mean + half
    moving = np.arange(len(low))
    values = np.empty((len(low), nodes))
    for _ in range(ROUNDS):
        value = log_posterior(window_nodes(low[moving], high[moving], nodes), moving)
        values[moving] = value
        new_low, new_high = _moved(low[moving], high[moving], value, fall)
        still = (new_low == low[moving]) & (new_high == high[moving])
        low[moving], high[moving] = new_low, new_high
        moving = moving[~still]
        if not len(moving):
            break
    every = left = np.arange(len(low))
    series = np.empty((len(low), 0))
    while True:
        if nodes > values.shape[1] or len(moving):
            values = log_posterior(window_nodes(low[left], high[left], nodes), left)
        found = values @ to_chebyshev(nodes).T
        series = np.pad(series, ((0, 0), (0, nodes - series.shape[1])))
        series[left] = found
        ends = np.abs(found[:, -2:]).max(axis=1)
        left = left[ends >= resolved]  # outliers make narrow peaks in wide windows, at some tau
        if nodes >= most or not len(left):
            break
        nodes *= 2
    nothing = np.zeros(len(low))
    line = Line(low, high, series, every, np.ones(len(low)), nothing, nothing)
    _, spacing, value = line.points()
    largest = value.max(axis=1)
    density = np.exp(value - largest[:, None])
    total = density.sum(axis=1) * spacing
    unresolved = needed(value) > 1.3 * MOST_POINTS
    return Solved(low, high, series, largest + np.log(total), _outside(value, density, spacing) / total, unresolved)


def _outside(value: Array, density: Array, spacing: Array) -> Array:
    """The mass beyond both ends, where the density goes on falling as it falls there; inf where it does not."""
    beyond = np.zeros(len(value))
    for end, inwards in ((0, 1), (-1, -2)):
        slope = (value[:, inwards] - value[:, end]) / spacing
        beyond += np.where(slope > 0.0, density[:, end] / np.maximum(slope, TINY), np.inf)
    return beyond


@dataclass(frozen=True, eq=False)
class Solved:
    """Log densities of some rows.

    Attributes
    ----------
    low, high : (R,) windows.
    series : (R, n) Chebyshev series, not normalised.
    log_total : (R,) log of the integrals.
    outside : (R,) share of the integrals that the windows leave out.
    unresolved : (R,) whether it has more detail than the sums over it can follow.
    """

    low: Array
    high: Array
    series: Array
    log_total: Array
    outside: Array
    unresolved: Booleans

    def by_node(self, node: Integers) -> tuple[Line, Array]:
        """The line whose rows are these, by the node of tau (R,) that each belongs to, and log p(y | tau) (T,)."""
        log_evidence = np.full(int(node.max()) + 1, -np.inf)
        np.logaddexp.at(log_evidence, node, self.log_total)
        share = np.exp(self.log_total - log_evidence[node])
        series = self.series.copy()
        series[:, 0] -= self.log_total
        outside, unresolved = np.minimum(self.outside, 1.0), self.unresolved.astype(float)
        line = Line(self.low, self.high, series, node, share, outside, unresolved)
        return line, log_evidence


def _moved(low: Array, high: Array, value: Array, fall: float) -> tuple[Array, Array]:
    """Windows whose ends lie `fall` below the peak, from values at the Chebyshev nodes of others."""
    place = np.linspace(-1.0, 1.0, DENSE)
    n = value.shape[1]
    dense = value @ to_chebyshev(n).T @ from_chebyshev(n, DENSE)
    below = dense - dense.max(axis=1, keepdims=True)
    half, middle = 0.5 * (high - low), 0.5 * (high + low)
    above = below > -fall
    first, last = above.argmax(axis=1), DENSE - 1 - above[:, ::-1].argmax(axis=1)
    moved = []
    for end, index, inwards, sign, old in ((0, first, 1, -1.0, low), (-1, last, -1, 1.0, high)):
        depth = -below[:, end]
        slope = np.maximum(np.abs(below[:, end] - below[:, end + inwards]), 1e-3) / (place[1] - place[0])
        out = sign * half * (1.0 + np.minimum((fall + 2.0 - depth) / slope, 2.0))
        cut = half * place[np.clip(index + int(sign), 0, DENSE - 1)]
        moved.append(np.where(depth < fall - 2.0, middle + out, np.where(depth > fall + SLACK, middle + cut, old)))
    return moved[0], moved[1]


def window_nodes(low: Array, high: Array, n: int) -> Array:
    """(T, n) Chebyshev points of the second kind on each window."""
    return np.asarray(0.5 * (low + high)[:, None] + 0.5 * (high - low)[:, None] * chebyshev_points(n))


@cache
def chebyshev_points(n: int) -> Array:
    """(n,) from -1 to 1, ends included."""
    return -np.cos(np.pi * np.arange(n) / (n - 1))


@cache
def to_chebyshev(n: int) -> Array:
    """(n, n) from values at the points to coefficients."""
    return np.asarray(np.linalg.inv(np.polynomial.chebyshev.chebvander(chebyshev_points(n), n - 1)), dtype=float)


@lru_cache(maxsize=32)
def from_chebyshev(n: int, points: int) -> Array:
    """(n, points) from coefficients to values at equally spaced points, ends included."""
    return np.asarray(np.polynomial.chebyshev.chebvander(np.linspace(-1.0, 1.0, points), n - 1).T, dtype=float)


def clenshaw(series: Array, x: Array) -> Array:
    """Chebyshev series (T, n) at x (T, N), row by row."""
    ahead, further, spare = np.zeros(x.shape), np.zeros(x.shape), np.empty(x.shape)
    double = 2.0 * x
    for j in range(series.shape[1] - 1, 0, -1):
        np.multiply(double, ahead, out=spare)
        spare -= further
        spare += series[:, j : j + 1]
        ahead, further, spare = spare, ahead, further
    return np.asarray(series[:, :1] + x * ahead - further)
