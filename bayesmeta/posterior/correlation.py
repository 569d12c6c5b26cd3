"""The marginal of a correlation: a density on panels between its ends."""

import numpy as np

from bayesmeta.posterior.panels import PanelDensity
from bayesmeta.types import Array


class CorrelationDensity(PanelDensity):
    """The posterior of rho, known at panels of Gauss-Legendre nodes in x, rho = low + width (1 + w(x)) / 2.

    w(x) = tanh(a x) / tanh(a) crowds towards the ends, where large random effects make the likelihood steep.

    Parameters
    ----------
    name : "rho".
    edges : (P + 1,) panel edges in x, from -1 to 1.
    density_x : (P, n) density of x at the nodes, integrating to one.
    low, high : ends of the support.
    stretch : a > 0.
    """

    def __init__(self, name: str, edges: Array, density_x: Array, low: float, high: float, stretch: float) -> None:
        self._low, self._high, self._stretch = low, high, stretch
        super().__init__(name, edges, 1.0, density_x, None)

    def _value(self, u: Array) -> Array:
        share = np.tanh(self._stretch * u) / np.tanh(self._stretch)
        return np.asarray(self._low + 0.5 * (self._high - self._low) * (1.0 + share))

    def _place(self, value: Array) -> Array:
        share = 2.0 * (value - self._low) / (self._high - self._low) - 1.0
        inside = np.clip(share, -1.0, 1.0) * np.tanh(self._stretch)
        return np.asarray(np.clip(np.arctanh(inside) / self._stretch, -1.0, 1.0))

    def _slope(self, u: Array) -> Array:
        width = 0.5 * (self._high - self._low)
        return np.asarray(width * self._stretch / np.cosh(self._stretch * u) ** 2 / np.tanh(self._stretch))

    def _lower_end(self) -> float:
        return self._low

    def _upper_end(self) -> float:
        return self._high
