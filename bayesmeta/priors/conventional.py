"""conventional."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import ClassVar

import numpy as np

from bayesmeta.priors.base import Array
from bayesmeta.priors.reference import NormalisedPrior


@dataclass(frozen=True)
class Conventional(NormalisedPrior):
    """The conventional prior for tau: p(tau) ~ tau prod_i (s_i^2 + tau^2)^(-3 / (2k)), normalised.

    A proper variation of Berger and Deely's, meant for tests and the choice of models: it falls as tau^-2. Its constant
    is found by quadrature, to 1e-14.

    Parameters
    ----------
    standard_errors : of the trials, set by `prior.given(se)`; not part of the text form.

    References
    ----------
    Berger & Deely 1988, J Am Stat Assoc 83:364; Roever 2020, J Stat Softw 93(6), section 2.2.

    Examples
    --------
    >>> round(Conventional().given([0.5, 0.5]).quantile(0.5), 3)
    0.866
    """

    examples: ClassVar[tuple[str, ...]] = ("conventional",)

    def _unnormalised(self, tau: Array) -> Array:
        x, c, ratio = self._in_units(tau)
        return np.log(x) - 3.0 * np.log(c) - 2.0 * log(self._smallest) + 1.5 * np.log(ratio).mean(axis=-1)
