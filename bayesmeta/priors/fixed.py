"""fixed(tau)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from bayesmeta.priors.base import Array, HeterogeneityPrior
from bayesmeta.priors.parameters import NOT_NEGATIVE


@dataclass(frozen=True)
class Fixed(HeterogeneityPrior):
    """A known tau: all probability at one value.

    fixed(0) is the common-effect model. Other values show what a conclusion owes to heterogeneity: how it changes as
    tau is moved by hand. It has no density; an engine asks for its `point`.

    Parameters
    ----------
    tau : float >= 0, on the scale of tau (log odds ratio).

    References
    ----------
    Roever 2020, J Stat Softw 93(6) (conditional inference given tau).

    Examples
    --------
    >>> Fixed(0.3).point
    0.3
    >>> Fixed(0.3).quantile([0.025, 0.975])
    array([0.3, 0.3])
    """

    tau: float = field(metadata=NOT_NEGATIVE)

    examples: ClassVar[tuple[str, ...]] = ("fixed(0.3)", "fixed(0)")

    @property
    def point(self) -> float:
        return self.tau

    @property
    def mean(self) -> float:
        return self.tau

    @property
    def sd(self) -> float:
        return 0.0

    @property
    def support(self) -> tuple[float, float]:
        return self.tau, self.tau

    @property
    def pymc(self) -> None:
        return None

    def _log_density(self, tau: Array) -> Array:
        raise self._refusal("it is one value of tau, and has no density. Its value is prior.point.")

    def _cdf(self, tau: Array) -> Array:
        return np.where(np.isnan(tau), tau, 1.0)

    def _survival(self, tau: Array) -> Array:
        return np.where(np.isnan(tau), tau, 0.0)

    def _quantile(self, p: Array) -> Array:
        return np.full(np.shape(p), self.tau)
