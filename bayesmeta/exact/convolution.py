"""Study effects integrated out of any likelihood, and put back: matrix products with the random effects' density.

With p_ig = p(y_i | theta_g) d theta at the nodes of the grid and K_gj = g(theta_g; m_j, tau),
    L_i(m_j, tau) = sum_g p_ig K_gj,
and the posterior density of theta_i is p(y_i | theta_g) sum_j K_gj V_ij, with V_ij the posterior weight of m_j over L_ij:
the same products backwards.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from bayesmeta.exact.random_effects import Kernel
from bayesmeta.likelihoods.series import Panels
from bayesmeta.likelihoods.theta_grid import BLUR, ThetaGrid
from bayesmeta.types import Array, Integers

# The trapezoid rule in z = (theta - m) / tau where tau is too small for the grid: a step of 0.6 leaves e^-54 of the
# normal density, and the likelihood is nearly constant on the scale of tau.
Z = 0.6 * np.arange(-24.0, 25.0)
LOG_Z_WEIGHT = -0.5 * Z * Z + np.log(0.6) - 0.5 * np.log(2.0 * np.pi)
TINY = 1e-300
NOTHING = 1e-60  # of the peak: a likelihood so far below it adds nothing to any integral
FARTHEST = 38.6


@dataclass(frozen=True, eq=False)
class Convolution:
    """Likelihoods on a grid, and the random effects.

    Parameters
    ----------
    grid : log p(y_i | theta) at theta nodes.
    kernel : distribution of the random effects.
    """

    grid: ThetaGrid
    kernel: Kernel

    @property
    def finest(self) -> float:
        """Scale of the random effects below which the grid is interpolated and not summed."""
        return 0.5 * self.grid.finest

    def log_marginal(self, m: Array, tau: Array, rows: Integers | None = None) -> Array:
        """l_i(m, tau) = log integral p(y_i | theta) g(theta; m, tau) d theta.

        Parameters
        ----------
        m : (T, n) means at each tau.
        tau : (T,) scales.
        rows : positions of the k rows wanted; all by default.

        Returns
        -------
        (k, T, n)
        """
        mass, nodes = self.grid.mass, self.grid.panels.nodes
        if rows is not None:
            mass = mass[rows]
            seen = mass.max(axis=0) > NOTHING
            mass, nodes = mass[:, seen], nodes[seen]
        chosen = np.arange(len(mass)) if rows is None else rows
        found = np.zeros((len(mass), *m.shape))
        for t, scale in enumerate(tau.tolist()):
            # Nodes farther from every mean than this have a normal density of zero in double precision.
            reach = FARTHEST * scale * float(self.kernel.scale.max()) if self.kernel.density is None else np.inf
            first, last = np.searchsorted(nodes, (float(m[t].min()) - reach, float(m[t].max()) + reach))
            if np.any(self.kernel.scale * scale >= self.finest):
                near = nodes[first:last]
                found[:, t] = mass[:, first:last] @ self.kernel.at(near[:, None] - m[t], scale, self.finest)
            for narrow, weight in zip(*self.kernel.fine(scale, self.finest)):
                found[:, t] += weight * self._smoothed(chosen, m[t], narrow)
            self._add_tails(found[:, t], chosen, m[t], scale)
        return np.log(np.maximum(found, TINY)) + self.grid.peak[chosen][:, None, None]

    def _smoothed(self, rows: Integers, m: Array, scale: float) -> Array:
        """Relative to the peak: sum over z of p(y_i | m + scale z) phi(z), without the flat tails' smooth step."""
        grid = self.grid
        if scale * Z[-1] < 1e-13:
            relative = np.exp(grid.panels.interpolate(grid.series[rows], m) - grid.peak[rows][:, None])
            return self._without_step(relative[..., None], rows, m[:, None])[..., 0]
        theta = m[:, None] + scale * Z
        log_p = grid.panels.interpolate(grid.series[rows], theta.ravel()).reshape(len(rows), *theta.shape)
        inside = (theta >= grid.panels.edges[0]) & (theta <= grid.panels.edges[-1])
        relative = np.where(inside, np.exp(log_p - grid.peak[rows][:, None, None]), 0.0)
        return np.asarray(self._without_step(relative, rows, theta) @ np.exp(LOG_Z_WEIGHT))

    def _without_step(self, relative: Array, rows: Integers, theta: Array) -> Array:
        relative[self.grid.neutral[rows]] = 0.0
        for side, sign in ((0, 1.0), (1, -1.0)):
            for row, position in enumerate(rows):
                start = self.grid.flat_from[position, side]
                if np.isfinite(start):
                    level = np.exp(self.grid.flat_level(side)[position] - self.grid.peak[position])
                    relative[row] -= level * ndtr(sign * (start - theta) / BLUR)
        return np.maximum(relative, 0.0)

    def _add_tails(self, found: Array, rows: Integers, m: Array, tau: float) -> None:
        """The flat tails' smooth step against the random effects: Phi((start - m) / sqrt(blur^2 + tau^2)), in place."""
        found[self.grid.neutral[rows]] = 1.0
        spread = np.sqrt(BLUR**2 + (self.kernel.scale * tau) ** 2)
        for side, sign in ((0, 1.0), (1, -1.0)):
            flat = np.flatnonzero(np.isfinite(self.grid.flat_from[rows, side]))
            if not len(flat):
                continue
            start = self.grid.flat_from[rows[flat], side]
            level = np.exp(self.grid.flat_level(side)[rows[flat]] - self.grid.peak[rows[flat]])
            away = sign * (start[:, None] - m)
            found[flat] += level[:, None] * (ndtr(away[..., None] / spread) @ self.kernel.weight)


def spread(
    kernel: Kernel, theta: Array, m: Array, spacing: Array, tau: Array, log_f: Array, sign: Array
) -> Array:
    """Functions of the mean as functions of an effect: sum_t integral f_t(m) g(theta; m, tau_t) d m.

    Parameters
    ----------
    theta : (G,) where the sum is wanted.
    m : (T, N) equally spaced means at each tau, `spacing` (T,) apart, beyond which f is negligible.
    tau : (T,).
    log_f : (S, T, N) of S functions, weights of the tau included.
    sign : (T,) of those weights.

    Returns
    -------
    (S, G)
    """
    found = np.zeros((len(log_f), len(theta)))
    for t in range(len(tau)):
        found += sign[t] * spread_at(kernel, theta, m[t], float(spacing[t]), float(tau[t]), log_f[:, t])
    return found


def spread_at(kernel: Kernel, theta: Array, m: Array, spacing: float, tau: float, log_f: Array) -> Array:
    """The same at one tau: integral f(m) g(theta; m, tau) d m, with m (N,) and log_f (S, N)."""
    finest = 1.3 * spacing
    found = np.zeros((len(log_f), len(theta)))
    if np.any(kernel.scale * tau >= finest):
        found += (np.exp(log_f) * spacing) @ kernel.at(m[:, None] - theta, tau, finest)
    for narrow, weight in zip(*kernel.fine(tau, finest)):
        near = (theta > m[0] - 9.0 * narrow) & (theta < m[-1] + 9.0 * narrow)
        found[:, near] += weight * _blurred(theta[near], m, log_f, narrow)
    return found


def _blurred(theta: Array, m: Array, log_f: Array, scale: float) -> Array:
    """sum over z of f(theta - scale z) phi(z): (S, G). log f is smooth, so a local polynomial between the means serves."""
    z = Z[(Z > -9.0) & (Z < 9.0)]
    weight = np.exp(LOG_Z_WEIGHT[(Z > -9.0) & (Z < 9.0)])
    points = theta[:, None] - scale * z
    inside = (points >= m[0]) & (points <= m[-1])
    values = np.exp(local_polynomial(m, log_f, np.clip(points, m[0], m[-1]).ravel()))
    return np.asarray(np.where(inside, values.reshape(len(log_f), *points.shape), 0.0) @ weight)


def local_polynomial(m: Array, values: Array, x: Array, points: int = 12) -> Array:
    """Lagrange interpolation on the nearest of equally spaced points: values (S, N) at m (N,) to (S, len(x))."""
    step = m[1] - m[0]
    position = (x - m[0]) / step
    first = np.clip(np.floor(position).astype(np.int64) - points // 2 + 1, 0, len(m) - points)
    offset = position - first
    index = np.arange(points)
    near = offset[:, None] - index
    exact = np.abs(near) < 1e-12
    signs = (-1.0) ** index * np.exp(-_log_factorials(points)[index] - _log_factorials(points)[points - 1 - index])
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = signs / near
        weight = np.where(exact.any(axis=1)[:, None], exact.astype(float), weight / weight.sum(axis=1, keepdims=True))
    gathered = values[:, first[:, None] + index]
    return np.asarray(np.einsum("sxn,xn->sx", gathered, weight))


def _log_factorials(n: int) -> Array:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1.0, n)))])


def outer_panels(panels: Panels, low: float, high: float) -> Panels:
    """The panels of a grid, and wider and wider ones outside, to low and high."""
    left, right = [float(panels.edges[0])], [float(panels.edges[-1])]
    middle = 0.5 * (left[0] + right[0])
    while left[-1] > low:
        left.append(left[-1] - 0.5 * max(1.0, middle - left[-1]))
    while right[-1] < high:
        right.append(right[-1] + 0.5 * max(1.0, right[-1] - middle))
    return Panels(np.concatenate([left[:0:-1], panels.edges, right[1:]]))
