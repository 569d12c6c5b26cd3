"""Study effects integrated out of any likelihood, and put back: matrix products with the random effects' density.

With p_ig = p(y_i | theta_g) d theta at the nodes of the grid and K_gj = g(theta_g; m_j, tau),
    L_i(m_j, tau) = sum_g p_ig K_gj,
and the posterior density of theta_i is p(y_i | theta_g) sum_j K_gj V_ij, with V_ij the posterior weight of m_j over
L_ij: the same products backwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache

import numpy as np
from scipy.special import ndtr

from bayesmeta.exact.random_effects import SEEN, Kernel
from bayesmeta.likelihoods.series import Panels
from bayesmeta.likelihoods.theta_grid import BLUR, ThetaGrid
from bayesmeta.likelihoods.two_arm_grid import TwoArmGrid
from bayesmeta.types import Array, Booleans, Integers

# Where the random effects are too narrow for the grid, the trapezoid rule in z = (theta - m) / scale, whose step of 0.6
# leaves e^-54 of the normal density.
TRAPEZOID = 0.6 * np.arange(-24.0, 25.0)
FEWEST = 48  # nodes of a rule for many components together
TINY = 1e-300
NOTHING = 1e-60  # of the peak: a likelihood so far below it adds nothing to any integral
FARTHEST = 38.6  # standard deviations: a normal density beyond is no number
COARSEST = 3.0  # half a panel over the scale of the random effects that is summed on it
FINER = 8  # times as many means at most, where the random effects are too narrow for those there are
AT_ONCE = 1_000_000
TOGETHER = 60_000  # numbers that stay in the cache of a processor while one array operation follows another
RESOLVING = 1.3  # the narrowest random effects that are summed over equally spaced means, over their distance


def narrow_rule(scales: Array, weights: Array, reach: float = 24.0) -> tuple[Array, Array]:
    """Offsets, in units of tau, and weights of a sum of normals too narrow for the grid: one rule for all of them."""
    return _rule_of(scales.tobytes(), weights.tobytes(), reach)


@lru_cache(maxsize=1024)
def _rule_of(scales: bytes, weights: bytes, reach: float) -> tuple[Array, Array]:
    """The same, kept: at many tau the same components are narrow."""
    z, share = _trapezoid(reach)
    return _compressed(np.outer(np.frombuffer(scales), z).ravel(), np.outer(np.frombuffer(weights), share).ravel())


def _compressed(offsets: Array, weights: Array) -> tuple[Array, Array]:
    """The Gauss rule of a sum of many points, by Lanczos' recurrence: fewer nodes, as good for polynomials.

    References
    ----------
    Gautschi 2004, Orthogonal Polynomials: Computation and Approximation, section 2.2.3.
    """
    if len(offsets) <= 2 * FEWEST:  # all of it: beyond the grid of theta the far points keep the integral smooth in m
        return offsets, weights
    kept = weights > 1e-18 * weights.max()
    offsets, weights = offsets[kept], weights[kept]
    basis = np.zeros((FEWEST, len(offsets)))
    diagonal, beside = np.zeros(FEWEST), np.zeros(FEWEST)
    vector = np.sqrt(weights)
    for j in range(FEWEST):
        beside[j] = np.sqrt(vector @ vector)
        if beside[j] < 1e-13 * np.sqrt(weights.sum()):
            return offsets, weights
        basis[j] = vector / beside[j]
        vector = offsets * basis[j]
        diagonal[j] = vector @ basis[j]
        for _ in range(2):  # twice is enough to keep the vectors orthogonal
            vector = vector - basis[: j + 1].T @ (basis[: j + 1] @ vector)
    nodes, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside[1:], 1) + np.diag(beside[1:], -1))
    return nodes, weights.sum() * vectors[0] ** 2


@cache
def _trapezoid(reach: float) -> tuple[Array, Array]:
    """Points and weights for a standard normal, up to `reach` standard deviations."""
    z = TRAPEZOID[np.abs(TRAPEZOID) <= reach]
    return z, np.exp(-0.5 * z * z) * (0.6 / np.sqrt(2.0 * np.pi))


@dataclass(frozen=True, eq=False)
class Convolution:
    """Likelihoods on a grid, and the random effects.

    Parameters
    ----------
    grid : log p(y_i | theta) at theta nodes.
    kernel : distribution of the random effects.
    pairs : grids of the trials with two treated arms, by the positions of their rows; see `arms.py`.
    """

    grid: ThetaGrid
    kernel: Kernel
    pairs: Mapping[tuple[int, int], TwoArmGrid] = field(default_factory=dict)

    def finest(self, m: Array) -> Array:
        """(T,) scale of the random effects below which the grid is interpolated and not summed, for means m (T, n).

        It is fine where the predictors of its own fit lie; with trials left out they may lie farther off.
        """
        edges, half = self.grid.panels.edges, self.grid.panels.half
        first, last = np.searchsorted(edges, m.min(axis=1)), np.searchsorted(edges, m.max(axis=1))
        ends = np.stack([np.minimum(np.maximum(first - 1, 0), len(half)), np.minimum(last, len(half))], axis=1)
        widest = np.maximum.reduceat(np.append(half, 0.0), ends.ravel())[::2]  # between the ends of each
        return np.maximum(0.5 * self.grid.finest, np.where(ends[:, 0] < ends[:, 1], widest, 0.0) / COARSEST)

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
        reach = self._reach(m, tau, chosen)
        first, last = np.searchsorted(nodes, m.min(axis=1) - reach), np.searchsorted(nodes, m.max(axis=1) + reach)
        every_finest = self.finest(m)
        whole = self.kernel.whole(tau, every_finest)
        for part in in_parts(np.flatnonzero(whole), m.shape[1] * len(nodes)):
            near = slice(first[part].min(), last[part].max())
            density = self.kernel.between(nodes[near], m[part], tau[part])
            flat = density.reshape(density.shape[0] * density.shape[1], density.shape[2])
            found[:, part] = (mass[:, near] @ flat.T).reshape(-1, *m[part].shape)
        widest = self.kernel.scale.max() * tau
        narrow = (widest < every_finest) & (self.kernel.density is None)
        narrow &= ~self._peaked(chosen, widest, every_finest).any(axis=0)
        for part in in_parts(np.flatnonzero(narrow), len(mass) * m.shape[1] * len(TRAPEZOID), AT_ONCE):
            offsets, shares = narrow_rule(self.kernel.scale, self.kernel.weight)
            found[:, part] = self._smoothed(chosen, m[part, :, None], tau[part, None, None] * offsets, shares)
        for t in np.flatnonzero(~whole & ~narrow):
            scale, finest = float(tau[t]), float(every_finest[t])
            near = slice(first[t], last[t])
            found[:, t] = mass[:, near] @ self.kernel.at(nodes[near, None] - m[t], scale, finest)
            scales, weights = self.kernel.fine(scale, finest)
            if not len(scales):
                continue
            peaked = self._peaked(chosen, scales.max(keepdims=True) * scale, every_finest[t : t + 1])[:, 0]
            offsets, shares = narrow_rule(scales, weights)
            found[~peaked, t] += self._smoothed(chosen[~peaked], m[t, :, None], offsets * scale, shares)
            for row in np.flatnonzero(peaked):
                found[row, t] = self._of_peak(chosen[row], m[t], scale)
        self._add_tails(found, chosen, m, tau)
        return np.log(np.maximum(found, TINY)) + self.grid.peak[chosen][:, None, None]

    def _reach(self, m: Array, tau: Array, rows: Integers) -> Array:
        """(T,) how far from the means m (T, n) the random effects are something to any of some rows' integrals.

        Likelihoods are log-concave: within a standard deviation of the means they are least at an end of that.
        """
        if self.kernel.density is not None:
            return np.full(len(tau), np.inf)
        nodes, widest = self.grid.panels.nodes, float(self.kernel.scale.max()) * tau
        ends = np.stack([m.min(axis=1) - widest, m.max(axis=1) + widest])
        place = np.searchsorted(nodes, ends) - np.array([[1], [0]])
        inside = ((place >= 0) & (place < len(nodes))).all(axis=0)
        place[:, ~inside] = 0
        least = (self.grid.log_p[rows][:, place] - self.grid.peak[rows, None, None]).min(axis=(0, 1))
        deviations = np.where(inside, np.sqrt(SEEN**2 - 2.0 * least), FARTHEST)
        return np.asarray(np.minimum(deviations, FARTHEST) * widest)

    @cached_property
    def _own_finest(self) -> Array:
        """(k,) the same by the panels on which a row has a likelihood: those elsewhere add nothing, however wide."""
        seen = (self.grid.mass > NOTHING).reshape(len(self.grid.mass), len(self.grid.panels.half), -1).any(axis=2)
        return np.asarray((seen * self.grid.panels.half).max(axis=1, initial=0.0) / COARSEST)

    def _peaked(self, rows: Integers, widest: Array, finest: Array) -> Booleans:
        """(k, T) which rows are narrow peaks to random effects of so wide a scale, though these are too narrow to sum.

        To be interpolated a likelihood has to be smooth on the scale of the random effects.
        """
        own = np.maximum(self._own_finest[rows], 0.5 * self.grid.finest)[:, None]
        return np.asarray((own < finest) & (widest >= own) & ~self.grid.neutral[rows, None])

    def _of_peak(self, row: int, m: Array, tau: float) -> Array:
        """Integral of one row over the nodes where it is seen, all of the random effects that these resolve."""
        finest = max(float(self._own_finest[row]), 0.5 * self.grid.finest)
        seen = np.flatnonzero(self.grid.mass[row] > NOTHING)
        near = slice(seen[0], seen[-1] + 1)
        found = self.grid.mass[row, near] @ self.kernel.at(self.grid.panels.nodes[near, None] - m, tau, finest)
        scales, weights = self.kernel.fine(tau, finest)
        if len(scales):
            offsets, shares = narrow_rule(scales, weights)
            found += self._smoothed(np.array([row]), m[:, None], offsets * tau, shares)[0]
        return np.asarray(found)

    def of_units(self, m: Array, tau: Array, units: Integers) -> Array:
        """The same of units: of rows alone, and by positions behind the rows of whole trials with several arms."""
        return self.log_marginal(m, tau, units)

    def _smoothed(self, rows: Integers, m: Array, offsets: Array, weight: Array) -> Array:
        """Relative to the peak: sum of weight p(y_i | m + offset), the last axis, without the tails' smooth step."""
        grid = self.grid
        theta = m + offsets
        log_p = grid.panels.interpolate(grid.series[rows], theta.ravel()).reshape(len(rows), *theta.shape)
        inside = (theta >= grid.panels.edges[0]) & (theta <= grid.panels.edges[-1])
        relative = np.where(inside, np.exp(log_p - grid.peak[rows].reshape(-1, *(1,) * theta.ndim)), 0.0)
        return np.asarray(self._without_step(relative, rows, theta) @ weight)

    def _without_step(self, relative: Array, rows: Integers, theta: Array) -> Array:
        relative[self.grid.neutral[rows]] = 0.0
        for side, sign in ((0, 1.0), (1, -1.0)):
            for row, position in enumerate(rows):
                start = self.grid.flat_from[position, side]
                if np.isfinite(start):
                    level = np.exp(self.grid.flat_level(side)[position] - self.grid.peak[position])
                    relative[row] -= level * ndtr(sign * (start - theta) / BLUR)
        return np.maximum(relative, 0.0)

    def _add_tails(self, found: Array, rows: Integers, m: Array, tau: Array) -> None:
        """The flat tails' smooth step against the random effects: Phi((start - m) / sqrt(blur^2 + tau^2)), in place."""
        found[self.grid.neutral[rows]] = 1.0
        spread = np.sqrt(BLUR**2 + np.outer(tau, self.kernel.scale) ** 2)
        for side, sign in ((0, 1.0), (1, -1.0)):
            flat = np.flatnonzero(np.isfinite(self.grid.flat_from[rows, side]))
            if not len(flat):
                continue
            start = self.grid.flat_from[rows[flat], side]
            level = np.exp(self.grid.flat_level(side)[rows[flat]] - self.grid.peak[rows[flat]])
            for t in range(len(tau)):
                away = sign * (start[:, None] - m[t])
                found[flat, t] += level[:, None] * (ndtr(away[..., None] / spread[t]) @ self.kernel.weight)


def spread(
    kernel: Kernel,
    theta: Array,
    m: Array,
    spacing: Array,
    tau: Array,
    log_f: Array,
    factor: Array,
    reach: float,
) -> Array:
    """Functions of the mean as functions of an effect: sum_t w_t integral f_t(m) g(theta; m, tau_t) d m.

    Parameters
    ----------
    theta : (G,) increasing, where the sum is wanted.
    m : (T, N) equally spaced means at each tau, `spacing` (T,) apart, beyond which f is negligible.
    tau : (T,).
    log_f : (S, T, N) of S functions.
    factor : (T,) w, or (S, T).
    reach : standard deviations of normal random effects beyond which they are nothing.

    Returns
    -------
    (S, G)
    """
    found = np.zeros((len(log_f), len(theta)))
    factor = np.broadcast_to(factor, log_f.shape[:2])
    whole = kernel.whole(tau, RESOLVING * spacing)
    for part in in_parts(np.flatnonzero(whole), m.shape[1] * len(theta)):
        here, density = _near(kernel, theta, m[part], tau[part], reach)
        f = np.exp(log_f[:, part]) * (factor[:, part] * spacing[part])[..., None]
        found[:, here] += f.reshape(len(f), -1) @ density.reshape(-1, density.shape[2])
    for t in np.flatnonzero(~whole):
        blurred = spread_at(kernel, theta, m[t], float(spacing[t]), float(tau[t]), log_f[:, t], reach)
        found += factor[:, t, None] * blurred
    return found


def spread_each(kernel: Kernel, theta: Array, m: Array, spacing: Array, tau: Array, log_f: Array) -> Array:
    """One function, log_f (T, N), at each tau by itself: (T, G). The sums are as in `spread`, with less far to go."""
    found = np.zeros((len(tau), len(theta)))
    whole = kernel.whole(tau, RESOLVING * spacing)
    for part in in_parts(np.flatnonzero(whole), m.shape[1] * len(theta)):
        here, density = _near(kernel, theta, m[part], tau[part], SEEN)
        found[part, here] = ((np.exp(log_f[part]) * spacing[part, None])[:, None] @ density)[:, 0]
    for t in np.flatnonzero(~whole):
        found[t] = spread_at(kernel, theta, m[t], float(spacing[t]), float(tau[t]), log_f[None, t], SEEN)[0]
    return found


def _near(kernel: Kernel, theta: Array, m: Array, tau: Array, reach: float) -> tuple[slice, Array]:
    """Which theta are near some of the means m (T, N), and the density there of all the random effects (T, N, G)."""
    away = reach * tau * float(kernel.scale.max()) if kernel.density is None else np.inf
    here = slice(*np.searchsorted(theta, [(m[:, 0] - away).min(), (m[:, -1] + away).max()]))
    return here, kernel.between(theta[here], m, tau)


def spread_at(
    kernel: Kernel, theta: Array, m: Array, spacing: float, tau: float, log_f: Array, reach: float = FARTHEST
) -> Array:
    """The same at one tau: integral f(m) g(theta; m, tau) d m, with m (N,) and log_f (S, N).

    Normal densities are zero from `reach` standard deviations on; theta increases.
    """
    finest = RESOLVING * spacing
    found = np.zeros((len(log_f), len(theta)))
    coarse = m, log_f
    times = int(2.0 ** np.clip(np.ceil(np.log2(max(finest / tau, 1.0))), 0.0, np.log2(FINER))) if tau > 0.0 else 1
    if times > 1 and log_f.size * times <= AT_ONCE:
        fine = np.linspace(m[0], m[-1], times * (len(m) - 1) + 1)
        m, log_f, spacing, finest = fine, _finer(log_f, times), spacing / times, finest / times
    if np.any(kernel.scale * tau >= finest):
        reach = reach * tau * float(kernel.scale.max()) if kernel.density is None else np.inf
        here = slice(*np.searchsorted(theta, [m[0] - reach, m[-1] + reach]))
        found[:, here] = (np.exp(log_f) * spacing) @ kernel.at(theta[here] - m[:, None], tau, finest)
    scales, weights = kernel.fine(tau, finest)
    if len(scales):
        offsets, shares = narrow_rule(scales, weights, 9.0)
        offsets = offsets * tau
        near = np.flatnonzero((theta > m[0] - offsets.max()) & (theta < m[-1] + offsets.max()))
        for part in in_parts(near, len(offsets) * len(log_f), AT_ONCE):
            found[:, part] += _blurred(theta[part], *coarse, offsets, shares)
    return found


def in_parts(positions: Integers, each: int, together: int = TOGETHER) -> list[Integers]:
    """Positions in turns of not many more than so many numbers together, `each` of a position."""
    turns = -(-len(positions) * each // together)
    return np.array_split(positions, max(1, min(turns, len(positions)))) if len(positions) else []


def _finer(values: Array, times: int) -> Array:
    """Functions (S, N) at equally spaced points, at so many times the points, by `local_polynomial`."""
    n = values.shape[1]
    fine = np.arange(times * (n - 1) + 1) / times
    if len(fine) * n > AT_ONCE:
        return local_polynomial(np.arange(float(n)), values, fine)
    return np.asarray(values @ _refining(n, times))


@lru_cache(maxsize=64)
def _refining(n: int, times: int) -> Array:
    """(N, times * (N - 1) + 1) the matrix that does so."""
    return local_polynomial(np.arange(float(n)), np.eye(n), np.arange(times * (n - 1) + 1) / times)


def _blurred(theta: Array, m: Array, log_f: Array, offsets: Array, weight: Array) -> Array:
    """Sum of weight f(theta - offset): (S, G). log f is smooth, so a local polynomial between the means serves."""
    points = theta[:, None] - offsets
    inside = (points >= m[0]) & (points <= m[-1])
    nearest = np.minimum(np.maximum(points, m[0]), m[-1]).ravel()
    values = np.exp(local_polynomial(m, log_f, nearest)).reshape(len(log_f), *points.shape)
    values *= inside
    return np.asarray(values @ weight)


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
    if len(values) > 1 and len(x) * len(m) <= AT_ONCE:
        matrix = np.zeros((len(x), len(m)))
        np.put_along_axis(matrix, first[:, None] + index, weight, axis=1)
        return np.asarray(values @ matrix.T)
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
