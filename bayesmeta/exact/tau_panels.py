"""The likelihood's side of tau: nodes at which everything but the prior of tau is computed, and interpolation between.

With normal random effects all is even and analytic in tau, with singularities no nearer than +-i times the smallest
standard error c. So the first panel in u = asinh(tau / c) begins at 0 and uses even polynomials; the others are plain.
Densities of effects are those of theta ~ N(m, s^2 + tau^2), s^2 the variance of the mean at tau = 0: with many trials
their singularities lie much closer to tau = 0, at +-i s, and the panels are graded towards it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.polynomial import chebyshev, legendre

from bayesmeta.exact.over_tau import OverTau
from bayesmeta.types import Array, Integers

NODES = 12
WIDEST = 2.0  # of a panel, over its width among the standard errors: densities of mu change with tau in every unit of u
NEAR = 2.2  # the same near tau = 0, over the distance from where the densities of effects have their singularities
FIRST = 0.9  # of the width of the others: the first panel
NARROW = 2.8  # panels over the sd of tau's posterior, in u
MOST_OF_IT = 4.5  # standard deviations
# First edges where a term |tau|^order keeps the likelihood from being analytic at tau = 0, by order.
TO_ZERO = ((3.5, (0.0, 0.01, 0.1, 0.4)), (30.0, (0.0, 0.2)), (np.inf, (0.0,)))


@dataclass(frozen=True, eq=False)
class TauPanels:
    """Panels in u = asinh(tau / c).

    Parameters
    ----------
    edges : (P + 1,) in u, from 0.
    scale : c.
    """

    edges: Array
    scale: float

    @classmethod
    def to(
        cls, last: float, scale: float, width: float, largest: float, least: float, order: float = np.inf
    ) -> "TauPanels":
        """Panels from 0 to at least u = last.

        Parameters
        ----------
        last : where to end, in u.
        scale : c, the smallest standard error.
        width : of a panel among the standard errors; beyond the largest of them they grow.
        largest : the largest standard error.
        least : the smallest standard deviation of a linear predictor at tau = 0.
        order : of the first term of the likelihood that is not even and analytic in tau at 0.
        """
        quiet = float(np.arcsinh(largest / scale)) + 1.5
        edges = list(next(first for limit, first in TO_ZERO if order <= limit))

        def share(edge: float) -> float:
            return min(1.0, NEAR * float(np.hypot(edge, least / scale)))

        edges.append(edges[-1] + FIRST * width * share(edges[-1]))
        while edges[-1] < last:
            grown = min(max(1.0, 0.5 * (edges[-1] - quiet)), WIDEST)
            edges.append(edges[-1] + width * share(edges[-1]) * grown)
        return cls(np.array(edges), scale)

    def for_posterior(self, rough: OverTau, width: float) -> "TauPanels":
        """The same with panels in two where the posterior of tau is narrow: there nothing averages over their errors.

        Parameters
        ----------
        rough : the posterior of tau.
        width : of a panel among the standard errors.
        """
        assert rough.nodes is not None
        u = np.arcsinh(rough.nodes.tau / self.scale)
        mean = float(rough.of_nodes @ u)
        sd = float(np.sqrt(rough.of_nodes @ (u - mean) ** 2))
        if NARROW * sd > width:
            return self
        left, right = self.edges[:-1], self.edges[1:]
        here = (right > mean - MOST_OF_IT * sd) & (left < mean + MOST_OF_IT * sd)
        return TauPanels(np.sort(np.concatenate([self.edges, 0.5 * (left + right)[here]])), self.scale)

    @cached_property
    def u(self) -> Array:
        """(P * 12,) nodes."""
        half = 0.5 * np.diff(self.edges[1:])
        rest = (self.edges[1:-1, None] + half[:, None] * (1.0 + legendre.leggauss(NODES)[0])).ravel()
        return np.concatenate([self.edges[1] * _even_nodes(), rest])

    @cached_property
    def tau(self) -> Array:
        """(P * 12,) nodes."""
        return np.asarray(self.scale * np.sinh(self.u))

    def _place(self, tau: Array) -> tuple[Integers, Array]:
        """Panel of each tau, and (N, 12) Chebyshev polynomials at its place there; the ends go on as they are."""
        u = np.clip(np.arcsinh(tau / self.scale), 0.0, self.edges[-1])
        panel = np.clip(np.searchsorted(self.edges, u, side="right") - 1, 0, len(self.edges) - 2)
        left, right = self.edges[panel], self.edges[panel + 1]
        share = (u - left) / (right - left)
        # An even polynomial of x is a polynomial of x^2.
        local = 2.0 * np.where(panel == 0, share * share, share) - 1.0
        return panel, np.cos(np.arccos(np.clip(local, -1.0, 1.0))[:, None] * np.arange(NODES))

    def interpolation(self, tau: Array) -> Array:
        """Matrix (N, P * 12) from values at the nodes to values at tau (N,)."""
        panel, basis = self._place(tau)
        even, plain = _to_series()
        matrix = np.zeros((len(panel), len(self.edges) - 1, NODES))
        first = panel == 0
        matrix[first, 0] = basis[first] @ even
        matrix[~first, panel[~first]] = basis[~first] @ plain
        return matrix.reshape(len(panel), -1)

    def between(self, values: Array) -> Callable[[Array], Array]:
        """The function of tau (N,) that interpolates values at the nodes (P * 12,)."""
        even, plain = _to_series()
        parts = values.reshape(-1, NODES)
        series = np.concatenate([parts[:1] @ even.T, parts[1:] @ plain.T])

        def function(tau: Array) -> Array:
            panel, basis = self._place(tau)
            return np.asarray(np.einsum("nj,nj->n", basis, series[panel]))

        return function


@cache
def _even_nodes() -> Array:
    """(12,) in (0, 1): the positive half of 24 Gauss-Legendre nodes."""
    return np.asarray(legendre.leggauss(2 * NODES)[0][NODES:])


@cache
def _to_series() -> tuple[Array, Array]:
    """From values at the nodes of the first panel, and of the others, to Chebyshev coefficients: (12, 12) twice."""
    even, plain = 2.0 * _even_nodes() ** 2 - 1.0, legendre.leggauss(NODES)[0]
    return tuple(np.linalg.inv(chebyshev.chebvander(nodes, NODES - 1)) for nodes in (even, plain))  # type: ignore[return-value]
