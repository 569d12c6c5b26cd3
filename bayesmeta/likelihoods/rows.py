"""What the exact engine has to know of each row: log p(y_i | theta), where it bends, and where it is flat.

A row is one trial; rows of several likelihoods may stand in one table. Each likelihood is one entry of `ROWS`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bayesmeta.likelihoods import normal
from bayesmeta.likelihoods.marginal import Evidence
from bayesmeta.likelihoods.values import binomial_log_p, hypergeometric_log_p
from bayesmeta.types import Array, Booleans

FLAT = np.log(1e-13)  # of what is left of a flat tail at the point from which it is taken for flat
FALL = 60.0  # below its peak a row ends: farther out than the posterior of the mean of that trial alone is looked at
TAIL = 9.5  # standard deviations of the baseline's prior beyond which it excludes an effect


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one likelihood.

    Attributes
    ----------
    log_p : from a row's position and theta (g,) to log p(y_i | theta) (g,).
    flat_from : (k, 2) theta below which (left), above which (right) log p is constant; -inf, inf where it is not.
    neutral : (k,) rows whose likelihood does not depend on theta at all.
    reach : (k, 2) ends of the theta that can matter, where the sketch below does not show it.
    counts : (k, 4) of the 2x2 tables, for the sketch; None for normal rows.
    y, se : (k,) observed effects.
    """

    log_p: Callable[[int, Array], Array]
    flat_from: Array
    neutral: Booleans
    reach: Array
    counts: Array | None
    y: Array
    se: Array

    def sketch(self, theta: Array) -> tuple[Array, Array]:
        """Rough log likelihood, up to a constant, and rough information at theta (g,): (k, g) twice.

        The 2x2 table's expected cells given theta and both margins (Woolf): score r1 - E[U], information
        1 / sum(1 / cell).
        """
        if self.counts is None:
            away = (theta - self.y[:, None]) / self.se[:, None]
            return -0.5 * away**2, np.broadcast_to(self.se[:, None] ** -2.0, away.shape)
        r1, n1, r0, n0 = (self.counts[:, [j]] for j in range(4))
        events = r0 + r1
        odds = np.exp(np.clip(theta, -200.0, 200.0))
        a, b, c = odds - 1.0, -(odds * (n1 + events) + n0 - events), odds * n1 * events
        with np.errstate(invalid="ignore", divide="ignore"):
            u = -2.0 * c / (b - np.sqrt(np.maximum(b * b - 4.0 * a * c, 0.0)))
        u = np.clip(np.nan_to_num(u), np.maximum(0.0, events - n0), np.minimum(n1, events))
        information = 1.0 / sum(
            1.0 / (np.maximum(cell, 0.0) + 0.5) for cell in (u, n1 - u, events - u, n0 - events + u)
        )
        score = r1 - u
        rise = 0.5 * (score[:, 1:] + score[:, :-1]) * np.diff(theta)
        log_p = np.concatenate([np.zeros((len(u), 1)), np.cumsum(rise, axis=1)], axis=1)
        return log_p, np.asarray(information)


def _normal(evidence: Evidence) -> Rows:
    y, se = evidence.y, evidence.se

    def log_p(row: int, theta: Array) -> Array:
        return normal.log_likelihood(y[row], se[row], theta)

    nowhere = np.tile([-np.inf, np.inf], (len(y), 1))
    return Rows(log_p, nowhere, np.zeros(len(y), dtype=bool), nowhere, None, y, se)


def _hypergeometric(evidence: Evidence) -> Rows:
    counts = evidence.counts
    r1, n1, r0, n0 = counts.T
    events = r0 + r1
    low, high = np.maximum(0.0, events - n0), np.minimum(n1, events)
    neutral = low == high
    with np.errstate(divide="ignore", invalid="ignore"):
        # The neighbour's share of the outermost term: (n1 - u)(t - u) / ((u + 1)(n0 - t + u + 1)) e^theta.
        first = np.log((n1 - low) * (events - low) / ((low + 1.0) * (n0 - events + low + 1.0)))
        last = np.log((n1 - high + 1.0) * (events - high + 1.0) / (high * (n0 - events + high)))
    left = np.where((r1 == low) & ~neutral, FLAT - first, -np.inf)
    right = np.where((r1 == high) & ~neutral, -FLAT - last, np.inf)

    def log_p(row: int, theta: Array) -> Array:
        return hypergeometric_log_p(counts[row], theta)

    nowhere = np.tile([-np.inf, np.inf], (len(counts), 1))
    return Rows(log_p, np.column_stack([left, right]), neutral, nowhere, counts, evidence.y, evidence.se)


def _binomial(evidence: Evidence) -> Rows:
    counts = evidence.counts
    location, scale = evidence.baseline
    control = evidence.baseline_at == "control"
    r1, n1, r0, n0 = counts.T
    prior = abs(location) + TAIL * scale
    if control:  # theta moves the treated arm alone
        falls, rises, start = r1 == 0, r1 == n1, -FLAT + np.log(n1) + prior
        far = np.full(len(r1), 10.0 + prior)
    else:
        falls, rises = (r1 == 0) & (r0 == n0), (r1 == n1) & (r0 == 0)
        start = 2.0 * (-FLAT + np.log(np.maximum(n0, n1)) + prior)
        far = np.full(len(r1), 10.0 + 2.0 * prior)
    flat_from = np.column_stack([np.where(falls, -start, -np.inf), np.where(rises, start, np.inf)])

    def log_p(row: int, theta: Array) -> Array:
        return binomial_log_p(counts[row], theta, location=location, scale=scale, at_control=control)

    reach = np.column_stack([-far, far])
    return Rows(log_p, flat_from, np.zeros(len(r1), dtype=bool), reach, counts, evidence.y, evidence.se)


ROWS: dict[str, Callable[[Evidence], Rows]] = {
    "normal": _normal,
    "hypergeometric": _hypergeometric,
    "binomial": _binomial,
}
