"""The control risk of a new setting: a random-effects model of the control arms alone.

The usual model of a baseline (NICE's) is separate from that of the effect: what is believed of the control risk then
does not depend on the model of the effects, and the two are independent.
"""

from collections.abc import Callable
from typing import cast

import numpy as np

from bayesmeta.errors import ModelError
from bayesmeta.likelihoods.table import STEP, Table
from bayesmeta.posterior.control_risk import NEW_SETTING, ControlRisk
from bayesmeta.posterior.marginal import NormalMixture
from bayesmeta.priors import EffectPrior, HeterogeneityPrior, parse_prior
from bayesmeta.trials import Trials
from bayesmeta.types import Array

MEAN, SPREAD = "normal(0, 5)", "half_normal(1)"
FARTHEST = 60.0  # log odds: the table of the likelihoods
LARGE = 20_000.0  # arms beyond this size need a finer table
LOOK, FINE = 13, 41  # nodes of the mean: of a look, and of the sum, which needs few for a smooth density
REACH = 9.0  # standard deviations of the mean on each side
PANELS, NODES = 3, 20  # of the spread
FALL = 34.0
LOOKS = 18


def new_setting(trials: Trials, mean: str = MEAN, spread: str = SPREAD) -> ControlRisk:
    """The control risk of a setting like those of the trials.

    r_i ~ Bin(n_i, expit(c_i)), c_i ~ N(m, s^2) for the control arms; the log odds of a new one are N(m, s^2) averaged
    over the posterior of m and s.

    Parameters
    ----------
    trials : with counts.
    mean : prior of m, on the log odds.
    spread : prior of s; proper.

    Returns
    -------
    ControlRisk

    Raises
    ------
    ModelError : no trial with counts.

    References
    ----------
    Dias, Welton, Sutton & Ades 2013, Med Decis Making 33:657 (NICE DSU technical support document 5: the baseline model
    and its predictive distribution).

    Examples
    --------
    >>> import bayesmeta as bm
    >>> risk = new_setting(bm.load("crins2014"))
    >>> [round(float(value), 2) for value in (risk.median, *risk.interval())]
    [0.46, 0.07, 0.9]
    """
    arms = trials.counts[trials.has_counts][:, 2:]
    if not len(arms):
        raise ModelError(
            f"{trials.origin or trials.name}: no row has counts, so there is no control arm to take a risk from. State"
            ' one, such as control_risk=0.2 or control_risk="beta(20, 80)".'
        )
    events, totals = arms.T
    prior = cast(EffectPrior, parse_prior(mean, "baseline"))
    prior_of_spread = cast(HeterogeneityPrior, parse_prior(spread, "tau"))

    def log_likelihood(theta: Array) -> tuple[Array, Array, Array]:
        risk = 1.0 / (1.0 + np.exp(-theta))
        size = totals[:, None]
        value = events[:, None] * theta - size * np.logaddexp(0.0, theta)
        return value, events[:, None] - size * risk, -size * risk * (1.0 - risk)

    step = STEP * min(1.0, (LARGE / float(totals.max())) ** (1.0 / 6.0))
    arms_table = Table.of(log_likelihood, -FARTHEST, FARTHEST, step)
    guess = np.log((events + 0.5) / (totals - events + 0.5)), 1.0 / (events + 0.5) + 1.0 / (totals - events + 0.5)

    def given(scale: Array, points: int) -> tuple[Array, Array, Array]:
        """The mean (T, N), its log density with that of the spread (T, N), and the distance of the nodes (T,)."""
        centre, sd = _guessed(guess, scale, prior)
        for number in (LOOK, LOOK, points):
            m = centre[:, None] + sd[:, None] * np.linspace(-REACH, REACH, number)
            each = np.repeat(np.clip(m, -FARTHEST, FARTHEST)[..., None], len(events), axis=2)
            value = arms_table.marginal(each, scale[:, None, None]).sum(axis=2)
            value = value + prior.log_density(m) + prior_of_spread.log_density(scale)[:, None]
            used = m, value, 2.0 * REACH * sd / (number - 1)
            weight = np.exp(value - value.max(axis=1, keepdims=True))
            weight /= weight.sum(axis=1, keepdims=True)
            centre = (weight * m).sum(axis=1)
            sd = np.sqrt((weight * (m - centre[:, None]) ** 2).sum(axis=1)) + 1e-12
        return used

    scale, width = _spread_nodes(lambda values: _log_sum(*given(values, LOOK)[1:]), prior_of_spread)
    m, value, distance = given(scale, FINE)
    log_weight = value + np.log(distance * width)[:, None]
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    log_odds = NormalMixture("log odds", weight.ravel(), m.ravel(), np.broadcast_to(scale[:, None], m.shape).ravel())
    return ControlRisk.of(NEW_SETTING, log_odds)


def _guessed(guess: tuple[Array, Array], scale: Array, prior: EffectPrior) -> tuple[Array, Array]:
    """Mean and sd of the mean log odds at each spread (T,), from the arms' own log odds; prior by its quartiles."""
    log_odds, variance = guess
    lower, middle, upper = prior.quantile([0.25, 0.5, 0.75])
    own = ((upper - lower) / 1.349) ** -2.0
    weight = 1.0 / (variance + scale[:, None] ** 2)
    total = weight.sum(axis=1) + own
    return (weight @ log_odds + own * middle) / total, total**-0.5


def _log_sum(value: Array, distance: Array) -> Array:
    largest = value.max(axis=1)
    return np.asarray(largest + np.log(np.exp(value - largest[:, None]).sum(axis=1) * distance))


def _spread_nodes(log_density: Callable[[Array], Array], prior: HeterogeneityPrior) -> tuple[Array, Array]:
    """Nodes and weights of the spread where its posterior is not negligible, by looking closer twice."""
    edges = np.concatenate([[0.0], np.geomspace(1e-4, float(prior.quantile_upper(1e-12)), LOOKS)])
    for _ in range(2):
        middle = np.maximum(edges, 1e-9)
        value = log_density(middle)
        seen = np.flatnonzero(value > value.max() - FALL)
        low, high = edges[max(seen[0] - 1, 0)], edges[min(seen[-1] + 1, len(edges) - 1)]
        edges = np.linspace(low, high, LOOKS)
    x, w = np.polynomial.legendre.leggauss(NODES)
    ends = np.linspace(low, high, PANELS + 1)
    half = 0.5 * np.diff(ends)[:, None]
    return (ends[:-1, None] + half * (1.0 + x)).ravel(), (half * w).ravel()
