"""mixture(weight, prior, weight, prior, ...)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import Field, dataclass
from functools import cached_property
from math import log
from typing import Any, ClassVar, Self

import numpy as np

from bayesmeta.errors import PriorError
from bayesmeta.priors.base import Array, EffectPrior
from bayesmeta.priors.parameters import ParameterError, number_of, number_text
from bayesmeta.priors.parse import parse_prior

TOLERANCE = 1e-9  # within which weights must have sum 1


@dataclass(frozen=True)
class Mixture(EffectPrior):
    """Mixture of priors for an effect: p(x) = sum_j weight_j p_j(x).

    With an informative part and a wide one it is robust: mixture(0.9, normal(0.6, 0.2), 0.1, normal(0, 2.82)) follows
    earlier evidence while the trials agree with it, and lets go of it where they do not.

    Parameters
    ----------
    weights : of the components, positive, with sum 1.
    components : proper priors of an effect, one for each weight. In text: mixture(weight, prior, weight, prior, ...).

    References
    ----------
    Schmidli et al. 2014, Biometrics 70:1023 (robust meta-analytic-predictive priors); O'Hagan & Pericchi 2012, Braz J
    Probab Stat 26:372.

    Examples
    --------
    >>> from bayesmeta.priors import Normal
    >>> prior = Mixture((0.9, 0.1), (Normal(0.6, 0.2), Normal(0, 2.82)))
    >>> prior.text
    'mixture(0.9, normal(0.6, 0.2), 0.1, normal(0, 2.82))'
    >>> round(prior.cdf(0.0), 4)
    0.0512
    """

    weights: tuple[float, ...]
    components: tuple[EffectPrior, ...]

    examples: ClassVar[tuple[str, ...]] = (
        "mixture(0.9, normal(0.6, 0.2), 0.1, normal(0, 2.82))",
        "mixture(0.5, student_t(4, 0, 0.58), 0.5, mixture(0.5, normal(-3, 0.1), 0.5, sceptical(2)))",
        "mixture(1, normal(0, 1))",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.weights) != len(self.components) or not self.weights:
            raise self._refusal(f"it has {len(self.weights)} weights and {len(self.components)} priors.")
        total = sum(self.weights)
        if abs(total - 1.0) > TOLERANCE:
            raise self._refusal(f"the weights have the sum {total:.6g}. It must be 1.")

    def _checked(self, parameter: Field[Any], value: object) -> object:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise self._refusal(f"{parameter.name} are no list.")
        if parameter.name == "weights":
            weights = tuple(super(Mixture, self)._checked(parameter, weight) for weight in value)
            for weight in weights:
                if not (isinstance(weight, float) and weight > 0):
                    raise self._refusal(f"a weight is {weight}. It must be positive.")
            return weights
        for prior in value:
            if not isinstance(prior, EffectPrior) or not prior.proper:
                raise self._refusal(f"{prior} cannot be mixed. Mix proper priors of an effect, such as normal(0, 1).")
        return tuple(value)

    @property
    def text(self) -> str:
        parts: list[str] = []
        for weight, prior in zip(_listed(self.weights), _listed(self.components), strict=False):
            parts += [number_text(weight) if isinstance(weight, float) else str(weight), str(prior)]
        return f"{self.text_name}({', '.join(parts)})"

    @classmethod
    def signature(cls) -> str:
        return f"{cls.text_name}(weight, prior, weight, prior, ...)"

    @classmethod
    def from_arguments(cls, arguments: Sequence[str]) -> Self:
        write = f"Write it as {cls.examples[0]}."
        if not arguments or len(arguments) % 2:
            finding = f"{cls.text_name} takes weights and priors in turn; {len(arguments)} arguments are given. {write}"
            raise ParameterError(f"prior {cls.text_name}", finding)
        weights, components = [], []
        for weight, prior in zip(arguments[::2], arguments[1::2], strict=True):
            weights.append(number_of(cls.text_name, "a weight", weight, cls.examples[0]))
            try:
                components.append(parse_prior(prior, "mu"))
            except PriorError as error:
                raise ParameterError(f"prior {cls.text_name}", f"in it, {error}") from None
        return cls(tuple(weights), tuple(components))  # type: ignore[arg-type]

    @property
    def mean(self) -> float:
        return float(sum(share * prior.mean for share, prior in self._leaves))

    @property
    def sd(self) -> float:
        if not all(np.isfinite(prior.sd) for _, prior in self._leaves):
            return np.inf
        return float(
            np.sqrt(sum(share * (prior.sd**2 + (prior.mean - self.mean) ** 2) for share, prior in self._leaves))
        )

    @property
    def breaks(self) -> tuple[float, ...]:
        return tuple(sorted({point for prior in self.components for point in prior.breaks}))

    @property
    def warning(self) -> str:
        return " ".join(dict.fromkeys(prior.warning for prior in self.components if prior.warning))

    @property
    def pymc(self) -> None:
        return None

    @property
    def gaussian(self) -> tuple[float, float] | None:
        return self.components[0].gaussian if len(self.components) == 1 else None

    @property
    def tail_exponent(self) -> float:
        return min(prior.tail_exponent for _, prior in self._leaves)

    def as_normal_mixture(
        self, accuracy: float = 1e-9, over: tuple[float, float] | None = None
    ) -> tuple[Array, Array, Array] | None:
        parts = [(share, prior.as_normal_mixture(accuracy, over)) for share, prior in self._leaves]
        known = [(share, part) for share, part in parts if part is not None]
        if len(known) < len(parts):
            return None
        return (
            np.concatenate([share * part[0] for share, part in known]),
            np.concatenate([part[1] for _, part in known]),
            np.concatenate([part[2] for _, part in known]),
        )

    @cached_property
    def _leaves(self) -> tuple[tuple[float, EffectPrior], ...]:
        """Shares and priors, those of mixtures within this one taken apart."""
        total = sum(self.weights)
        found: list[tuple[float, EffectPrior]] = []
        for weight, prior in zip(self.weights, self.components, strict=True):
            inner = prior._leaves if isinstance(prior, Mixture) else ((1.0, prior),)
            found += [(weight / total * share, leaf) for share, leaf in inner]
        return tuple(found)

    def _mixed(self, values: Callable[[EffectPrior], Array]) -> Array:
        """The weighted sum of a function of the parts."""
        return np.asarray(sum(share * values(prior) for share, prior in self._leaves))

    def _log_density(self, x: Array) -> Array:
        terms = np.stack([log(share) + prior._log_density(x) for share, prior in self._leaves])
        largest = terms.max(axis=0)
        finite = np.where(np.isinf(largest), 0.0, largest)
        return np.asarray(finite + np.log(np.exp(terms - finite).sum(axis=0)))

    def _cdf(self, x: Array) -> Array:
        return self._mixed(lambda prior: prior._cdf(x))

    def _survival(self, x: Array) -> Array:
        return self._mixed(lambda prior: prior._survival(x))

    def _quantile(self, p: Array) -> Array:
        return self._solved(p, upper=False)

    def _quantile_upper(self, q: Array) -> Array:
        return self._solved(q, upper=True)

    def _solved(self, p: Array, upper: bool) -> Array:
        """x with probability p beyond it (upper) or up to it, by Newton steps between the quantiles of the parts."""
        shape, p = np.shape(p), np.ravel(p)
        ends = [prior._quantile_upper(p) if upper else prior._quantile(p) for _, prior in self._leaves]
        low, high = np.min(ends, axis=0), np.max(ends, axis=0)
        answer = np.where(np.isinf(high), high, low)
        # What is left to find; a point that has arrived leaves, so that its answer does not depend on the others.
        left = np.flatnonzero((low < high) & np.isfinite(low) & np.isfinite(high))
        p, low, high = p[left], low[left], high[left]
        # The smaller of the two tails has all its digits, and in its logarithm the search is nearly straight.
        far = p > 0.5
        wanted, sign = np.where(far, 1.0 - p, p), np.where(far == upper, 1.0, -1.0)
        x = 0.5 * (low + high)
        for _ in range(100):
            mass = np.where(sign > 0, self._cdf(x), self._survival(x))
            above = sign * (mass - wanted) > 0
            low, high = np.where(above, low, x), np.where(above, x, high)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                scale = mass / np.exp(self._log_density(x))
                new = x - sign * scale * np.log(mass / wanted)
            new = np.where((new >= low) & (new <= high), new, 0.5 * (low + high))
            # The mass itself has no more digits than this, or neighbouring numbers have been reached.
            exact = np.abs(mass - wanted) <= 1e-15 * wanted
            arrived = exact | (np.abs(new - x) <= 2.0 * np.spacing(np.abs(x)))
            x = np.where(exact, x, new)
            answer[left] = x
            if arrived.all():
                break
            going = ~arrived
            left = left[going]
            x, low, high, wanted, sign = (values[going] for values in (x, low, high, wanted, sign))
        return answer.reshape(shape)


def _listed(value: object) -> Sequence[object]:
    """A sequence as it is, anything else as one element: a refusal quotes what was given."""
    return value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
