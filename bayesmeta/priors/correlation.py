"""The prior of a correlation: lkj(eta), uniform(low, high), fixed(rho)."""

from dataclasses import dataclass
from math import log

import numpy as np
from scipy.special import betaln

from bayesmeta.errors import PriorError
from bayesmeta.priors.base import Array
from bayesmeta.priors.parameters import number_text
from bayesmeta.priors.parse import FORM

REMEDY = "Write uniform(-1, 1), lkj(2) or fixed(0)."


@dataclass(frozen=True)
class CorrelationPrior:
    """Prior of the correlation rho of two random effects: (rho - low) / (high - low) ~ Beta(eta, eta).

    On (-1, 1) this is the LKJ prior of a 2 x 2 correlation matrix, p(rho) ~ (1 - rho^2)^(eta - 1); eta = 1 is uniform,
    larger ones lean towards 0. low = high is a known correlation.

    Parameters
    ----------
    low, high : ends of the support, within [-1, 1].
    eta : at least 1.

    References
    ----------
    Lewandowski, Kurowicka & Joe 2009, J Multivar Anal 100:1989; Burke, Bujkiewicz & Riley 2018, Stat Methods Med Res
    27:428 (priors of the between-study correlation matter where few trials report both outcomes).

    Examples
    --------
    >>> round(CorrelationPrior.of("lkj(2)").density(0.0), 6)
    0.75
    >>> str(CorrelationPrior.of("uniform(-1, 0)")), CorrelationPrior.of("fixed(-0.5)").point
    ('uniform(-1, 0)', -0.5)
    """

    low: float = -1.0
    high: float = 1.0
    eta: float = 1.0

    def __post_init__(self) -> None:
        if not -1.0 <= self.low <= self.high <= 1.0 or (self.low == self.high and abs(self.low) == 1.0):
            ends = f"{number_text(self.low)} to {number_text(self.high)}"
            raise PriorError(f"rho prior: {ends}. A correlation lies between -1 and 1. {REMEDY}")
        if not 1.0 <= self.eta < np.inf:
            raise PriorError(
                f"rho prior: eta is {number_text(self.eta)}. It must be at least 1: below, the prior piles up at"
                f" perfect correlations. {REMEDY}"
            )

    @classmethod
    def of(cls, text: "str | CorrelationPrior") -> "CorrelationPrior":
        """The prior that a text states.

        Raises
        ------
        PriorError : no such prior, or impossible numbers.
        """
        if isinstance(text, CorrelationPrior):
            return text
        found = FORM.fullmatch(text.strip()) if isinstance(text, str) else None
        name = found["name"].lower() if found else ""
        wanted = {"uniform": 2, "lkj": 1, "fixed": 1}.get(name)
        try:
            numbers = [float(part) for part in (found["arguments"] or "").split(",")] if found else []
        except ValueError:
            numbers = []
        if wanted is None or len(numbers) != wanted or not np.all(np.isfinite(numbers)):
            raise PriorError(f'rho prior "{text}": no such prior of a correlation. {REMEDY}')
        if name == "lkj":
            return cls(eta=numbers[0])
        if name == "uniform" and numbers[0] >= numbers[1]:
            raise PriorError(f'rho prior "{text}": its ends are in the wrong order. {REMEDY}')
        return cls(numbers[0], numbers[-1])

    def __str__(self) -> str:
        if self.point is not None:
            return f"fixed({number_text(self.point)})"
        if (self.low, self.high) == (-1.0, 1.0) and self.eta != 1.0:
            return f"lkj({number_text(self.eta)})"
        return f"uniform({number_text(self.low)}, {number_text(self.high)})"

    @property
    def point(self) -> float | None:
        """The correlation where it is known, else None."""
        return self.low if self.low == self.high else None

    def density(self, rho: float) -> float:
        """Density at one correlation."""
        return float(np.exp(self.log_density(np.array([rho]))[0]))

    def log_density(self, rho: Array) -> Array:
        """Log of the density; -inf outside of the support."""
        width = self.high - self.low
        share = (np.asarray(rho, dtype=float) - self.low) / width
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = (self.eta - 1.0) * (np.log(share) + np.log1p(-share)) if self.eta != 1.0 else np.zeros(share.shape)
        constant = float(betaln(self.eta, self.eta)) + log(width)
        return np.where((share >= 0.0) & (share <= 1.0), inside - constant, -np.inf)

    def draws(self, n: int, rng: np.random.Generator) -> Array:
        """Independent draws."""
        return self.low + (self.high - self.low) * rng.beta(self.eta, self.eta, n)
