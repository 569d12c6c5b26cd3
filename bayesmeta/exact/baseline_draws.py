"""Draws of the baselines of the binomial likelihood given the study effects."""

import numpy as np

from bayesmeta.effects import Effects, baselines
from bayesmeta.model import Model
from bayesmeta.trials import Trials
from bayesmeta.types import Array

LOOK = 65  # points on which a density is looked at, and then looked at again
FALL = 25.0
REACH = 9.0


def draws_of_baselines(
    trials: Trials, model: Model, effects: Effects, theta: Array, rng: np.random.Generator
) -> Array | None:
    """gamma_i from p(gamma_i | theta, y_i), by inverting the cdf on a grid of its own for each draw.

    p(gamma | theta, y) ~ Bin(r0; n0, expit(c)) prod_j Bin(r_j; n_j, expit(c + theta_j)) N(gamma; location, scale^2),
    c = gamma - share theta, j over the treated arms that have this control.

    Parameters
    ----------
    trials, model, effects : of the fit.
    theta : (n, k) study effects.
    rng : generator.

    Returns
    -------
    (n, k), one for all arms of a trial; None where the likelihood has no baselines, or no normal prior for them.
    """
    gaussian = model.baseline_prior.gaussian if model.likelihood == "binomial" else None
    if gaussian is None:
        return None
    location, scale = gaussian
    _, share = baselines(effects, at_midpoint=model.baseline_at == "midpoint")
    below = theta @ share.T
    counts = trials.counts[effects.rows]
    gamma = location + scale * rng.standard_normal(theta.shape)  # as it stays in rows without counts
    rest = {row: others for row, *others in effects.shared}
    later = {row for others in rest.values() for row in others}
    for i in np.flatnonzero(trials.has_counts[effects.rows]).tolist():
        if i in later:
            continue
        arms = [i, *rest.get(i, [])]
        control = _drawn(counts[arms], theta[:, arms], below[:, i] - location, scale, rng)
        gamma[:, arms] = (control + below[:, i])[:, None]
    return gamma


def _drawn(counts: Array, theta: Array, away: Array, scale: float, rng: np.random.Generator) -> Array:
    """(n,) log odds of a control arm, from counts (arms, 4), effects (n, arms), and c + away ~ N(0, scale^2)."""
    events, total = counts[0, 2:]
    centre = np.log((events + 0.5) / (total - events + 0.5))
    low = np.minimum(centre, -away) - REACH * scale
    high = np.maximum(centre, -away) + REACH * scale
    n = np.arange(len(theta))
    for _ in range(4):
        c = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, LOOK)
        value = events * c - total * np.logaddexp(0.0, c) - 0.5 * ((c + away[:, None]) / scale) ** 2
        for arm, (treated, size) in enumerate(counts[:, :2]):
            own = c + theta[:, arm, None]
            value = value + treated * own - size * np.logaddexp(0.0, own)
        seen = value > value.max(axis=1, keepdims=True) - FALL
        first = np.maximum(seen.argmax(axis=1) - 1, 0)
        last = np.minimum(LOOK - seen[:, ::-1].argmax(axis=1), LOOK - 1)
        low, high = c[n, first], c[n, last]
    mass = np.exp(value - value.max(axis=1, keepdims=True))
    # The cdf by the trapezoid rule, and straight between its points.
    cdf = np.cumsum(0.5 * (mass[:, 1:] + mass[:, :-1]), axis=1)
    target = rng.random(len(theta)) * cdf[:, -1]
    place = np.minimum((cdf <= target[:, None]).sum(axis=1), LOOK - 2)
    before = np.where(place > 0, cdf[n, place - 1], 0.0)
    inside = (target - before) / np.maximum(cdf[n, place] - before, np.finfo(float).tiny)
    return np.asarray(c[n, place] + inside * (c[n, place + 1] - c[n, place]))
