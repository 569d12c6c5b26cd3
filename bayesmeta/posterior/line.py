"""A density on panels of a plain line: mu, contrasts, study effects and theta_new where they are no normal mixtures."""

from functools import cached_property

import numpy as np

from bayesmeta.likelihoods.series import Panels
from bayesmeta.posterior.marginal import Marginal, probabilities
from bayesmeta.types import Array


class LineDensity(Marginal):
    """The posterior of one quantity, known at panels of Gauss-Legendre nodes.

    On each panel the density is a polynomial, and so is its integral, the cdf.

    Parameters
    ----------
    name : what it is the distribution of.
    panels : panels that cover all of it that matters.
    density : (P * 16,) at the nodes; it is normalised here.
    moments : how many moments exist (0, 1 or 2).
    known : mean and sd where they are known better than from the panels, which end.

    Examples
    --------
    >>> panels = Panels(np.linspace(-9.0, 9.0, 10))
    >>> normal = LineDensity("x", panels, np.exp(-0.5 * panels.nodes**2))
    >>> round(float(normal.quantile(0.975)), 4), round(float(normal.sd), 6)
    (1.96, 1.0)
    """

    def __init__(
        self, name: str, panels: Panels, density: Array, moments: int = 2, known: tuple[float, float] | None = None
    ) -> None:
        self.name, self._panels, self._moments, self._known = name, panels, moments, known
        density = np.maximum(density, 0.0)
        self._density = density / (panels.weights @ density)

    @cached_property
    def _series(self) -> Array:
        return self._panels.series(self._density)

    @property
    def mean(self) -> float | None:
        if self._known is not None:
            return self._known[0]
        return self._expected(self._panels.nodes) if self._moments >= 1 else None

    @property
    def sd(self) -> float | None:
        if self._moments < 2:
            return None
        if self._known is not None:
            return self._known[1]
        centre = self._expected(self._panels.nodes)
        return float(np.sqrt(self._expected((self._panels.nodes - centre) ** 2)))

    def _expected(self, values: Array) -> float:
        return float(np.sum(self._panels.weights * self._density * values))

    def pdf(self, x: Array | float) -> Array:
        points = np.asarray(x, dtype=float)
        flat = points.ravel()
        inside = (flat >= self._panels.edges[0]) & (flat <= self._panels.edges[-1])
        value = np.where(inside, np.maximum(self._panels.interpolate(self._series, flat), 0.0), 0.0)
        return value.reshape(points.shape)

    def cdf(self, x: Array | float) -> Array:
        points = np.asarray(x, dtype=float)
        return np.asarray(self._panels.cdf(self._density[None], points.ravel())[0].reshape(points.shape))

    def quantile(self, p: Array | float) -> Array:
        found = self._panels.quantiles(self._density[None], probabilities(p))[0]
        return np.asarray(found.reshape(np.shape(p)))

    def times(self, factor: float) -> "LineDensity":
        """The marginal of factor * x."""
        sign = 1 if factor > 0.0 else -1
        panels = Panels((factor * self._panels.edges)[::sign])
        return LineDensity(self.name, panels, self._density[::sign], self._moments)

    def draws(self, n: int, rng: np.random.Generator | int = 0) -> Array:
        return self.quantile(np.random.default_rng(rng).random(n))
