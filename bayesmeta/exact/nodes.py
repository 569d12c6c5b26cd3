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
FIRST_WIDTH = 14.0  # of the first panels together, in u
FALL = 42.0  # a density e^-42 below its peak holds no mass that a double could show
LAST_U = 600.0
LAST_TAU = 1e150  # its square is still a double
BEYOND = 2.0  # of u, where the self-check looks on
PROBES = 72
ZOOMS = 40
RESOLVED = 1e-9  # of the whole mass: what the last Legendre coefficients of a panel may hold; results are good to 1e-10
ROUNDING = 4e-16  # of a log density of any size, below which no refinement helps
ROUNDS = 200

LogDensity = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
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

    @property
    def finer(self) -> "TauNodes":
        """Twice the nodes on the same range, and panels beyond it: what the self-check compares with."""
        middles = 0.5 * (self.edges[:-1] + self.edges[1:])
        last = min(float(self.edges[-1]) + BEYOND, float(np.arcsinh(LAST_TAU / self.scale)))
        return _on_panels(np.unique([*self.edges, *middles, last]), self.scale)


def tau_nodes(
    log_density: LogDensity,
    scale: float,
    breaks: tuple[float, ...],
    moments: int = 2,
    first_panels: int = FIRST_PANELS,
) -> TauNodes:
    """Panels that cover all of a density of tau that matters.

    Parameters
    ----------
    log_density : vectorised, the unnormalised log posterior density of tau.
    scale : c > 0, the smallest standard error.
    breaks : points of tau where the density is not smooth (the end of a uniform prior): panels end there.
    moments : highest power of tau that has to be integrated with it (0, 1 or 2).
    first_panels : how many to begin with; those that do not resolve the density are halved.

    Returns
    -------
    TauNodes

    References
    ----------
    Trefethen 2013, Approximation Theory and Approximation Practice, chapter 19 (Gauss quadrature).
    """
    at_breaks = np.arcsinh(np.array([point for point in breaks if 0.0 < point < LAST_TAU]) / scale)

    def log_integrands(u: Array) -> Array:
        """Logs of the density of u and of its product with the highest power of tau: (1 or 2, len(u))."""
        tau = scale * np.sinh(u)
        with np.errstate(divide="ignore"):
            value = log_density(tau) + np.log(scale) + _log_cosh(u)
            value[~np.isfinite(value)] = -np.inf
            return np.stack([value, value + moments * np.log(tau)]) if moments else value[None]

    low, high = _range(log_integrands, at_breaks, min(LAST_U, float(np.arcsinh(LAST_TAU / scale))))
    return _on_panels(refined(_first_edges(low, high, at_breaks, first_panels), log_integrands), scale)


def _on_panels(edges: Array, scale: float) -> TauNodes:
    x, w, _ = gauss_legendre(NODES_PER_PANEL)
    half = 0.5 * np.diff(edges)[:, None]
    u = (edges[:-1, None] + half * (1.0 + x)).ravel()
    weight = (half * w).ravel()
    return TauNodes(scale * np.sinh(u), np.log(weight) + np.log(scale) + _log_cosh(u), edges, scale)


def _range(log_integrands: LogDensity, breaks: Array, last_u: float) -> tuple[float, float]:
    """The part of the line of u on which an integrand is not negligible, by zooming in on it."""
    either_side = np.concatenate([breaks * (1.0 - 1e-12), breaks, breaks * (1.0 + 1e-12)])
    far = np.geomspace(31.0, last_u, PROBES // 3) if last_u > 31.0 else np.array([last_u])
    probes = np.union1d(np.concatenate([np.linspace(0.0, 30.0, PROBES), far]), either_side)
    low, high = 0.0, last_u
    for _ in range(ZOOMS):
        value = log_integrands(probes)
        seen = np.flatnonzero((value > value.max(axis=1, keepdims=True) - FALL).any(axis=0))
        first, last = max(seen[0] - 1, 0), min(seen[-1] + 1, len(probes) - 1)
        low, high = float(probes[first]), float(probes[last])
        if last - first > 0.4 * len(probes):
            break
        probes = np.linspace(low, high, PROBES)
        if len(breaks):
            probes = np.union1d(probes, either_side[(either_side > low) & (either_side < high)])
    return (0.0 if low < 0.05 * high else low), high


def _first_edges(low: float, high: float, breaks: Array, first_panels: int) -> Array:
    """Equal panels, shorter ones over the first units of u, where the likelihood bends."""
    edges = np.linspace(low, min(high, low + FIRST_WIDTH), first_panels + 1)
    if high > edges[-1]:
        edges = np.append(edges, np.linspace(edges[-1], high, int(np.ceil((high - edges[-1]) / 4.0)) + 1)[1:])
    return np.union1d(edges, breaks[(breaks > low) & (breaks < high)])


def refined(edges: Array, log_integrands: LogDensity) -> Array:
    """Halve each panel whose Legendre series has not ended, until all have: steep priors get what they need."""
    x, w, last_coefficients = gauss_legendre(NODES_PER_PANEL)
    left, right = edges[:-1], edges[1:]
    done: list[Array] = []
    largest, mass = np.array(-np.inf), np.array(0.0)  # of each integrand, over the panels that are done
    for _ in range(ROUNDS):
        half = 0.5 * (right - left)
        value = log_integrands((left[:, None] + half[:, None] * (1.0 + x)).ravel())
        top = np.maximum(largest, value.max(axis=1))
        mass, largest = mass * np.exp(largest - top), top
        density = np.exp(value - top[:, None]).reshape(len(value), len(left), -1)
        panel_mass = (density @ w) * half
        error = np.abs(density @ last_coefficients).max(axis=2) * half
        tolerance = (RESOLVED + ROUNDING * np.abs(largest)) * (mass + panel_mass.sum(axis=1))
        unresolved = (error > tolerance[:, None]).any(axis=0)
        unresolved &= half > 1e-12 * right
        mass = mass + panel_mass[:, ~unresolved].sum(axis=1)
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
def gauss_legendre(n: int) -> tuple[Array, Array, Array]:
    """Nodes, weights, and the matrix from values at the nodes to the last two Legendre coefficients."""
    x, w = np.polynomial.legendre.leggauss(n)
    last = np.polynomial.legendre.legvander(x, n - 1)[:, -2:] * w[:, None] * (np.arange(n - 2, n) + 0.5)
    return x, w, last
