"""Quantiles of normal mixtures with tens of thousands of components: begun on a few of them, finished on all."""

import numpy as np
from scipy.special import ndtr, ndtri

from bayesmeta.posterior import mixture_quantiles
from bayesmeta.types import Array

FEW = 4000  # components that give the first guess
STEPS = 6
SETTLED = 3e-3  # a step below this share of the probability leaves an error of its cube


def quantiles_of_many(weights: Array, means: Array, sds: Array, levels: Array) -> Array:
    """Quantiles of mixtures with the same weights, as `mixture_quantiles` gives them, in a few looks at all components.

    Parameters
    ----------
    weights : (N,) that sum to one.
    means, sds : (M, N) of the components of each mixture.
    levels : (Q,) probabilities.

    Returns
    -------
    (M, Q)

    Examples
    --------
    >>> one = np.full(5000, 1 / 5000)
    >>> quantiles_of_many(one, np.zeros((1, 5000)), np.ones((1, 5000)), np.array([0.975])).round(4)
    array([[1.96]])
    """
    if len(weights) <= 4 * FEW:
        return mixture_quantiles(weights, means, sds, levels)
    places = (np.arange(FEW) + 0.5) / FEW
    few = np.minimum(np.searchsorted(np.cumsum(weights), places), len(weights) - 1)
    guess = mixture_quantiles(np.full(FEW, 1.0 / FEW), means[:, few], sds[:, few], levels)
    found = np.empty_like(guess)
    for row, (mean, sd) in enumerate(zip(means, sds)):
        finished = _halley(guess[row], weights, mean, 1.0 / sd, levels)
        found[row] = mixture_quantiles(weights, mean[None], sd[None], levels)[0] if finished is None else finished
    return found


def _halley(x: Array, weights: Array, mean: Array, precision: Array, levels: Array) -> Array | None:
    """Halley's iteration on the probit scale, where the cdf is nearly straight; None where it does not settle."""
    z = ndtri(levels)
    density_weights = weights * precision / np.sqrt(2.0 * np.pi)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore", under="ignore"):
        for _ in range(STEPS):
            standard = (x[:, None] - mean) * precision
            height = np.exp(-0.5 * standard * standard)
            cdf, density = ndtr(standard) @ weights, height @ density_weights
            probit = ndtri(cdf)
            # Slope of the probit of the cdf, and its second derivative over the first.
            slope = density * np.sqrt(2.0 * np.pi) * np.exp(0.5 * probit * probit)
            bend = probit * slope - (standard * height) @ (density_weights * precision) / density
            step = (probit - z) / slope
            step = step / np.maximum(1.0 - 0.5 * step * bend, 0.5)
            x = x - step
            if not np.all(np.isfinite(x)):
                return None
            if np.all(np.abs(step) * density <= SETTLED * np.minimum(cdf, 1.0 - cdf)):
                return np.asarray(x)
    return None
