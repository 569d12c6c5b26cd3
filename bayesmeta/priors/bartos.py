"""bartos(subfield)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from bayesmeta.priors.empirical import Cell, EmpiricalHeterogeneityPrior
from bayesmeta.priors.inverse_gamma import InverseGamma


@dataclass(frozen=True)
class Bartos(EmpiricalHeterogeneityPrior):
    """Bartos's empirical prior for the tau of log odds ratios: tau ~ inverse-gamma(shape, scale) by medical subfield.

    From the Cochrane database; bartos(cochrane), inverse_gamma(1.77, 0.55, tau), is for any subfield, and a default of
    RoBMA. It excludes tau = 0: it was made to stand beside a model without heterogeneity, and is odd alone.
    bartos_effect(subfield) is its prior of the effect.

    Parameters
    ----------
    subfield : name of the Cochrane group, such as common_mental_disorders; `Bartos.choices()` lists them. Or cochrane.

    References
    ----------
    Bartos et al. 2023, Res Synth Methods 14:630.

    Examples
    --------
    >>> Bartos("cochrane").stands_for
    InverseGamma(shape=1.77, scale=0.55, on='tau')
    """

    subfield: str

    file: ClassVar[str] = "bartos.csv"
    examples: ClassVar[tuple[str, ...]] = (
        "bartos(cochrane)",
        "bartos(developmental_psychosocial_learning)",
        "bartos(acute_respiratory_infections)",
    )

    @classmethod
    def cells(cls) -> dict[tuple[str, ...], Cell]:
        return {names: row for names, row in super().cells().items() if row["tau_shape"]}

    @classmethod
    def choices(cls) -> dict[str, tuple[str, ...]]:
        return {"subfield": tuple(names[0] for names in cls.cells())}

    @cached_property
    def stands_for(self) -> InverseGamma:
        """The inverse-gamma distribution of tau."""
        cell = self._cell()
        return InverseGamma(float(cell["tau_shape"]), float(cell["tau_scale"]), "tau")

    @property
    def warning(self) -> str:
        return f"{super().warning} {self.stands_for.warning}".lstrip()
