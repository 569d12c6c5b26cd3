"""unit_information."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bayesmeta.priors.gaussian import GaussianPrior


@dataclass(frozen=True)
class UnitInformation(GaussianPrior):
    """Unit-information prior for a log odds ratio: N(0, 4^2), as much as one participant tells.

    A log odds ratio from a trial of n participants, half of them with the event and half in each arm, has variance 16 /
    n. For a log risk ratio the unit-information prior is normal(0, 2).

    Parameters
    ----------
    None.

    References
    ----------
    Kass & Wasserman 1995, J Am Stat Assoc 90:928; Roever 2020, J Stat Softw 93(6), section 3.

    Examples
    --------
    >>> UnitInformation().gaussian
    (0.0, 4.0)
    """

    examples: ClassVar[tuple[str, ...]] = ("unit_information",)

    @property
    def gaussian(self) -> tuple[float, float]:
        return 0.0, 4.0
