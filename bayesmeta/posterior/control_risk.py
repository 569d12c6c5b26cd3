"""The risk in the control arm: stated as a number or as a distribution, of one trial, or of a new setting."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
from scipy.special import betainc, betaincinv, expit, logit

from bayesmeta.errors import ModelError, PriorError
from bayesmeta.posterior.marginal import Marginal
from bayesmeta.priors import EffectPrior, parse_prior
from bayesmeta.types import Array

NEW_SETTING = "new_setting"
Z_975 = 1.959963984540054
# Gauss-Legendre nodes in probability, on each of these pieces.
POINTS, FEWER = 64, 24
PIECES = np.array([0.0, 1e-8, 1e-5, 1e-3, 0.03, 0.2, 0.5, 0.8, 0.97, 1 - 1e-3, 1 - 1e-5, 1 - 1e-8, 1.0])
NUMBER = r"\s*([-+.\deE]+)\s*"
ESTIMATE = re.compile(rf"{NUMBER}\({NUMBER}(?:to|,){NUMBER}\)\s*")
BETA = re.compile(rf"beta\({NUMBER},{NUMBER}\)\s*", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class ControlRisk:
    """A control risk with its uncertainty.

    Attributes
    ----------
    text : what it is.
    quantile, cdf : of its log odds.

    Examples
    --------
    >>> risk = stated("beta(20, 80)")
    >>> [round(float(value), 3) for value in risk.interval(0.95)], round(risk.mean, 3)
    ([0.128, 0.283], 0.2)
    """

    text: str
    quantile: Callable[[Array], Array]
    cdf: Callable[[Array], Array]

    @classmethod
    def of(cls, text: str, log_odds: Marginal) -> "ControlRisk":
        """From the posterior of its log odds."""
        return cls(text, log_odds.quantile, log_odds.cdf)

    @property
    def median(self) -> float:
        """The risk with half of the probability on each side."""
        return float(expit(self.quantile(np.array([0.5])))[0])

    @cached_property
    def mean(self) -> float:
        """Expected risk."""
        log_odds, weight = self.nodes()
        return float(weight @ expit(log_odds))

    @cached_property
    def sd(self) -> float:
        """Standard deviation of the risk."""
        log_odds, weight = self.nodes()
        return float(np.sqrt(weight @ (expit(log_odds) - self.mean) ** 2))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Central interval of the risk."""
        lower, upper = expit(self.quantile(np.array([0.5 - level / 2.0, 0.5 + level / 2.0])))
        return float(lower), float(upper)

    def nodes(self, points: int = FEWER) -> tuple[Array, Array]:
        """Log odds (N,) and weights (N,) that sum to one: E[f] is the weighted sum of f."""
        probability, share = probability_nodes(points)
        return np.asarray(self.quantile(probability)), share


def probability_nodes(points: int = POINTS) -> tuple[Array, Array]:
    """Probabilities (N,) and weights (N,) of the integral over (0, 1), dense at both ends."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    half = 0.5 * np.diff(PIECES)[:, None]
    probability = np.clip((PIECES[:-1, None] + half * (1.0 + nodes)).ravel(), 1e-13, 1.0 - 1e-13)
    return probability, (half * weights).ravel()


def stated(text: str) -> ControlRisk:
    """A control risk from text.

    Parameters
    ----------
    text : "beta(20, 80)"; "0.2 (0.13 to 0.29)", an estimate with its 95% interval, normal on the log odds;
        or a prior of the log odds, such as "normal(-1.4, 0.3)".

    Raises
    ------
    ModelError : none of these.

    Examples
    --------
    >>> round(stated("0.2 (0.1 to 0.36)").median, 6)
    0.2
    """
    if not isinstance(text, str):
        raise _unreadable(text)
    if found := BETA.fullmatch(text.strip()):
        return _beta(text, *_numbers(text, found))
    if found := ESTIMATE.fullmatch(text.strip()):
        return _estimate(text, *_numbers(text, found))
    try:
        prior = cast(EffectPrior, parse_prior(text, "baseline"))
    except PriorError:
        prior = None
    if prior is None or not prior.proper:
        raise _unreadable(text)
    return ControlRisk(text, prior.quantile, prior.cdf)


def _unreadable(text: object) -> ModelError:
    return ModelError(
        f"control risk {text!r}: cannot be read. Give a number between 0 and 1, beta(20, 80), 0.2 (0.1 to 0.3), a"
        f" proper prior of its log odds such as normal(-1.4, 0.3), {NEW_SETTING}, or the name of a study."
    )


def _numbers(text: str, found: re.Match[str]) -> list[float]:
    try:
        return [float(number) for number in found.groups()]
    except ValueError:
        raise _unreadable(text) from None


def _beta(text: str, events: float, others: float) -> ControlRisk:
    if not (0.0 < events < np.inf and 0.0 < others < np.inf):
        raise ModelError(f"control risk {text!r}: both numbers of a beta distribution must be positive.")

    def quantile(p: Array) -> Array:
        p = np.asarray(p, dtype=float)
        # Each tail from its own end, so that neither is rounded to 0 or 1.
        low, high = betaincinv(events, others, p), betaincinv(others, events, 1.0 - p)
        return np.asarray(np.where(low < 0.5, logit(low), -logit(high)))

    return ControlRisk(text, quantile, lambda x: np.asarray(betainc(events, others, expit(x))))


def _estimate(text: str, estimate: float, lower: float, upper: float) -> ControlRisk:
    if not 0.0 < lower < estimate < upper < 1.0:
        raise ModelError(f"control risk {text!r}: expected 0 < lower < estimate < upper < 1.")
    scale = (logit(upper) - logit(lower)) / (2.0 * Z_975)
    prior = cast(EffectPrior, parse_prior(f"normal({float(logit(estimate))!r}, {float(scale)!r})", "baseline"))
    return ControlRisk(text, prior.quantile, prior.cdf)
