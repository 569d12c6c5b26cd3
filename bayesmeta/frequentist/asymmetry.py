"""PyMetaAnalysis on small-study effects: evidence in, figures out, its errors turned into ours."""

from typing import Any

import numpy as np
from scipy.special import stdtr

from bayesmeta.frequentist.evidence import Evidence, NotEstimableError
from bayesmeta.frequentist.intervals import LEVEL, t_quantile
from bayesmeta.frequentist.library import TOLERANCE, regression, translated
from bayesmeta.types import Array

Found = dict[str, float | str]
LEAST = 3


def egger(evidence: Evidence) -> Found:
    """y = mu + b s, weights 1 / s^2 with the dispersion of the residuals: t of b (Egger et al. 1997)."""
    with translated("Egger", evidence.size):
        found = _pooled(evidence, "EE").egger_test(confidence_level=LEVEL)
    return {"statistic": found.statistic, "df": found.df, "p": found.pvalue, "slope": found.intercept}


def begg(evidence: Evidence) -> Found:
    """Kendall's tau of standardised effects and variances (Begg & Mazumdar 1994)."""
    with translated("Begg", evidence.size):
        found = _pooled(evidence, "EE").begg_test()
    return {"statistic": found.statistic, "p": found.pvalue, "slope": found.tau}


def peters(evidence: Evidence) -> Found:
    """log OR = mu + b / n, weights 1 / (1 / events + 1 / others): t of b (Peters et al. 2006)."""
    with translated("Peters", evidence.size):
        found = _pooled_counts(evidence).peters_test(confidence_level=LEVEL)
    return {"statistic": found.statistic, "df": found.df, "p": found.pvalue, "slope": found.slope}


def harbord(evidence: Evidence) -> Found:
    """Z / sqrt(V) = b + theta sqrt(V), score Z and its variance V at OR 1: t of b (Harbord, Egger & Sterne 2006)."""
    with translated("Harbord", evidence.size):
        found = _pooled_counts(evidence).harbord_test(confidence_level=LEVEL)
    return {"statistic": found.statistic, "df": found.df, "p": found.pvalue, "slope": found.intercept}


def trim_and_fill(evidence: Evidence, method: str) -> Found:
    """Estimator L0, the side of an Egger regression by the same method (Duval & Tweedie 2000)."""
    with translated("trim and fill", evidence.size):
        found = _pooled(evidence, method).trim_and_fill(estimator="L0")
        adjusted = found.adjusted_result
    return {
        "estimate": adjusted.estimate, "se": adjusted.standard_error, "lower": adjusted.ci_low,
        "upper": adjusted.ci_high, "tau2": found.adjusted_tau2, "filled": float(found.k0), "side": found.side,
    }  # fmt: skip


def pet(evidence: Evidence) -> Found:
    """Effect of a trial without error, y = mu + b s: the limit of Egger's regression (Stanley & Doucouliagos 2014)."""
    return _limit(evidence, np.sqrt(evidence.variance))


def peese(evidence: Evidence) -> Found:
    """The same with the variance in place of the standard error, y = mu + b s^2."""
    return _limit(evidence, evidence.variance)


def _limit(evidence: Evidence, column: Array) -> Found:
    if evidence.size < LEAST:
        raise NotEstimableError(f"needs at least {LEAST} trials, here {evidence.size}")
    if np.ptp(column) <= 1e-12 * column.max():
        raise NotEstimableError("all standard errors are the same")
    # Weighted least squares is the common-effect regression, its variance times the dispersion Q / df of the residuals.
    matrix = np.column_stack([np.ones(evidence.size), column])
    fit = regression(evidence.y, evidence.variance, matrix, True, None, "wald")
    mu, slope = fit.coefficients["estimate"].to_numpy(dtype=float)
    df = evidence.size - 2
    se = float(np.sqrt(fit.coefficient_covariance.to_numpy()[0, 0] * fit.heterogeneity.q / df))
    if not se > 1e-12 * abs(mu):
        raise NotEstimableError("the line fits the effect sizes exactly")
    half_width = t_quantile(df) * se
    return {
        "statistic": mu / se, "df": df, "p": _two_sided(mu / se, df), "slope": slope, "estimate": mu, "se": se,
        "lower": mu - half_width, "upper": mu + half_width,
    }  # fmt: skip


def _two_sided(t: float, df: int) -> float:
    return float(2.0 * stdtr(df, -abs(t)))


def _pooled(evidence: Evidence, method: str) -> Any:
    from meta_analyze import meta_analysis

    given: dict[str, Any] = {"model": "common"} if method == "EE" else {"model": "random", "tau2_method": method}
    return meta_analysis(
        effect=evidence.y, variance=evidence.variance, confidence_level=LEVEL, atol=TOLERANCE, **given
    )  # fmt: skip


def _pooled_counts(evidence: Evidence) -> Any:
    from meta_analyze import meta_binary

    counts, _ = evidence.require_counts()
    return meta_binary(
        event_treat=counts[:, 0], n_treat=counts[:, 1], event_control=counts[:, 2], n_control=counts[:, 3],
        measure="OR", method="inverse_variance", model="common", confidence_level=LEVEL,
    )  # fmt: skip
