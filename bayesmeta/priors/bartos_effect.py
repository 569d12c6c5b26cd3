"""bartos_effect(subfield)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from bayesmeta.priors.base import Array, EffectPrior
from bayesmeta.priors.empirical import EmpiricalPrior
from bayesmeta.priors.student_t import StudentT


@dataclass(frozen=True)
class BartosEffect(EmpiricalPrior, EffectPrior):
    """Bartos's empirical prior for a pooled log odds ratio: Student-t about no effect, by medical subfield.

    From the Cochrane database; bartos_effect(cochrane), student_t(4, 0, 0.58), is for any subfield, and a default of
    RoBMA. bartos(subfield) is its prior of the heterogeneity.

    Parameters
    ----------
    subfield : name of the Cochrane group; `BartosEffect.choices()` lists them. Or cochrane.

    References
    ----------
    Bartos et al. 2023, Res Synth Methods 14:630.

    Examples
    --------
    >>> BartosEffect("developmental_psychosocial_learning").stands_for
    StudentT(df=5.0, location=0.0, scale=0.83)
    """

    subfield: str

    file: ClassVar[str] = "bartos.csv"
    examples: ClassVar[tuple[str, ...]] = (
        "bartos_effect(cochrane)",
        "bartos_effect(developmental_psychosocial_learning)",
    )

    @cached_property
    def stands_for(self) -> StudentT:
        """The Student-t distribution of the effect."""
        cell = self._cell()
        return StudentT(float(cell["effect_df"]), float(cell["effect_location"]), float(cell["effect_scale"]))

    @property
    def tail_exponent(self) -> float:
        return self.stands_for.tail_exponent

    def as_normal_mixture(
        self, accuracy: float = 1e-9, over: tuple[float, float] | None = None
    ) -> tuple[Array, Array, Array]:
        return self.stands_for.as_normal_mixture(accuracy, over)
