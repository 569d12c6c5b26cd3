"""The likelihood's side of tau: nodes at which everything but the prior of tau is computed, and interpolation between.

All is even and analytic in tau, with singularities no nearer than +-i times the smallest standard error c. So the first
panel in u = asinh(tau / c) begins at 0 and uses even polynomials; the others are plain.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.polynomial import legendre

from bayesmeta.types import Array

NODES = 16
FIRST = 0.8  # of the width of the others: the first panel, whose polynomials are even


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
    def to(cls, last: float, scale: float, width: float, largest: float) -> "TauPanels":
        """Panels from 0 to at least u = last.

        Parameters
        ----------
        last : where to end, in u.
        scale : c, the smallest standard error.
        width : of a panel among the standard errors; beyond the largest of them they grow.
        largest : the largest standard error.
        """
        quiet = float(np.arcsinh(largest / scale)) + 1.5
        edges = [0.0, FIRST * width]
        while edges[-1] < last:
            edges.append(edges[-1] + width * max(1.0, 0.5 * (edges[-1] - quiet)))
        return cls(np.array(edges), scale)

    @cached_property
    def u(self) -> Array:
        """(P * 16,) nodes."""
        even, _ = _even()
        plain, _ = _plain()
        half = 0.5 * np.diff(self.edges[1:])
        rest = (self.edges[1:-1, None] + half[:, None] * (1.0 + plain)).ravel()
        return np.concatenate([self.edges[1] * even, rest])

    @cached_property
    def tau(self) -> Array:
        """(P * 16,) nodes."""
        return np.asarray(self.scale * np.sinh(self.u))

    def interpolation(self, tau: Array) -> Array:
        """Matrix (N, P * 16) from values at the nodes to values at tau (N,); the ends go on as they are."""
        u = np.clip(np.arcsinh(tau / self.scale), 0.0, self.edges[-1])
        panel = np.clip(np.searchsorted(self.edges, u, side="right") - 1, 0, len(self.edges) - 2)
        matrix = np.zeros((len(u), NODES * (len(self.edges) - 1)))
        for one in np.unique(panel):
            here = panel == one
            matrix[here, NODES * one : NODES * (one + 1)] = self._basis(int(one), u[here])
        return matrix

    def _basis(self, panel: int, u: Array) -> Array:
        if panel == 0:
            return legendre.legvander(u / self.edges[1], 2 * NODES - 2)[:, ::2] @ _even()[1]
        left, right = self.edges[panel : panel + 2]
        return legendre.legvander(2.0 * (u - left) / (right - left) - 1.0, NODES - 1) @ _plain()[1]

    def last_coefficients(self, values: Array) -> Array:
        """(P,) size of the last two coefficients in each panel of functions (..., P * 16), the largest of all."""
        parts = values.reshape(-1, len(self.edges) - 1, NODES)
        tails = [
            np.abs(parts[:, panel] @ (_even() if panel == 0 else _plain())[1][-2:].T).max()
            for panel in range(parts.shape[1])
        ]
        return np.array(tails)


@cache
def _even() -> tuple[Array, Array]:
    """Nodes in (0, 1), and the matrix from values there to the coefficients of the even Legendre polynomials."""
    x, w = legendre.leggauss(2 * NODES)
    x, w = x[NODES:], w[NODES:]
    degree = np.arange(0, 2 * NODES, 2)
    return x, (legendre.legvander(x, 2 * NODES - 2)[:, ::2] * w[:, None] * (2.0 * degree + 1.0)).T


@cache
def _plain() -> tuple[Array, Array]:
    x, w = legendre.leggauss(NODES)
    return x, (legendre.legvander(x, NODES - 1) * w[:, None] * (np.arange(NODES) + 0.5)).T
