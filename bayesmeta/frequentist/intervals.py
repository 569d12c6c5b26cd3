"""The three intervals, one table row each: what multiplies the variance, and which quantile."""

from collections.abc import Callable
from dataclasses import dataclass

from scipy.special import ndtri, stdtrit

LEVEL = 0.95
UPPER_TAIL = 0.5 + LEVEL / 2.0


@dataclass(frozen=True)
class Interval:
    """How an interval is made from the inverse-variance fit.

    Parameters
    ----------
    name : as in the results.
    library_name : as PyMetaAnalysis calls it.
    factor : from Q(tau2) / df (the mean squared standardised residual) to what multiplies the usual variance.
    quantile : from the degrees of freedom to the critical value.
    """

    name: str
    library_name: str
    factor: Callable[[float], float]
    quantile: Callable[[int], float]


def normal_quantile(_df: int) -> float:
    """97.5% point of the standard normal, whatever the degrees of freedom."""
    return float(ndtri(UPPER_TAIL))


def t_quantile(df: int) -> float:
    """97.5% point of Student's t."""
    return float(stdtrit(df, UPPER_TAIL))


INTERVALS: dict[str, Interval] = {
    interval.name: interval
    for interval in (
        Interval("wald", "normal", lambda _: 1.0, normal_quantile),
        # Hartung & Knapp 2001; Sidik & Jonkman 2002
        Interval("hksj", "hartung_knapp", lambda ratio: ratio, t_quantile),
        # Knapp & Hartung 2003: a variance below the usual one is not believed
        Interval("hksj_adhoc", "hartung_knapp_adhoc", lambda ratio: max(1.0, ratio), t_quantile),
    )
}
