"""Nodes of tau that serve many posteriors at once: panels fine enough for each of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.polynomial import legendre

from bayesmeta.likelihoods.series import legendre_basis
from bayesmeta.types import Array

NODES = 16
FALL = 42.0  # a density e^-42 below its peak holds no mass that a double could show
RESOLVED = 1e-11  # of a posterior's mass: what the last Legendre coefficients of a panel may hold
NEGLIGIBLE = 1e-17
ROUNDS = 24
LAST_TAU = 1e120  # its square is still a double, and so are the products of a few of them
# In units of u = asinh(tau / c): the likelihood bends over the first, a tail falls exponentially over the last.
FIRST_EDGES = np.concatenate([np.arange(0.0, 6.0, 1.0), np.arange(6.0, 14.0, 2.0), np.arange(14.0, 601.0, 4.0)])

LogDensities = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class CommonNodes:
    """Panels of Gauss-Legendre nodes in u = asinh(tau / c), with n densities of tau on them.

    Attributes
    ----------
    tau : (P * 16,) nodes.
    left, half : (P,) left edge and half width of each panel, on the scale of u.
    scale : c.
    weights : (n, P * 16) probability that each density gives to each node; rows sum to one.
    log_total : (n,) log of the integral of each density.
    log_measure : (P * 16,) log of the quadrature weight d tau.
    """

    tau: Array
    left: Array
    half: Array
    scale: float
    weights: Array
    log_total: Array
    log_measure: Array

    def weighing(self, log_densities: Array) -> "CommonNodes":
        """Other densities (n, P * 16) of tau at the same nodes."""
        log_weight = log_densities + self.log_measure
        largest = log_weight.max(axis=1, keepdims=True)
        weights = np.exp(log_weight - largest)
        total = weights.sum(axis=1)
        return replace(self, weights=weights / total[:, None], log_total=largest[:, 0] + np.log(total))

    def cdf(self, tau: Array) -> Array:
        """P(tau <= t) under each density: (X,) to (n, X)."""
        n, panels = len(self.weights), len(self.half)
        _, quadrature, _, to_series, integrate = _rules()
        by_panel = self.weights.reshape(n, panels, NODES)
        before = np.concatenate([np.zeros((n, 1)), np.cumsum(by_panel.sum(axis=2), axis=1)], axis=1)
        u = np.arcsinh(np.maximum(tau, 0.0) / self.scale)
        panel = np.clip(np.searchsorted(self.left, u, side="right") - 1, 0, panels - 1)
        local = np.clip((u - self.left[panel]) / self.half[panel] - 1.0, -1.0, 1.0)
        integral = (by_panel / quadrature) @ to_series.T @ integrate.T  # (n, P, 17)
        inside = np.einsum("xj,nxj->nx", legendre.legvander(local, NODES), integral[:, panel])
        return np.asarray(np.clip(before[:, panel] + inside, 0.0, 1.0))

    def quantiles(self, levels: Array) -> Array:
        """Quantiles of tau, levels (L,) to (n, L): on a panel a density is a Legendre series, as is its integral."""
        n, panels = len(self.weights), len(self.half)
        _, quadrature, _, to_series, integrate = _rules()
        by_panel = self.weights.reshape(n, panels, NODES)
        mass = by_panel.sum(axis=2)
        before = np.concatenate([np.zeros((n, 1)), np.cumsum(mass, axis=1)], axis=1)
        panel = np.clip((before[:, None, 1:] <= levels[:, None]).sum(axis=2), 0, panels - 1)  # (n, L)
        row = np.arange(n)[:, None]
        rest = levels - before[row, panel]
        series = (by_panel[row, panel] / quadrature) @ to_series.T  # density of the local variable in [-1, 1]
        integral = series @ integrate.T
        x = np.clip(2.0 * rest / mass[row, panel] - 1.0, -1.0, 1.0)
        lower, upper = np.full(x.shape, -1.0), np.full(x.shape, 1.0)
        for _ in range(40):
            basis = legendre_basis(x, NODES + 1)
            excess = np.einsum("nlj,nlj->nl", basis, integral) - rest
            upper, lower = np.where(excess > 0.0, x, upper), np.where(excess > 0.0, lower, x)
            with np.errstate(divide="ignore", invalid="ignore"):
                trial = x - excess / np.einsum("nlj,nlj->nl", basis[..., :-1], series)
            safe = (trial >= lower) & (trial <= upper)
            settled = safe & (np.abs(trial - x) <= 1e-8)  # Newton's error is the square of its step
            x = np.where(safe, trial, 0.5 * (lower + upper))
            if np.all(settled | (upper - lower <= 1e-14)):
                break
        return np.asarray(self.scale * np.sinh(self.left[panel] + self.half[panel] * (1.0 + x)))


def common_nodes(log_densities: LogDensities, scale: float, breaks: tuple[float, ...] = ()) -> CommonNodes:
    """Panels on which each of n densities of tau is resolved.

    Parameters
    ----------
    log_densities : (T,) values of tau to (n, T) unnormalised log densities, each of them proper.
    scale : c > 0, the smallest standard error: the likelihood has its branch points at +-i times the standard errors.
    breaks : points of tau where a density is not smooth (the end of a uniform prior): panels end there.

    Returns
    -------
    CommonNodes

    References
    ----------
    Trefethen 2013, Approximation Theory and Approximation Practice, chapter 19.
    """

    def log_integrands(u: Array) -> Array:
        tau = scale * np.sinh(u)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            value = log_densities(tau) + np.log(scale) + np.logaddexp(u, -u) - np.log(2.0)
        return np.where(np.isfinite(value), value, -np.inf)

    at_breaks = np.arcsinh(np.array([b for b in breaks if 0.0 < b < LAST_TAU]) / scale)
    edges = _first_edges(log_integrands, at_breaks, min(600.0, float(np.arcsinh(LAST_TAU / scale))))
    left, half, log_value = _resolved(edges, log_integrands)
    order = np.argsort(left)
    left, half, log_value = left[order], half[order], log_value[:, order]
    x, quadrature, *_ = _rules()
    n = len(log_value)
    largest = log_value.reshape(n, -1).max(axis=1)
    mass = np.exp(log_value - largest[:, None, None]) * (half[:, None] * quadrature)
    total = mass.sum(axis=(1, 2))
    weights = mass / total[:, None, None]
    kept = weights.sum(axis=2).max(axis=0) > NEGLIGIBLE
    u = left[kept, None] + half[kept, None] * (1.0 + x)
    log_measure = np.log(half[kept, None] * quadrature) + np.log(scale) + np.logaddexp(u, -u) - np.log(2.0)
    return CommonNodes(
        tau=scale * np.sinh(u).ravel(),
        left=left[kept],
        half=half[kept],
        scale=scale,
        weights=weights[:, kept].reshape(n, -1),
        log_total=largest + np.log(total),
        log_measure=log_measure.ravel(),
    )


def _first_edges(log_integrands: LogDensities, breaks: Array, last: float) -> Array:
    """Panels up to the point beyond which no density has anything left."""
    fine = np.concatenate([np.arange(0.0, 14.0, 0.5), np.geomspace(14.0, last, 40)])
    probes = np.unique(np.concatenate([fine, breaks, breaks * (1.0 - 1e-12)]))
    value = log_integrands(probes)
    seen = np.flatnonzero((value > value.max(axis=1, keepdims=True) - FALL).any(axis=0))
    high = probes[min(seen[-1] + 1, len(probes) - 1)]
    return np.unique(np.concatenate([FIRST_EDGES[high > FIRST_EDGES], breaks[breaks < high], [high]]))


def _resolved(edges: Array, log_integrands: LogDensities) -> tuple[Array, Array, Array]:
    """Halve each panel on which the Legendre series of some density has not ended, until all have.

    Returns left edges (P,), half widths (P,) and log values (n, P, 16).
    """
    x, quadrature, last, *_ = _rules()
    left, half = edges[:-1], 0.5 * np.diff(edges)
    done: list[tuple[Array, Array, Array]] = []
    largest: Array | None = None
    mass: Array | float = 0.0
    for turn in range(ROUNDS):
        u = (left[:, None] + half[:, None] * (1.0 + x)).ravel()
        value = log_integrands(u).reshape(-1, len(left), NODES)
        top = value.max(axis=(1, 2))
        if largest is not None:
            top = np.maximum(top, largest)
            mass = mass * np.exp(largest - top)
        largest = top
        density = np.exp(value - largest[:, None, None])
        panel_mass = (density @ quadrature) * half
        total = mass + panel_mass.sum(axis=1)
        rough = np.abs(density @ last).max(axis=2) * half > RESOLVED * total[:, None]
        open_panels = rough.any(axis=0) & (half > 1e-9) & (turn < ROUNDS - 1)
        mass = mass + panel_mass[:, ~open_panels].sum(axis=1)
        done.append((left[~open_panels], half[~open_panels], value[:, ~open_panels]))
        if not open_panels.any():
            break
        smaller = 0.5 * half[open_panels]
        left = np.concatenate([left[open_panels], left[open_panels] + 2.0 * smaller])
        half = np.concatenate([smaller, smaller])
    lefts, halves, values = zip(*done)
    return np.concatenate(lefts), np.concatenate(halves), np.concatenate(values, axis=1)


@cache
def _rules() -> tuple[Array, Array, Array, Array, Array]:
    """Nodes, weights; matrices from values to the last two Legendre coefficients, to all, and on to the integral."""
    x, w = legendre.leggauss(NODES)
    to_series = (legendre.legvander(x, NODES - 1) * w[:, None] * (np.arange(NODES) + 0.5)).T
    integrate: Array = np.asarray(legendre.legint(np.eye(NODES), lbnd=-1), dtype=float)
    return x, w, to_series[-2:].T, to_series, integrate
