"""Common odds ratio by exact conditional maximum likelihood."""

from math import sqrt

import numpy as np

from bayesmeta.errors import ConvergenceError
from bayesmeta.frequentist.evidence import Estimate, Evidence, NotEstimableError, informative
from bayesmeta.frequentist.intervals import normal_quantile
from bayesmeta.likelihoods.hypergeometric import score_and_information
from bayesmeta.types import Array

LARGEST_ITERATIONS = 200
LARGEST_STEP = 2.0  # on the log odds ratio: far from the maximum the information says little about the distance
RELATIVE_TOLERANCE = 1e-13


def conditional(evidence: Evidence) -> tuple[Estimate, ...]:
    """The maximum over theta of prod_i p(r_i1 | r_i0 + r_i1, theta), each factor Fisher's noncentral hypergeometric.

    No corrections; trials without events (or without non-events) contribute nothing. The standard error is from the
    information at the maximum. metafor: rma.glmm(model = "CM.EL", method = "EE").

    Raises
    ------
    ConvergenceError

    References
    ----------
    Birch 1964, J R Stat Soc B 26:313; Stijnen, Hamza & Oezdemir 2010, Stat Med 29:3046.
    """
    counts, _ = evidence.require_counts()
    theta, information = maximise(counts)
    se = 1.0 / sqrt(float(information.sum()))
    half_width = normal_quantile(0) * se
    weights = information / information.sum()
    return (Estimate("wald", theta, se, theta - half_width, theta + half_width, weights),)


def maximise(counts: Array) -> tuple[float, Array]:
    """The maximum likelihood log odds ratio and the information of each trial (k,) there.

    The log likelihood is concave, so its score crosses zero once: Newton's method, with bisection once the root is
    bracketed.

    Parameters
    ----------
    counts : (k, 4) events treated, total treated, events control, total control.

    Raises
    ------
    NotEstimableError
        When the maximum is infinite: every trial has the fewest, or the most, events among the treated that its totals
        allow.

    Examples
    --------
    >>> import numpy as np
    >>> theta, information = maximise(np.array([[1.0, 2.0, 1.0, 2.0], [3.0, 5.0, 3.0, 5.0]]))
    >>> abs(round(theta, 12)), information.round(3).tolist()
    (0.0, [0.333, 0.667])
    """
    _require_finite_maximum(counts)
    low, high, theta = -np.inf, np.inf, 0.0
    for _ in range(LARGEST_ITERATIONS):
        score, information = score_and_information(counts, theta)
        slope = float(score.sum())
        low, high = (theta, high) if slope > 0.0 else (low, theta)
        step = slope / max(float(information.sum()), np.finfo(float).tiny)
        proposal = theta + float(np.clip(step, -LARGEST_STEP, LARGEST_STEP))
        if abs(proposal - theta) <= RELATIVE_TOLERANCE * max(1.0, abs(theta)):
            return proposal, information
        theta = proposal if low < proposal < high else 0.5 * (low + high)
    raise ConvergenceError(
        f"conditional: the log odds ratio still moved after {LARGEST_ITERATIONS} iterations, between {low} and {high}. "
        "Look for a table with nearly all its events in one arm."
    )


def _require_finite_maximum(counts: Array) -> None:
    if not informative(counts).any():
        raise NotEstimableError("no trial has both events and non-events")
    events = counts[:, 0] + counts[:, 2]
    fewest = np.maximum(0.0, events - counts[:, 3])
    most = np.minimum(counts[:, 1], events)
    if np.all(counts[:, 0] == fewest) or np.all(counts[:, 0] == most):
        raise NotEstimableError("the log odds ratio is infinite: every trial is as one-sided as its totals allow")
