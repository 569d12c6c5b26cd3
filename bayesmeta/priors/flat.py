"""flat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bayesmeta.priors.base import Array, EffectPrior, ImproperPrior


@dataclass(frozen=True)
class Flat(ImproperPrior, EffectPrior):
    """Flat prior for an effect: p(x) = 1 on the whole line. Improper.

    The posterior may be improper too: with few trials, or where every trial has an empty arm. The marginal likelihood
    has an arbitrary constant, so there are no Bayes factors; and there is no distribution to draw from.

    Parameters
    ----------
    None.

    References
    ----------
    Roever 2020, J Stat Softw 93(6) (the improper uniform prior of an effect).

    Examples
    --------
    >>> Flat().log_density([-100.0, 0.0, 100.0])
    array([0., 0., 0.])
    >>> Flat().proper
    False
    """

    examples: ClassVar[tuple[str, ...]] = ("flat",)
    proper_instead: ClassVar[str] = "normal(0, 4)"

    @property
    def gaussian(self) -> tuple[float, float]:
        return 0.0, np.inf

    @property
    def pymc(self) -> tuple[str, dict[str, float]]:
        return "Flat", {}

    @property
    def tail_exponent(self) -> float:
        return 0.0

    def _log_density(self, x: Array) -> Array:
        return np.where(np.isnan(x), x, 0.0)
