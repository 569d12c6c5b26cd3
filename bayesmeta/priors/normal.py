"""normal(location, scale)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from bayesmeta.priors.gaussian import GaussianPrior
from bayesmeta.priors.parameters import POSITIVE


@dataclass(frozen=True)
class Normal(GaussianPrior):
    """Normal prior for an effect: p(x) = exp(-((x - location) / scale)^2 / 2) / (scale sqrt(2 pi)).

    normal(0, 4) is the unit-information prior of a log odds ratio: it weighs as much as one participant, and puts 95%
    on odds ratios between 1/2500 and 2500. normal(0, 1) suits a moderator's coefficient: 95% on ratios of odds ratios
    between 1/7 and 7.

    Parameters
    ----------
    location : float, on the scale of the effect (log odds ratio).
    scale : float > 0, standard deviation on the same scale.

    References
    ----------
    Roever 2020, J Stat Softw 93(6) (unit information).

    Examples
    --------
    >>> Normal(0, 4).sd
    4.0
    >>> round(Normal(0, 4).quantile(0.975), 3)
    7.84
    """

    location: float
    scale: float = field(metadata=POSITIVE)

    examples: ClassVar[tuple[str, ...]] = ("normal(0, 4)", "normal(0, 1)", "normal(-0.35, 0.02)")

    @property
    def gaussian(self) -> tuple[float, float]:
        return self.location, self.scale
