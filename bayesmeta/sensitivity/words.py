"""Numbers in the sentences of this room."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd


def number(value: float) -> str:
    """A positive number in about three figures; two where it is small.

    Examples
    --------
    >>> [number(x) for x in (0.0312, 0.5, 1.8512, 25.23, 572.3, 1e7, math.inf)]
    ['0.031', '0.50', '1.85', '25.2', '572', '1.0e+07', 'infinity']
    """
    size = abs(value)
    if not math.isfinite(value):
        return "infinity" if value > 0 else "no number"
    if size >= 1e5 or 0 < size < 1e-4:
        return f"{value:.1e}"
    if 0 < size < 0.0995:
        return f"{value:.2g}"
    return f"{value:.{2 if size < 9.995 else 1 if size < 99.95 else 0}f}"


def ratio(log_ratio: float) -> str:
    """A log odds ratio as an odds ratio, also beyond the range of floats."""
    return number(math.exp(log_ratio)) if abs(log_ratio) < 700 else ("infinity" if log_ratio > 0 else "0")


def ratio_interval(median: float, lower: float, upper: float) -> str:
    """Log odds ratios as "1.85 (1.36 to 2.52)"."""
    return f"{ratio(median)} ({ratio(lower)} to {ratio(upper)})"


def effect_of(row: Mapping[Any, Any]) -> str:
    """The pooled effect of a row of a table, as `ratio_interval`."""
    return ratio_interval(row["median"], row["lower"], row["upper"])


def range_of(ratios: "pd.Series[float]") -> str:
    """The range of log odds ratios as odds ratios in words: "from 2.48 to 3.38"."""
    return between(ratio(float(ratios.min())), ratio(float(ratios.max())))


def probability(value: float) -> str:
    """Three decimals, never read as certainty, never rounded to the bound that decides.

    Examples
    --------
    >>> [probability(p) for p in (0.99991, 0.97502, 0.97498, 1e-7)]
    ['> 0.999', '0.9750', '0.9750', '< 0.001']
    """
    if value >= 0.9995:
        return "> 0.999"
    if value < 0.0005:
        return "< 0.001"
    near = any(abs(value - bound) < 5e-4 for bound in (0.025, 0.05, 0.95, 0.975))
    return f"{value:.{4 if near else 3}f}"


def listed(names: Sequence[str], most: int = 4) -> str:
    """Names in a sentence, the first few of many.

    Examples
    --------
    >>> listed(["A"]), listed(["A", "B", "C"]), listed(list("ABCDEF"), 2)
    ('A', 'A, B and C', 'A, B and 4 more')
    """
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def counted(n: int, what: str) -> str:
    """ "1 trial", "2 trials", "2 pairs of priors"."""
    first, *rest = what.split(" of ")
    return " of ".join([f"{n} {first}" if n == 1 else f"{n} {first}s", *rest])


def rounded(text: str) -> str:
    """A prior's text with its numbers in three figures.

    Examples
    --------
    >>> rounded("normal(0, 0.31234567)"), rounded("half_t(4, 12.3456)")
    ('normal(0, 0.312)', 'half_t(4, 12.3)')
    """
    return re.sub(r"(?<![\w.])\d+(?:\.\d+)?(?:e[-+]?\d+)?", lambda found: f"{float(found[0]):.3g}", text)


def between(low: str, high: str) -> str:
    """A range of numbers in words; one number where both read the same.

    Examples
    --------
    >>> between("0.87", "0.96"), between("> 0.999", "> 0.999")
    ('from 0.87 to 0.96', '> 0.999 throughout')
    """
    return f"{low} throughout" if low == high else f"from {low} to {high}"
