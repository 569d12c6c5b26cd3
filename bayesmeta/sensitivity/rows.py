"""The columns that every table of this room has: pooled effect, new setting, heterogeneity, probabilities."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayesmeta.errors import ModelError
from bayesmeta.posterior import Posterior
from bayesmeta.sensitivity.asked import names_asked, names_beside
from bayesmeta.types import Array

LEVELS = np.array([0.025, 0.5, 0.975])
#: Log odds ratios, then tau, then probabilities: what an engine computes.
COMPUTED = (
    *("lower", "median", "upper"),
    *("new_lower", "new_median", "new_upper"),
    *("tau_lower", "tau", "tau_upper"),
    *("above", "new_above"),
)
RATIOS = {
    "odds_ratio": "median",
    "odds_ratio_lower": "lower",
    "odds_ratio_upper": "upper",
    "new_odds_ratio": "new_median",
    "new_odds_ratio_lower": "new_lower",
    "new_odds_ratio_upper": "new_upper",
}
#: Of every table: pooled effect and new setting (log odds ratios), tau, P(OR > 1) and P of the wished direction (NaN if
#: nobody said what is wished) of both, whether the 95% interval leaves out OR 1, and the odds ratios.
COLUMNS = (*COMPUTED, "wished", "new_wished", "leaves_out_1", *RATIOS)

Row = dict[str, float]


def row_of(posterior: Posterior) -> Row:
    """The computed columns of one posterior, and of its other parameters each the median, `_lower` and `_upper`."""
    effect = posterior.effect()
    new = tau = None
    try:
        of_tau, of_new = names_asked(posterior)
        new, tau = posterior[of_new], posterior[of_tau]
    except ModelError:  # no trial is left of the level whose tau is asked about
        pass
    unknown = [np.nan] * len(LEVELS)
    quantiles = [unknown if one is None else one.quantile(LEVELS) for one in (effect, new, tau)]
    above = [np.nan if one is None else one.probability(above=0.0) for one in (effect, new)]
    row = dict(zip(COMPUTED, map(float, [*np.concatenate(quantiles), *above])))
    for name in names_beside(posterior):
        row |= dict(zip(beside(name), map(float, posterior[name].quantile(LEVELS))))
    return row


def beside(name: str) -> tuple[str, str, str]:
    """The columns of a parameter that only some models have, in the order of LEVELS."""
    return f"{name}_lower", name, f"{name}_upper"


def completed(rows: Mapping[str, Array] | Sequence[Row], direction: str) -> pd.DataFrame:
    """The table of COLUMNS from the computed ones, then what else the rows have."""
    if isinstance(rows, Mapping):
        own = {name: np.asarray(values, dtype=float) for name, values in rows.items()}
    else:
        names = dict.fromkeys([*COMPUTED, *(name for row in rows for name in row)])
        own = {name: np.array([row.get(name, np.nan) for row in rows], dtype=float) for name in names}
    table = {name: own[name] for name in COMPUTED}
    for name in ("above", "new_above"):
        unknown = np.full(len(table[name]), np.nan)
        wished = {"higher": table[name], "lower": 1.0 - table[name]}.get(direction, unknown)
        table[name.replace("above", "wished")] = wished
    with np.errstate(over="ignore"):
        ratios = {name: np.exp(table[of]) for name, of in RATIOS.items()}
    leaves_out: dict[str, Any] = {"leaves_out_1": (table["lower"] > 0.0) | (table["upper"] < 0.0)}
    others = {name: values for name, values in own.items() if name not in COMPUTED}
    return pd.DataFrame(table | leaves_out | ratios | others)[[*COLUMNS, *others]]


def conclusions(lower: "pd.Series[float]", upper: "pd.Series[float]") -> Array:
    """What a 95% interval says: +1 above OR 1, -1 below it, 0 where it takes in OR 1."""
    return np.where(lower > 0.0, 1, np.where(upper < 0.0, -1, 0))


def conclusion(row: Mapping[str, float]) -> int:
    """The same of one row."""
    return 1 if row["lower"] > 0.0 else -1 if row["upper"] < 0.0 else 0
