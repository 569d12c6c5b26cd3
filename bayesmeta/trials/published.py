"""A pooled result as a review printed it."""

import math
from dataclasses import dataclass

from bayesmeta.errors import DataError

#: 97.5% point of the standard normal distribution, as far as published intervals need it.
Z_975 = 1.959963984540054


@dataclass(frozen=True)
class PublishedPool:
    """A published pooled odds ratio with its 95% confidence interval, kept on the log scale.

    se = (upper - lower) / (2 * 1.96): the interval is taken to be Wald's, symmetric on the log scale.

    Parameters
    ----------
    outcome : what was counted.
    k : number of trials pooled.
    estimate, lower, upper : log odds ratios.
    year : of publication.
    source : who printed it, and where.

    Raises
    ------
    DataError : limits that do not enclose the estimate, or k < 1.

    Examples
    --------
    >>> pool = PublishedPool.from_odds_ratio("secure attachment", 26, 1.85, 1.36, 2.52, 2023, "Wright 2023")
    >>> round(pool.se, 3), round(pool.odds_ratio, 2)
    (0.157, 1.85)
    """

    outcome: str
    k: int
    estimate: float
    lower: float
    upper: float
    year: int
    source: str

    def __post_init__(self) -> None:
        if not self.lower < self.estimate < self.upper or not math.isfinite(self.upper - self.lower):
            limits = f"{self.lower:.4g} to {self.upper:.4g}"
            raise DataError(f"published pool of {self.outcome}: {self.estimate:.4g} does not lie inside {limits}.")
        if self.k < 1:
            raise DataError(f"published pool of {self.outcome}: k = {self.k}. A pool has at least one trial.")

    @classmethod
    def from_odds_ratio(
        cls, outcome: str, k: int, estimate: float, lower: float, upper: float, year: int, source: str
    ) -> "PublishedPool":
        """From odds ratios as printed."""
        if not 0 < lower <= estimate <= upper:
            found = f"published pool of {outcome}: odds ratio {estimate} ({lower} to {upper})"
            raise DataError(f"{found}. Expected 0 < lower < estimate < upper.")
        return cls(outcome, k, math.log(estimate), math.log(lower), math.log(upper), year, source)

    @property
    def se(self) -> float:
        """Standard error of the log odds ratio that the interval implies."""
        return (self.upper - self.lower) / (2 * Z_975)

    @property
    def odds_ratio(self) -> float:
        """exp(estimate)."""
        return math.exp(self.estimate)

    @property
    def odds_ratio_interval(self) -> tuple[float, float]:
        """exp(lower), exp(upper)."""
        return math.exp(self.lower), math.exp(self.upper)
