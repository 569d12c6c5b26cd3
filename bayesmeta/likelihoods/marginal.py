"""l_i(m, tau) of each likelihood by name: all that an integrator needs of a trial."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bayesmeta.likelihoods import binomial, hypergeometric, normal
from bayesmeta.likelihoods.table import STEP, LogLikelihood, Table
from bayesmeta.types import Array

Marginal = Callable[[Array, Array], Array]
MARGIN = 10.0  # standard deviations of the random effects about their mean that the integral can reach
FARTHEST = 300.0  # log odds ratio: beyond, the tabulated log likelihood goes on as a parabola
LARGE = 20_000.0  # arms beyond this size need a finer table


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the trials show, in the forms that likelihoods read.

    Attributes
    ----------
    y, se : (k,) estimates and standard errors.
    counts : (k, 4) events treated, total treated, events control, total control; NaN where a row has none.
    baseline : location and scale of the normal prior of the baselines.
    baseline_at : "midpoint" or "control".
    """

    y: Array
    se: Array
    counts: Array
    baseline: tuple[float, float] = (0.0, 5.0)
    baseline_at: str = "midpoint"


def _normal(evidence: Evidence) -> Marginal:
    return lambda m, tau: normal.marginal_log_likelihood(evidence.y, evidence.se, m, tau)


def _binomial(evidence: Evidence) -> Marginal:
    location, scale = evidence.baseline

    def log_likelihood(theta: Array) -> tuple[Array, Array, Array]:
        return binomial.log_likelihood_derivatives(
            evidence.counts, theta, location=location, scale=scale, at_control=evidence.baseline_at == "control"
        )

    return _tabulated(evidence, log_likelihood)


def _hypergeometric(evidence: Evidence) -> Marginal:
    return _tabulated(evidence, lambda theta: hypergeometric.log_likelihood_derivatives(evidence.counts, theta))


def _tabulated(evidence: Evidence, log_likelihood: LogLikelihood) -> Marginal:
    centre = np.where(np.isfinite(evidence.y), evidence.y, 0.0)
    largest = float(np.max(evidence.counts[:, [1, 3]]))
    return _Tabulated(log_likelihood, centre, STEP * min(1.0, (LARGE / largest) ** (1.0 / 6.0)))


class _Tabulated:
    """l(m, tau) from a table of log p(y | theta) that grows with what is asked of it."""

    def __init__(self, log_likelihood: LogLikelihood, centre: Array, step: float) -> None:
        self._log_likelihood, self._step = log_likelihood, step
        self._low, self._high = float(centre.min()), float(centre.max())
        self._table: Table | None = None

    def __call__(self, m: Array, tau: Array) -> Array:
        m, reach = np.asarray(m, dtype=float), MARGIN * np.asarray(tau, dtype=float)
        low = max(min(float(np.min(m - reach)) - 1.0, self._low), -FARTHEST)
        high = min(max(float(np.max(m + reach)) + 1.0, self._high), FARTHEST)
        if self._table is None or low < self._low or high > self._high:
            self._low, self._high = min(low, self._low), max(high, self._high)
            self._table = Table.of(self._log_likelihood, self._low, self._high, self._step)
        return self._table.marginal(m, tau)


LIKELIHOODS: dict[str, Callable[[Evidence], Marginal]] = {
    "normal": _normal,
    "binomial": _binomial,
    "hypergeometric": _hypergeometric,
}


def marginal_log_likelihood(name: str, evidence: Evidence) -> Marginal:
    """The function l(m, tau) of a likelihood: m (..., k) and tau (..., 1) to (..., k) log likelihoods.

    Parameters
    ----------
    name : "normal", "binomial" or "hypergeometric".
    evidence : the trials.

    Returns
    -------
    function of (m, tau).

    Examples
    --------
    >>> import numpy as np
    >>> l = marginal_log_likelihood("normal", Evidence(np.zeros(1), np.ones(1), np.full((1, 4), np.nan)))
    >>> l(np.zeros(1), np.zeros(1)).round(4)
    array([-0.9189])
    """
    return LIKELIHOODS[name](evidence)
