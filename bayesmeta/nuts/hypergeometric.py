"""Fisher's noncentral hypergeometric distribution as a PyTensor expression of one size, whatever the totals.

The probability of the observed count is one over a sum with a term for each count that the margins allow: two terms or
half a million. What is summed here are 81 of them about the largest, in steps of a fraction of the standard deviation
where that is large: so one compiled model serves every table, and small and large trials stand side by side.
"""

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import disconnected_grad

# Steps to either side of the mode. With steps of one, sums of yes-or-no trials with a variance below 16 (where the
# steps become longer) have at most 1e-13 beyond 40: Chernoff's bound, worst for Poisson-like ones.
REACH = 40
# Steps per standard deviation. A sum over every h-th term, times h, errs by exp(-(1 - cos(2 pi / h)) variance): 1e-14
# at h = 2 and the standard deviation 4 with which it begins, and less for longer ones.
STEPS_IN_SD = 2.0
STEEPEST = 300.0  # log odds ratio: beyond, its exponential leaves the range of numbers


def log_p(theta: Any, counts: Any, start: Any, ways: Any) -> Any:
    """Log probability of each trial's table at its own log odds ratio, both margins given.

    log p(r1 | t, theta) = -log sum_u exp(a_u + (u - r1) theta)
    a_u = log C(n1, u) C(n0, t - u) - log C(n1, r1) C(n0, t - r1)

    Parameters
    ----------
    theta : (k,) log odds ratios.
    counts : (k, 4) events control, events treated, total control, total treated.
    start, ways : from `bayesmeta.nuts.ways.log_ways`.

    Returns
    -------
    (k,) tensor; 0 for a trial whose margins allow one count only.

    References
    ----------
    Stijnen, Hamza & Oezdemir 2010, Stat Med 29:3046, section 4.
    """
    control, treated, total_control, total_treated = (counts[:, j] for j in range(4))
    events = control + treated
    rest = total_control - events
    low, high = pt.maximum(0.0, -rest), pt.minimum(total_treated, events)
    mode = _mode(theta, events, total_treated, rest, low, high)
    variance = 1.0 / (1.0 / mode + 1.0 / (total_treated - mode) + 1.0 / (events - mode) + 1.0 / (rest + mode))
    step = pt.maximum(1.0, pt.floor(pt.sqrt(variance) / STEPS_IN_SD))
    u = mode[:, None] + step[:, None] * np.arange(-REACH, REACH + 1.0)
    inside = (u >= low[:, None]) & (u <= high[:, None])
    place = start[:, None] + pt.clip(u, low[:, None], high[:, None]) - low[:, None]
    terms = ways[pt.cast(place, "int64")] + (u - treated[:, None]) * theta[:, None]
    return -pt.logsumexp(pt.switch(inside, terms, -np.inf), axis=1) - pt.log(step)


def pair_log_p(first: Any, second: Any, terms: Any) -> Any:
    """Log probability of each trial with two treated arms, given the total number of its events.

    -log sum_ab exp(w_ab + (a - r1) theta_1 + (b - r2) theta_2)

    Parameters
    ----------
    first, second : (pairs,) log odds ratios of both arms.
    terms : (3, pairs, n) from `bayesmeta.nuts.ways.pairs_of`.

    Returns
    -------
    (pairs,) tensor
    """
    return -pt.logsumexp(terms[0] + terms[1] * first[:, None] + terms[2] * second[:, None], axis=1)


def _mode(theta: Any, events: Any, total_treated: Any, rest: Any, low: Any, high: Any) -> Any:
    """The most probable count: where neighbouring terms are equal, a quadratic in u. It only chooses what is summed."""
    odds = pt.exp(pt.clip(disconnected_grad(theta), -STEEPEST, STEEPEST))
    b = odds * (total_treated + events + 2.0) + rest
    c = odds * (total_treated + 1.0) * (events + 1.0)
    root = pt.sqrt(pt.maximum(b * b - 4.0 * (odds - 1.0) * c, 0.0))
    # Of two forms of one root, the one without cancellation.
    u = pt.switch(b < 0.0, (root - b) / (2.0 * (1.0 - odds)), 2.0 * c / (b + root))
    return pt.clip(pt.floor(u), low, high)
