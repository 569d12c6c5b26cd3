"""One quantity of the posterior as functions: density, cdf, quantile, interval, draws, probability."""

from abc import ABC, abstractmethod
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from bayesmeta.types import Array

IntervalKind = Literal["central", "shortest"]


class Marginal(ABC):
    """The posterior distribution of one quantity, on the model's scale.

    Attributes
    ----------
    name : what it is the distribution of, e.g. "mu".
    mean, sd : float, or None where the moment does not exist (heavy tails with few trials).

    Examples
    --------
    >>> import bayesmeta as bm
    >>> mu = bm.fit(bm.load("crins2014"), bm.Model("normal"))["mu"]
    >>> mu.probability(below=0) > 0.999
    True
    """

    name: str

    @property
    @abstractmethod
    def mean(self) -> float | None: ...

    @property
    @abstractmethod
    def sd(self) -> float | None: ...

    @abstractmethod
    def pdf(self, x: Array | float) -> Array:
        """Posterior density p(x | y) at x of any shape; an array of that shape. At a known value: inf."""

    @abstractmethod
    def cdf(self, x: Array | float) -> Array:
        """Posterior probability P(X <= x | y) at x of any shape; an array of that shape."""

    @abstractmethod
    def quantile(self, p: Array | float) -> Array:
        """The x with P(X <= x | y) = p.

        Parameters
        ----------
        p : probabilities of any shape.

        Returns
        -------
        Array of that shape, on the model's scale.

        Raises
        ------
        ValueError : a probability that is not between 0 and 1.
        """

    @abstractmethod
    def draws(self, n: int, rng: np.random.Generator | int = 0) -> Array:
        """Draws (n,) from the posterior, with a generator or a seed."""

    @property
    def median(self) -> float:
        """The value with half of the probability on each side."""
        return float(self.quantile(0.5))

    @property
    def mode(self) -> float:
        """Where the density is highest."""
        from scipy.optimize import minimize_scalar

        grid = np.unique(self.quantile(np.linspace(1e-4, 1 - 1e-4, 201)))
        lowest = self._lower_end()
        grid = np.concatenate([[lowest], grid]) if np.isfinite(lowest) else grid
        density = self.pdf(grid)
        best = int(np.argmax(density))
        left, right = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
        found = minimize_scalar(
            lambda x: -float(self.pdf(float(x))), bounds=(left, right), method="bounded", options={"xatol": 1e-9}
        )
        return float(grid[best]) if density[best] >= -found.fun else float(found.x)

    def interval(self, level: float = 0.95, kind: IntervalKind = "central") -> tuple[float, float]:
        """Credible interval: equal tails ("central") or the shortest one (highest density).

        Parameters
        ----------
        level : probability inside, between 0 and 1.
        kind : "central" or "shortest".

        Returns
        -------
        (lower, upper).

        Raises
        ------
        ValueError : a level that is not between 0 and 1, or another kind.

        Examples
        --------
        >>> import bayesmeta as bm
        >>> tau = bm.fit(bm.load("crins2014"), bm.Model("normal"))["tau"]
        >>> tau.interval(kind="shortest")[0]
        0.0
        """
        if not 0.0 < level < 1.0:
            raise ValueError(f"level is {level!r}. It must lie between 0 and 1.")
        if kind == "central":
            lower, upper = self.quantile(np.array([(1.0 - level) / 2.0, (1.0 + level) / 2.0]))
            return float(lower), float(upper)
        if kind == "shortest":
            return self._shortest(level)
        raise ValueError(f"kind is {kind!r}. It must be 'central' or 'shortest'.")

    def probability(self, *, above: float | None = None, below: float | None = None) -> float:
        """Posterior probability of lying above, below, or between two values.

        Parameters
        ----------
        above, below : bounds; give one, or both for the probability of lying between them.

        Returns
        -------
        float in [0, 1].

        Raises
        ------
        ValueError : neither bound.
        """
        if above is None and below is None:
            raise ValueError("probability() needs above=, below=, or both.")
        upper = 1.0 if below is None else float(self.cdf(below))
        lower = 0.0 if above is None else float(self.cdf(above))
        return max(upper - lower, 0.0)

    def _lower_end(self) -> float:
        """The end of the support, where it has one."""
        return -np.inf

    def _shortest(self, level: float) -> tuple[float, float]:
        """Slide the lower tail probability until the interval is shortest."""
        from scipy.optimize import minimize_scalar

        def ends(lower_tail: float) -> tuple[float, float]:
            lower = self._lower_end() if lower_tail <= 0.0 and np.isfinite(self._lower_end()) else None
            found = self.quantile(np.array([max(lower_tail, 1e-15), min(lower_tail + level, 1 - 1e-15)]))
            return (float(found[0]) if lower is None else lower), float(found[1])

        def width(lower_tail: float) -> float:
            lower, upper = ends(lower_tail)
            return upper - lower

        tails = np.linspace(0.0, 1.0 - level, 21)
        widths = [width(tail) for tail in tails]
        best = int(np.argmin(widths))
        if best == 0 and np.isfinite(self._lower_end()) and widths[0] <= width(1e-6):
            return ends(0.0)
        bounds = (tails[max(best - 1, 0)], tails[min(best + 1, len(tails) - 1)])
        found = minimize_scalar(width, bounds=bounds, method="bounded", options={"xatol": 1e-10})
        return ends(float(found.x))


class NormalMixture(Marginal):
    """A mixture of normals over the nodes of tau: what beta, theta and theta_new are under normal random effects.

    p(x | y) = sum_t w_t N(x; m_t, s_t^2)

    Parameters
    ----------
    name : what it is the distribution of.
    weights, means, sds : (T,) posterior weight of each node, and the conditional mean and sd there.
    moments : how many moments exist (0, 1 or 2).
    """

    def __init__(self, name: str, weights: Array, means: Array, sds: Array, moments: int = 2) -> None:
        self.name = name
        self.weights, self.means, self.sds = weights, means, sds
        self._moments = moments

    @property
    def mean(self) -> float | None:
        return float(self.weights @ self.means) if self._moments >= 1 else None

    @property
    def sd(self) -> float | None:
        if self._moments < 2:
            return None
        centre = self.weights @ self.means
        return float(np.sqrt(self.weights @ (self.sds**2 + (self.means - centre) ** 2)))

    def pdf(self, x: Array | float) -> Array:
        z = (np.asarray(x, dtype=float)[..., None] - self.means) / self.sds
        return np.asarray(np.exp(-0.5 * z * z) @ (self.weights / self.sds) / np.sqrt(2.0 * np.pi))

    def cdf(self, x: Array | float) -> Array:
        z = (np.asarray(x, dtype=float)[..., None] - self.means) / self.sds
        return np.asarray(ndtr(z) @ self.weights)

    def quantile(self, p: Array | float) -> Array:
        found = mixture_quantiles(self.weights, self.means[None], self.sds[None], probabilities(p))
        return np.asarray(found.reshape(np.shape(p)))

    def draws(self, n: int, rng: np.random.Generator | int = 0) -> Array:
        rng = np.random.default_rng(rng)
        node = rng.choice(len(self.weights), size=n, p=self.weights / self.weights.sum())
        return np.asarray(self.means[node] + self.sds[node] * rng.standard_normal(n))


def mixture_quantiles(weights: Array, means: Array, sds: Array, levels: Array) -> Array:
    """Quantiles of many normal mixtures with the same weights, all at once.

    Newton's iteration on the probit scale, where the cdf of such a mixture is nearly a straight line, inside a bracket.

    Parameters
    ----------
    weights : (T,) weights that sum to one.
    means, sds : (M, T) of the components of each mixture.
    levels : (Q,) probabilities.

    Returns
    -------
    (M, Q) quantiles.

    Examples
    --------
    >>> one = np.ones(1)
    >>> mixture_quantiles(one, np.zeros((1, 1)), np.ones((1, 1)), np.array([0.975])).round(4)
    array([[1.96]])
    """
    levels = probabilities(levels)
    # Nodes that together hold less than any of these tails could show are left out.
    kept = weights > 1e-13 / len(weights) * max(min(levels.min(), 1.0 - levels.max()), 1e-4)
    weights, means, sds = weights[kept], means[:, kept], sds[:, kept]
    z = ndtri(levels)
    component = means[:, None, :] + z[:, None] * sds[:, None, :]  # (M, Q, T)
    lower, upper = component.min(axis=2), component.max(axis=2)
    precision = 1.0 / sds[:, None, :]
    density_weights = (weights * precision / np.sqrt(2.0 * np.pi)).swapaxes(1, 2)
    x, unit = component @ weights, sds.min()
    with np.errstate(divide="ignore", over="ignore", invalid="ignore", under="ignore"):
        for turn in range(150):
            standard = (x[:, :, None] - means[:, None, :]) * precision
            cdf = ndtr(standard) @ weights
            density = (np.exp(-0.5 * standard * standard) @ density_weights)[:, :, 0]
            above = cdf > levels
            upper, lower = np.where(above, x, upper), np.where(above, lower, x)
            probit = ndtri(cdf)
            step = (probit - z) * np.exp(-0.5 * probit * probit) / np.sqrt(2.0 * np.pi) / density
            trial = x - step
            safe = (trial >= lower) & (trial <= upper)
            # Newton's error is the square of its step: after a step of 1e-6 standard deviations nothing is left.
            settled = safe & (np.abs(step) * density <= 1e-6 * np.minimum(cdf, 1.0 - cdf))
            # Halved on a scale on which a heavy tail is no longer than its logarithm.
            halved = unit * np.sinh(0.5 * (np.arcsinh(lower / unit) + np.arcsinh(upper / unit)))
            # Newton may run to and fro between components of very different width: then halve now and then.
            newton = settled | (safe & (turn < 10 or turn % 3 != 0))
            x = np.where(newton, trial, np.clip(halved, lower, upper))
            if np.all(settled | (upper - lower <= 1e-14 * np.maximum(np.abs(lower), np.abs(upper)))):
                break
    return np.asarray(x)


def probabilities(p: Array | float) -> Array:
    """Probabilities as an array of one dimension.

    Raises
    ------
    ValueError
        Where one is not between 0 and 1.
    """
    levels = np.atleast_1d(np.asarray(p, dtype=float)).ravel()
    if not np.all((levels >= 0.0) & (levels <= 1.0)):
        raise ValueError(f"a quantile at probability {p!r} was asked for. It must be between 0 and 1.")
    return levels


class PointMass(Marginal):
    """A quantity that is known: tau in a common-effect model."""

    def __init__(self, name: str, value: float) -> None:
        self.name, self.value = name, value

    @property
    def mean(self) -> float:
        return self.value

    @property
    def sd(self) -> float:
        return 0.0

    def pdf(self, x: Array | float) -> Array:
        return np.where(np.asarray(x) == self.value, np.inf, 0.0)

    def cdf(self, x: Array | float) -> Array:
        return np.where(np.asarray(x) >= self.value, 1.0, 0.0)

    def quantile(self, p: Array | float) -> Array:
        return np.full(probabilities(p).shape, self.value).reshape(np.shape(p))

    def draws(self, n: int, rng: np.random.Generator | int = 0) -> Array:
        return np.full(n, self.value)

    def probability(self, *, above: float | None = None, below: float | None = None) -> float:
        """1 where the value lies strictly between the bounds, else 0."""
        if above is None and below is None:
            raise ValueError("probability() needs above=, below=, or both.")
        return float((above is None or self.value > above) and (below is None or self.value < below))

    def _shortest(self, level: float) -> tuple[float, float]:
        return self.value, self.value

    @property
    def mode(self) -> float:
        return self.value
