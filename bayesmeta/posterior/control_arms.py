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
    [0.48, 0.05, 0.94]
    """
    arms = trials.counts[trials.has_counts][:, 2:]
    if not len(arms):
        raise ModelError(
            f"{trials.origin or trials.name}: no row has counts, so there is no control arm to take a risk from. State"
            ' one, such as control_risk=0.2 or control_risk="beta(20, 80)".'
        )
    prior = cast(EffectPrior, parse_prior(mean, "baseline"))
    prior_of_spread = cast(HeterogeneityPrior, parse_prior(spread, "tau"))
    model = _Arms(arms, prior, prior_of_spread)
    scale, width = _spread_nodes(model.log_evidence, prior_of_spread)
    m, value, distance = model.given(scale, FINE)
    log_weight = value + np.log(distance * width)[:, None]
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    log_odds = NormalMixture("log odds", weight.ravel(), m.ravel(), np.broadcast_to(scale[:, None], m.shape).ravel())
    return ControlRisk.of(NEW_SETTING, log_odds)


class _Arms:
    """Control arms, (k, 2) events and totals, with the priors of mean and spread of their log odds."""

    def __init__(self, arms: Array, mean: EffectPrior, spread: HeterogeneityPrior) -> None:
        self._events, self._totals = arms.T
        self._mean, self._spread = mean, spread
        step = STEP * min(1.0, (LARGE / float(self._totals.max())) ** (1.0 / 6.0))
        self._table = Table.of(self._log_likelihood, -FARTHEST, FARTHEST, step)

    def _log_likelihood(self, theta: Array) -> tuple[Array, Array, Array]:
        risk, size = 1.0 / (1.0 + np.exp(-theta)), self._totals[:, None]
        value = self._events[:, None] * theta - size * np.logaddexp(0.0, theta)
        return value, self._events[:, None] - size * risk, -size * risk * (1.0 - risk)

    def log_evidence(self, scale: Array) -> Array:
        """(T,) roughly, with the prior of the spread."""
        _, value, distance = self.given(scale, LOOK)
        largest = value.max(axis=1)
        return np.asarray(largest + np.log(np.exp(value - largest[:, None]).sum(axis=1) * distance))

    def given(self, scale: Array, points: int) -> tuple[Array, Array, Array]:
        """At each spread: means (T, N), their log density with that of the spread (T, N), and their distance (T,)."""
        centre, sd = self._guessed(scale)
        for number in (LOOK, LOOK, points):
            m = centre[:, None] + sd[:, None] * np.linspace(-REACH, REACH, number)
            each = np.repeat(np.clip(m, -FARTHEST, FARTHEST)[..., None], len(self._events), axis=2)
            value = self._table.marginal(each, scale[:, None, None]).sum(axis=2)
            value = value + self._mean.log_density(m) + self._spread.log_density(scale)[:, None]
            used = m, value, 2.0 * REACH * sd / (number - 1)
            weight = np.exp(value - value.max(axis=1, keepdims=True))
            weight /= weight.sum(axis=1, keepdims=True)
            centre = (weight * m).sum(axis=1)
            sd = np.sqrt((weight * (m - centre[:, None]) ** 2).sum(axis=1)) + 1e-12
        return used

    def _guessed(self, scale: Array) -> tuple[Array, Array]:
        """Mean and sd of the mean log odds at each spread (T,), from the arms' own log odds; prior by its quartiles."""
        others = self._totals - self._events
        log_odds = np.log((self._events + 0.5) / (others + 0.5))
        variance = 1.0 / (self._events + 0.5) + 1.0 / (others + 0.5)
        lower, middle, upper = self._mean.quantile([0.25, 0.5, 0.75])
        own = ((upper - lower) / 1.349) ** -2.0
        weight = 1.0 / (variance + scale[:, None] ** 2)
        total = weight.sum(axis=1) + own
        return (weight @ log_odds + own * middle) / total, total**-0.5


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
