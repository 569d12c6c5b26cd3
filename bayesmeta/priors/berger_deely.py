"""berger_deely."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import ClassVar

import numpy as np

from bayesmeta.priors.base import Array, ImproperPrior
from bayesmeta.priors.reference import ReferencePrior


@dataclass(frozen=True)
class BergerDeely(ImproperPrior, ReferencePrior):
    """Berger and Deely's prior for tau: p(tau) = tau prod_i (s_i^2 + tau^2)^(-1/k). Improper.

    The geometric mean of the Jeffreys priors of the single trials, and the Jeffreys prior itself up to a constant where
    all standard errors are the same. With a flat prior of mu it needs two trials. There are no Bayes factors.

    Parameters
    ----------
    standard_errors : of the trials, set by `prior.given(se)`; not part of the text form.

    References
    ----------
    Berger & Deely 1988, J Am Stat Assoc 83:364; Roever 2020, J Stat Softw 93(6), section 2.2.

    Examples
    --------
    >>> BergerDeely().given([0.5, 0.5]).density(0.5)
    1.0
    """

    examples: ClassVar[tuple[str, ...]] = ("berger_deely",)

    @property
    def tail_exponent(self) -> float:
        return 1.0

    def _formula(self, tau: Array) -> Array:
        x, c, ratio = self._in_units(tau)
        return np.log(x) - 2.0 * np.log(c) - log(self._smallest) + np.log(ratio).mean(axis=-1)
