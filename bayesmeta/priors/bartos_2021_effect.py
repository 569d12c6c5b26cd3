"""bartos_2021_effect(subfield)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from bayesmeta.priors.base import Array, EffectPrior
from bayesmeta.priors.empirical import LOG_ODDS_RATIO_PER_SMD, EmpiricalPrior, for_smds
from bayesmeta.priors.student_t import StudentT


@dataclass(frozen=True)
class Bartos2021Effect(EmpiricalPrior, EffectPrior, text_name="bartos_2021_effect"):
    """Bartos's empirical prior for a pooled standardised mean difference: Student-t about no effect, by subfield.

    From the Cochrane database; bartos_2021_effect(cochrane), student_t(5, 0, 0.43), is for any subfield. A log odds
    ratio is pi / sqrt(3) = 1.81 times as large: the warning says which prior that is, and bartos_effect(subfield) has
    the later table of odds ratios. bartos_2021(subfield) is its prior of the heterogeneity.

    Parameters
    ----------
    subfield : name of the Cochrane group; `Bartos2021Effect.choices()` lists them. Or cochrane.

    References
    ----------
    Bartos et al. 2021, Stat Med 40:6743; Chinn 2000, Stat Med 19:3127 (pi / sqrt(3)).

    Examples
    --------
    >>> Bartos2021Effect("oral_health").stands_for
    StudentT(df=5.0, location=0.0, scale=0.51)
    >>> Bartos2021Effect("cochrane").warning
    'It is for standardised mean differences; for log odds ratios write student_t(5, 0, 0.78).'
    """

    subfield: str

    file: ClassVar[str] = "bartos2021.csv"
    examples: ClassVar[tuple[str, ...]] = (
        "bartos_2021_effect(cochrane)",
        "bartos_2021_effect(developmental_psychosocial_learning)",
    )

    @cached_property
    def stands_for(self) -> StudentT:
        """The Student-t distribution of the effect."""
        cell = self._cell()
        return StudentT(float(cell["effect_df"]), float(cell["effect_location"]), float(cell["effect_scale"]))

    @property
    def warning(self) -> str:
        found = self.stands_for
        location, scale = (round(x * LOG_ODDS_RATIO_PER_SMD, 3) for x in (found.location, found.scale))
        return f"{super().warning} {for_smds(StudentT(found.df, location, scale))}".lstrip()

    @property
    def tail_exponent(self) -> float:
        return self.stands_for.tail_exponent

    def as_normal_mixture(
        self, accuracy: float = 1e-9, over: tuple[float, float] | None = None
    ) -> tuple[Array, Array, Array]:
        return self.stands_for.as_normal_mixture(accuracy, over)
