"""The posterior of one linear predictor given tau: a polynomial log density where it is not negligible."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from bayesmeta.errors import PriorError
from bayesmeta.likelihoods.series import Panels, graded_edges
from bayesmeta.types import Array, Integers

DENSE = 241  # points at which a polynomial is looked over
ROUNDS = 60
WIDEST = 1e7  # log odds ratios: a window that grows so far has no end
SLACK = 9.0  # a window may reach farther down than asked for
SPACING = 0.4  # of the conditional standard deviation: the trapezoid rule between equally spaced points
RESOLVED = 1e-9  # what the last Chebyshev coefficients of a log density may still hold
MOST = 160
FEW = 12

LogDensity = Callable[[Array, Integers], Array]


@dataclass(frozen=True, eq=False)
class Line:
    """p(v | tau_t, y) of a linear predictor v at each tau.

    Attributes
    ----------
    low, high : (T,) window.
    series : (T, n) Chebyshev series of the log density there, normalised.
    """

    low: Array
    high: Array
    series: Array

    @property
    def nodes(self) -> Array:
        """(T, n) the Chebyshev nodes of the windows."""
        return window_nodes(self.low, self.high, self.series.shape[1])

    def at(self, v: Array) -> Array:
        """Log density at v (T, N), each row at its own tau; -inf outside the window."""
        local = (2.0 * v - (self.low + self.high)[:, None]) / (self.high - self.low)[:, None]
        value = clenshaw(self.series, np.clip(local, -1.0, 1.0))
        return np.where(np.abs(local) <= 1.0, value, -np.inf)

    def density(self, v: Array) -> Array:
        """(T, N) density at common points v (N,)."""
        return np.asarray(np.exp(self.at(np.broadcast_to(v, (len(self.low), len(v))))))

    def times(self, factor: float) -> "Line":
        """The density of factor * v."""
        if factor == 1.0:
            return self
        ends = np.stack([self.low * factor, self.high * factor])
        sign = np.where(np.arange(self.series.shape[1]) % 2 == 1, np.sign(factor), 1.0)
        series = self.series * sign
        series[:, 0] -= np.log(abs(factor))
        return Line(ends.min(axis=0), ends.max(axis=0), series)

    def points(self) -> tuple[Array, Array, Array]:
        """Equally spaced points (T, N), their distances (T,) and the log density there (T, N)."""
        place = np.linspace(-1.0, 1.0, DENSE)
        value = clenshaw(self.series, np.broadcast_to(place, (len(self.low), DENSE)))
        n = np.clip(int(np.ceil((2.0 / (SPACING * sharpest(value, place[1] - place[0]))).max())) + 1, 33, 600)
        place = np.linspace(-1.0, 1.0, int(n))
        value = clenshaw(self.series, np.broadcast_to(place, (len(self.low), len(place))))
        half = 0.5 * (self.high - self.low)
        points = 0.5 * (self.high + self.low)[:, None] + half[:, None] * place
        return points, half * (place[1] - place[0]), value

    def moments(self) -> tuple[Array, Array]:
        """Mean and sd at each tau: (T,) twice."""
        points, spacing, value = self.points()
        density = np.exp(value) * spacing[:, None]
        mean = (density * points).sum(axis=1)
        return mean, np.sqrt((density * (points - mean[:, None]) ** 2).sum(axis=1))

    def panels(self, panel: float) -> Panels:
        """Panels on which the density is resolved at every tau."""
        mean, sd = self.moments()

        def allowed(v: Array) -> Array:
            away = np.maximum(np.abs(v[:, None] - mean) - 7.0 * sd, 0.0)
            return np.asarray((panel * np.maximum(sd, 0.3 * away)).min(axis=1))

        return Panels(graded_edges(float(self.low.min()), float(self.high.max()), allowed))


def sharpest(value: Array, step: float) -> Array:
    """(T,) smallest standard deviation near the peak of a log density on points `step` apart."""
    bend = -np.diff(value, 2, axis=1) / step**2
    near = value[:, 1:-1] > value.max(axis=1, keepdims=True) - 8.0
    return np.asarray(1.0 / np.sqrt(np.maximum(np.where(near, bend, 0.0).max(axis=1), 1e-12)))


def solve(
    log_posterior: LogDensity,
    mean: Array,
    sd: Array,
    *,
    nodes: int,
    fall: float,
    resolved: float = RESOLVED,
    most: int = MOST,
) -> tuple[Array, Array, Array, Array]:
    """Windows and polynomials of unnormalised log densities of v at each tau.

    Parameters
    ----------
    log_posterior : v (t, n) at t of the nodes of tau, and which (t,), to log densities (t, n).
    mean, sd : (T,) a guess.
    nodes : Chebyshev nodes to begin with; doubled while the series has not ended.
    fall : how far each end of a window lies below the peak.
    resolved : what the last coefficients of a series may still hold.
    most : nodes that are not doubled any more.

    Returns
    -------
    low, high (T,); series (T, n), not normalised; log of the integrals (T,).

    Raises
    ------
    PriorError : a density that does not fall: the posterior is improper.
    """
    half = np.sqrt(2.0 * fall + 7.0) * sd
    low, high = mean - half, mean + half
    moving = np.arange(len(low))
    for _ in range(ROUNDS):
        value = log_posterior(window_nodes(low[moving], high[moving], FEW), moving)
        new_low, new_high = _moved(low[moving], high[moving], value, fall)
        still = (new_low == low[moving]) & (new_high == high[moving])
        low[moving], high[moving] = new_low, new_high
        moving = moving[~still]
        if not len(moving):
            break
        if float(np.max(high - low)) > WIDEST:
            raise PriorError(
                "the posterior of the mean effect is improper: the trials do not bound it on one side (an arm without"
                " events in all of them). State a proper prior for mu, such as odds_ratio_within(250)."
            )
    every = np.arange(len(low))
    while True:
        series = log_posterior(window_nodes(low, high, nodes), every) @ to_chebyshev(nodes).T
        if nodes >= most or np.abs(series[:, -2:]).max() < resolved:
            break
        nodes *= 2
    line = Line(low, high, series)
    _, spacing, value = line.points()
    largest = value.max(axis=1)
    log_total = largest + np.log(np.exp(value - largest[:, None]).sum(axis=1) * spacing)
    return low, high, series, log_total


def _moved(low: Array, high: Array, value: Array, fall: float) -> tuple[Array, Array]:
    """Windows whose ends lie `fall` below the peak, from values at the Chebyshev nodes of others."""
    place = np.linspace(-1.0, 1.0, DENSE)
    dense = clenshaw(value @ to_chebyshev(value.shape[1]).T, np.broadcast_to(place, (len(low), DENSE)))
    below = dense - dense.max(axis=1, keepdims=True)
    half, middle = 0.5 * (high - low), 0.5 * (high + low)
    above = below > -fall
    first, last = above.argmax(axis=1), DENSE - 1 - above[:, ::-1].argmax(axis=1)
    moved = []
    for end, index, inwards, sign in ((0, first, 1, -1.0), (-1, last, -1, 1.0)):
        depth = -below[:, end]
        slope = np.maximum(np.abs(below[:, end] - below[:, end + inwards]), 1e-3) / (place[1] - place[0])
        out = sign * half * (1.0 + np.minimum((fall + 2.0 - depth) / slope, 2.0))
        cut = half * place[np.clip(index + int(sign), 0, DENSE - 1)]
        old = sign * half
        moved.append(middle + np.where(depth < fall - 2.0, out, np.where(depth > fall + SLACK, cut, old)))
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
