"""A marginal that is known by draws."""

from functools import cached_property

import numpy as np

from bayesmeta.posterior.marginal import Marginal, probabilities
from bayesmeta.types import Array

GRID = 1024
WIDTH_NOISE = 0.01  # draws do not tell the lengths of two intervals apart to better than this


class DrawsMarginal(Marginal):
    """The posterior of one quantity as draws: empirical mean, sd, quantiles and cdf, and a kernel density.

    Parameters
    ----------
    name : what it is the distribution of.
    chains : (chain, draw).
    lower : end of the support, where it has one: 0 for tau. The density is reflected there.
    moments : how many moments exist (0, 1 or 2); an average of draws does not show it.

    Examples
    --------
    >>> x = DrawsMarginal("x", np.random.default_rng(1).normal(size=(4, 1000)))
    >>> abs(x.mean) < 0.1, abs(x.sd - 1) < 0.1
    (True, True)
    """

    def __init__(self, name: str, chains: Array, *, lower: float = -np.inf, moments: int = 2) -> None:
        self.name, self.chains = name, chains
        self._lower, self._moments = lower, moments

    @cached_property
    def _sorted(self) -> Array:
        return np.sort(self.chains, axis=None)

    @property
    def mean(self) -> float | None:
        return float(self.chains.mean()) if self._moments >= 1 else None

    @property
    def sd(self) -> float | None:
        return float(self.chains.std(ddof=1)) if self._moments >= 2 else None

    def cdf(self, x: Array | float) -> Array:
        return np.asarray(np.searchsorted(self._sorted, x, side="right") / self._sorted.size)

    def quantile(self, p: Array | float) -> Array:
        return np.asarray(np.quantile(self._sorted, probabilities(p)).reshape(np.shape(p)))

    def pdf(self, x: Array | float) -> Array:
        """Gaussian kernel density, reflected at the end of the support.

        References
        ----------
        Silverman 1986, Density Estimation, sections 2.10 (reflection) and 3.4.2 (bandwidth, equation 3.31).
        """
        grid, density = self._density
        return np.asarray(np.interp(x, grid, density, left=0.0, right=0.0))

    @cached_property
    def _density(self) -> tuple[Array, Array]:
        """The kernel density on a grid: draws are counted in bins, and the counts convolved with the kernel."""
        draws = self._sorted
        quarter, three_quarters = np.quantile(draws, [0.25, 0.75])
        spread = min(draws.std(), (three_quarters - quarter) / 1.34) or draws.std() or 1.0
        bandwidth = 0.9 * spread * draws.size**-0.2
        # A far tail must not make the bins wide: draws out there are kept, but the grid resolves the kernel.
        low, high = draws[0] - 4.0 * bandwidth, draws[-1] + 4.0 * bandwidth
        low = max(low, self._lower)
        size = int(np.clip(np.ceil((high - low) / (0.25 * bandwidth)), GRID, 64 * GRID))
        counts, edges = np.histogram(draws, bins=size, range=(low, high))
        step = edges[1] - edges[0]
        reach = min(int(np.ceil(5.0 * bandwidth / step)), size)
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * step / bandwidth) ** 2)
        smooth = np.convolve(counts, kernel / kernel.sum())
        density = smooth[reach : reach + size]
        if np.isfinite(self._lower):
            density[:reach] += smooth[:reach][::-1]  # what the kernel carried below the end comes back
        density = density / (draws.size * step)
        grid = 0.5 * (edges[:-1] + edges[1:])
        if np.isfinite(self._lower):
            grid, density = np.insert(grid, 0, low), np.insert(density, 0, density[0])
        return grid, density

    def draws(self, n: int, rng: np.random.Generator | int = 0) -> Array:
        return np.random.default_rng(rng).choice(self._sorted, size=n)

    def _lower_end(self) -> float:
        return self._lower

    def _shortest(self, level: float) -> tuple[float, float]:
        """The shortest interval that holds this share of the draws; it may begin at the end of the support."""
        draws = self._sorted
        inside = int(np.ceil(level * draws.size))
        if inside >= draws.size:
            return float(draws[0]), float(draws[-1])
        widths = draws[inside:] - draws[:-inside]
        first = int(np.argmin(widths))
        if np.isfinite(self._lower) and draws[inside] - self._lower <= (1.0 + WIDTH_NOISE) * widths[first]:
            return self._lower, float(draws[inside])
        return float(draws[first]), float(draws[first + inside])
