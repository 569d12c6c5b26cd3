"""What a pooling method receives and what it hands back: plain arrays in, one `Estimate` an interval out."""

from dataclasses import dataclass, field
from math import nan

import numpy as np

from bayesmeta.types import Array, Booleans


class NotEstimableError(Exception):
    """A method has no answer on these trials; `pool` leaves its rows out and says why in a note."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """The trials as arrays.

    Parameters
    ----------
    y, variance : (m,) effect sizes after the zero-cell rule, and their sampling variances.
    counts : (k, 4) events treated, total treated, events control, total control, uncorrected; None when a trial has
        none.
    effect_counts : (m, 4) the rows of `counts` that y and variance belong to (a zero-cell rule may drop trials); None
        likewise.
    measure : "OR", "RR" or "RD".
    """

    y: Array
    variance: Array
    counts: Array | None = None
    effect_counts: Array | None = None
    measure: str = "OR"

    @property
    def size(self) -> int:
        """Number of effect sizes."""
        return len(self.y)

    def require_counts(self) -> tuple[Array, Array]:
        """Counts of all trials and counts behind the effect sizes, or the reason why not."""
        if self.counts is None or self.effect_counts is None:
            raise NotEstimableError("needs the counts of every trial")
        return self.counts, self.effect_counts


@dataclass(frozen=True, eq=False)
class Estimate:
    """A pooled effect with one kind of interval; NaN where a figure does not exist."""

    interval: str
    estimate: float
    se: float
    lower: float
    upper: float
    weights: Array = field(default_factory=lambda: np.empty(0))  # of the trials used, summing to 1
    tau2: float = nan
    prediction_lower: float = nan
    prediction_upper: float = nan
    note: str = ""


def informative(counts: Array) -> Booleans:
    """Which trials have events and non-events, (k,); the others say nothing about an odds ratio."""
    events = counts[:, 0] + counts[:, 2]
    return np.asarray((events > 0) & (events < counts[:, 1] + counts[:, 3]))
