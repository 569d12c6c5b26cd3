"""PyMetaAnalysis, which only this file and `asymmetry.py` call: arrays in, our `Estimate` out, its errors made ours.

The library costs 0.7 s to import (pandas and scipy.stats), so it is imported inside the functions.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from math import nan
from typing import Any

import numpy as np

from bayesmeta.errors import ConvergenceError
from bayesmeta.frequentist.evidence import Estimate, Evidence, NotEstimableError
from bayesmeta.frequentist.given_tau2 import predicted
from bayesmeta.frequentist.intervals import INTERVALS, LEVEL
from bayesmeta.types import Array

# Brent's method in the library stops at this absolute and relative change of tau2; its own default is 1e-10.
TOLERANCE = 1e-14


@contextmanager
def translated(method: str, size: int, reason: str = "") -> Iterator[None]:
    """Turn the library's errors into ours: no convergence is an error for the user, no answer a note (the reason)."""
    from meta_analyze import exceptions

    try:
        yield
    except exceptions.ConvergenceError as error:
        raise ConvergenceError(
            f"{method} on {size} effect sizes did not converge: {error} Expected a finite tau2. Look for an estimate "
            "or a standard error on the wrong scale; DL needs no iteration."
        ) from error
    except exceptions.MetaAnalysisError as error:
        raise NotEstimableError(reason or str(error)) from error


def common_effect(evidence: Evidence) -> tuple[Estimate, ...]:
    """Inverse-variance common-effect estimate, by PyMetaAnalysis."""
    from meta_analyze import meta_analysis

    with translated("EE", evidence.size):
        result = meta_analysis(
            effect=evidence.y, variance=evidence.variance, model="common", confidence_level=LEVEL, atol=TOLERANCE
        )
    return (_estimate(result, "wald"),)


def random_effects(evidence: Evidence, tau2_method: str) -> tuple[Estimate, ...]:
    """Random-effects estimate with tau2 by "DL", "PM" or "REML", with each interval, by PyMetaAnalysis.

    The prediction interval is ours, in metafor's default form (see `predicted`): the library takes t with k - 2 degrees
    of freedom.
    """
    from meta_analyze import meta_analysis

    estimates = []
    for interval in INTERVALS.values():
        with translated(tau2_method, evidence.size):
            result = meta_analysis(
                effect=evidence.y, variance=evidence.variance, model="random", tau2_method=tau2_method,
                ci_method=interval.library_name, confidence_level=LEVEL, atol=TOLERANCE,
            )  # fmt: skip
        tau2 = float(result.tau2)
        limits = predicted(result.estimate, result.standard_error, tau2, interval.quantile(evidence.size - 1))
        estimates.append(_estimate(result, interval.name, tau2, limits))
    return tuple(estimates)


def mantel_haenszel(evidence: Evidence) -> tuple[Estimate, ...]:
    """Mantel-Haenszel estimate of the common OR, RR or RD without corrections, by PyMetaAnalysis."""
    counts, _ = evidence.require_counts()
    return (mantel_haenszel_from_counts(counts, evidence.measure),)


def mantel_haenszel_from_counts(counts: Array, measure: str) -> Estimate:
    """Mantel-Haenszel from counts (k, 4). The library leaves out trials without events or with nothing but events, as
    RevMan does; they weigh nothing in an OR, but metafor counts trials with nothing but events in an RR.
    """
    from meta_analyze import meta_binary

    with translated("MH", len(counts), "a sum of cross products is zero, so there is no ratio or no standard error"):
        result = meta_binary(
            event_treat=counts[:, 0], n_treat=counts[:, 1], event_control=counts[:, 2], n_control=counts[:, 3],
            measure=measure, method="MH", confidence_level=LEVEL,
        )  # fmt: skip
    return _estimate(result, "wald")


def peto(evidence: Evidence) -> tuple[Estimate, ...]:
    """Peto's one-step common log odds ratio, by PyMetaAnalysis."""
    from meta_analyze import meta_binary

    counts, _ = evidence.require_counts()
    with translated("Peto", len(counts), "no trial has both events and non-events"):
        result = meta_binary(
            event_treat=counts[:, 0], n_treat=counts[:, 1], event_control=counts[:, 2], n_control=counts[:, 3],
            measure="OR", method="Peto", confidence_level=LEVEL,
        )  # fmt: skip
    return (_estimate(result, "wald"),)


def heterogeneity(y: Array, variance: Array) -> dict[str, float]:
    """Q about the inverse-variance mean with df and p, I2 = max(0, (Q - df) / Q) in percent, H2 = Q / df, Q-profile
    limits of tau2.

    Parameters
    ----------
    y, variance : (k,) effect sizes and sampling variances. With k < 2 all but Q and df are NaN.

    References
    ----------
    Higgins & Thompson 2002, Stat Med 21:1539; Viechtbauer 2007, Stat Med 26:37 (Q-profile).
    """
    from meta_analyze import meta_analysis

    if len(y) < 2:
        return {"Q": 0.0, "df": 0, "p": nan, "I2": nan, "H2": nan, "tau2_qp_lower": nan, "tau2_qp_upper": nan}
    with translated("Q", len(y)):
        common = meta_analysis(effect=y, variance=variance, model="common", atol=TOLERANCE)
    with translated("Q-profile", len(y)):
        random = meta_analysis(effect=y, variance=variance, model="random", tau2_method="DL", atol=TOLERANCE)
        limits = random.tau2_confidence_interval(confidence_level=LEVEL)
    return {
        "Q": float(common.q), "df": int(common.q_df), "p": float(common.q_pvalue), "I2": 100.0 * float(common.i2),
        "H2": float(common.h2), "tau2_qp_lower": float(limits.ci_low), "tau2_qp_upper": float(limits.ci_high),
    }  # fmt: skip


def regression(
    y: Array, variance: Array, matrix: Array, intercept: bool, tau2_method: str | None, interval: str
) -> Any:
    """PyMetaAnalysis's meta-regression on ready columns; tau2_method None is the common-effect regression."""
    from meta_analyze import meta_regression

    exact_fit = "the columns fit the effect sizes exactly, so the standard error of HKSJ is 0. Use wald."
    columns = {f"x{j}": matrix[:, j] for j in range(int(intercept), matrix.shape[1])}
    with translated(tau2_method or "EE", len(y), exact_fit if interval == "hksj" else ""):
        return meta_regression(
            effect=y, variance=variance, moderators=columns, intercept=intercept,
            model="common" if tau2_method is None else "mixed", tau2_method=tau2_method,
            inference_method=INTERVALS[interval].library_name, confidence_level=LEVEL, atol=TOLERANCE,
        )  # fmt: skip


def _estimate(result: Any, interval: str, tau2: float = nan, prediction: tuple[float, float] = (nan, nan)) -> Estimate:
    # A trial that the library sets aside (no events at all) has no weight there; here it weighs nothing.
    weights = np.nan_to_num(result.study_results["normalized_weight"].to_numpy(dtype=float), nan=0.0)
    return Estimate(
        interval, float(result.estimate), float(result.standard_error), float(result.ci_low), float(result.ci_high),
        weights, tau2, *prediction,
    )  # fmt: skip
