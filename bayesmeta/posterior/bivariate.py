"""Two correlated normal variables: the probability that both lie on wished sides of zero."""

import numpy as np
from scipy.special import ndtr, owens_t

from bayesmeta.types import Array


def both_below(h: Array, k: Array, r: Array) -> Array:
    """P(X < h, Y < k) for standard normal X, Y with correlation r.

    (Phi(h) + Phi(k)) / 2 - T(h, a) - T(k, b) - 1/2 where h and k lie on two sides of zero, T of Owen.

    Parameters
    ----------
    h, k, r : arrays of one shape; |r| < 1.

    Returns
    -------
    Array

    References
    ----------
    Owen 1956, Ann Math Stat 27:1075, equation 2.1.

    Examples
    --------
    >>> both_below(np.zeros(2), np.zeros(2), np.array([0.0, 0.5])).round(4)
    array([0.25  , 0.3333])
    """
    # Owen's formula divides by h and k: zero is moved by less than a double shows.
    h, k = (np.where(np.abs(value) < 1e-150, 1e-150, value) for value in (h, k))
    root = np.sqrt((1.0 - r) * (1.0 + r))
    with np.errstate(over="ignore", divide="ignore"):
        first = owens_t(h, (k / h - r) / root)
        second = owens_t(k, (h / k - r) / root)
    other_sides = np.where(np.sign(h) * np.sign(k) < 0.0, 0.5, 0.0)
    found = 0.5 * (ndtr(h) + ndtr(k)) - first - second - other_sides
    return np.asarray(np.clip(found, 0.0, 1.0))


def both_sides(mean: Array, covariance: Array, signs: tuple[int, int]) -> Array:
    """P(sign_1 X > 0, sign_2 Y > 0) for normal X, Y.

    Parameters
    ----------
    mean : (2, N). covariance : (3, N) var(X), cov, var(Y).
    signs : 1 for above zero, -1 for below.

    Returns
    -------
    (N,)
    """
    sd = np.sqrt(covariance[[0, 2]])
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.where((sd > 0.0).all(axis=0), covariance[1] / (sd[0] * sd[1]), 0.0)
    limits = np.asarray(signs, dtype=float)[:, None] * mean / sd
    return both_below(limits[0], limits[1], np.clip(signs[0] * signs[1] * correlation, -1.0 + 1e-15, 1.0 - 1e-15))


def mixture_density(x: Array, y: Array, mean: Array, covariance: Array, weight: Array) -> Array:
    """Density of a mixture of bivariate normal distributions on a grid.

    Parameters
    ----------
    x, y : the grid's axes.
    mean : (2, N). covariance : (3, N) var(X), cov, var(Y). weight : (N,) that sum to one.

    Returns
    -------
    (len(x), len(y))
    """
    determinant = covariance[0] * covariance[2] - covariance[1] ** 2
    p11, p12, p22 = (part / determinant for part in (covariance[2], -covariance[1], covariance[0]))
    scale = weight / (2.0 * np.pi * np.sqrt(determinant))
    density = np.zeros((len(x), len(y)))
    away = y[:, None] - mean[1]
    of_y = p22 * away**2
    for i, place in enumerate(x):
        one = place - mean[0]
        density[i] = np.exp(-0.5 * (p11 * one**2 + 2.0 * p12 * one * away + of_y)) @ scale
    return density


def kernel_density(x: Array, y: Array, draws: Array, smooth: float = 0.3) -> Array:
    """Density of draws on a grid with even steps: counts in bins, smoothed by a Gaussian kernel along each axis.

    Parameters
    ----------
    x, y : the grid's axes. draws : (n, 2).
    smooth : width of the kernel in standard deviations.

    Returns
    -------
    (len(x), len(y))
    """
    steps = [axis[1] - axis[0] for axis in (x, y)]
    edges = [np.append(axis - 0.5 * step, axis[-1] + 0.5 * step) for axis, step in zip((x, y), steps)]
    density, *_ = np.histogram2d(draws[:, 0], draws[:, 1], bins=edges)
    for j, step in enumerate(steps):
        spread = max(smooth * float(draws[:, j].std()) / step, 0.3)
        reach = int(np.ceil(4.0 * spread))
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / spread) ** 2)
        density = np.apply_along_axis(np.convolve, j, density, kernel / kernel.sum(), mode="same")
    return np.asarray(density / (len(draws) * steps[0] * steps[1]))
