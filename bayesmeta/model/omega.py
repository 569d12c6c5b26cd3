"""Priors of the relative probabilities of publication: the weights omega of a selection model."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

import numpy as np
from scipy.special import betainc, betaincinv, betaln

from bayesmeta.errors import PriorError
from bayesmeta.types import Array


@dataclass(frozen=True)
class ScaledBeta:
    """upper * Beta(a, b): what a stick has, and each weight by itself.

    Parameters
    ----------
    a, b : of the Beta distribution.
    upper : end of the support.
    """

    a: float
    b: float
    upper: float = 1.0

    def log_density(self, x: Array) -> Array:
        share = np.asarray(x, dtype=float) / self.upper
        with np.errstate(divide="ignore", invalid="ignore"):
            value = -betaln(self.a, self.b) - np.log(self.upper)
            value = value + (0.0 if self.a == 1.0 else (self.a - 1.0) * np.log(share))
            value = value + (0.0 if self.b == 1.0 else (self.b - 1.0) * np.log1p(-share))
        return np.where((share < 0.0) | (share > 1.0), -np.inf, value)

    def cdf(self, x: Array) -> Array:
        return np.asarray(betainc(self.a, self.b, np.clip(np.asarray(x) / self.upper, 0.0, 1.0)))

    def quantile(self, p: Array) -> Array:
        return np.asarray(self.upper * betaincinv(self.a, self.b, p))

    def draws(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return self.upper * rng.beta(self.a, self.b, size=shape)


@dataclass(frozen=True)
class OmegaPrior(ABC):
    """Prior of the weights omega_2 ... omega_J of a selection model; omega_1, of the most significant interval, is 1.

    All are made of independent sticks v_2 ... v_J: omega_j = v_j, or omega_j = v_2 ... v_j where `chained`.
    """

    @property
    @abstractmethod
    def text(self) -> str:
        """As it is written: parse_omega(prior.text) == prior."""

    @property
    def chained(self) -> bool:
        """Whether weights are products of sticks, so that they fall."""
        return False

    @abstractmethod
    def sticks(self, weights: int) -> tuple[ScaledBeta, ...]:
        """The distribution of each stick; none where the weights are known.

        Raises
        ------
        PriorError : a prior for another number of weights.
        """

    def marginal(self, weights: int, j: int) -> ScaledBeta:
        """The distribution of weight j (from 0) by itself."""
        return self.sticks(weights)[j]

    def weights_of(self, sticks: Array) -> Array:
        """Weights (..., J - 1) from sticks (..., J - 1)."""
        return np.cumprod(sticks, axis=-1) if self.chained else sticks

    def log_density(self, omega: Array) -> Array:
        """Log density of weights (..., J - 1): shape (...)."""
        before = np.concatenate([np.ones((*omega.shape[:-1], 1)), omega[..., :-1]], axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            sticks = omega / before if self.chained else omega
            value = sum(one.log_density(sticks[..., j]) for j, one in enumerate(self.sticks(omega.shape[-1])))
            return np.asarray(value - np.log(before).sum(axis=-1) if self.chained else value)

    def draws(self, weights: int, size: int, rng: np.random.Generator) -> Array:
        """(size, J - 1) independent draws."""
        sticks = [stick.draws((size,), rng) for stick in self.sticks(weights)]
        return self.weights_of(np.stack(sticks, axis=-1))

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class CumulativeDirichlet(OmegaPrior):
    """Weights that fall with p: omega_j = d_j + ... + d_J, d ~ Dirichlet(alpha).

    Parameters
    ----------
    alpha : J numbers, of the fall after each interval and, last, of what is left; empty for ones.

    References
    ----------
    Vevea & Woods 2005 made weights fall with p; Maier, Bartos & Wagenmakers 2023, Psychol Methods 28:107 (this prior).

    Examples
    --------
    >>> CumulativeDirichlet().marginal(2, 1)
    ScaledBeta(a=1.0, b=2.0, upper=1.0)
    """

    alpha: tuple[float, ...] = ()

    @property
    def text(self) -> str:
        return "cumulative_dirichlet" + (f"({', '.join(f'{a:.15g}' for a in self.alpha)})" if self.alpha else "")

    @property
    def chained(self) -> bool:
        return True

    def _alpha(self, weights: int) -> tuple[float, ...]:
        if self.alpha and len(self.alpha) != weights + 1:
            raise PriorError(
                f"omega prior {self.text}: {len(self.alpha)} numbers for {weights + 1} intervals of p. State one for"
                " each interval, or cumulative_dirichlet alone."
            )
        return self.alpha or (1.0,) * (weights + 1)

    def sticks(self, weights: int) -> tuple[ScaledBeta, ...]:
        alpha = self._alpha(weights)
        return tuple(ScaledBeta(sum(alpha[j + 1 :]), alpha[j]) for j in range(weights))

    def marginal(self, weights: int, j: int) -> ScaledBeta:
        alpha = self._alpha(weights)
        return ScaledBeta(sum(alpha[j + 1 :]), sum(alpha[: j + 1]))


@dataclass(frozen=True)
class IndependentUniform(OmegaPrior):
    """Weights by themselves, uniform on (0, upper): in any order, above 1 where upper is.

    Parameters
    ----------
    upper : > 0.
    """

    upper: float = 1.0

    @property
    def text(self) -> str:
        return f"uniform(0, {self.upper:.15g})"

    def sticks(self, weights: int) -> tuple[ScaledBeta, ...]:
        return (ScaledBeta(1.0, 1.0, self.upper),) * weights


@dataclass(frozen=True)
class IndependentBeta(OmegaPrior):
    """Weights by themselves, each Beta(a, b).

    Parameters
    ----------
    a, b : > 0.
    """

    a: float
    b: float

    @property
    def text(self) -> str:
        return f"beta({self.a:.15g}, {self.b:.15g})"

    def sticks(self, weights: int) -> tuple[ScaledBeta, ...]:
        return (ScaledBeta(self.a, self.b),) * weights


@dataclass(frozen=True)
class KnownWeights(OmegaPrior):
    """Weights that are known: a sensitivity analysis where the trials cannot tell (Vevea & Woods 2005).

    Parameters
    ----------
    weights : > 0, one for each interval but the most significant.

    References
    ----------
    Vevea & Woods 2005, Psychol Methods 10:428.
    """

    weights: tuple[float, ...]

    @property
    def text(self) -> str:
        return f"fixed({', '.join(f'{w:.15g}' for w in self.weights)})"

    def sticks(self, weights: int) -> tuple[ScaledBeta, ...]:
        if len(self.weights) != weights:
            raise PriorError(
                f"omega prior {self.text}: {len(self.weights)} weights for {weights + 1} intervals of p. State"
                f" {weights}: that of the most significant interval is 1."
            )
        return ()

    def log_density(self, omega: Array) -> Array:
        return np.zeros(omega.shape[:-1])

    def draws(self, weights: int, size: int, rng: np.random.Generator) -> Array:
        self.sticks(weights)
        return np.broadcast_to(np.array(self.weights), (size, weights)).copy()


def _uniform(numbers: tuple[float, ...]) -> OmegaPrior:
    low, high = (0.0, 1.0) if not numbers else (0.0, numbers[0]) if len(numbers) == 1 else numbers
    if low != 0.0 or not high > 0.0:
        raise ValueError
    return IndependentUniform(high)


def _positive(numbers: tuple[float, ...]) -> tuple[float, ...]:
    if not all(number > 0.0 for number in numbers):
        raise ValueError
    return numbers


def _beta(numbers: tuple[float, ...]) -> OmegaPrior:
    a, b = _positive(numbers)
    return IndependentBeta(a, b)


def _known(numbers: tuple[float, ...]) -> OmegaPrior:
    if not numbers:
        raise ValueError
    return KnownWeights(_positive(numbers))


def _dirichlet(numbers: tuple[float, ...]) -> OmegaPrior:
    if len(numbers) == 1:
        raise ValueError
    return CumulativeDirichlet(_positive(numbers))


#: Name to a reader of its numbers, and an example.
OMEGA_PRIORS: dict[str, tuple[Callable[[tuple[float, ...]], OmegaPrior], str]] = {
    "cumulative_dirichlet": (_dirichlet, "cumulative_dirichlet or cumulative_dirichlet(1, 1)"),
    "uniform": (_uniform, "uniform(0, 1)"),
    "beta": (_beta, "beta(1, 1)"),
    "fixed": (_known, "fixed(0.5)"),
}


def parse_omega(text: str) -> OmegaPrior:
    """Prior of the weights from its text.

    Raises
    ------
    PriorError : no such prior, or numbers that it cannot have.

    Examples
    --------
    >>> parse_omega("uniform(0, 1)")
    IndependentUniform(upper=1.0)
    """
    found = re.fullmatch(r"\s*([a-z_]+)\s*(?:\(([^()]*)\))?\s*", text)
    examples = ", ".join(example for _, example in OMEGA_PRIORS.values())
    if found is None or found[1] not in OMEGA_PRIORS:
        raise PriorError(f"omega prior {text!r}: there is no such. Known: {examples}.")
    read, example = OMEGA_PRIORS[found[1]]
    try:
        numbers = tuple(float(part) for part in (found[2] or "").split(",") if part.strip())
        if not all(isfinite(number) for number in numbers):
            raise ValueError
        return read(numbers)
    except ValueError:
        raise PriorError(f"omega prior {text!r}: these are no numbers for it. Write it like {example}.") from None
