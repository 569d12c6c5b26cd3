"""Published trials: of the same sizes, chosen by their p value."""

import numpy as np

from bayesmeta.model import Selection
from bayesmeta.types import Array, Integers


def published_effects(
    selection: Selection, se: Array, mean: Array, tau: Array, omega: Array, rng: np.random.Generator
) -> Array:
    """Draw the estimates of published trials: an interval of p by its chance, then y within it.

    p(y) ~ omega_j(y) N(y; m_i, s_i^2 + tau^2), omega_1 = 1

    Parameters
    ----------
    selection : with its side.
    se : (k,) standard errors.
    mean : (..., k). tau : (...). omega : (..., J - 1).
    rng : generator.

    Returns
    -------
    (..., k)

    Examples
    --------
    >>> from bayesmeta.model import Model
    >>> selection = Model(selection="one_sided(0.025)").selection_parts.towards("higher")
    >>> shape, rng = (2000, 1), np.random.default_rng(1)
    >>> y = published_effects(selection, np.ones(1), np.zeros(shape), np.zeros(2000), np.zeros(shape), rng)
    >>> bool((y > 1.95).all())
    True
    """
    from scipy.special import ndtr, ndtri

    scale = np.sqrt(se**2 + tau[..., None] ** 2)
    weight = np.concatenate([np.ones((*omega.shape[:-1], 1)), omega], axis=-1)
    edges, which = _regions(selection)
    # From -inf to inf in y: the regions, each with the weight of its interval.
    cdf = ndtr((se[:, None] * edges - mean[..., None]) / scale[..., None])
    mass = np.diff(cdf, axis=-1) * weight[..., None, which]
    share = np.cumsum(mass, axis=-1)
    target = rng.random(mean.shape) * share[..., -1]
    region = np.minimum((share <= target[..., None]).sum(axis=-1), len(which) - 1)
    low = np.take_along_axis(cdf, region[..., None], axis=-1)[..., 0]
    width = np.take_along_axis(cdf, region[..., None] + 1, axis=-1)[..., 0] - low
    place = np.clip(low + width * rng.random(mean.shape), 1e-300, 1.0 - 1e-16)
    return np.asarray(mean + scale * ndtri(place))


def _regions(selection: Selection) -> tuple[Array, Integers]:
    """Edges on the scale of y / s from -inf to inf, and the interval of p of each region between them."""
    z = selection.critical  # falling
    intervals = np.arange(selection.intervals)
    if selection.kind == "two_sided":
        edges = np.concatenate([[-np.inf], -z, z[::-1], [np.inf]])
        return edges, np.concatenate([intervals, intervals[:-1][::-1]])
    edges = np.concatenate([[-np.inf], z[::-1], [np.inf]])
    if selection.sign > 0:
        return edges, intervals[::-1]
    return -edges[::-1], intervals
