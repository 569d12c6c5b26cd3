"""log p(y_i | theta) tabulated once on a uniform grid: every later integral over theta only interpolates."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayesmeta.types import Array

STEP = 1.0 / 16.0
STEP_IN_SD = 0.55
WIDEST_STEP = 1.0 / 3.0  # in theta
FALL = 37.0  # the integrand is log-concave: where it has fallen by e^-37 nothing lies beyond
NEWTON_STEPS = 60

LogLikelihood = Callable[[Array], tuple[Array, Array, Array]]


@dataclass(frozen=True, eq=False)
class Table:
    """log p(y_i | theta) of k trials on a uniform grid with two derivatives; quintic Hermite between the points.

    Parameters
    ----------
    start : first grid point; step : distance of the points.
    value, slope, curvature : (k, g) log likelihood and its derivatives in theta.
    """

    start: float
    step: float
    value: Array
    slope: Array
    curvature: Array

    @classmethod
    def of(cls, log_likelihood: LogLikelihood, low: float, high: float, step: float = STEP) -> "Table":
        """Tabulate a function that gives (k, g) value, slope and curvature at theta (g,)."""
        points = np.arange(np.floor(low / step), np.ceil(high / step) + 1.0) * step
        return cls(float(points[0]), step, *log_likelihood(points))

    def at(self, theta: Array) -> tuple[Array, Array, Array]:
        """Log likelihood, slope and curvature of trial i at theta[..., i]; a parabola beyond the ends.

        Parameters
        ----------
        theta : (..., k).

        Returns
        -------
        Three arrays of theta's shape.
        """
        k, g = self.value.shape
        position = (theta - self.start) / self.step
        cell = np.clip(np.floor(position), 0, g - 2).astype(np.int64)
        outside = np.clip(position, 0.0, g - 1.0) - position
        t = np.clip(position - cell, 0.0, 1.0)
        left = cell + np.arange(k) * g  # into the flattened table
        c = self._coefficients[:, left]
        value = c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * (c[4] + t * c[5]))))
        slope = c[1] + t * (2 * c[2] + t * (3 * c[3] + t * (4 * c[4] + t * 5 * c[5])))
        bend = 2 * c[2] + t * (6 * c[3] + t * (12 * c[4] + t * 20 * c[5]))
        away = -outside
        value = value + away * slope + 0.5 * away**2 * np.minimum(bend, 0.0)
        return value, (slope + away * bend) / self.step, bend / self.step**2

    @cached_property
    def _coefficients(self) -> Array:
        """(6, k * g) polynomial of each cell in t = (theta - left) / step."""
        f, d, e = self.value, self.slope * self.step, self.curvature * self.step**2
        f1, d1, e1 = (np.roll(part, -1, axis=1) for part in (f, d, e))
        rise, end, bend = f1 - f - d - 0.5 * e, d1 - d - e, e1 - e
        cubic = 10 * rise - 4 * end + 0.5 * bend
        quartic = -15 * rise + 7 * end - bend
        quintic = 6 * rise - 3 * end + 0.5 * bend
        return np.stack([f, d, 0.5 * e, cubic, quartic, quintic]).reshape(6, -1)

    def marginal(self, m: Array, tau: Array) -> Array:
        """Integrate the effects out: l_i(m, tau) = log integral p(y_i | theta) N(theta; m_i, tau^2) d theta.

        Trapezoid rule in z = (theta - m) / tau from the mode of the integrand to where it is negligible on either side;
        at tau = 0 it is log p(y_i | m) with no special case.

        Parameters
        ----------
        m : (..., k) means. tau : broadcastable against m.

        Returns
        -------
        (..., k) log marginal likelihoods.

        References
        ----------
        Trefethen & Weideman 2014, SIAM Review 56:385 (why the trapezoid rule converges so fast here).
        """
        m, tau = np.broadcast_arrays(np.asarray(m, dtype=float), np.asarray(tau, dtype=float))
        mode, sd = self._mode(m, tau)
        left, right = self._reach(mode, sd, m, tau, -1.0), self._reach(mode, sd, m, tau, 1.0)
        # The curvature of log p changes over a unit of theta (it is a sum of logistic terms), so the step is bounded.
        step = np.minimum(STEP_IN_SD * sd, WIDEST_STEP / np.maximum(tau, 1e-300))
        intervals = int(np.ceil(np.max((left + right) / step, initial=1.0)))
        step = (left + right) / intervals
        total = np.zeros(m.shape)
        largest = self._log_integrand(mode, m, tau)
        for index in range(intervals + 1):
            total += np.exp(self._log_integrand(mode - left + index * step, m, tau) - largest)
        return np.asarray(largest + np.log(total * step) - 0.5 * np.log(2.0 * np.pi))

    def _log_integrand(self, z: Array, m: Array, tau: Array) -> Array:
        return self.at(m + tau * z)[0] - 0.5 * z * z

    def _reach(self, mode: Array, sd: Array, m: Array, tau: Array, side: float) -> Array:
        """How far the integrand is not negligible on one side of its mode: doubled until it is, then narrowed."""
        floor = self._log_integrand(mode, m, tau) - FALL
        inside, outside = np.zeros_like(mode), 9.0 * sd
        for _ in range(60):
            short = self._log_integrand(mode + side * outside, m, tau) > floor
            if not short.any():
                break
            inside, outside = np.where(short, outside, inside), np.where(short, 2.0 * outside, outside)
        for _ in range(3):
            middle = 0.5 * (inside + outside)
            short = self._log_integrand(mode + side * middle, m, tau) > floor
            inside, outside = np.where(short, middle, inside), np.where(short, outside, middle)
        return outside

    def _mode(self, m: Array, tau: Array) -> tuple[Array, Array]:
        """Mode of the integrand in z and the sd of its normal approximation there; Newton inside a bracket."""
        z = np.zeros(m.shape)
        lower, upper = np.full(m.shape, -np.inf), np.full(m.shape, np.inf)
        for _ in range(NEWTON_STEPS):
            _, slope, curvature = self.at(m + tau * z)
            gradient = tau * slope - z
            lower, upper = np.where(gradient > 0, z, lower), np.where(gradient > 0, upper, z)
            bend = 1.0 + tau**2 * np.maximum(-curvature, 0.0)
            trial = z + gradient / bend
            # Also a step onto the other end of the bracket: from a flat tail Newton would come back for ever.
            below = np.isfinite(lower) & (trial <= lower) & (z > lower)
            beyond = below | (np.isfinite(upper) & (trial >= upper) & (z < upper))
            trial[beyond] = 0.5 * (lower[beyond] + upper[beyond])
            moved = float(np.max(np.abs(trial - z) * np.sqrt(bend), initial=0.0))
            z = trial
            if moved < 1e-3:
                break
        curvature = self.at(m + tau * z)[2]
        return z, 1.0 / np.sqrt(1.0 + tau**2 * np.maximum(-curvature, 0.0))
