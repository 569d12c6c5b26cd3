"""i2."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from bayesmeta.priors.uniform_ratio import UniformRatioPrior


@dataclass(frozen=True)
class I2(UniformRatioPrior):
    """Uniform prior for I^2 = tau^2 / (sh^2 + tau^2): p(tau) = 2 tau sh^2 / (sh^2 + tau^2)^2.

    sh^2 = (k - 1) sum w_i / ((sum w_i)^2 - sum w_i^2) with w_i = 1 / s_i^2 is the typical variance within trials.
    Proper, 0 at tau = 0, with its median at sh; the precision of the trials enters it. Defined from two trials on.

    Parameters
    ----------
    standard_errors : of the trials, set by `prior.given(se)`; not part of the text form.

    References
    ----------
    Higgins & Thompson 2002, Stat Med 21:1539, equation 9 (the typical variance); Roever 2020, J Stat Softw 93(6),
    section 2.2.

    Examples
    --------
    >>> I2().given([0.5, 0.5]).quantile(0.5)
    0.5
    """

    examples: ClassVar[tuple[str, ...]] = ("i2",)
    trials_needed: ClassVar[int] = 2

    @cached_property
    def scale(self) -> float:
        """sh."""
        weight = np.sort((self._smallest / self._se()) ** 2)
        # (sum w)^2 - sum w^2 = 2 sum_(i < j) w_i w_j, which does not cancel where one trial has nearly all weight
        pairs = 2.0 * float(weight[1:] @ np.cumsum(weight)[:-1])
        return self._smallest * float(np.sqrt((len(weight) - 1) * weight.sum() / pairs))
