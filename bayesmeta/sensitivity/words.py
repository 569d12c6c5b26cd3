"""Words of this room: effects and their ranges, and probabilities next to the bounds that decide."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bayesmeta import wording
from bayesmeta.wording import between, ratio, spanned

BOUNDS = (0.025, 0.05, 0.95, 0.975)


def ratio_interval(median: float, lower: float, upper: float) -> str:
    """Log odds ratios as "1.85 (1.36 to 2.52)"."""
    return spanned(median, lower, upper, ratio)


def effect_of(row: Mapping[Any, Any]) -> str:
    """The pooled effect of a row of a table, as `ratio_interval`."""
    return ratio_interval(row["median"], row["lower"], row["upper"])


def range_of(ratios: "pd.Series[float]") -> str:
    """The range of log odds ratios as odds ratios in words: "from 2.48 to 3.38"."""
    return between(ratio(float(ratios.min())), ratio(float(ratios.max())))


def runs(ratios: "pd.Series[float]") -> str:
    """The same with its verb: "runs from 2.48 to 3.38", "is 2.48 throughout"; "is 2.48" where there is but one."""
    return verb(range_of(ratios)) if len(ratios) > 1 else f"is {ratio(float(ratios.iloc[0]))}"


def verb(spread: str) -> str:
    """A range in words, as `wording.between` has it, with the verb that it takes.

    Examples
    --------
    >>> verb("from 0.87 to 0.96"), verb("0.87 throughout")
    ('runs from 0.87 to 0.96', 'is 0.87 throughout')
    """
    return f"{'runs' if spread.startswith('from ') else 'is'} {spread}"


def probability(value: float) -> str:
    """As `wording.probability`, never rounded to a bound that decides.

    Examples
    --------
    >>> [probability(p) for p in (0.99991, 0.97502, 0.97498, 1e-7)]
    ['> 0.999', '0.9750', '0.9750', '< 0.001']
    """
    return wording.probability(value, BOUNDS)
