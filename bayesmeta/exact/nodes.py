"""Where to evaluate tau: panels of Gauss-Legendre nodes in u = asinh(tau / c).

The log likelihood is even and analytic in tau with branch points at +-i times the standard errors, so with c the
smallest of them it is smooth in u on the scale of one, whatever the data; and u stretches heavy tails to a line on
which they fall exponentially, so that no upper end of tau has to be chosen by hand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from bayesmeta.types import Array

NODES_PER_PANEL = 16
FIRST_PANELS = 6
FALL = 42.0  # a density e^-42 below its peak holds no mass that a double could show
LAST_U = 600.0
PROBES = 72
RESOLVED = 1e-11  # of the whole mass: what the last Legendre coefficients of a panel may still hold
ROUNDS = 20

LogDensity = Callable[[Array], Array]


@dataclass(frozen=True)
class TauNodes:
    """Nodes and weights of the integral over tau, by panels.

    Attributes
    ----------
    tau : (P * n,) nodes.
    log_weight : (P * n,) log of the quadrature weight d tau.
    edges : (P + 1,) panel edges on the scale of u.
    scale : c, the unit of u.
    """

    tau: Array
    log_weight: Array
    edges: Array
    scale: float


def tau_nodes(log_density: LogDensity, scale: float, breaks: tuple[float, ...], moments: int = 2) -> TauNodes:
    """Panels that cover all of a density of tau that matters.

    Parameters
    ----------
    log_density : vectorised, the unnormalised log posterior density of tau.
    scale : c > 0, the smallest standard error.
    breaks : points of tau where the density is not smooth (the end of a uniform prior): panels end there.
    moments : highest power of tau that has to be integrated with it (0, 1 or 2).

    Returns
    -------
    TauNodes

    References
    ----------
    Trefethen 2013, Approximation Theory and Approximation Practice, chapter 19 (Gauss quadrature of analytic functions).
    """
    edges_of_breaks = np.arcsinh(np.array([b for b in breaks if b > 0.0 and np.isfinite(b)]) / scale)

    def log_integrand(u: Array) -> Array:
        tau = scale * np.sinh(u)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            value = log_density(tau) + np.log(scale) + _log_cosh(u)
            value = value + 0.5 * moments * np.log1p(tau * tau)
        return np.where(np.isfinite(value), value, -np.inf)

    low, high = _range(log_integrand, edges_of_breaks)
    edges = _refined(_first_edges(low, high, edges_of_breaks), log_integrand)
    x, w, _ = _gauss_legendre(NODES_PER_PANEL)
    half = 0.5 * np.diff(edges)[:, None]
    u = (edges[:-1, None] + half * (1.0 + x)).ravel()
    weight = (half * w).ravel()
    return TauNodes(scale * np.sinh(u), np.log(weight) + np.log(scale) + _log_cosh(u), edges, scale)


def _range(log_integrand: LogDensity, breaks: Array) -> tuple[float, float]:
    """The part of the line of u on which the integrand is not negligible, by zooming in on it."""
    probes = np.concatenate([np.linspace(0.0, 30.0, PROBES), np.geomspace(31.0, LAST_U, PROBES // 3)])
    probes = np.unique(np.concatenate([probes, breaks * (1 - 1e-12), breaks]))
    for _ in range(8):
        value = log_integrand(probes)
        seen = np.flatnonzero(value > value.max() - FALL)
        first, last = max(seen[0] - 1, 0), min(seen[-1] + 1, len(probes) - 1)
        low, high = float(probes[first]), float(probes[last])
        if last - first > 0.4 * len(probes):
            break
        probes = np.linspace(low, high, PROBES)
        probes = np.unique(np.concatenate([probes, breaks[(breaks > low) & (breaks < high)]]))
    if low < 0.05 * high:
        low = 0.0
    return low, high


def _first_edges(low: float, high: float, breaks: Array) -> Array:
    """Equal panels, shorter ones over the first units of u, where the likelihood bends."""
    edges = np.linspace(low, min(high, low + 14.0), FIRST_PANELS + 1)
    if high > edges[-1]:
        edges = np.append(edges, np.linspace(edges[-1], high, int(np.ceil((high - edges[-1]) / 4.0)) + 1)[1:])
    return np.unique(np.concatenate([edges, breaks[(breaks > low) & (breaks < high)]]))


def _refined(edges: Array, log_integrand: LogDensity) -> Array:
    """Halve each panel whose Legendre series has not ended, until all have: steep and singular priors get what they need."""
    x, w, last_coefficients = _gauss_legendre(NODES_PER_PANEL)
    left, right = edges[:-1], edges[1:]
    done: list[Array] = []
    largest, mass = -np.inf, 0.0
    for _ in range(ROUNDS):
        half = 0.5 * (right - left)
        value = log_integrand((left[:, None] + half[:, None] * (1.0 + x)).ravel()).reshape(len(left), -1)
        top = max(largest, float(value.max()))
        mass *= np.exp(largest - top) if np.isfinite(largest) else 0.0
        largest = top
        density = np.exp(value - largest)
        panel_mass = (density @ w) * half
        unresolved = np.abs(density @ last_coefficients).max(axis=1) * half > RESOLVED * (mass + panel_mass.sum())
        unresolved &= half > 1e-9
        mass += float(panel_mass[~unresolved].sum())
        done.append(np.stack([left[~unresolved], right[~unresolved]]))
        if not unresolved.any():
            break
        middle = 0.5 * (left[unresolved] + right[unresolved])
        left, right = np.concatenate([left[unresolved], middle]), np.concatenate([middle, right[unresolved]])
    else:
        done.append(np.stack([left, right]))
    return np.unique(np.concatenate(done, axis=1))


def _log_cosh(u: Array) -> Array:
    return np.asarray(np.logaddexp(u, -u) - np.log(2.0))


@cache
def _gauss_legendre(n: int) -> tuple[Array, Array, Array]:
    """Nodes, weights, and the matrix from values at the nodes to the last two Legendre coefficients."""
    x, w = np.polynomial.legendre.leggauss(n)
    last = np.polynomial.legendre.legvander(x, n - 1)[:, -2:] * w[:, None] * (np.arange(n - 2, n) + 0.5)
    return x, w, last
