"""One quantity averaged over models, some of which may know it."""

from collections.abc import Sequence

import numpy as np

from bayesmeta.posterior.marginal import Marginal, PointMass, probabilities
from bayesmeta.types import Array

HALVINGS = 80
NOTHING = 1e-15  # weight of a model that no number shows


class AveragedMarginal(Marginal):
    """The posterior of one quantity over several models: p(x | y) = sum_m P(m | y) p(x | m, y).

    Models that fix the quantity put an atom there: `atom` is its probability. The density is of the rest.

    Parameters
    ----------
    name : of the quantity.
    marginals : of each model.
    weights : posterior probability of each model, summing to one.

    References
    ----------
    Hoeting et al. 1999, Stat Sci 14:382, equation 1.

    Examples
    --------
    >>> from bayesmeta.posterior.marginal import NormalMixture
    >>> one = np.ones(1)
    >>> half = AveragedMarginal("mu", [PointMass("mu", 0.0), NormalMixture("mu", one, one, one)], [0.5, 0.5])
    >>> half.mean, half.atom, round(half.probability(above=0.0), 3)
    (0.5, 0.5, 0.421)
    """

    def __init__(self, name: str, marginals: Sequence[Marginal], weights: Sequence[float] | Array) -> None:
        self.name = name
        self.marginals, self.weights = list(marginals), np.asarray(weights, dtype=float)
        self._spread = [
            (one, float(weight))
            for one, weight in zip(self.marginals, self.weights)
            if not isinstance(one, PointMass) and weight > NOTHING
        ]
        self._points = [
            (one.value, float(weight))
            for one, weight in zip(self.marginals, self.weights)
            if isinstance(one, PointMass)
        ]

    @property
    def atom(self) -> float:
        """Probability of the models that fix the quantity."""
        return sum(weight for _, weight in self._points)

    @property
    def mean(self) -> float | None:
        means = [one.mean for one in self.marginals]
        return None if None in means else float(np.dot(self.weights, np.array(means, dtype=float)))

    @property
    def sd(self) -> float | None:
        mean, sds = self.mean, [one.sd for one in self.marginals]
        if mean is None or None in sds:
            return None
        means = np.array([one.mean for one in self.marginals], dtype=float)
        variance = self.weights @ (np.array(sds, dtype=float) ** 2 + (means - mean) ** 2)
        return float(np.sqrt(variance))

    def pdf(self, x: Array | float) -> Array:
        """Density of the part without the atom: it integrates to 1 - atom."""
        return np.asarray(sum((weight * one.pdf(x) for one, weight in self._spread), np.zeros(np.shape(x))))

    def cdf(self, x: Array | float) -> Array:
        points = [weight * (np.asarray(x) >= value) for value, weight in self._points]
        return np.asarray(
            sum((weight * one.cdf(x) for one, weight in self._spread), sum(points, np.zeros(np.shape(x))))
        )

    def quantile(self, p: Array | float) -> Array:
        """The smallest x with cdf(x) >= p: exact at an atom, else by Newton's steps inside a bracket."""
        levels = probabilities(p)
        ends = [one.quantile(levels) for one in self.marginals]
        low, high = np.min(ends, axis=0), np.max(ends, axis=0)
        for value, _ in self._points:
            # Just below and at the atom, where the cdf jumps.
            below = self.cdf(np.array([value]))[0] - self.atom
            held = (levels > below) & (levels <= below + self.atom)
            low, high = np.where(held, value, low), np.where(held, value, high)
        x = 0.5 * (low + high)
        for turn in range(HALVINGS):
            excess = self.cdf(x) - levels
            low, high = np.where(excess < 0.0, x, low), np.where(excess < 0.0, high, x)
            with np.errstate(divide="ignore", invalid="ignore"):
                trial = x - excess / self.pdf(x)
            safe = (trial > low) & (trial < high) & (turn % 4 != 3)
            moved = np.where(safe, trial, 0.5 * (low + high))
            # Newton's error is about the square of its step.
            settled = (np.abs(moved - x) <= 1e-7) & safe | (high - low <= 1e-14 * np.maximum(1.0, np.abs(high)))
            x = moved
            if np.all(settled):
                break
        return np.asarray(x.reshape(np.shape(p)))

    def probability(self, *, above: float | None = None, below: float | None = None) -> float:
        """Probability of lying strictly above, below, or between two values: an atom at a bound is outside."""
        if above is None and below is None:
            raise ValueError("probability() needs above=, below=, or both.")
        return float(sum(w * one.probability(above=above, below=below) for one, w in zip(self.marginals, self.weights)))

    def draws(self, n: int, rng: np.random.Generator | int = 0) -> Array:
        rng = np.random.default_rng(rng)
        counts = rng.multinomial(n, self.weights / self.weights.sum())
        drawn = [one.draws(int(count), rng) for one, count in zip(self.marginals, counts) if count]
        return rng.permutation(np.concatenate(drawn))
