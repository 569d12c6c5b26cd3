"""Is a published pooled result what these trials give, by which method, and to how many digits?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmeta.frequentist import Pools
from bayesmeta.tables import records, rows
from bayesmeta.trials import PublishedPool
from bayesmeta.types import Array, Json

MOST_DECIMALS = 2  # pooled odds ratios are printed to two


@dataclass(frozen=True, eq=False)
class Reproduction:
    """A published pooled result against every method.

    Attributes
    ----------
    table : one row a method and interval: method, interval, odds_ratio, lower, upper, decimals (how many decimals of
        all three printed figures agree; -1 where not even the whole numbers do), off (largest difference of the three
        on the log scale).
    possible : whether the table has as many trials as were pooled; without that nothing can be reproduced.
    sentence : the finding in words.
    """

    table: pd.DataFrame
    possible: bool
    sentence: str

    def to_dict(self) -> Json:
        """Plain data."""
        return {"possible": self.possible, "sentence": self.sentence, "methods": records(self.table)}


def reproduction(pools: Pools, published: PublishedPool) -> Reproduction:
    """Say whether a published pooled odds ratio is reproduced, under which method and to how many decimals.

    A result is reproduced to d decimals where estimate and both limits lie within half a unit of the d-th decimal of
    the printed figures.

    Parameters
    ----------
    pools : `pool(trials)`.
    published : the printed estimate with its interval.

    Returns
    -------
    Reproduction

    References
    ----------
    data/README.md (four printed results that tell RevMan's tau2 from DerSimonian and Laird's).

    Examples
    --------
    >>> import bayesmeta as bm
    >>> trials = bm.load("attachment/secure")
    >>> reproduction(bm.pool(trials), trials.published).possible
    False
    """
    printed = np.array([published.odds_ratio, *published.odds_ratio_interval])
    found = []
    for row in rows(pools.table):
        ours = np.exp([row.estimate, row.lower, row.upper])
        found.append(
            {
                "method": row.method,
                "interval": row.interval,
                "odds_ratio": ours[0],
                "lower": ours[1],
                "upper": ours[2],
                "decimals": _decimals(ours, printed),
                "off": float(np.max(np.abs(np.log(ours) - np.log(printed)))),
            }
        )
    table = pd.DataFrame(found)
    return Reproduction(table, pools.k == published.k, _sentence(table, pools.k, published))


def _decimals(ours: Array, printed: Array) -> int:
    # Half a unit of the decimal, and a little, so that the last bit does not decide on the edge of rounding.
    for decimals in range(MOST_DECIMALS, -1, -1):
        if np.all(np.abs(ours - printed) <= 0.5 * 10.0**-decimals + 1e-9):
            return decimals
    return -1


def _sentence(table: pd.DataFrame, k: int, published: PublishedPool) -> str:
    lower, upper = published.odds_ratio_interval
    printed = f"the published OR {published.odds_ratio:.2f} ({lower:.2f} to {upper:.2f}) of {published.k} trials"
    if k != published.k:
        trials = f"{k} trial{'s' if k != 1 else ''}"
        return f"Not a replication: the table has {trials}, {printed} cannot be reproduced from it."
    best = int(table["decimals"].max())
    if best == MOST_DECIMALS:
        found = table[table["decimals"] == best]
        methods = ", ".join(f"{row.method} ({row.interval})" for row in rows(found))
        return f"Reproduced: {printed} is what {methods} gives, to both printed decimals."
    nearest = table.iloc[int(np.argmin(table["off"]))]
    figures = f"{nearest['odds_ratio']:.2f} ({nearest['lower']:.2f} to {nearest['upper']:.2f})"
    digits = {1: "agrees to one decimal", 0: "agrees to whole numbers", -1: "does not agree"}[int(nearest["decimals"])]
    return (
        f"Not reproduced: no method gives {printed}. Nearest is {nearest['method']} ({nearest['interval']}) with"
        f" {figures}, which {digits}. Check the rows against the report, and whether it used other counts or another"
        " method."
    )
