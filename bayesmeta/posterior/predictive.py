"""Replicated trials: of the same sizes, with the effect of a new setting of the same kind."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.effects import baselines
from bayesmeta.model import Model
from bayesmeta.types import Array

if TYPE_CHECKING:
    from bayesmeta.posterior.before_data import Assumed
    from bayesmeta.posterior.posterior import Posterior

Variables = dict[str, tuple[tuple[str, ...], Array]]
TERMS = 4_000_000  # of the hypergeometric distribution, held in memory at a time
MOST_PARTS = 200
FALL = 40.0  # counts that much less probable (log) than the mode do not occur


def standardised(model: Model, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Independent draws z of the random effects: theta_new = x' beta + tau z.

    Parameters
    ----------
    model : its random effects: standard normal, Student-t, or the mixture (1 - w) N(0, 1) + w N(0, c^2).
    shape : of the draws.
    rng : generator.

    Examples
    --------
    >>> z = standardised(Model(random_effects="mixture(0.5, 100)"), (1000,), np.random.default_rng(1))
    >>> bool(0.4 < np.mean(np.abs(z) > 3.0) < 0.6)
    True
    """
    name, parameters = model.random_effects_parts
    return STANDARDISED[name](shape, rng, *parameters)


def _normal(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    return rng.standard_normal(shape)


def _student_t(shape: tuple[int, ...], rng: np.random.Generator, df: float) -> Array:
    return rng.standard_t(df, shape)


def _mixture(shape: tuple[int, ...], rng: np.random.Generator, outliers: float, factor: float) -> Array:
    return np.asarray(np.where(rng.random(shape) < outliers, factor, 1.0) * rng.standard_normal(shape))


STANDARDISED: dict[str, Callable[..., Array]] = {
    "normal": _normal,
    "none": _normal,
    "student_t": _student_t,
    "mixture": _mixture,
}


def replicates(
    posterior: "Posterior | Assumed", mean: Array, tau: Array, rng: np.random.Generator, gamma: Array | None = None
) -> Variables:
    """Draw replicated data for each trial, theta_i = x_i' beta + tau z_i with new z_i.

    Normal: y_i ~ N(theta_i, s_i^2). Binomial: events in both arms at the trial's own baseline gamma_i. Hypergeometric:
    events in the treated arm given all events of the trial. Of events the log odds ratio is taken, with 1/2 added to
    tables with a zero. Rows without counts, arms that share a control under the hypergeometric likelihood, and the
    binomial likelihood where gamma is not known, are as normal.

    Parameters
    ----------
    posterior : gives the sizes of the trials.
    mean : (chain, draw, k) x_i' beta.
    tau : (chain, draw), or of each trial (chain, draw, k).
    rng : generator.
    gamma : (chain, draw, k) baselines, for the binomial likelihood.

    Returns
    -------
    {"y": (dims, array)}: (chain, draw, study) log odds ratios; where events were drawn also "events" (chain, draw,
    study, arm), control arm first, NaN in rows without counts.
    """
    dims = ("chain", "draw", "study")
    rows = posterior.independent
    each = tau if tau.ndim == mean.ndim else tau[..., None]
    theta = mean + rows.returned(each * standardised(posterior.model, mean.shape, rng))
    y = theta + rows.returned(rows.se * rng.standard_normal(mean.shape))
    counted = posterior.trials.has_counts[posterior.effects.rows]
    likelihood = posterior.model.likelihood
    if likelihood == "normal" or not counted.any() or (likelihood == "binomial" and gamma is None):
        return {"y": (dims, y)}
    if likelihood == "hypergeometric":
        counted[[row for positions in posterior.effects.shared for row in positions]] = False
    counts = posterior.trials.counts[posterior.effects.rows][counted]
    if gamma is not None:
        _, share = baselines(posterior.effects, at_midpoint=posterior.model.baseline_at == "midpoint")
        control = (gamma - theta @ share.T)[..., counted]
        drawn = _binomial_events(counts, theta[..., counted], control, rng)
        for first, *others in posterior.effects.shared:
            row = np.cumsum(counted) - 1
            drawn[0][..., row[others]] = drawn[0][..., row[[first]]]
    else:
        drawn = _hypergeometric_events(counts, theta[..., counted], rng)
    y[..., counted] = _log_odds_ratio(counts, *drawn)
    events = np.full((*theta.shape, 2), np.nan)
    events[..., counted, :] = np.stack(drawn, axis=-1)
    return {"y": (dims, y), "events": ((*dims, "arm"), events)}


def _log_odds_ratio(counts: Array, control: Array, treated: Array) -> Array:
    """With 1/2 added to tables with a zero; 0 where an arm has nobody."""
    cells = np.stack([treated, counts[:, 1] - treated, control, counts[:, 3] - control])
    cells = cells + 0.5 * (cells == 0.0).any(axis=0)
    return np.asarray(np.log(cells[0] * cells[3] / (cells[1] * cells[2])))


def _binomial_events(counts: Array, theta: Array, log_odds: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Events of the control arm, at the log odds given, and of the treated arm, each (chain, draw, k)."""
    from scipy.special import expit

    control = rng.binomial(counts[:, 3].astype(int), expit(log_odds)).astype(float)
    treated = rng.binomial(counts[:, 1].astype(int), expit(log_odds + theta)).astype(float)
    return control, treated


def _hypergeometric_events(counts: Array, theta: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """The same given all events of each trial."""
    events = counts[:, 0] + counts[:, 2]
    treated = np.empty(theta.shape)
    for i, row in enumerate(counts):
        treated[..., i] = noncentral_hypergeometric(row, theta[..., i].ravel(), rng).reshape(theta.shape[:-1])
    return events - treated, treated


def noncentral_hypergeometric(counts: Array, theta: Array, rng: np.random.Generator) -> Array:
    """Events among the treated given both margins of a 2x2 table, at odds ratios exp(theta): by the inverse cdf.

    Parameters
    ----------
    counts : (4,) events treated, total treated, events control, total control.
    theta : (n,) log odds ratios.
    rng : generator.

    Returns
    -------
    (n,) counts as floats.

    References
    ----------
    Fisher 1935, J R Stat Soc 98:39; Liao & Rosen 2001, Am Stat 55:366.

    Examples
    --------
    >>> counts = np.array([3.0, 10.0, 1.0, 10.0])
    >>> u = noncentral_hypergeometric(counts, np.full(2000, np.log(3.0)), np.random.default_rng(1))
    >>> bool(u.min() >= 0 and u.max() <= 4 and 2.4 < u.mean() < 2.9)
    True
    """
    from scipy.special import gammaln

    treated, total_treated, control, total_control = counts
    events = treated + control
    u = np.arange(max(0.0, events - total_control), min(total_treated, events) + 1.0)
    ways = -gammaln(np.stack([u, total_treated - u, events - u, total_control - events + u]) + 1.0).sum(axis=0)
    found, uniform = np.empty(len(theta)), rng.random(len(theta))
    order = np.argsort(theta)  # like with like: those together share the counts that can occur
    for part in np.array_split(order, 1 + min(len(theta) * len(u) // TERMS, MOST_PARTS)):
        odds = theta[part, None]
        ends = np.clip([ways + odds[0] * u, ways + odds[-1] * u], -1e300, 1e300)
        seen = np.flatnonzero((ends - ends.max(axis=1, keepdims=True) > -FALL).any(axis=0))
        near = slice(seen[0], seen[-1] + 1)
        value = ways[near] + odds * u[near]
        cdf = np.cumsum(np.exp(value - value.max(axis=1, keepdims=True)), axis=1)
        found[part] = u[near][(cdf < uniform[part, None] * cdf[:, -1:]).sum(axis=1)]
    return found
