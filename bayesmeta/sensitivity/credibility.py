"""How sceptical must a reader be to doubt a published interval? Matthews' analysis of credibility."""

import math
from dataclasses import dataclass, replace
from numbers import Real

import pandas as pd

from bayesmeta.errors import DataError
from bayesmeta.trials import PublishedPool
from bayesmeta.types import Json
from bayesmeta.wording import ratio

Z = 1.959963984540054  # 97.5% point of the standard normal distribution


@dataclass(frozen=True)
class Credibility:
    """The prior that a published 95% interval just fails to convince, or that just makes it convince.

    Attributes
    ----------
    kind : "scepticism" (the interval leaves out OR 1) or "advocacy" (it takes it in).
    estimate, lower, upper : as published, log odds ratios.
    prior_mean, prior_sd : of that prior, log odds ratio.
    limit : scepticism: the prior's 95% interval is (-limit, limit), the limit written with the sign of the estimate;
        advocacy: the prior's 95% interval is (0, limit).
    credible : scepticism: whether the estimate lies beyond the limit, Matthews' intrinsic credibility (two-sided p
        below 0.013); None for advocacy.
    sentence : in words.
    outcome, k : of the published pool, where the numbers are those of one; else "" and None.
    """

    kind: str
    estimate: float
    lower: float
    upper: float
    prior_mean: float
    prior_sd: float
    limit: float
    credible: bool | None
    sentence: str
    outcome: str = ""
    k: int | None = None

    name = "credibility"

    @property
    def table(self) -> pd.DataFrame:
        """The numbers as a table of one row."""
        return pd.DataFrame([{name: value for name, value in self.to_dict().items() if name != "sentence"}])

    @property
    def se(self) -> float:
        """Standard error that the published interval implies."""
        return (self.upper - self.lower) / (2.0 * Z)

    @property
    def limit_odds_ratio(self) -> float:
        """exp(limit)."""
        return math.exp(self.limit)

    def to_dict(self) -> Json:
        """Plain data."""
        names = (
            "kind",
            "estimate",
            "lower",
            "upper",
            "prior_mean",
            "prior_sd",
            "limit",
            "limit_odds_ratio",
            "credible",
            "outcome",
            "k",
        )
        return {"part": self.name, **{name: getattr(self, name) for name in names}, "sentence": self.sentence}


def credibility(estimate: float | PublishedPool, lower: float | None = None, upper: float | None = None) -> Credibility:
    """The scepticism limit of a convincing interval, or the advocacy limit of one that takes in OR 1.

    The limits speak for the trials: N(m, s^2) with m = (lower + upper) / 2 and s = (upper - lower) / (2 z), z = 1.96,
    whatever the rounding of the estimate. Scepticism: the prior N(0, v) whose posterior has its 95% limit at 0, v =
    z^2 s^4 / (m^2 - z^2 s^2), limit z sqrt(v) = (upper - lower)^2 / (4 sqrt(lower upper)). Advocacy: the prior N(z t,
    t^2), whose own 95% interval begins at 0, with posterior limit 0, t = 2 z s^2 m / (z^2 s^2 - m^2).

    Parameters
    ----------
    estimate, lower, upper : log odds ratio with its 95% limits; or a `PublishedPool` alone.

    Returns
    -------
    Credibility

    Raises
    ------
    DataError
        Something else, limits that do not enclose the estimate, or neither prior exists: a limit at OR 1, or limits as
        far on either side.

    References
    ----------
    Matthews 2018, R Soc Open Sci 5:171047, equations 4-7; Held 2019, R Soc Open Sci 6:181534, section 2 (the
    sufficiently sceptical prior variance).

    Examples
    --------
    >>> import math
    >>> round(credibility(math.log(1.85), math.log(1.36), math.log(2.52)).limit_odds_ratio, 2)
    1.2
    """
    if isinstance(estimate, PublishedPool):
        found = credibility(estimate.estimate, estimate.lower, estimate.upper)
        return replace(found, outcome=estimate.outcome, k=estimate.k)
    if lower is None or upper is None or not all(isinstance(value, Real) for value in (estimate, lower, upper)):
        what = "one number alone" if isinstance(estimate, Real) else f"a {type(estimate).__name__}"
        raise DataError(
            f"credibility of {what}: expected a log odds ratio with its two 95% limits, or a published pool alone"
            " (trials.published)."
        )
    if not lower < estimate < upper or not math.isfinite(upper - lower):
        raise DataError(
            f"credibility of {estimate!r} ({lower!r} to {upper!r}): expected log odds ratios with"
            " lower < estimate < upper."
        )
    return _critical(estimate, lower, upper)


def _critical(estimate: float, lower: float, upper: float) -> Credibility:
    """The prior, whichever of the two exists."""
    half = 0.5 * (upper - lower)  # z s
    middle = 0.5 * (lower + upper)
    excess = lower * upper  # m^2 - z^2 s^2
    if excess == 0.0 or middle == 0.0:
        finding = "one limit is at OR 1" if excess == 0.0 else "the limits lie as far below OR 1 as above it"
        raise DataError(
            f"credibility of {estimate:.4g} ({lower:.4g} to {upper:.4g}): {finding}, so no such prior exists."
        )
    side = math.copysign(1.0, middle)
    if excess > 0.0:
        sd = half * half / (Z * math.sqrt(excess))
        limit = side * Z * sd
        credible = abs(estimate) > abs(limit)
        text = _scepticism(estimate, lower, upper, limit, credible)
        return Credibility("scepticism", estimate, lower, upper, 0.0, sd, limit, credible, text)
    sd = 2.0 * half * half * abs(middle) / (Z * -excess)
    mean = side * Z * sd
    text = _advocacy(estimate, lower, upper, 2.0 * mean)
    return Credibility("advocacy", estimate, lower, upper, mean, sd, 2.0 * mean, None, text)


def _printed(estimate: float, lower: float, upper: float) -> str:
    return f"OR {ratio(estimate)} ({ratio(lower)} to {ratio(upper)})"


def _scepticism(estimate: float, lower: float, upper: float, limit: float, credible: bool) -> str:
    low, high = ratio(-abs(limit)), ratio(abs(limit))
    text = (
        f"{_printed(estimate, lower, upper)} convinces everyone but a reader who held, before seeing it, that the OR"
        f" lies between {low} and {high} with 95% probability, or closer to 1 still: sceptical limit OR {ratio(limit)}."
    )
    if credible:
        return f"{text} The estimate lies beyond that limit."
    return f"{text} The estimate does not even reach that limit: the interval leaves out OR 1 only narrowly."


def _advocacy(estimate: float, lower: float, upper: float, limit: float) -> str:
    side = "above" if limit > 0 else "below"
    return (
        f"{_printed(estimate, lower, upper)} takes in OR 1. It convinces only a reader who held beforehand that the OR"
        f" lies {side} 1 and within {ratio(limit)} with 95% probability, or who was surer still: advocacy limit OR"
        f" {ratio(limit)}."
    )
