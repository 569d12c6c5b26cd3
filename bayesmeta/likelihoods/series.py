"""Piecewise polynomials on panels of Gauss-Legendre nodes: interpolate, integrate, invert, many functions at once."""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.polynomial import chebyshev, legendre

from bayesmeta.types import Array, Integers

NODES = 16  # of each panel
NEWTON_STEPS = 60
FEW = 300  # points
MOST_HALVINGS = 5  # at once


@dataclass(frozen=True, eq=False)
class Panels:
    """Panels of a line, each with 16 Gauss-Legendre nodes.

    Parameters
    ----------
    edges : (P + 1,) increasing.
    """

    edges: Array

    @cached_property
    def half(self) -> Array:
        """(P,) half widths."""
        return 0.5 * np.diff(self.edges)

    @cached_property
    def nodes(self) -> Array:
        """(P * 16,)."""
        x, _, _ = gauss()
        return np.asarray((self.edges[:-1, None] + self.half[:, None] * (1.0 + x)).ravel())

    @cached_property
    def weights(self) -> Array:
        """(P * 16,) of the integral over the line."""
        _, w, _ = gauss()
        return np.asarray((self.half[:, None] * w).ravel())

    def series(self, values: Array) -> Array:
        """Legendre coefficients (..., P, 16) of functions known at the nodes (..., P * 16)."""
        _, _, to_series = gauss()
        return np.asarray(values.reshape(*values.shape[:-1], len(self.half), NODES) @ to_series.T)

    def place(self, x: Array) -> tuple[Integers, Array]:
        """Panel of each point and its local coordinate in [-1, 1]; points beyond the ends go to the ends."""
        inside = np.clip(x, self.edges[0], self.edges[-1])
        panel = np.clip(np.searchsorted(self.edges, inside, side="right") - 1, 0, len(self.half) - 1)
        return panel, (inside - self.edges[panel]) / self.half[panel] - 1.0

    def interpolate(self, series: Array, x: Array) -> Array:
        """Values (..., N) at points x (N,) of functions given by their series (..., P, 16)."""
        panel, local = self.place(x)
        order = np.argsort(panel, kind="stable")
        panel, basis = panel[order], legendre_basis(local[order], NODES)
        starts = np.append(np.flatnonzero(np.diff(panel, prepend=-1)), len(x))
        values = np.empty((*series.shape[:-2], len(x)))
        for first, last in zip(starts[:-1].tolist(), starts[1:].tolist()):
            values[..., first:last] = series[..., panel[first], :] @ basis[first:last].T
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return np.take(values, back, axis=-1)

    def cumulative(self, density: Array) -> Array:
        """(S, P + 1) integrals of densities (S, P * 16) from the left end to each edge."""
        mass = (density * self.weights).reshape(len(density), -1, NODES).sum(axis=2)
        return np.concatenate([np.zeros((len(density), 1)), np.cumsum(mass, axis=1)], axis=1)

    def cdf(self, density: Array, x: Array) -> Array:
        """P(X <= x) under many densities (S, P * 16), normalised here, at points (N,): (S, N)."""
        cumulative = self.cumulative(density)
        panel, local = self.place(x)
        integral = (self.series(density)[:, panel] * self.half[panel][:, None]) @ _integration().T
        inside = np.einsum("nj,snj->sn", legendre_basis(local, NODES + 1), integral)
        return np.asarray(np.clip((cumulative[:, panel] + inside) / cumulative[:, -1:], 0.0, 1.0))

    def quantiles(self, density: Array, levels: Array) -> Array:
        """Quantiles of many densities at once: Newton's iteration on the cdf of a panel, inside a bracket.

        Parameters
        ----------
        density : (S, P * 16), not necessarily normalised.
        levels : (Q,) probabilities, or (S, Q).

        Returns
        -------
        (S, Q)

        Examples
        --------
        >>> Panels(np.array([0.0, 1.0, 3.0])).quantiles(np.ones((1, 32)), np.array([0.5])).round(6)
        array([[1.5]])
        """
        cumulative = self.cumulative(density)
        target = np.broadcast_to(levels, (len(density), np.shape(levels)[-1])) * cumulative[:, -1:]
        panel = (cumulative[:, None, 1:-1] <= target[:, :, None]).sum(axis=2)
        row = np.arange(len(density))[:, None]
        series = self.series(density)[row, panel] * self.half[panel][..., None]  # (S, Q, 16)
        integral = series @ _integration().T
        rest, mass = target - cumulative[row, panel], integral.sum(axis=2)
        lower, upper = np.full(target.shape, -1.0), np.full(target.shape, 1.0)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            x = np.nan_to_num(np.clip(2.0 * rest / mass - 1.0, -1.0, 1.0))
            for _ in range(NEWTON_STEPS):
                basis = legendre_basis(x, NODES + 1)
                excess = np.einsum("sqn,sqn->sq", basis, integral) - rest
                upper, lower = np.where(excess > 0.0, x, upper), np.where(excess > 0.0, lower, x)
                trial = x - excess / np.einsum("sqn,sqn->sq", basis[..., :-1], series)
                safe = (trial >= lower) & (trial <= upper)
                settled = safe & (np.abs(trial - x) <= 1e-7)  # Newton's error is the square of its step
                x = np.where(safe, trial, 0.5 * (lower + upper))
                if np.all(settled | (upper - lower <= 1e-14)):
                    break
        return np.asarray(self.edges[panel] + self.half[panel] * (1.0 + x))


def legendre_basis(x: Array, n: int) -> Array:
    """(..., n) Legendre polynomials P_0 to P_(n - 1) at x in [-1, 1], by their recurrence.

    At few points by one product, as sums of Chebyshev polynomials, whose coefficients are positive.
    """
    if x.size <= FEW:
        angle = np.arccos(np.minimum(np.maximum(x, -1.0), 1.0))
        return np.asarray(np.cos(angle[..., None] * np.arange(n)) @ _from_chebyshev(n))
    basis = np.empty((n, *x.shape))
    basis[0] = 1.0
    basis[1] = x
    for j in range(2, n):
        np.multiply(x, basis[j - 1], out=basis[j])
        basis[j] *= (2.0 * j - 1.0) / j
        basis[j] -= (j - 1.0) / j * basis[j - 2]
    return np.moveaxis(basis, 0, -1)


@cache
def _from_chebyshev(n: int) -> Array:
    """(n, n) each column a Legendre polynomial's coefficients of T_0 to T_(n - 1)."""
    x = np.cos(np.pi * (np.arange(n) + 0.5) / n)
    return np.asarray(np.linalg.solve(chebyshev.chebvander(x, n - 1), legendre.legvander(x, n - 1)))


@cache
def gauss() -> tuple[Array, Array, Array]:
    """Nodes, weights, and the matrix from values at the nodes to Legendre coefficients."""
    nodes, weights = legendre.leggauss(NODES)
    to_series = (legendre.legvander(nodes, NODES - 1) * weights[:, None] * (np.arange(NODES) + 0.5)).T
    return nodes, weights, to_series


@cache
def _integration() -> Array:
    """(17, 16) from a Legendre series to that of its integral from -1."""
    return np.asarray(legendre.legint(np.eye(NODES), lbnd=-1))


def graded_edges(low: float, high: float, allowed: object, most: int = 4000) -> Array:
    """Panels from low to high by halving, until none is wider than what is allowed in it.

    Parameters
    ----------
    allowed : function from points (n,) to the widest panel that they may lie in (n,).
    """
    assert callable(allowed)
    share = np.linspace(0.0, 1.0, 9)
    left, width = np.array([low]), np.array([high - low])
    done, count = [], 0
    while len(left):
        probes = left[:, None] + width[:, None] * share
        limit = np.asarray(allowed(probes.ravel())).reshape(probes.shape)
        fine = (width <= limit.min(axis=1)) | (width <= 1e-9 * (1.0 + np.abs(left)))
        done.append(left[fine])
        count += len(done[-1])
        left, width, limit = left[~fine], width[~fine], limit[~fine]
        # Halves that are too wide everywhere are halved again at once.
        parts = 2 ** np.maximum(np.minimum(np.log2(width / limit.max(axis=1)), MOST_HALVINGS), 1.0).astype(int)
        if count + int(parts.sum()) > most:
            parts = np.full(len(left), 2)
            if count + 2 * len(left) > most:
                done.append(left)
                break
        first = np.repeat(np.cumsum(parts) - parts, parts)
        width = np.repeat(width / parts, parts)
        left = np.repeat(left, parts) + (np.arange(len(first)) - first) * width
    return np.append(np.sort(np.concatenate(done)), high)
