"""Baselines that tell of each other: exchangeable ones, with priors for their mean and their spread."""

from dataclasses import dataclass
from typing import cast

from bayesmeta.errors import PriorError
from bayesmeta.priors import EffectPrior, HalfNormal, HeterogeneityPrior, Normal, parse_prior
from bayesmeta.priors.parse import separated

NAME = "exchangeable"
EXAMPLE = "exchangeable(normal(0, 5), half_normal(1))"


@dataclass(frozen=True)
class Exchangeable:
    """Exchangeable baselines: gamma_i ~ N(m, s^2), log odds, m and s estimated with priors of their own.

    Each trial's baseline is drawn towards the others. Independent baselines, gamma_i ~ normal(0, 5), tell nothing of
    each other.

    Parameters
    ----------
    mean : prior of m, proper; text or a prior of an effect.
    sd : prior of s, proper; text or a prior of heterogeneity.

    References
    ----------
    Arends et al. 2000, Stat Med 19:3497, section 2; Jackson et al. 2018, Stat Med 37:1059 (models 3 and 5).

    Examples
    --------
    >>> print(Exchangeable("normal(0, 5)", "half_normal(1)"))
    exchangeable(normal(0, 5), half_normal(1))
    """

    mean: EffectPrior | str = Normal(0, 5)
    sd: HeterogeneityPrior | str = HalfNormal(1)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", parse_prior(self.mean, "baseline"))
        object.__setattr__(self, "sd", parse_prior(self.sd, "tau"))
        for prior in (self.mean_prior, self.sd_prior):
            if not prior.proper or getattr(prior, "needs_standard_errors", False):
                raise PriorError(
                    f'baseline prior "{self}": {prior} is not a proper prior by itself. Write it as "{EXAMPLE}".'
                )

    @property
    def mean_prior(self) -> EffectPrior:
        """The prior of m, as an object."""
        return cast(EffectPrior, self.mean)

    @property
    def sd_prior(self) -> HeterogeneityPrior:
        """The prior of s, as an object."""
        return cast(HeterogeneityPrior, self.sd)

    def __str__(self) -> str:
        return f"{NAME}({self.mean}, {self.sd})"


def parse_baseline(value: object) -> EffectPrior | Exchangeable:
    """The baselines that a text states: the prior of each, or exchangeable(prior of the mean, prior of the sd).

    Parameters
    ----------
    value : text, a prior of an effect, or `Exchangeable`.

    Returns
    -------
    EffectPrior | Exchangeable

    Raises
    ------
    PriorError
        No such prior, or exchangeable baselines without both of theirs.

    Examples
    --------
    >>> parse_baseline("normal(0, 5)")
    Normal(location=0.0, scale=5.0)
    >>> parse_baseline("exchangeable(normal(0, 5), half_normal(1))") == Exchangeable()
    True
    """
    if isinstance(value, Exchangeable):
        return value
    if not isinstance(value, str) or not value.strip().casefold().startswith(NAME):
        return cast(EffectPrior, parse_prior(cast(str, value), "baseline"))
    inside = value.strip()[len(NAME) :].strip()
    if not inside:
        return Exchangeable()
    parts = separated(inside[1:-1]) if inside.startswith("(") and inside.endswith(")") else []
    if len(parts) != 2:
        raise PriorError(
            f'baseline prior "{value}": expected the prior of their mean and that of their sd: "{EXAMPLE}".'
        )
    return Exchangeable(*parts)
