"""What every prior can do, and the register in which a family enters itself by being defined.

A family is a frozen dataclass in a file of its own: its fields are its parameters in the order of the text form, its
hooks (`_log_density`, `_cdf`, `_quantile` ...) are formulas on float arrays. Domain, scalars and refusals are dealt
with here, once. A family whose parameters are not numbers overrides `from_arguments` and `_checked`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import Field, dataclass, fields
from functools import lru_cache
from math import floor
from numbers import Real
from typing import Any, ClassVar, Self, overload

import numpy as np
from numpy.typing import NDArray

from bayesmeta.priors.parameters import ParameterError, number_text, numbers_by_name

type Array = NDArray[np.float64]
type Values = Sequence[float] | NDArray[np.floating[Any]] | NDArray[np.integer[Any]]

_REGISTER: dict[str, type[Prior]] = {}


@lru_cache(maxsize=1024)
def key(name: str) -> str:
    """The form in which names are compared: half_normal, Half-Normal and HalfNormal are one name."""
    return re.sub(r"[-_]", "", name).lower()


def register() -> dict[str, type[Prior]]:
    """Every family by its text name, in alphabetical order."""
    return dict(sorted(_REGISTER.items()))


@dataclass(frozen=True)
class Prior(ABC):
    """A prior distribution for one parameter.

    All functions take a number and return a float, or take an array and return an array of its shape.
    """

    #: The name in text form; snake_case of the class name unless the class says otherwise.
    text_name: ClassVar[str]
    #: What the prior is for, as messages call it; empty where it serves several parameters.
    role: ClassVar[str]
    #: Members of the family in text form: shown in messages and in the catalogue, and what the tests try.
    examples: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls, *, abstract: bool = False, text_name: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if abstract:
            return
        cls.text_name = text_name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
        if any(key(cls.text_name) == key(name) for name in _REGISTER):
            raise TypeError(f"two prior families are called {cls.text_name}")
        _REGISTER[cls.text_name] = cls

    def __post_init__(self) -> None:
        for parameter in fields(self):
            object.__setattr__(self, parameter.name, self._checked(parameter, getattr(self, parameter.name)))

    def _checked(self, parameter: Field[Any], value: object) -> object:
        """The value of a parameter as the family keeps it, here a float, or a refusal."""
        if isinstance(value, bool) or not isinstance(value, Real):
            raise self._refusal(f"{parameter.name} is {value!r}. It must be a number.")
        try:
            number = float(value) + 0.0  # -0.0 becomes 0.0
        except OverflowError:
            number = np.inf
        if not np.isfinite(number):
            raise self._refusal(f"{parameter.name} is {number_text(number)}. It must be finite.")
        wanted = parameter.metadata.get("must be")
        if wanted and not parameter.metadata["holds"](number):
            raise self._refusal(f"{parameter.name} is {number_text(number)}. It must be {wanted}.")
        return number

    def _refusal(self, finding: str) -> ParameterError:
        return ParameterError(f'{self.role} prior "{self.text}"'.lstrip(), finding)

    # Text

    @property
    def text(self) -> str:
        """The prior as it is written on the command line: parse_prior(prior.text) == prior."""
        values = [getattr(self, name) for name in self.parameters()]
        written = [number_text(v) if isinstance(v, float) else str(v) for v in values]
        return f"{self.text_name}({', '.join(written)})" if written else self.text_name

    def __str__(self) -> str:
        return self.text

    @classmethod
    def from_arguments(cls, arguments: Sequence[str]) -> Self:
        """The prior from the arguments of the text form, by position or as name=value.

        Raises
        ------
        ParameterError : arguments that do not fit the family.
        """
        return cls(**numbers_by_name(cls.text_name, cls.parameters(), cls.examples[0], arguments))

    @classmethod
    def parameters(cls) -> tuple[str, ...]:
        """Names of the parameters in the order of the text form."""
        return tuple(parameter.name for parameter in fields(cls) if not parameter.metadata.get("not written"))

    @classmethod
    def choices(cls) -> dict[str, tuple[str, ...]]:
        """For each parameter that is a name and not a number: the names that it may have."""
        return {}

    @classmethod
    def signature(cls) -> str:
        """The text form with the names of the parameters: half_t(df, scale)."""
        names = ", ".join(cls.parameters())
        return f"{cls.text_name}({names})" if names else cls.text_name

    @classmethod
    def summary(cls) -> str:
        """The first line of the family's description."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    # What a family states

    @property
    @abstractmethod
    def mean(self) -> float:
        """Expectation; inf or nan where there is none."""

    @property
    @abstractmethod
    def sd(self) -> float:
        """Standard deviation; inf or nan where there is none."""

    @property
    @abstractmethod
    def support(self) -> tuple[float, float]:
        """The interval outside which the density is zero."""

    @property
    @abstractmethod
    def pymc(self) -> tuple[str, dict[str, float]] | None:
        """Name and keyword parameters of the PyMC distribution with the same density; None where PyMC has none."""

    @property
    def proper(self) -> bool:
        """Whether the density integrates to one."""
        return True

    @property
    def warning(self) -> str:
        """What whoever uses this prior should be told; empty where there is nothing."""
        return ""

    @property
    def doubtful(self) -> str:
        """Why its numbers may not be those that were meant: a cell of a table that breaks its pattern; else empty."""
        return ""

    @property
    def breaks(self) -> tuple[float, ...]:
        """Points other than 0 where the density jumps or has a kink: an integrator needs a panel edge there."""
        return ()

    @abstractmethod
    def _log_density(self, x: Array) -> Array:
        """log p(x) for x within the support."""

    @abstractmethod
    def _cdf(self, x: Array) -> Array:
        """P(X <= x) for x within the support, with full relative accuracy where it is small."""

    @abstractmethod
    def _quantile(self, p: Array) -> Array:
        """The inverse of _cdf for p in [0, 1]."""

    def _survival(self, x: Array) -> Array:
        """P(X > x); a family overrides it where 1 - cdf cancels, that is wherever the tail is open."""
        return 1.0 - self._cdf(x)

    def _quantile_upper(self, q: Array) -> Array:
        """The inverse of _survival; a family overrides it as above."""
        return self._quantile(1.0 - q)

    # What follows

    @overload
    def log_density(self, x: float) -> float: ...
    @overload
    def log_density(self, x: Values) -> Array: ...
    def log_density(self, x: float | Values) -> float | Array:
        """Log of the density; -inf outside the support."""
        return self._within_support(self._log_density, x, below=-np.inf, above=-np.inf)

    @overload
    def density(self, x: float) -> float: ...
    @overload
    def density(self, x: Values) -> Array: ...
    def density(self, x: float | Values) -> float | Array:
        """Density; 0 outside the support."""
        return self._within_support(lambda inside: np.exp(self._log_density(inside)), x, below=0.0, above=0.0)

    @overload
    def cdf(self, x: float) -> float: ...
    @overload
    def cdf(self, x: Values) -> Array: ...
    def cdf(self, x: float | Values) -> float | Array:
        """P(X <= x)."""
        return self._within_support(self._cdf, x, below=0.0, above=1.0)

    @overload
    def survival(self, x: float) -> float: ...
    @overload
    def survival(self, x: Values) -> Array: ...
    def survival(self, x: float | Values) -> float | Array:
        """P(X > x), accurate where it is tiny."""
        return self._within_support(self._survival, x, below=1.0, above=0.0)

    @overload
    def quantile(self, p: float) -> float: ...
    @overload
    def quantile(self, p: Values) -> Array: ...
    def quantile(self, p: float | Values) -> float | Array:
        """The x with P(X <= x) = p.

        Raises
        ------
        PriorError : p outside [0, 1], or an improper prior.
        """
        return self._of_probability(self._quantile, p)

    @overload
    def quantile_upper(self, q: float) -> float: ...
    @overload
    def quantile_upper(self, q: Values) -> Array: ...
    def quantile_upper(self, q: float | Values) -> float | Array:
        """The x with P(X > x) = q, accurate where q is tiny: quantile(1 - q) without forming 1 - q.

        Raises
        ------
        PriorError : q outside [0, 1], or an improper prior.
        """
        return self._of_probability(self._quantile_upper, q)

    def draws(self, n: int, rng: np.random.Generator | int) -> Array:
        """n independent draws (n,), from a generator or a seed."""
        uniform = np.random.default_rng(rng).random(n)
        # random() may return 0 (never 1), whose quantile would be -inf for a prior on the whole line.
        return self.quantile(np.maximum(uniform, 2.0**-54))

    def _within_support(
        self, function: Callable[[Array], Array], x: float | Values, below: float, above: float
    ) -> float | Array:
        points = np.asarray(x, dtype=float)
        low, high = self.support
        # A tail beyond the range of floats is rightly 0 or inf, without a warning; "invalid" stays on: that is a fault.
        with np.errstate(over="ignore", under="ignore", divide="ignore"):
            inside = function(np.clip(points, low, high))
        result = np.where(points < low, below, np.where(points > high, above, inside))
        return float(result) if points.ndim == 0 else result

    def _of_probability(self, function: Callable[[Array], Array], p: float | Values) -> float | Array:
        points = np.asarray(p, dtype=float)
        outside = ~((points >= 0) & (points <= 1))  # also nan
        if outside.any():
            found = number_text(points[outside].flat[0])
            raise self._refusal(f"a quantile at probability {found} was asked for. It must be between 0 and 1.")
        with np.errstate(over="ignore", under="ignore", divide="ignore"):
            result = np.asarray(function(points), dtype=float)
        return float(result) if points.ndim == 0 else result


class ImproperPrior(Prior, abstract=True):
    """A density that does not integrate to one: it has no probabilities, and refuses whatever needs them."""

    #: The proper prior that a refusal offers.
    proper_instead: ClassVar[str]

    @property
    def proper(self) -> bool:
        return False

    @property
    def mean(self) -> float:
        return np.nan

    @property
    def sd(self) -> float:
        return np.inf

    def _cdf(self, x: Array) -> Array:
        raise self._refusal(
            "it is improper, so it has no probabilities, quantiles or draws. Use a proper prior, such as "
            f"{self.proper_instead}."
        )

    def _quantile(self, p: Array) -> Array:
        return self._cdf(p)


class HeterogeneityPrior(Prior, abstract=True):
    """A prior for tau, the standard deviation of the effects between trials: support within [0, inf)."""

    role = "tau"

    @property
    def support(self) -> tuple[float, float]:
        return 0.0, np.inf

    @property
    def tail_exponent(self) -> float:
        """The a with which the density falls as tau^-a far out, inf where faster: it decides which moments exist."""
        return np.inf

    @property
    def point(self) -> float | None:
        """The value at which all probability sits: tau is then known, and there is no density. None elsewhere."""
        return None

    @property
    def needs_standard_errors(self) -> bool:
        """Whether the density waits for the standard errors of the trials: see `given`."""
        return False

    def given(self, se: Values) -> HeterogeneityPrior:
        """This prior for trials with these standard errors (k,); itself where they do not enter.

        Raises
        ------
        PriorError : standard errors that are not positive and finite, or fewer than the prior needs.
        """
        return self

    def least_k(self, flat: int = 1) -> int:
        """The smallest number of trials with a proper posterior, when `flat` coefficients have a flat prior.

        p(y | tau) falls as tau^-(k - q): a factor 1 / tau for each trial, one back for each flat coefficient. A prior
        that falls as tau^-a is proper with it where a + k - q > 1. And k >= q: the trials must determine q.

        References
        ----------
        Gelman 2006, Bayesian Analysis 1:515, section 2; Roever 2020, J Stat Softw 93(6), section 2.

        Examples
        --------
        >>> from bayesmeta.priors import HalfNormal, ImproperUniform, Jeffreys
        >>> ImproperUniform().least_k(), Jeffreys().least_k(), HalfNormal(0.5).least_k()
        (3, 2, 1)
        """
        if self.tail_exponent > 1.0:
            return max(1, flat)
        return max(1, flat, floor(1.0 + flat - self.tail_exponent) + 1)


class EffectPrior(Prior, abstract=True):
    """A prior for an effect, a moderator's coefficient or a baseline: support on the whole line."""

    role = ""

    @property
    def support(self) -> tuple[float, float]:
        return -np.inf, np.inf

    @property
    def gaussian(self) -> tuple[float, float] | None:
        """Location and scale where the prior is normal, scale inf where it is flat, None elsewhere."""
        return None

    @property
    def tail_exponent(self) -> float:
        """The a with which the density falls as |x|^-a far out; inf where it falls faster than any power, 0 if flat."""
        return np.inf

    def as_normal_mixture(
        self, accuracy: float = 1e-9, over: tuple[float, float] | None = None
    ) -> tuple[Array, Array, Array] | None:
        """Weights, locations and scales (n,) of normal distributions whose mixture is this prior.

        Parameters
        ----------
        accuracy : relative, of the density, over the central 1 - 1e-8 of the prior. Mixtures of normals are exact.
        over : also over this range, however far out it lies.

        Returns
        -------
        Three arrays (n,), the weights with sum 1; None where the prior is no such mixture.
        """
        if self.gaussian is None or not self.proper:
            return None
        location, scale = self.gaussian
        return np.ones(1), np.array([location]), np.array([scale])
