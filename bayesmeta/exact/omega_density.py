"""From probabilities of the nodes of sticks to the density of each weight, and to draws."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.polynomial import legendre

from bayesmeta.exact.published import POWER, Ends
from bayesmeta.likelihoods.series import Panels
from bayesmeta.model.omega import ScaledBeta
from bayesmeta.posterior.line import LineDensity
from bayesmeta.types import Array

EDGES = np.array([0.0, 1e-6, 1e-4, 1e-3, 0.01, 0.04, *np.linspace(0.1, 1.0, 10)])
CDF_POINTS = 257
LEAST_T = 1e-9
PRODUCT = 48


def density_of_weight(
    name: str, mass: Array, ends: Ends, sticks: Sequence[ScaledBeta], j: int, *, chained: bool
) -> LineDensity:
    """The posterior of weight j: of stick j, v = upper t^2, by itself, or of the product of the sticks up to it.

    Parameters
    ----------
    name : of the weight.
    mass : (n, ..., n) posterior probability of the nodes of the sticks, one axis a stick.
    ends : of t for each axis.
    sticks : their priors, for the ends of their support.
    j : which weight.
    chained : whether weights are products.
    """
    density = mass / _product_weight(mass.shape[0], mass.ndim)  # of t, a polynomial in each axis
    axes = tuple(range(mass.ndim))
    if not chained:
        return _line(name, _summed(density, [axis for axis in axes if axis != j]), ends[j], sticks[j].upper)
    density = _summed(density, axes[j + 1 :])
    # Products two by two: the density of t_1 t_2 with the sticks that follow, until one axis is left.
    ends = ends[: j + 1]
    while density.ndim > 1:
        density, ends = _product(density, ends)
    return _line(name, density, ends[0], 1.0)


def drawn_sticks(given: Array, ends: Ends, rng: np.random.Generator) -> Array:
    """(N, m) sticks, over their upper ends, from probabilities of their nodes (N, n, ..., n), axis by axis."""
    size, axes = len(given), given.ndim - 1
    density = given / _product_weight(given.shape[1], axes)
    fine = np.linspace(0.0, 1.0, CDF_POINTS)
    n = given.shape[1]
    basis = lagrange(n, fine)  # (points, n)
    found = np.empty((size, axes))
    for axis in range(axes):
        alone = _summed(density, range(2, density.ndim))  # (N, n)
        value = np.maximum(alone @ basis.T, 0.0)
        cdf = np.concatenate([np.zeros((size, 1)), np.cumsum(value[:, 1:] + value[:, :-1], axis=1)], axis=1)
        target = rng.random(size) * cdf[:, -1]
        cell = np.clip((cdf <= target[:, None]).sum(axis=1) - 1, 0, CDF_POINTS - 2)
        row = np.arange(size)
        left, right = value[row, cell], value[row, cell + 1]
        rest = target - cdf[row, cell]  # twice the area, over the step: the density is a straight line in the cell
        with np.errstate(divide="ignore", invalid="ignore"):
            root = np.sqrt(np.maximum(left * left + (right - left) * rest, 0.0))
            place = np.where(left + root > 0.0, rest / (left + root), 0.5)
        at = (cell + np.clip(place, 0.0, 1.0)) / (CDF_POINTS - 1)
        low, high = ends[axis]
        found[:, axis] = np.maximum(low + (high - low) * at, LEAST_T) ** POWER
        density = np.einsum("ni,ni...->n...", lagrange(n, at), density)
    return found


def _product_weight(n: int, axes: int) -> Array:
    weight = np.ones(())
    for _ in range(axes):
        weight = weight[..., None] * _quadrature(n)
    return weight


@cache
def _quadrature(n: int) -> Array:
    return np.asarray(0.5 * legendre.leggauss(n)[1])


def _summed(density: Array, axes: Sequence[int]) -> Array:
    """Integrated over some axes."""
    for axis in sorted(axes, reverse=True):
        density = np.tensordot(density, _quadrature(density.shape[axis]), axes=(axis, 0))
    return density


def _product(density: Array, ends: Ends) -> tuple[Array, Ends]:
    """Density of (t_1 t_2, t_3, ...) from that of (t_1, t_2, t_3, ...), and its ends: integral f(s, x / s) ds / s.

    In the logarithm of s the integrand is smooth; the result has a term like x^2 log x, and gets nodes of its own.
    """
    (low, high), (other_low, other_high) = ends[:2]
    first_x, last_x = low * other_low, high * other_high
    x, y = first_x + (last_x - first_x) * _nodes(PRODUCT)[:, None], _nodes(PRODUCT)
    start = np.maximum(low, x / other_high)
    stop = np.minimum(high, x / other_low) if other_low > 0.0 else np.full_like(x, high)
    s = start * (stop / start) ** y
    weight = np.log(stop / start) * _quadrature(PRODUCT)
    weight *= (last_x - first_x) / ((high - low) * (other_high - other_low))
    places = (s - low) / (high - low), (x / s - other_low) / (other_high - other_low)
    first, second = (lagrange(size, np.clip(at, 0.0, 1.0)) for size, at in zip(density.shape, places))  # (x, y, n)
    found = np.einsum("xm,xmi,xmj,ij...->x...", weight, first, second, density, optimize=True)
    return np.asarray(found), ((first_x, last_x), *ends[2:])


def _line(name: str, density: Array, ends: tuple[float, float], upper: float) -> LineDensity:
    """The density of upper t^2 on panels."""
    low, high = ends
    panels = Panels(upper * (low + (high - low) * EDGES ** (1.0 / POWER)) ** POWER)
    t = (panels.nodes / upper) ** (1.0 / POWER)
    value = lagrange(len(density), (t - low) / (high - low)) @ density
    return LineDensity(name, panels, value / ((high - low) * POWER * upper * t ** (POWER - 1)))


@cache
def _nodes(n: int) -> Array:
    return np.asarray(0.5 * (1.0 + legendre.leggauss(n)[0]))


def lagrange(n: int, x: Array) -> Array:
    """(..., n) Lagrange basis of n Gauss-Legendre nodes in (0, 1), at x.

    Examples
    --------
    >>> bool(np.isclose(lagrange(3, np.array([0.3])) @ _nodes(3) ** 2, 0.09).all())
    True
    """
    return np.asarray(legendre.legvander(2.0 * np.asarray(x) - 1.0, n - 1) @ _to_series(n))


@cache
def _to_series(n: int) -> Array:
    nodes, weights = legendre.leggauss(n)
    return np.asarray((legendre.legvander(nodes, n - 1) * weights[:, None] * (np.arange(n) + 0.5)).T)
