"""l_i(m, tau) of each likelihood by name: all that an integrator needs of a trial."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bayesmeta.likelihoods import binomial, normal
from bayesmeta.likelihoods.table import Table
from bayesmeta.types import Array

Marginal = Callable[[Array, Array], Array]
WIDEST = 40.0  # log odds ratio: beyond, a table of any size has nothing left to say but its tail


@dataclass(frozen=True)
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

    centre = np.where(np.isfinite(evidence.y), evidence.y, 0.0)
    table = Table.of(log_likelihood, float(centre.min()) - WIDEST, float(centre.max()) + WIDEST)
    return table.marginal


LIKELIHOODS: dict[str, Callable[[Evidence], Marginal]] = {"normal": _normal, "binomial": _binomial}


def marginal_log_likelihood(name: str, evidence: Evidence) -> Marginal:
    """The function l(m, tau) of a likelihood: m (..., k) and tau (..., 1) to (..., k) log likelihoods.

    Parameters
    ----------
    name : "normal" or "binomial".
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
