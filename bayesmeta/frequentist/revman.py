"""Random effects as Review Manager 5 computes them: the moment estimator with Q about the Mantel-Haenszel estimate."""

from dataclasses import replace

import numpy as np

from bayesmeta.frequentist.evidence import Estimate, Evidence, NotEstimableError, informative
from bayesmeta.frequentist.given_tau2 import pooled_given_tau2
from bayesmeta.frequentist.library import mantel_haenszel_from_counts
from bayesmeta.types import Array, Booleans


def revman_tau2(y: Array, variance: Array, mantel_haenszel: float) -> float:
    """tau2 = max(0, (Q - (k - 1)) / (sum w - sum w^2 / sum w)), Q = sum w_i (y_i - MH)^2, w_i = 1 / v_i.

    DerSimonian & Laird take Q about the inverse-variance mean, which minimises it, so this tau2 is never smaller than
    theirs.

    Parameters
    ----------
    y, variance : (k,) effect sizes and sampling variances, k at least 2.
    mantel_haenszel : the Mantel-Haenszel estimate from the same trials, on the scale of y.

    References
    ----------
    Deeks & Higgins 2010, Statistical algorithms in Review Manager 5, "Inverse-variance random-effects".

    Examples
    --------
    >>> import numpy as np
    >>> revman_tau2(np.array([-1.0, 3.0]), np.ones(2), mantel_haenszel=1.0)
    7.0
    """
    weights = 1.0 / variance
    q = float(weights @ (y - mantel_haenszel) ** 2)
    scale = float(weights.sum() - weights @ weights / weights.sum())
    return max(0.0, (q - (len(y) - 1)) / scale)


def revman(evidence: Evidence) -> tuple[Estimate, ...]:
    """RevMan's random effects. As there, a trial without events (or with nothing but events) does not enter an OR or
    RR."""
    _, counts = evidence.require_counts()
    used = np.ones(evidence.size, dtype=bool) if evidence.measure == "RD" else informative(counts)
    if used.sum() < 2:
        raise NotEstimableError("needs two trials with events and non-events")
    y, variance = evidence.y[used], evidence.variance[used]
    centre = mantel_haenszel_from_counts(counts[used], evidence.measure).estimate
    estimates = pooled_given_tau2(y, variance, revman_tau2(y, variance, centre))
    return tuple(_spread(estimate, used) for estimate in estimates)


def _spread(estimate: Estimate, used: Booleans) -> Estimate:
    """The same estimate with weight 0 for the trials that were not used."""
    weights = np.zeros(len(used))
    weights[used] = estimate.weights
    return replace(estimate, weights=weights)
