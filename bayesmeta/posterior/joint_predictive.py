"""Replicated trials of a joint model: estimates, or people in three categories of both arms."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, log_ndtr, ndtri_exp

from bayesmeta.types import Array

if TYPE_CHECKING:
    from bayesmeta.posterior.joint import JointPosterior
    from bayesmeta.posterior.joint_before_data import JointAssumed

Draws = Mapping[str, Array]
TREATED, CONTROL = (0, 0.5, 1), (1, -0.5, 3)  # arm, side of its log odds, column of its total
MIDDLE = 1  # category of those who are in neither outcome


def replicates(posterior: "JointPosterior", draws: Draws, rng: np.random.Generator) -> dict[str, Array]:
    """Draw replicated data of each trial at effects of a new setting, (theta_i1, theta_i2) ~ N2(mu, T).

    Normal: estimates with the trial's errors. Trinomial: people of both arms, at the trial's own baselines. Two cuts
    contradict each other at some effects, so with three categories these baselines are held in the coordinates in which
    every effect is possible: gamma_1 - gamma_2 and w, gamma_1 + gamma_2 = -sqrt(w^2 + (theta_1 + theta_2)^2 / 4).
    Of people the log odds ratios are taken, with 1/2 added to tables with a zero.

    Parameters
    ----------
    posterior : gives the sizes of the trials.
    draws : mu and tau (chain, draw, 2), rho (chain, draw); for people also theta and gamma (chain, draw, k, 2), without
        which estimates are drawn as under the normal likelihood.
    rng : generator.

    Returns
    -------
    {"y": (chain, draw, estimate)} and for people {"people": (chain, draw, k, arm, category)}, treated arm first, NaN
    where a trial does not report a category.
    """
    theta = new_effects(posterior.effects.k, draws, rng)
    if posterior.model.likelihood == "trinomial" and "gamma" in draws:
        return of_people(posterior.assumed, *_own_baselines(posterior, draws, theta), rng)
    return {"y": _estimates(posterior.assumed, theta, rng)}


def prior_replicates(assumed: "JointAssumed", prior: Draws, rng: np.random.Generator) -> dict[str, Array]:
    """The same at draws of the prior: baselines too are those of the prior, given the effects.

    Of trials with three categories they are the pairs of N(m, s^2) with gamma_1 + gamma_2 < -|theta_1 + theta_2| / 2.
    """
    theta = new_effects(assumed.effects.k, prior, rng)
    if assumed.model.likelihood != "trinomial":
        return {"y": _estimates(assumed, theta, rng)}
    location, scale = assumed.model.baseline_prior.gaussian or (0.0, 5.0)
    one, other = location + scale * rng.standard_normal((2, *theta.shape[:-1]))
    spread = np.sqrt(2.0) * scale
    highest = log_ndtr((-0.5 * np.abs(theta.sum(axis=-1)) - 2.0 * location) / spread)
    below = 2.0 * location + spread * ndtri_exp(highest + np.log(rng.random(highest.shape)))
    both = assumed.trials.classified[assumed.effects.rows]
    together = np.where(both, below, one + other)
    gamma = 0.5 * np.stack([together + (one - other), together - (one - other)], axis=-1)
    return of_people(assumed, theta, gamma, rng)


def new_effects(k: int, draws: Draws, rng: np.random.Generator) -> Array:
    """Effects of new settings, one for each trial: (chain, draw, k, 2)."""
    noise = rng.standard_normal((*draws["rho"].shape, k, 2))
    rho = draws["rho"][..., None]
    noise[..., 1] = rho * noise[..., 0] + np.sqrt(1.0 - rho**2) * noise[..., 1]
    return np.asarray(draws["mu"][..., None, :] + draws["tau"][..., None, :] * noise)


def _estimates(assumed: "JointAssumed", theta: Array, rng: np.random.Generator) -> Array:
    """Estimates with the errors of the trials, which are correlated: (chain, draw, estimate)."""
    effects = assumed.effects
    se = np.where(effects.reported, effects.se, 1.0)
    noise = rng.standard_normal(theta.shape)
    r = effects.correlation
    noise[..., 1] = r * noise[..., 0] + np.sqrt(1.0 - r**2) * noise[..., 1]
    return np.asarray((theta + se * noise)[..., effects.reported])


def _own_baselines(posterior: "JointPosterior", draws: Draws, theta: Array) -> tuple[Array, Array]:
    """New effects, and each trial's own baselines at them."""
    gamma, both = draws["gamma"], posterior.trials.classified[posterior.effects.rows]
    # Of trials with one cut the other baseline does not enter.
    together, apart = gamma.sum(axis=-1), gamma[..., 0] - gamma[..., 1]
    squared = np.maximum(together**2 - 0.25 * draws["theta"].sum(axis=-1) ** 2, 0.0)
    moved = np.where(both, -np.sqrt(squared + 0.25 * theta.sum(axis=-1) ** 2), together)
    return theta, 0.5 * np.stack([moved + apart, moved - apart], axis=-1)


def of_people(assumed: "JointAssumed", theta: Array, gamma: Array, rng: np.random.Generator) -> dict[str, Array]:
    """People in each category of both arms at given effects and baselines, and their log odds ratios.

    Parameters
    ----------
    assumed : gives the sizes of the trials.
    theta, gamma : (chain, draw, k, 2).
    rng : generator.
    """
    effects, trials = assumed.effects, assumed.trials
    counts, both = trials.counts[effects.rows], trials.classified[effects.rows]
    people = np.full((*theta.shape[:-1], 2, 3), np.nan)
    cells = []
    for arm, side, column in (TREATED, CONTROL):
        p = expit(gamma + side * theta)
        totals = np.where(effects.reported, counts[:, :, column], 0.0).astype(int)
        first = rng.binomial(totals[:, 0], p[..., 0])
        # Of those who are not in the first category; in trials with one outcome the second is drawn by itself.
        given = np.where(both, np.minimum(p[..., 1] / expit(-gamma[..., 0] - side * theta[..., 0]), 1.0), p[..., 1])
        second = rng.binomial(np.where(both, totals[:, 1] - first, totals[:, 1]), given)
        events = np.stack([first, second], axis=-1).astype(float)
        people[..., arm, [0, 2]] = np.where(effects.reported, events, np.nan)
        people[..., arm, MIDDLE] = np.where(both, totals[:, 0] - first - second, np.nan)
        cells += [events, totals - events]
    table = np.stack(cells)
    table = table + 0.5 * (table == 0.0).any(axis=0)
    y = np.log(table[0] * table[3] / (table[1] * table[2]))[..., effects.reported]
    return {"y": y, "people": people}


def observed_people(posterior: "JointPosterior") -> Array:
    """What was observed, in the form of `of_people`: (k, arm, category)."""
    effects, trials = posterior.effects, posterior.trials
    found = np.full((effects.k, 2, 3), np.nan)
    counts = trials.counts[effects.rows]
    for arm, column in ((0, 0), (1, 2)):
        found[:, arm, [0, 2]] = counts[:, :, column]
        found[:, arm, MIDDLE] = counts[:, :, column + 1].max(axis=1) - counts[:, :, column].sum(axis=1)
    return found
