"""odds_ratio_within(ratio)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log
from typing import ClassVar

from scipy.special import ndtri

from bayesmeta.priors.gaussian import GaussianPrior
from bayesmeta.priors.parameters import ABOVE_ONE


@dataclass(frozen=True)
class OddsRatioWithin(GaussianPrior):
    """Normal prior for an effect with 95% for odds ratios between 1 / ratio and ratio: N(0, (log(ratio) / 1.96)^2).

    odds_ratio_within(250), that is normal(0, 2.82), is wide enough to let the data speak, and proper, so that trials
    with an empty arm need no correction; it also matches the effects of 37,773 Cochrane meta-analyses.

    Parameters
    ----------
    ratio : float > 1, an odds ratio.

    References
    ----------
    Guenhan, Roever & Friede 2020, Res Synth Methods 11:74.

    Examples
    --------
    >>> round(OddsRatioWithin(250).sd, 2)
    2.82
    >>> OddsRatioWithin(250).text
    'odds_ratio_within(250)'
    """

    ratio: float = field(metadata=ABOVE_ONE)

    examples: ClassVar[tuple[str, ...]] = ("odds_ratio_within(250)", "odds_ratio_within(10)", "odds_ratio_within(1.1)")

    @property
    def gaussian(self) -> tuple[float, float]:
        return 0.0, log(self.ratio) / float(ndtri(0.975))
