"""What the priors share that are made from the standard errors of the trials: jeffreys, dumouchel and their kin.

Such a prior is a name until it meets trials: `prior.given(se)` is the same prior with a density.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import Field, dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from bayesmeta.priors.base import Array, HeterogeneityPrior, Values
from bayesmeta.priors.parameters import number_text
from bayesmeta.priors.tabulated import Tabulated


@dataclass(frozen=True)
class ReferencePrior(HeterogeneityPrior, abstract=True):
    """A prior for tau that depends on the standard errors of the trials.

    `standard_errors` is empty until `given` fills it; it is no part of the text form.
    """

    standard_errors: tuple[float, ...] = field(default=(), repr=False, metadata={"not written": True})

    #: What an improper one offers instead; also how many trials the formula itself needs.
    proper_instead: ClassVar[str] = "half_normal(0.5)"
    trials_needed: ClassVar[int] = 1

    def _checked(self, parameter: Field[Any], value: object) -> object:
        try:
            se = np.array(value, dtype=float)
        except (TypeError, ValueError):
            se = np.array(np.nan)
        if se.ndim != 1:
            raise self._refusal(f"it takes no numbers; {self.text_name} has its scale from the standard errors.")
        bad = ~((se > 0.0) & (se < np.inf))
        if bad.any():
            position = int(np.argmax(bad))
            raise self._refusal(
                f"standard error {position + 1} is {number_text(se[position])}. It must be positive and finite."
            )
        if 0 < len(se) < self.trials_needed:
            raise self._refusal(f"it is defined from {self.trials_needed} trials on; {len(se)} is given.")
        return tuple(se.tolist())

    @property
    def needs_standard_errors(self) -> bool:
        return not self.standard_errors

    def given(self, se: Values) -> Self:
        prior = replace(self, standard_errors=tuple(np.asarray(se, dtype=float).ravel().tolist()))
        prior._se()
        return prior

    def _se(self) -> Array:
        """The standard errors (k,), or a refusal."""
        if not self.standard_errors:
            raise self._refusal(
                "it depends on the standard errors of the trials, and has none yet: prior.given(se) has a density."
            )
        return np.array(self.standard_errors)

    @property
    def pymc(self) -> None:
        return None

    def _log_density(self, tau: Array) -> Array:
        self._se()
        finite = np.where(np.isinf(tau), 1.0, tau)
        return np.where(np.isinf(tau), -np.inf, self._formula(finite))

    @abstractmethod
    def _formula(self, tau: Array) -> Array:
        """log p(tau) for finite tau."""

    @cached_property
    def _smallest(self) -> float:
        return float(self._se().min())

    @cached_property
    def _squares(self) -> Array:
        """(s_i / s)^2 with s the smallest standard error: (k,)."""
        return (self._se() / self._smallest) ** 2

    def _in_units(self, tau: Array) -> tuple[Array, Array, Array]:
        """x = tau / s, c = sqrt(1 + x^2), and the ratios (s^2 + tau^2) / (s_i^2 + tau^2), (..., k) and at most 1.

        With s the smallest standard error, s_i^2 + tau^2 = s^2 c^2 / ratio_i: neither small nor large tau overflow.
        """
        x = tau / self._smallest
        c = np.hypot(1.0, x)
        ratio = np.multiply.outer(c**-2.0, self._squares)
        ratio += ((x / c) ** 2)[..., None]
        return x, c, np.reciprocal(ratio, out=ratio)


class NormalisedPrior(ReferencePrior, abstract=True):
    """A reference prior whose constant, cdf and quantiles are found by quadrature.

    Its density rises as tau near 0 and falls as tau^-2.
    """

    @property
    def mean(self) -> float:
        return np.inf

    @property
    def sd(self) -> float:
        return np.inf

    @property
    def tail_exponent(self) -> float:
        return 2.0

    @abstractmethod
    def _unnormalised(self, tau: Array) -> Array:
        """log of the density up to its constant, for finite tau."""

    @cached_property
    def _table(self) -> Tabulated:
        se = self._se()
        return Tabulated(self._unnormalised, float(se.min()), float(se.max()))

    @cached_property
    def log_constant(self) -> float:
        """Log of the integral of the unnormalised density."""
        return self._table.log_mass

    def _formula(self, tau: Array) -> Array:
        return self._unnormalised(tau) - self.log_constant

    def _cdf(self, tau: Array) -> Array:
        return self._table.cdf(tau)

    def _survival(self, tau: Array) -> Array:
        return self._table.survival(tau)

    def _quantile(self, p: Array) -> Array:
        return self._table.quantile(p)

    def _quantile_upper(self, q: Array) -> Array:
        return self._table.quantile_upper(q)
