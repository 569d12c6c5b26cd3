"""Meta-regression on ready design columns, with the estimators and intervals of the pooled effect."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, nan

import numpy as np
import pandas as pd
from scipy.special import chdtrc, fdtrc, ndtr, stdtr

from bayesmeta.effects import Effects
from bayesmeta.errors import ModelError
from bayesmeta.frequentist import library
from bayesmeta.frequentist.evidence import NotEstimableError
from bayesmeta.frequentist.given_tau2 import weighted_fit
from bayesmeta.frequentist.intervals import INTERVALS
from bayesmeta.frequentist.likelihood_tau2 import higher_restricted_mode, maximum_likelihood_tau2
from bayesmeta.types import Array, Json


@dataclass(frozen=True, eq=False)
class Fit:
    """What every method hands back: coefficients (p,), covariance (p, p) with the interval's factor in it, tau2."""

    beta: Array
    covariance: Array
    tau2: float
    qe: float


@dataclass(frozen=True, eq=False)
class MetaRegression:
    """A fitted meta-regression: y_i = x_i'beta + u_i + e_i, u_i ~ N(0, tau2), e_i ~ N(0, v_i).

    Parameters
    ----------
    columns : names of the design's columns; the first is the intercept where the design has one.
    method, interval : how tau2 and the intervals were made.
    beta, se, lower, upper : (p,) coefficients, standard errors, 95% limits.
    statistic, p_value : (p,) beta / se and its two-sided p-value (normal for Wald, t with k - p degrees of freedom for
        HKSJ).
    covariance : (p, p).
    tau2 : residual between-trial variance; NaN for EE.
    QE, QE_df, QE_p : residual heterogeneity about the common-effect regression.
    QM, QM_df, QM_p : test of all coefficients but the intercept: chi squared with df (p - 1, inf) for Wald, F with (p -
        1, k - p) for HKSJ.
    """

    columns: tuple[str, ...]
    method: str
    interval: str
    k: int
    beta: Array
    se: Array
    lower: Array
    upper: Array
    statistic: Array
    p_value: Array
    covariance: Array
    tau2: float
    QE: float
    QE_df: int
    QE_p: float
    QM: float
    QM_df: tuple[int, float]
    QM_p: float

    @property
    def table(self) -> pd.DataFrame:
        """One row a coefficient: column, estimate, se, statistic, p_value, lower, upper."""
        return pd.DataFrame(
            {
                "column": self.columns, "estimate": self.beta, "se": self.se, "statistic": self.statistic,
                "p_value": self.p_value, "lower": self.lower, "upper": self.upper,
            }
        )  # fmt: skip

    def contrast(self, weights: Sequence[float] | Array) -> tuple[float, float, float, float]:
        """x'beta for weights x (p,): estimate, se, lower, upper; the effect in a group, or the difference of two."""
        x = np.asarray(weights, dtype=float)
        estimate, se = float(x @ self.beta), float(np.sqrt(x @ self.covariance @ x))
        half_width = INTERVALS[self.interval].quantile(self.QE_df) * se
        return estimate, se, estimate - half_width, estimate + half_width

    def to_dict(self) -> Json:
        """Plain numbers; None where a figure does not exist."""
        return {
            "method": self.method,
            "interval": self.interval,
            "k": self.k,
            "coefficients": self.table.to_dict("records"),
            "tau2": None if np.isnan(self.tau2) else self.tau2,
            "QE": {"statistic": self.QE, "df": self.QE_df, "p": self.QE_p},
            "QM": {"statistic": self.QM, "df": [x if np.isfinite(x) else None for x in self.QM_df], "p": self.QM_p},
        }


def metaregression(
    effects: Effects, matrix: Array, columns: Sequence[str], method: str = "REML", interval: str = "wald"
) -> MetaRegression:
    """Regress the effect sizes on the columns of a design.

    beta = (X'WX)^-1 X'Wy, w_i = 1 / (v_i + tau2)

    Parameters
    ----------
    effects : effect sizes with standard errors.
    matrix : (k, p) design, one row an effect size in the order of `effects`; a column of ones is the intercept and
        stands first.
    columns : p names.
    method : "REML", "DL", "PM", "ML", or "EE" (common effect: no tau2).
    interval : "wald", "hksj" or "hksj_adhoc" (not for "EE").

    Returns
    -------
    MetaRegression

    Raises
    ------
    ModelError
        When the design does not fit the effect sizes, has columns that determine one another, or leaves no degrees of
        freedom.
    ConvergenceError

    References
    ----------
    Knapp & Hartung 2003, Stat Med 22:2693; Viechtbauer et al. 2015, Psychol Methods 20:360.

    Examples
    --------
    >>> from bayesmeta.effects import effect_sizes
    >>> from bayesmeta.trials import load
    >>> effects = effect_sizes(load("crins2014"))
    >>> precision = np.column_stack([np.ones(len(effects.y)), effects.se])
    >>> round(float(metaregression(effects, precision, ("mu", "se")).statistic[1]), 4)
    -0.7495
    """
    matrix = np.asarray(matrix, dtype=float)
    if effects.shared:
        arms = " and ".join(effects.studies[row] for row in effects.shared[0])
        raise ModelError(
            f"meta-regression: {arms} share a control arm, and these methods take all rows as independent. Combine the"
            " arms into one row, or fit the Bayesian model, which carries them."
        )
    _check(len(effects.y), matrix, columns, method, interval)
    variance = effects.se**2
    try:
        fit = REGRESSION_METHODS[method](effects.y, variance, matrix, interval)
    except NotEstimableError as error:
        raise ModelError(f"meta-regression {method} on {', '.join(columns)}: {error}") from error
    return _describe(fit, len(effects.y), matrix, tuple(columns), method, interval)


def _by_library(tau2_method: str | None) -> Callable[[Array, Array, Array, str], Fit]:
    def fit(y: Array, variance: Array, matrix: Array, interval: str) -> Fit:
        result = library.regression(y, variance, matrix, has_intercept(matrix), tau2_method, interval)
        coefficients = result.coefficients["estimate"].to_numpy(dtype=float)
        tau2 = nan if tau2_method is None else float(result.tau2)
        return Fit(coefficients, result.coefficient_covariance.to_numpy(), tau2, float(result.heterogeneity.q))

    return fit


def _given_tau2(y: Array, variance: Array, matrix: Array, interval: str, tau2: float) -> Fit:
    at_tau2 = weighted_fit(y, variance, matrix, tau2)
    factor = INTERVALS[interval].factor(at_tau2.q / at_tau2.df)
    return Fit(at_tau2.beta, factor * at_tau2.covariance, tau2, weighted_fit(y, variance, matrix, 0.0).q)


def _restricted_maximum_likelihood(y: Array, variance: Array, matrix: Array, interval: str) -> Fit:
    fit = _by_library("REML")(y, variance, matrix, interval)
    highest = higher_restricted_mode(y, variance, matrix, fit.tau2)
    return fit if highest is None else _given_tau2(y, variance, matrix, interval, highest)


def _maximum_likelihood(y: Array, variance: Array, matrix: Array, interval: str) -> Fit:
    return _given_tau2(y, variance, matrix, interval, maximum_likelihood_tau2(y, variance, matrix))


REGRESSION_METHODS: dict[str, Callable[[Array, Array, Array, str], Fit]] = {
    "EE": _by_library(None),
    "DL": _by_library("DL"),
    "PM": _by_library("PM"),
    "REML": _restricted_maximum_likelihood,
    "ML": _maximum_likelihood,
}


def has_intercept(matrix: Array) -> bool:
    """Whether the first column is all ones."""
    return bool(np.all(matrix[:, 0] == 1.0))


def _check(k: int, matrix: Array, columns: Sequence[str], method: str, interval: str) -> None:
    if method not in REGRESSION_METHODS:
        raise ModelError(f"meta-regression method {method!r}: expected one of {', '.join(REGRESSION_METHODS)}.")
    if interval not in INTERVALS:
        raise ModelError(f"meta-regression interval {interval!r}: expected one of {', '.join(INTERVALS)}.")
    if method == "EE" and interval != "wald":
        raise ModelError(
            f"meta-regression EE with interval {interval!r}: HKSJ measures a spread that EE denies. Use REML."
        )
    if matrix.ndim != 2 or matrix.shape != (k, len(columns)):
        raise ModelError(
            f"meta-regression: a design of shape {matrix.shape} for {k} effect sizes and {len(columns)} column names. "
            f"Expected ({k}, {len(columns)}); where a zero-cell rule left trials out, take the design's `effects.rows`."
        )
    p = matrix.shape[1]
    if p - int(has_intercept(matrix)) < 1:
        raise ModelError("meta-regression without a moderator: use pool.")
    if k <= p:
        raise ModelError(f"meta-regression of {k} effect sizes on {p} columns: expected more trials than columns.")
    if np.linalg.matrix_rank(matrix) < p:
        raise ModelError(f"meta-regression: the columns {', '.join(columns)} determine one another. Leave one out.")


def _describe(fit: Fit, k: int, matrix: Array, columns: tuple[str, ...], method: str, interval: str) -> MetaRegression:
    """Standard errors, limits and tests from coefficients and covariance."""
    df = k - len(columns)
    se = np.sqrt(np.diag(fit.covariance))
    if not np.all(se > 0.0):
        raise ModelError(
            f"meta-regression {method}: the columns fit exactly, so the standard error of {interval} is 0."
        )
    half_width = INTERVALS[interval].quantile(df) * se
    statistic = fit.beta / se
    wald = interval == "wald"
    p_value = 2.0 * (ndtr(-np.abs(statistic)) if wald else stdtr(df, -np.abs(statistic)))
    tested = slice(int(has_intercept(matrix)), None)
    beta = fit.beta[tested]
    quadratic = float(beta @ np.linalg.solve(fit.covariance[tested, tested], beta))
    m = len(beta)
    qm = quadratic if wald else quadratic / m
    qm_p = float(chdtrc(m, qm) if wald else fdtrc(m, df, qm))
    return MetaRegression(
        columns, method, interval, k, fit.beta, se, fit.beta - half_width, fit.beta + half_width, statistic, p_value,
        fit.covariance, fit.tau2, fit.qe, df, float(chdtrc(df, fit.qe)), qm, (m, inf if wald else df), qm_p,
    )  # fmt: skip
