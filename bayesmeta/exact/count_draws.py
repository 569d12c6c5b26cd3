"""Draws of study effects given their mean and tau, in any likelihood."""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.exact.arms import draws_of_arms
from bayesmeta.exact.random_effects import Kernel
from bayesmeta.likelihoods.series import NODES
from bayesmeta.types import Array

if TYPE_CHECKING:
    from bayesmeta.exact.prepared import Prepared

LOOK = 97  # points of the first look, and of the second where the first saw something
FALL = 25.0
FINE = 6  # points to interpolate between, for each node of the grid


def standardised(kernel: Kernel, n: int, rng: np.random.Generator) -> Array:
    """(n,) draws of the standardised random effects."""
    component = rng.choice(len(kernel.scale), size=n, p=kernel.weight / kernel.weight.sum())
    return np.asarray(kernel.scale[component] * rng.standard_normal(n))


def draws_of_effects(prepared: "Prepared", mean: Array, tau: Array, rng: np.random.Generator) -> Array:
    """theta_i from p(y_i | theta) g(theta; m_i, tau), by inverting the cdf on a grid of its own for each draw.

    Parameters
    ----------
    mean : (n, k) means of the random effects.
    tau : (n,).

    Returns
    -------
    (n, k)
    """
    grid, kernel = prepared.grid, prepared.kernel
    edges = grid.panels.edges
    fine = np.concatenate([np.linspace(a, b, FINE * NODES, endpoint=False) for a, b in pairwise(edges)])
    fine = np.append(fine, edges[-1])
    log_p = grid.panels.interpolate(grid.series, fine)
    theta = np.empty_like(mean)
    # Of a mixture of normals one is drawn first, by how well it explains the trial: then the effect given it.
    for i in range(mean.shape[1]):
        scale = np.outer(tau, kernel.scale) if len(kernel.scale) <= 2 else np.outer(tau, kernel.scale[::4])
        weight = kernel.weight if len(kernel.scale) <= 2 else kernel.weight[::4] / kernel.weight[::4].sum()
        z, mass = _given_component(mean[:, i], scale, fine, log_p[i], rng)
        share = np.cumsum(mass * weight, axis=1)
        which = (share < rng.random((len(tau), 1)) * share[:, -1:]).sum(axis=1)
        chosen = np.minimum(which, len(weight) - 1)
        theta[:, i] = z[np.arange(len(tau)), chosen]
    rows = prepared.rough
    for (first, second), of_arms in prepared.convolution.pairs.items():
        arms = [first, second]
        assert rows.back is not None
        back = rows.back[np.ix_(arms, arms)]
        theta[:, arms] = draws_of_arms(of_arms, rows.y[arms], rows.se[arms], back, mean[:, first], tau, rng)
    return theta


def _given_component(
    mean: Array, scale: Array, fine: Array, log_p: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """One draw under each component (n, Q), and the likelihood of the component."""
    drawn, mass = np.empty(scale.shape), np.empty(scale.shape)
    for q in range(scale.shape[1]):
        s = np.maximum(scale[:, q], 1e-12)
        pulled = float(fine[int(np.argmax(log_p))])
        low = np.minimum(mean, np.maximum(pulled, mean - 40.0 * s)) - 8.0 * s
        high = np.maximum(mean, np.minimum(pulled, mean + 40.0 * s)) + 8.0 * s
        for _ in range(2):
            x = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, LOOK)
            value = np.interp(x, fine, log_p) - 0.5 * ((x - mean[:, None]) / s[:, None]) ** 2
            top = value.max(axis=1)
            seen = value > (top - FALL)[:, None]
            first = np.maximum(seen.argmax(axis=1) - 1, 0)
            last = np.minimum(LOOK - seen[:, ::-1].argmax(axis=1), LOOK - 1)
            row = np.arange(len(x))
            used = x, value
            low, high = x[row, first], x[row, last]
        x, value = used
        density = np.exp(value - top[:, None])
        step = x[:, 1] - x[:, 0]
        cdf = np.concatenate(
            [np.zeros((len(x), 1)), np.cumsum(0.5 * (density[:, 1:] + density[:, :-1]), axis=1)], axis=1
        )
        target = rng.random(len(x)) * cdf[:, -1]
        cell = np.clip((cdf <= target[:, None]).sum(axis=1) - 1, 0, LOOK - 2)
        left, right = density[row, cell], density[row, cell + 1]
        rest = target - cdf[row, cell]
        # Within a cell the density is a straight line, so the cdf is a parabola.
        root = np.sqrt(np.maximum(left * left + 2.0 * (right - left) * rest, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            place = np.where(root + left > 0.0, 2.0 * rest / (root + left), 0.5)
        drawn[:, q] = x[row, cell] + step * np.clip(place, 0.0, 1.0)
        mass[:, q] = np.exp(np.clip(top - log_p.max(), -700.0, 0.0)) * cdf[:, -1] * step / s
    return drawn, mass
