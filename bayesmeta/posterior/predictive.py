"""Replicated trials: of the same sizes, with the effect of a new setting of the same kind."""

from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.types import Array

if TYPE_CHECKING:
    from bayesmeta.posterior.posterior import Posterior

Variables = dict[str, tuple[tuple[str, ...], Array]]


def replicates(
    posterior: "Posterior", mean: Array, tau: Array, rng: np.random.Generator, gamma: Array | None = None
) -> Variables:
    """Draw replicated data for each trial.

    Normal: y_i ~ N(x_i' beta, s_i^2 + tau^2). Binomial: theta_i ~ N(x_i' beta, tau^2), then events in both arms at the
    trial's own baseline gamma_i, of which the log odds ratio is taken with 1/2 added to tables with a zero.

    Parameters
    ----------
    posterior : gives the sizes of the trials.
    mean : (chain, draw, k) x_i' beta.
    tau : (chain, draw).
    rng : generator.
    gamma : (chain, draw, k) baselines, for the binomial likelihood.

    Returns
    -------
    {"y": (dims, array)}: (chain, draw, study) log odds ratios.
    """
    if gamma is None:
        sd = np.sqrt(posterior.effects.se**2 + tau[..., None] ** 2)
        return {"y": (("chain", "draw", "study"), mean + sd * rng.standard_normal(mean.shape))}
    from scipy.special import expit

    theta = mean + tau[..., None] * rng.standard_normal(mean.shape)
    below = 0.5 if posterior.model.baseline_at == "midpoint" else 0.0
    counts = posterior.trials.counts[posterior.effects.rows]
    control = rng.binomial(counts[:, 3].astype(int), expit(gamma - below * theta)).astype(float)
    treated = rng.binomial(counts[:, 1].astype(int), expit(gamma + (1.0 - below) * theta)).astype(float)
    cells = np.stack([treated, counts[:, 1] - treated, control, counts[:, 3] - control])
    cells = cells + 0.5 * (cells == 0.0).any(axis=0)
    y = np.log(cells[0] * cells[3] / (cells[1] * cells[2]))
    return {"y": (("chain", "draw", "study"), y)}
