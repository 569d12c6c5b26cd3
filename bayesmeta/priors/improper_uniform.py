"""improper_uniform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bayesmeta.priors.base import Array, HeterogeneityPrior, ImproperPrior


@dataclass(frozen=True)
class ImproperUniform(ImproperPrior, HeterogeneityPrior):
    """Improper uniform prior for tau: p(tau) = 1 on [0, inf).

    What R's bayesmeta calls "uniform". With a flat prior of mu it needs three trials, with a proper one two; with few
    trials it leads to very wide intervals. There are no Bayes factors. uniform(low, high) is the proper one.

    Parameters
    ----------
    None.

    References
    ----------
    Gelman 2006, Bayesian Analysis 1:515; Roever 2020, J Stat Softw 93(6), section 2.2.

    Examples
    --------
    >>> ImproperUniform().density([0.0, 1.0, 100.0])
    array([1., 1., 1.])
    >>> ImproperUniform().least_k()
    3
    """

    examples: ClassVar[tuple[str, ...]] = ("improper_uniform",)
    proper_instead: ClassVar[str] = "half_normal(0.5)"

    @property
    def tail_exponent(self) -> float:
        return 0.0

    @property
    def pymc(self) -> tuple[str, dict[str, float]]:
        return "HalfFlat", {}

    def _log_density(self, tau: Array) -> Array:
        return np.where(np.isnan(tau), tau, 0.0)
