"""enthusiastic(odds_ratio)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log
from typing import ClassVar

from scipy.special import ndtri

from bayesmeta.priors.gaussian import GaussianPrior
from bayesmeta.priors.parameters import NOT_ONE


@dataclass(frozen=True)
class Enthusiastic(GaussianPrior):
    """Enthusiastic prior for an effect: normal about the stated odds ratio, with 5% on the other side of no effect.

    N(log(odds_ratio), (log(odds_ratio) / 1.645)^2), as wide as sceptical(odds_ratio) and its counterpart: the belief of
    someone who counts on the effect. Where the two posteriors agree, the trials have settled the question.

    Parameters
    ----------
    odds_ratio : float > 0, not 1: the effect that is counted on; below 1 where fewer events are wished.

    References
    ----------
    Spiegelhalter, Freedman & Parmar 1994, J R Stat Soc A 157:357, section 4; Spiegelhalter, Abrams & Myles 2004,
    Bayesian approaches to clinical trials and health-care evaluation, section 5.5.2.

    Examples
    --------
    >>> round(Enthusiastic(2).cdf(0.0), 3)
    0.05
    """

    odds_ratio: float = field(metadata=NOT_ONE)

    examples: ClassVar[tuple[str, ...]] = ("enthusiastic(2)", "enthusiastic(0.6)", "enthusiastic(1.1)")

    @property
    def gaussian(self) -> tuple[float, float]:
        effect = log(self.odds_ratio)
        return effect, abs(effect) / float(ndtri(0.95))
