"""sqrt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bayesmeta.priors.base import Array, HeterogeneityPrior, ImproperPrior


@dataclass(frozen=True)
class Sqrt(ImproperPrior, HeterogeneityPrior):
    """Improper uniform prior for the square root of tau: p(tau) = tau^(-1/2).

    Unbounded at tau = 0, though integrable there, and falling more slowly than any proper prior: with a flat prior of
    mu it needs two trials. There are no Bayes factors.

    Parameters
    ----------
    None.

    References
    ----------
    Roever 2020, J Stat Softw 93(6), section 2.2.

    Examples
    --------
    >>> Sqrt().density([0.25, 1.0, 4.0])
    array([2. , 1. , 0.5])
    """

    examples: ClassVar[tuple[str, ...]] = ("sqrt",)
    proper_instead: ClassVar[str] = "half_normal(0.5)"

    @property
    def tail_exponent(self) -> float:
        return 0.5

    @property
    def pymc(self) -> None:
        return None

    def _log_density(self, tau: Array) -> Array:
        return -0.5 * np.log(tau)
