"""Inverse-variance fit at a given tau2: for the estimators of tau2 that PyMetaAnalysis does not have."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from bayesmeta.frequentist.evidence import Estimate
from bayesmeta.frequentist.intervals import INTERVALS
from bayesmeta.types import Array


@dataclass(frozen=True, eq=False)
class WeightedFit:
    """Weighted least squares with weights 1 / (v_i + tau2): coefficients (p,), covariance (p, p), Q(tau2), residual
    df."""

    beta: Array
    covariance: Array
    q: float
    df: int


def weighted_fit(y: Array, variance: Array, matrix: Array, tau2: float) -> WeightedFit:
    """Coefficients at a given tau2: beta = (X'WX)^-1 X'Wy, covariance (X'WX)^-1, Q = sum w_i (y_i - x_i'beta)^2.

    Parameters
    ----------
    y, variance : (k,) effect sizes and sampling variances.
    matrix : (k, p) design, of full rank.
    tau2 : between-trial variance.

    Examples
    --------
    >>> import numpy as np
    >>> fit = weighted_fit(np.array([0.0, 2.0]), np.array([1.0, 1.0]), np.ones((2, 1)), tau2=1.0)
    >>> fit.beta.round(12).tolist(), fit.covariance.round(12).tolist(), round(fit.q, 12)
    ([1.0], [[1.0]], 1.0)
    """
    root = 1.0 / np.sqrt(variance + tau2)
    q, r = np.linalg.qr(matrix * root[:, None])
    beta = np.linalg.solve(r, q.T @ (y * root))
    inverse = np.linalg.solve(r, np.eye(len(beta)))
    residual = (y - matrix @ beta) * root
    return WeightedFit(beta, inverse @ inverse.T, float(residual @ residual), len(y) - len(beta))


def pooled_given_tau2(y: Array, variance: Array, tau2: float, note: str = "") -> tuple[Estimate, ...]:
    """Pooled effect at a given tau2, with each of the three intervals.

    Parameters
    ----------
    y, variance : (k,) effect sizes and sampling variances, k at least 2.
    tau2 : between-trial variance.
    note : handed on to the results.

    References
    ----------
    DerSimonian & Laird 1986, Control Clin Trials 7:177; Knapp & Hartung 2003, Stat Med 22:2693.

    Examples
    --------
    >>> import numpy as np
    >>> [(e.interval, round(e.se, 3)) for e in pooled_given_tau2(np.array([0.0, 2.0]), np.array([1.0, 1.0]), tau2=1.0)]
    [('wald', 1.0), ('hksj', 1.0), ('hksj_adhoc', 1.0)]
    """
    fit = weighted_fit(y, variance, np.ones((len(y), 1)), tau2)
    weights = 1.0 / (variance + tau2)
    estimates = []
    for interval in INTERVALS.values():
        se = sqrt(interval.factor(fit.q / fit.df) * float(fit.covariance[0, 0]))
        estimate, half_width = float(fit.beta[0]), interval.quantile(fit.df) * se
        lower, upper = predicted(estimate, se, tau2, interval.quantile(fit.df))
        estimates.append(
            Estimate(
                interval.name, estimate, se, estimate - half_width, estimate + half_width,
                weights / weights.sum(), tau2, lower, upper, note,
            )
        )  # fmt: skip
    return tuple(estimates)


def predicted(estimate: float, se: float, tau2: float, quantile: float) -> tuple[float, float]:
    """Prediction interval for the effect in a new setting: estimate -+ quantile * sqrt(se^2 + tau2).

    The quantile is that of the confidence interval beside it: normal for Wald, t with k - 1 degrees of freedom for
    HKSJ. This is metafor's default form; Higgins, Thompson & Spiegelhalter 2009 take k - 2.
    """
    half_width = quantile * sqrt(se * se + tau2)
    return estimate - half_width, estimate + half_width
