"""jeffreys."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import ClassVar

import numpy as np

from bayesmeta.priors.base import Array, ImproperPrior
from bayesmeta.priors.reference import ReferencePrior


@dataclass(frozen=True)
class Jeffreys(ImproperPrior, ReferencePrior):
    """Jeffreys prior for tau with mu fixed: p(tau) = sqrt(sum_i (tau / (s_i^2 + tau^2))^2). Improper.

    Tibshirani's non-informative prior, and the reference prior of Berger and Bernardo for this model: the square root
    of the Fisher information of tau alone. It is 0 at tau = 0 and falls as 1 / tau: with a flat prior of mu it needs
    two trials. There are no Bayes factors.

    Parameters
    ----------
    standard_errors : of the trials, set by `prior.given(se)`; not part of the text form.

    References
    ----------
    Tibshirani 1989, Biometrika 76:604; Bodnar, Link & Elster 2016, Bayesian Analysis 11:25; Roever 2020, J Stat Softw
    93(6), section 2.2; Mathur 2025, Res Synth Methods ("Jeffreys1").

    Examples
    --------
    >>> round(Jeffreys().given([0.5, 0.5]).density(0.5), 6)
    1.414214
    >>> Jeffreys().least_k()
    2
    """

    examples: ClassVar[tuple[str, ...]] = ("jeffreys",)

    @property
    def tail_exponent(self) -> float:
        return 1.0

    def _formula(self, tau: Array) -> Array:
        x, c, ratio = self._in_units(tau)
        squares = np.asarray(np.einsum("...k,...k->...", ratio, ratio), dtype=float)
        return np.log(x) - 2.0 * np.log(c) - log(self._smallest) + 0.5 * np.log(squares)
