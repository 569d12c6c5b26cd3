"""Log likelihood of each trial of a joint model at draws of mu, tau and rho, its own two effects integrated out."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import log_ndtr

from bayesmeta.effects import JointEffects
from bayesmeta.likelihoods.marginal import Evidence, marginal_log_likelihood
from bayesmeta.likelihoods.normal import LOG_2PI
from bayesmeta.likelihoods.trinomial import TrinomialTrial
from bayesmeta.likelihoods.whitened import whitened
from bayesmeta.types import Array

if TYPE_CHECKING:
    from bayesmeta.posterior.joint import JointPosterior

Draws = Mapping[str, Array]
NODES = 16  # of the Gauss-Hermite rule in each direction
GRID = 0.06  # step of the table of a trial's likelihood, in asinh((theta - y) / (3 se))
BLOCK = 1000  # draws at a time


def log_likelihood(posterior: "JointPosterior", draws: Draws) -> Array:
    """log p(y_i | mu, T): leaving out a trial means leaving out its effects too.

    Parameters
    ----------
    posterior : what the draws are of.
    draws : mu and tau (chain, draw, 2), rho (chain, draw).

    Returns
    -------
    (chain, draw, k)

    References
    ----------
    Merkle, Furr & Rabe-Hesketh 2019, Psychometrika 84:802.
    """
    return LIKELIHOODS[posterior.model.likelihood](posterior, draws)


def _normal(posterior: "JointPosterior", draws: Draws) -> Array:
    """log N2(y_i; mu, S_i + T) of each study, or of the one outcome that it reports."""
    effects = posterior.effects
    tau, rho = draws["tau"][..., None, :], draws["rho"][..., None]
    variance = np.where(effects.reported, effects.se, 1.0) ** 2 + tau**2
    between = np.where(effects.reported.all(axis=1), effects.covariance + rho * tau[..., 0] * tau[..., 1], 0.0)
    away = effects.y - draws["mu"][..., None, :]
    each = np.where(effects.reported, -0.5 * (away**2 / variance + np.log(variance) + LOG_2PI), 0.0)
    alone = each.sum(axis=-1)
    determinant = variance[..., 0] * variance[..., 1] - between**2
    square = (
        away[..., 0] ** 2 * variance[..., 1]
        - 2.0 * away[..., 0] * away[..., 1] * between
        + away[..., 1] ** 2 * variance[..., 0]
    ) / determinant
    together = -0.5 * (square + np.log(determinant)) - LOG_2PI
    return np.where(effects.reported.all(axis=1), together, alone)


def _trinomial(posterior: "JointPosterior", draws: Draws) -> Array:
    """Counts of three categories, and of one cut as under the binomial likelihood."""
    effects, trials = posterior.effects, posterior.trials
    counts, both = trials.counts[effects.rows], trials.classified[effects.rows]
    location, scale = posterior.model.baseline_prior.gaussian or (0.0, 5.0)
    found = np.empty((*draws["rho"].shape, effects.k))
    for j in (0, 1):
        alone = effects.reported[:, j] & ~both
        if alone.any():
            evidence = Evidence(effects.y[alone, j], effects.se[alone, j], counts[alone, j], (location, scale))
            mean = np.broadcast_to(draws["mu"][..., None, j], (*draws["rho"].shape, int(alone.sum())))
            found[..., alone] = marginal_log_likelihood("binomial", evidence)(mean, draws["tau"][..., None, j])
    flat = {name: draws[name].reshape(draws["rho"].size, -1) for name in ("mu", "tau", "rho")}
    for i in np.flatnonzero(both):
        trial = TrinomialTrial(trials.categories[effects.rows[i]], location, scale)
        found[..., i] = _integrated(trial, effects, int(i), flat).reshape(draws["rho"].shape)
    return found


LIKELIHOODS: dict[str, Callable[["JointPosterior", Draws], Array]] = {"normal": _normal, "trinomial": _trinomial}


def _integrated(trial: TrinomialTrial, effects: JointEffects, i: int, draws: Draws) -> Array:
    """log of the integral of p(counts | theta) N2(theta; mu, T): (n,) at draws (n, ...).

    Gauss-Hermite rule in the coordinates in which the trial's normal approximation is standard normal; p(counts |
    theta) by a spline through a table of its logarithm.
    """
    from scipy.interpolate import RectBivariateSpline

    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    e = nodes.repeat(NODES), np.tile(nodes, NODES)
    log_weight = np.log(np.outer(weights, weights).ravel() / (2.0 * np.pi)) + 0.5 * (e[0] ** 2 + e[1] ** 2)
    parts = [slice(start, start + BLOCK) for start in range(0, len(draws["rho"]), BLOCK)]

    def places(part: slice) -> tuple[Array, Array, Array]:
        """theta_1, theta_2 and what they weigh, (n, nodes)."""
        mu, tau, rho = draws["mu"][part, :, None], draws["tau"][part, :, None], draws["rho"][part]
        root = tau[:, 0], rho * tau[:, 1], tau[:, 1] * np.sqrt(1.0 - rho**2)
        k11, k12, k22 = effects.precision[i]
        away = effects.y[i, 0] - mu[:, 0], effects.y[i, 1] - mu[:, 1]
        z, log_determinant = whitened((k11, k12, k22), root, away, e)
        log_density = log_weight - 0.5 * (z[0] ** 2 + z[1] ** 2 + log_determinant)
        return mu[:, 0] + root[0] * z[0], mu[:, 1] + root[1] * z[0] + root[2] * z[1], log_density

    y, scale = effects.y[i], 3.0 * effects.se[i]
    axes = []
    for j in (0, 1):
        ends = [np.arcsinh((limit(places(part)[j]) - y[j]) / scale[j]) for part in parts for limit in (np.min, np.max)]
        axes.append(np.arange(min(ends) - GRID, max(ends) + 2.0 * GRID, GRID))
    theta = [y[j] + scale[j] * np.sinh(axes[j]) for j in (0, 1)]
    pairs = np.stack(np.meshgrid(*theta, indexing="ij"), axis=-1).reshape(-1, 2)
    # The share has a kink where both effects cancel, which a spline would round off.
    table = trial.log_likelihood(pairs) + _log_possible(trial, pairs.sum(axis=1))
    spline = RectBivariateSpline(axes[0], axes[1], table.reshape(len(axes[0]), len(axes[1])))
    found = []
    for part in parts:
        *at, log_density = places(part)
        u = [np.arcsinh((at[j] - y[j]) / scale[j]) for j in (0, 1)]
        value = spline.ev(u[0], u[1]) - _log_possible(trial, at[0] + at[1]) + log_density
        largest = value.max(axis=1)
        found.append(largest + np.log(np.exp(value - largest[:, None]).sum(axis=1)))
    return np.concatenate(found)


def _log_possible(trial: TrinomialTrial, together: Array) -> Array:
    """Log of the share of baselines at which effects of this sum are possible: see `JointModel`."""
    return np.asarray(log_ndtr(-(0.5 * np.abs(together) + 2.0 * trial.location) / (np.sqrt(2.0) * trial.scale)))
