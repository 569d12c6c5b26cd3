"""sceptical(odds_ratio)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log
from typing import ClassVar

from scipy.special import ndtri

from bayesmeta.priors.gaussian import GaussianPrior
from bayesmeta.priors.parameters import NOT_ONE


@dataclass(frozen=True)
class Sceptical(GaussianPrior):
    """Sceptical prior for an effect: normal about no effect, with 5% beyond the stated odds ratio.

    N(0, (log(odds_ratio) / 1.645)^2): the belief of someone who holds the hoped-for effect to be unlikely, 5%, and an
    effect as large in the other direction as well. If the posterior convinces even then, the trials do. 95% within
    1 / r and r, that is 2.5% on each side, is odds_ratio_within(r) instead.

    Parameters
    ----------
    odds_ratio : float > 0, not 1: the effect that is doubted. 0.5 and 2 give the same prior.

    References
    ----------
    Spiegelhalter, Freedman & Parmar 1994, J R Stat Soc A 157:357, section 4; Spiegelhalter, Abrams & Myles 2004,
    Bayesian approaches to clinical trials and health-care evaluation, section 5.5.2.

    Examples
    --------
    >>> round(Sceptical(2).survival(log(2)), 3)
    0.05
    >>> round(Sceptical(0.5).sd, 3)
    0.421
    """

    odds_ratio: float = field(metadata=NOT_ONE)

    examples: ClassVar[tuple[str, ...]] = ("sceptical(2)", "sceptical(0.6)", "sceptical(1.1)")

    @property
    def gaussian(self) -> tuple[float, float]:
        return 0.0, abs(log(self.odds_ratio)) / float(ndtri(0.95))
