"""Quantiles of many normal mixtures at once: one table of the cdf for each set of components."""

import numpy as np
from scipy.special import ndtr, ndtri

from bayesmeta.types import Array

STEP = 0.16  # of the narrowest component that matters at a point: quintic interpolation then errs by some 1e-10
REACH = 6.5  # standard deviations beyond which a component is flat
ENOUGH = 12  # mixtures with the same components for which a table pays


def shared_quantiles(weights: Array, mean: Array, sd: Array, levels: Array) -> Array:
    """Quantiles of n mixtures of the same normals.

    Many mixtures: the cdf and two derivatives on a graded grid by one matrix product, then the quintic in the right
    cell is solved; it errs by h^6 F^(6) / 46080. Few: Newton's iteration.

    Parameters
    ----------
    weights : (n, T), rows sum to one.
    mean, sd : (T,) of the components.
    levels : (L,) probabilities.

    Returns
    -------
    (n, L)
    """
    if len(weights) < ENOUGH:
        return own_quantiles(weights, np.broadcast_to(mean, weights.shape), np.broadcast_to(sd, weights.shape), levels)
    kept = weights.max(axis=0) > 1e-13
    weights, mean, sd = np.ascontiguousarray(weights[:, kept]), mean[kept], sd[kept]
    grid = _grid(weights, mean, sd, levels)
    z = (grid[:, None] - mean) / sd  # (X, T)
    cdf = weights @ ndtr(z).T
    cell = np.stack([np.clip((cdf <= level).sum(axis=1) - 1, 0, len(grid) - 2) for level in levels], axis=1)
    row, width = np.arange(len(weights))[:, None], np.diff(grid)[cell]
    # The derivatives at the ends of the cells alone.
    ends, place = np.unique([cell, cell + 1], return_inverse=True)
    density = np.exp(-0.5 * z[ends] ** 2) / (np.sqrt(2.0 * np.pi) * sd)
    slope, bend = weights @ density.T, weights @ (-z[ends] * density / sd).T
    left, right = (
        (cdf[row, c], slope[row, at] * width, bend[row, at] * width**2)
        for c, at in zip((cell, cell + 1), place.reshape(2, *cell.shape), strict=True)
    )
    return np.asarray(grid[cell] + width * _solve_quintic(left, right, levels))


def _solve_quintic(left: tuple[Array, ...], right: tuple[Array, ...], target: Array) -> Array:
    """Where the quintic with these values, slopes and curvatures at 0 and 1 reaches the target."""
    f, d, e = left
    rise, end, bend = right[0] - f - d - 0.5 * e, right[1] - d - e, right[2] - e
    c3, c4, c5 = 10 * rise - 4 * end + 0.5 * bend, -15 * rise + 7 * end - bend, 6 * rise - 3 * end + 0.5 * bend
    t = np.clip((target - f) / np.maximum(right[0] - f, 1e-300), 0.0, 1.0)
    for _ in range(4):
        value = f + t * (d + t * (0.5 * e + t * (c3 + t * (c4 + t * c5))))
        slope = d + t * (e + t * (3 * c3 + t * (4 * c4 + t * 5 * c5)))
        t = np.clip(t - (value - target) / np.maximum(slope, 1e-300), 0.0, 1.0)
    return t


def _grid(weights: Array, mean: Array, sd: Array, levels: Array) -> Array:
    """Points that hold every quantile, as close as the narrowest component near each asks for."""
    centre, unit = mean[np.argmin(sd)], sd.min()
    reach = np.arcsinh(np.max(np.abs(mean - centre) + REACH * sd) / unit)
    rough = centre + unit * np.sinh(np.linspace(-reach, reach, 240))
    some = np.unique(np.append(np.arange(0, len(sd), 3), np.argmin(sd)))  # components change slowly from node to node
    near = np.abs(rough[:, None] - mean[some]) < REACH * sd[some]
    step = STEP * np.where(near, sd[some], np.inf).min(axis=1)
    step = np.where(np.isfinite(step), step, np.diff(rough, append=2 * rough[-1] - rough[-2]))
    coarse = rough[::6]
    cdf = weights @ ndtr((coarse - mean[:, None]) / sd[:, None])
    below, above = (cdf < levels.min()).all(axis=0), (cdf > levels.max()).all(axis=0)
    low = coarse[below][-1] if below.any() else rough[0]
    high = coarse[above][0] if above.any() else rough[-1]
    # N(x), the integral of 1 / step: points at its integers
    inverse = 1.0 / step
    count = np.concatenate([[0.0], np.cumsum(0.5 * (inverse[1:] + inverse[:-1]) * np.diff(rough))])
    first, last = np.interp([low, high], rough, count)
    return np.asarray(np.interp(np.linspace(first, last, max(int(np.ceil(last - first)), 8) + 1), count, rough))


def own_quantiles(weights: Array, mean: Array, sd: Array, levels: Array) -> Array:
    """Quantiles of n mixtures, each of its own normals: Newton on the probit scale inside a bracket.

    Parameters
    ----------
    weights, mean, sd : (n, T).
    levels : (L,).

    Returns
    -------
    (n, L)
    """
    kept = weights.max(axis=0) > 1e-16
    weights, mean, sd = weights[:, kept], mean[:, kept], sd[:, kept]
    z = ndtri(levels)
    own = mean[:, None, :] + z[:, None] * sd[:, None, :]  # (n, L, T)
    lower, upper = own.min(axis=2), own.max(axis=2)
    x = np.einsum("nlt,nt->nl", own, weights)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        for _ in range(100):
            standard = (x[:, :, None] - mean[:, None, :]) / sd[:, None, :]
            cdf = np.einsum("nlt,nt->nl", ndtr(standard), weights)
            density = np.einsum("nlt,nt->nl", np.exp(-0.5 * standard * standard), weights / sd)
            above = cdf > levels
            upper, lower = np.where(above, x, upper), np.where(above, lower, x)
            probit = ndtri(cdf)
            step = (probit - z) * np.exp(-0.5 * probit * probit) / density
            trial = x - step
            safe = (trial >= lower) & (trial <= upper)
            settled = safe & (np.abs(step) * density <= 1e-7 * np.minimum(cdf, 1.0 - cdf))
            x = np.where(safe, trial, 0.5 * (lower + upper))
            if np.all(settled | (upper - lower <= 1e-14 * (1.0 + np.abs(x)))):
                break
    return np.asarray(x)
