"""Where to evaluate a correlation: nodes that crowd towards -1 and 1 as large tau demand.

As a function of rho the likelihood has its singularities on the real axis beyond the ends, where S_i + T is singular:
at |rho| >= 1 + delta, delta = (s_1^2 / tau_1^2 + s_2^2 / tau_2^2) / 2 at least. In x, rho = tanh(a x) / tanh(a) with
tanh(a) = 1 / (1 + delta), all of them lie at least pi / (2 a) off the real axis: Gauss quadrature in x converges at a
rate that falls with the logarithm of tau only. How many nodes that takes is tried out.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, roots_jacobi

from bayesmeta.priors.correlation import CorrelationPrior
from bayesmeta.types import Array

SIZES = (14, 18, 24, 32, 42, 56, 76, 100, 140)
RESOLVED = 1e-8  # of the largest value: how well the nodes must carry the likelihood to the points between them


@dataclass(frozen=True, eq=False)
class RhoNodes:
    """Nodes of the integral over rho with the prior in their weights.

    Attributes
    ----------
    rho, x : (R,) nodes, and their places in (-1, 1).
    weight : (R,) of the prior: sum_r weight_r f(rho_r) = E[f(rho)] a priori.
    prior : what they are for.
    stretch : a.
    """

    rho: Array
    x: Array
    weight: Array
    prior: CorrelationPrior
    stretch: float

    def place(self, rho: Array) -> Array:
        """x of given correlations."""
        share = 2.0 * (rho - self.prior.low) / (self.prior.high - self.prior.low) - 1.0
        return np.asarray(np.clip(np.arctanh(np.clip(share * np.tanh(self.stretch), -1, 1)) / self.stretch, -1.0, 1.0))

    def at(self, x: Array) -> Array:
        """Correlations at given x."""
        share = np.tanh(self.stretch * x) / np.tanh(self.stretch)
        return np.asarray(self.prior.low + 0.5 * (self.prior.high - self.prior.low) * (1.0 + share))

    def slope(self, x: Array) -> Array:
        """d rho / d x."""
        width = 0.5 * (self.prior.high - self.prior.low)
        return np.asarray(width * self.stretch / np.cosh(self.stretch * x) ** 2 / np.tanh(self.stretch))


def rho_nodes(prior: CorrelationPrior, delta: float, n: int = SIZES[-1]) -> RhoNodes:
    """Gauss-Jacobi nodes for a prior (1 - w^2)^(eta - 1), w = rho brought to (-1, 1).

    Parameters
    ----------
    prior : of rho.
    delta : how far beyond -1 and 1 the likelihood is analytic.
    n : how many.

    Returns
    -------
    RhoNodes

    References
    ----------
    Trefethen 2013, Approximation Theory and Approximation Practice, chapters 8 and 19.
    """
    if prior.point is not None:
        return RhoNodes(np.array([prior.point]), np.zeros(1), np.ones(1), prior, 1.0)
    a = float(np.arctanh(1.0 / (1.0 + delta)))
    x, weight = roots_jacobi(n, prior.eta - 1.0, prior.eta - 1.0)
    w = np.tanh(a * x) / np.tanh(a)
    # (1 - w^2) / (1 - x^2) has no zero: what the weight of the rule does not hold is smooth.
    ratio = (np.sinh(a * (1.0 - x)) * np.sinh(a * (1.0 + x))) / (np.cosh(a * x) * np.sinh(a)) ** 2 / (1.0 - x * x)
    slope = a / np.cosh(a * x) ** 2 / np.tanh(a)
    log_total = (2.0 * prior.eta - 1.0) * np.log(2.0) + betaln(prior.eta, prior.eta)
    weight = weight * ratio ** (prior.eta - 1.0) * slope / np.exp(log_total)
    rho = prior.low + 0.5 * (prior.high - prior.low) * (1.0 + w)
    return RhoNodes(rho, x, weight, prior, a)


def enough_rho_nodes(
    prior: CorrelationPrior,
    delta: float,
    likelihood: Callable[[Array], Array],
    finer: float = 1.0,
    resolved: float = RESOLVED,
    sizes: tuple[int, ...] = SIZES,
) -> RhoNodes:
    """As many nodes as a likelihood needs.

    Parameters
    ----------
    prior, delta : as in `rho_nodes`.
    likelihood : vectorised, of rho.
    finer : factor on the number of nodes, for the self-check.
    resolved : how well the nodes must carry the likelihood to the points between them, of its largest value.
    sizes : numbers of nodes that are tried.

    Returns
    -------
    RhoNodes
    """
    if prior.point is not None:
        return rho_nodes(prior, delta)
    for n in sizes:
        nodes = rho_nodes(prior, delta, n)
        between = 0.5 * (nodes.x[1:] + nodes.x[:-1])
        known = likelihood(np.concatenate([nodes.rho, nodes.at(between)]))
        error = np.abs(lagrange(nodes.x, between) @ known[:n] - known[n:]).max()
        if error <= resolved * known.max():
            break
    return rho_nodes(prior, delta, int(np.ceil(finer * n))) if finer != 1.0 else nodes


def lagrange(nodes: Array, points: Array) -> Array:
    """Matrix (points, nodes) of the polynomial through values at the nodes, by the barycentric formula.

    References
    ----------
    Berrut & Trefethen 2004, SIAM Rev 46:501, equation 4.2.
    """
    apart = 2.0 * (nodes[:, None] - nodes)  # times two: products of distances within (-1, 1) stay near 1
    np.fill_diagonal(apart, 1.0)
    weights = 1.0 / apart.prod(axis=1)
    away = points[:, None] - nodes
    at_node = away == 0.0
    terms = weights / np.where(at_node, 1.0, away)
    matrix = terms / terms.sum(axis=1, keepdims=True)
    hit = at_node.any(axis=1)
    matrix[hit] = at_node[hit]
    return np.asarray(matrix)
