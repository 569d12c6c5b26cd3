"""The binomial likelihood of both arms when their log odds are jointly normal."""

import numpy as np
from scipy.special import betaln, expit

from bayesmeta.types import Array

NODES = 16  # Gauss-Hermite, in each of the two dimensions, about the mode
STEPS = 50
SETTLED = 1e-8
CELLS = 100_000  # pairs of parameters and trials at a time


def log_odds(events: Array, total: Array) -> tuple[Array, Array]:
    """Observed log odds of one arm of each trial with standard errors; 1/2 is added where nobody or everybody had it.

    Examples
    --------
    >>> [value.round(3).tolist() for value in log_odds(np.array([5.0, 0.0]), np.array([10.0, 10.0]))]
    [[0.0, -3.045], [0.632, 1.447]]
    """
    added = 0.5 * ((events == 0.0) | (events == total))
    yes, no = events + added, total - events + added
    return np.log(yes / no), np.sqrt(1.0 / yes + 1.0 / no)


def joint_log_likelihood(counts: Array, mean: Array, covariance: Array) -> Array:
    """Log probability of both counts of a trial, its arms' log odds integrated out.

    log integral Bin(r0; n0, expit(x)) Bin(r1; n1, expit(y)) N((x, y); mean, covariance) dx dy

    Gauss-Hermite quadrature about the mode of the integrand, which is log-concave, in the coordinates of its curvature.

    Parameters
    ----------
    counts : (k, 4) events treated, total treated, events control, total control.
    mean : (..., k, 2) of the log odds, control arm first.
    covariance : (..., k, 2, 2) of the log odds.

    Returns
    -------
    (..., k)

    References
    ----------
    Liu & Pierce 1994, Biometrika 81:624 (adaptive Gauss-Hermite); Arends et al. 2000, Stat Med 19:3497 (the model).

    Examples
    --------
    >>> counts = np.array([[3.0, 10.0, 1.0, 12.0]])
    >>> known = joint_log_likelihood(counts, np.zeros((1, 2)), 1e-12 * np.eye(2)[None])
    >>> from math import comb
    >>> bool(abs(known[0] - np.log(comb(10, 3) * comb(12, 1) / 2.0**22)) < 1e-6)
    True
    """
    counts = np.asarray(counts, dtype=float)
    shape = np.broadcast_shapes(mean.shape[:-1], covariance.shape[:-2], (len(counts),))
    mean = np.broadcast_to(mean, (*shape, 2)).reshape(-1, 2)
    root = np.linalg.cholesky(np.broadcast_to(covariance, (*shape, 2, 2)).reshape(-1, 2, 2))
    arms = np.broadcast_to(counts[:, [2, 3, 0, 1]], (*shape, 4)).reshape(-1, 4)
    events, totals = arms[:, [0, 2]], arms[:, [1, 3]]
    parts = np.array_split(np.arange(len(mean)), 1 + len(mean) // CELLS)
    found = np.concatenate([_integrated(events[p], totals[p], mean[p], root[p]) for p in parts])
    ways = -(np.log(totals + 1.0) + betaln(events + 1.0, totals - events + 1.0)).sum(axis=1)
    return np.asarray((found + ways).reshape(shape))


def _log_integrand(z: Array, events: Array, totals: Array, mean: Array, root: Array) -> Array:
    """In coordinates z (n, m, 2) in which the log odds are standard normal."""
    x = mean[:, None, :] + np.einsum("nij,nmj->nmi", root, z)
    binomial = events[:, None, :] * x - totals[:, None, :] * np.logaddexp(0.0, x)
    return np.asarray((binomial - 0.5 * z**2).sum(axis=-1))


def _integrated(events: Array, totals: Array, mean: Array, root: Array) -> Array:
    """(n,) log integrals, without the constants of the binomial distributions."""
    mode, curvature = _mode(events, totals, mean, root)
    # z = mode + L t, L L' the inverse of the curvature, t weighted as standard normal
    spread = np.linalg.cholesky(np.linalg.inv(curvature))
    at, weight = np.polynomial.hermite_e.hermegauss(NODES)
    t = np.stack(np.meshgrid(at, at, indexing="ij"), axis=-1).reshape(-1, 2)
    log_weight = np.log(np.multiply.outer(weight, weight)).ravel() - np.log(2.0 * np.pi) + 0.5 * (t**2).sum(axis=1)
    z = mode[:, None, :] + np.einsum("nij,mj->nmi", spread, t)
    terms = _log_integrand(z, events, totals, mean, root) + log_weight
    top = terms.max(axis=1, keepdims=True)
    log_det = np.log(spread[:, 0, 0] * spread[:, 1, 1])
    return np.asarray(top[:, 0] + np.log(np.exp(terms - top).sum(axis=1)) + log_det)


def _mode(events: Array, totals: Array, mean: Array, root: Array) -> tuple[Array, Array]:
    """Newton's iteration with halved steps; the mode (n, 2) and the curvature (n, 2, 2) there."""
    z = np.zeros_like(mean)
    value = _log_integrand(z[:, None], events, totals, mean, root)[:, 0]
    for _ in range(STEPS):
        p = expit(mean + np.einsum("nij,nj->ni", root, z))
        slope = np.einsum("nij,ni->nj", root, events - totals * p) - z
        bend = np.einsum("nij,ni,nik->njk", root, totals * p * (1.0 - p), root) + np.eye(2)
        step = np.linalg.solve(bend, slope[..., None])[..., 0]
        length = np.ones(len(z))
        for _ in range(30):  # the integrand never falls by a step
            trial = z + length[:, None] * step
            reached = _log_integrand(trial[:, None], events, totals, mean, root)[:, 0]
            worse = reached < value - 1e-9 * (1.0 + np.abs(value))
            if not worse.any():
                break
            length = np.where(worse, 0.5 * length, length)
        z, value = trial, reached
        if np.abs(step).max(initial=0.0) < SETTLED:
            break
    p = expit(mean + np.einsum("nij,nj->ni", root, z))
    return z, np.einsum("nij,ni,nik->njk", root, totals * p * (1.0 - p), root) + np.eye(2)
