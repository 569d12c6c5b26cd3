"""bartos_2021(subfield)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from bayesmeta.priors.empirical import LOG_ODDS_RATIO_PER_SMD, EmpiricalHeterogeneityPrior, for_smds
from bayesmeta.priors.inverse_gamma import InverseGamma


@dataclass(frozen=True)
class Bartos2021(EmpiricalHeterogeneityPrior, text_name="bartos_2021"):
    """Bartos's empirical prior for the tau of standardised mean differences: inverse-gamma(shape, scale) by subfield.

    From the Cochrane database; bartos_2021(cochrane), inverse_gamma(1.71, 0.4, tau), is for any subfield. For log odds
    ratios tau is pi / sqrt(3) = 1.81 times as large: the warning says which prior that is, and bartos(subfield) has the
    later table of odds ratios. It excludes tau = 0: it was made to stand beside a model without heterogeneity.
    bartos_2021_effect(subfield) is its prior of the effect.

    Parameters
    ----------
    subfield : name of the Cochrane group, such as oral_health; `Bartos2021.choices()` lists them. Or cochrane.

    References
    ----------
    Bartos et al. 2021, Stat Med 40:6743; Chinn 2000, Stat Med 19:3127 (pi / sqrt(3)).

    Examples
    --------
    >>> Bartos2021("oral_health").stands_for
    InverseGamma(shape=1.79, scale=0.28, on='tau')
    >>> Bartos2021("cochrane").warning.partition(". ")[0]
    'It is for standardised mean differences; for log odds ratios write inverse_gamma(1.71, 0.726, tau)'
    """

    subfield: str

    file: ClassVar[str] = "bartos2021.csv"
    examples: ClassVar[tuple[str, ...]] = (
        "bartos_2021(cochrane)",
        "bartos_2021(developmental_psychosocial_learning)",
        "bartos_2021(oral_health)",
    )

    @cached_property
    def stands_for(self) -> InverseGamma:
        """The inverse-gamma distribution of tau."""
        cell = self._cell()
        return InverseGamma(float(cell["tau_shape"]), float(cell["tau_scale"]), "tau")

    @property
    def warning(self) -> str:
        scale = round(self.stands_for.scale * LOG_ODDS_RATIO_PER_SMD, 3)
        smd = for_smds(InverseGamma(self.stands_for.shape, scale, "tau"))
        return f"{super().warning} {smd} {self.stands_for.warning}".lstrip()
