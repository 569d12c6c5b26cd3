"""inverse_gamma(shape, scale[, tau])."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import Field, dataclass, field
from math import exp, log, sqrt
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import gammainc, gammaincc, gammainccinv, gammaincinv, gammaln

from bayesmeta.priors.base import Array, HeterogeneityPrior
from bayesmeta.priors.parameters import POSITIVE, number_of, number_text, quoted, values_by_name

#: On what the distribution is, with the power of tau that this is.
POWERS = {"tau2": 2.0, "tau": 1.0}


@dataclass(frozen=True)
class InverseGamma(HeterogeneityPrior):
    """Inverse-gamma prior for tau^2 (or for tau): p(x) = scale^shape x^(-shape - 1) exp(-scale / x) / Gamma(shape).

    On x = tau^2 unless `on` is "tau". It excludes tau = 0, and small values with it: how small is decided by the
    scale, not by the trials. inverse_gamma(0.001, 0.001) is not vague: with few trials its two numbers decide. It is
    here because published analyses used it, and, on tau, as the form of Bartos's empirical priors, where it serves
    beside a model without heterogeneity.

    Parameters
    ----------
    shape : float > 0.
    scale : float > 0, on the scale of tau^2 (of tau with on="tau").
    on : "tau2" (as in BUGS: a gamma prior of the precision 1 / tau^2) or "tau" (as in RoBMA).

    References
    ----------
    Gelman 2006, Bayesian Analysis 1:515, section 4.3; Lambert et al. 2005, Stat Med 24:2401 (why not as a vague
    prior); Bartos et al. 2023, Res Synth Methods 14:630 (on tau).

    Examples
    --------
    >>> round(InverseGamma(1.77, 0.55, "tau").quantile(0.5), 2)
    0.38
    >>> InverseGamma(1, 0.1).density(0.0)
    0.0
    """

    shape: float = field(metadata=POSITIVE)
    scale: float = field(metadata=POSITIVE)
    on: str = "tau2"

    examples: ClassVar[tuple[str, ...]] = (
        "inverse_gamma(1.77, 0.55, tau)",
        "inverse_gamma(1, 0.1)",
        "inverse_gamma(0.1, 0.1)",
        "inverse_gamma(3, 0.5, tau)",
    )

    def _checked(self, parameter: Field[Any], value: object) -> object:
        if parameter.name != "on":
            return super()._checked(parameter, value)
        if value not in POWERS:
            raise self._refusal(f"on is {quoted(str(value))}. It must be {' or '.join(POWERS)}.")
        return value

    @property
    def text(self) -> str:
        numbers = f"{_written(self.shape)}, {_written(self.scale)}"
        return f"{self.text_name}({numbers})" if self.on == "tau2" else f"{self.text_name}({numbers}, {self.on})"

    @classmethod
    def from_arguments(cls, arguments: Sequence[str]) -> Self:
        example = cls.examples[0]
        values = values_by_name(cls.text_name, cls.parameters(), example, arguments, least=2, kind="value")
        on = values.pop("on", "tau2").strip("'\"").lower()
        numbers = {name: number_of(cls.text_name, name, value, example) for name, value in values.items()}
        return cls(**numbers, on=on)

    @property
    def warning(self) -> str:
        low = self.quantile(0.01)
        return f"It excludes tau = 0, however alike the trials are: it puts 99% on tau above {low:.2g}."

    @property
    def _power(self) -> float:
        return POWERS[self.on]

    @property
    def mean(self) -> float:
        return self._moment(1.0)

    @property
    def sd(self) -> float:
        square = self._moment(2.0)
        return sqrt(max(square - self.mean**2, 0.0)) if np.isfinite(square) else np.inf

    def _moment(self, order: float) -> float:
        """E[tau^order] = scale^r Gamma(shape - r) / Gamma(shape) with r = order / power."""
        r = order / self._power
        if self.shape <= r:
            return np.inf
        return exp(r * log(self.scale) + float(gammaln(self.shape - r)) - float(gammaln(self.shape)))

    @property
    def tail_exponent(self) -> float:
        return self._power * self.shape + 1.0

    @property
    def pymc(self) -> tuple[str, dict[str, float]] | None:
        return ("InverseGamma", {"alpha": self.shape, "beta": self.scale}) if self.on == "tau" else None

    def _log_density(self, tau: Array) -> Array:
        positive = np.where(tau == 0.0, 1.0, tau)
        constant = log(self._power) + self.shape * log(self.scale) - float(gammaln(self.shape))
        value = constant - (self._power * self.shape + 1.0) * np.log(positive) - self.scale / positive**self._power
        return np.where(tau == 0.0, -np.inf, value)

    def _rate(self, tau: Array) -> Array:
        """scale / tau^power, which is gamma distributed."""
        return self.scale / tau**self._power

    def _cdf(self, tau: Array) -> Array:
        return gammaincc(self.shape, self._rate(tau))

    def _survival(self, tau: Array) -> Array:
        return gammainc(self.shape, self._rate(tau))

    def _quantile(self, p: Array) -> Array:
        return (self.scale / gammainccinv(self.shape, p)) ** (1.0 / self._power)

    def _quantile_upper(self, q: Array) -> Array:
        return (self.scale / gammaincinv(self.shape, q)) ** (1.0 / self._power)


def _written(value: object) -> str:
    """A number as in text form, anything else as it stands: a refusal quotes what was given."""
    return number_text(value) if isinstance(value, float) else str(value)
