"""The log odds in a trial's control arm under the binomial likelihood: its baseline given the data.

With c the log odds in the control arm, f = c + theta those in the treated arm, and h(theta) = p(theta | y) / p(y_i |
theta), what the other trials and the prior say of the effect,

    p(c | y) ~ Bin(r0; n0, expit(c)) integral Bin(r1; n1, expit(f)) N(c + a (f - c); location, scale^2) h(f - c) df,

a = 1/2 where the baseline is at the midpoint and 0 where it is at the control arm.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.exact.study_effects import StudyEffects
from bayesmeta.likelihoods.series import NODES, Panels
from bayesmeta.likelihoods.values import binomial_log_p
from bayesmeta.posterior.line import LineDensity
from bayesmeta.types import Array, Booleans

if TYPE_CHECKING:
    from bayesmeta.exact.prepared import Prepared

LOOK = 241
FALL = 36.0
REACH = 10.0  # standard deviations
SPACING = 0.4  # of the narrower of what the treated arm and the other trials say: the trapezoid rule over f
PANEL = 2.0  # standard deviations
MOST = 6000
KNOWN = 32.0  # log of how far below its peak the posterior of an effect is known


def baseline(prepared: "Prepared", effects: StudyEffects, position: int) -> LineDensity:
    """The posterior of the log odds in one trial's control arm.

    Parameters
    ----------
    prepared : a binomial model.
    effects : the posterior of the study effects.
    position : of the trial.
    """
    model, evidence = prepared.model, prepared.effects
    gaussian = model.baseline_prior.gaussian
    assert gaussian is not None
    location, scale = gaussian
    counts = prepared.trials.counts[evidence.rows][position]
    r1, n1, r0, n0 = counts
    at_control = model.baseline_at == "control"
    below = 0.0 if at_control else 0.5
    theta, density = effects.panels.nodes, effects.density[position]
    log_p = binomial_log_p(counts, theta, location=location, scale=scale, at_control=at_control)
    log_effect_of = _log_h(effects.panels, density, log_p)

    def joint(c: Array, f: Array) -> Array:
        """(len(c), len(f))"""
        effect = f - c[:, None]
        baselines = (c[:, None] + below * effect - location) / scale
        control = r0 * c - n0 * np.logaddexp(0.0, c)
        treated = r1 * f - n1 * np.logaddexp(0.0, f)
        return np.asarray(control[:, None] + treated + log_effect_of(effect) - 0.5 * baselines**2)

    mean = float((density * effects.panels.weights) @ theta)
    sd = float(np.sqrt((density * effects.panels.weights) @ (theta - mean) ** 2))
    c, f = (_range(events, total, abs(location) + scale + sd) for events, total in ((r0, n0), (r1, n1)))
    for _ in range(3):
        value = joint(c, f)
        shown = value > value.max() - FALL
        c, f = (_closer(points, shown.any(axis=axis)) for points, axis in ((c, 1), (f, 0)))
    width = 1.0 / np.sqrt(0.25 * n1 + sd**-2.0)
    number = int(np.clip((f[-1] - f[0]) / (SPACING * width), LOOK, MOST))
    f = np.linspace(f[0], f[-1], number)
    look = np.exp(_summed(joint(c, f)))
    centre = (look @ c) / look.sum()
    spread = np.sqrt(look @ (c - centre) ** 2 / look.sum())
    panels = Panels(np.linspace(c[0], c[-1], int(np.clip((c[-1] - c[0]) / (PANEL * spread), 8, 200)) + 1))
    parts = np.array_split(panels.nodes, max(1, len(panels.nodes) * len(f) // 400_000))
    log_density = np.concatenate([_log_sum(joint(part, f)) for part in parts])
    return LineDensity(evidence.studies[position], panels, np.exp(log_density - log_density.max()))


def _log_h(panels: Panels, density: Array, log_p: Array) -> Callable[[Array], Array]:
    """log h on the panels where the posterior of the effect is known throughout, and straight on beyond them."""
    with np.errstate(divide="ignore"):
        log_density = np.log(density)
    known = (log_density > log_density.max() - KNOWN).reshape(len(panels.half), -1).all(axis=1)
    first, last = np.flatnonzero(known)[[0, -1]]
    inner = Panels(panels.edges[first : last + 2])
    chosen = slice(first * NODES, (last + 1) * NODES)
    series = inner.series(log_density[chosen] - log_p[chosen])
    low, high = inner.edges[[0, -1]]
    step = 1e-3 * (high - low)
    ends = inner.interpolate(series, np.array([low, low + step, high - step, high]))
    rise, fall = max(float(ends[1] - ends[0]) / step, 0.0), min(float(ends[3] - ends[2]) / step, 0.0)

    def log_h(theta: Array) -> Array:
        inside = np.clip(theta, low, high)
        value = inner.interpolate(series, inside.ravel()).reshape(theta.shape)
        return np.asarray(value + rise * np.minimum(theta - low, 0.0) + fall * np.maximum(theta - high, 0.0))

    return log_h


def _range(events: float, total: float, prior: float) -> Array:
    """Log odds that may matter, before a closer look: an arm without events bounds them on one side only."""
    centre = np.log((events + 0.5) / (total - events + 0.5))
    se = np.sqrt(1.0 / (events + 0.5) + 1.0 / (total - events + 0.5))
    low = centre - REACH * (se + (prior if events == 0.0 else 0.0))
    high = centre + REACH * (se + (prior if events == total else 0.0))
    return np.linspace(low, high, LOOK)


def _closer(points: Array, shown: Booleans) -> Array:
    first, last = np.flatnonzero(shown)[[0, -1]]
    return np.linspace(points[max(first - 1, 0)], points[min(last + 1, len(points) - 1)], LOOK)


def _log_sum(value: Array) -> Array:
    largest = value.max(axis=1)
    safe = np.where(np.isfinite(largest), largest, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(safe + np.log(np.exp(value - safe[:, None]).sum(axis=1)))


def _summed(value: Array) -> Array:
    found = _log_sum(value)
    return np.asarray(found - found.max())
