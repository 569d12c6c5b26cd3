"""A published pooled odds ratio as data: its posterior under one prior after another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from bayesmeta.errors import DataError, PriorError
from bayesmeta.posterior import Marginal, NormalMixture
from bayesmeta.priors import (
    BartosEffect,
    EffectPrior,
    Enthusiastic,
    Flat,
    Mixture,
    Normal,
    OddsRatioWithin,
    Sceptical,
    parse_prior,
)
from bayesmeta.sensitivity import words
from bayesmeta.sensitivity.credibility import Credibility, credibility
from bayesmeta.sensitivity.one_estimate import given_estimate
from bayesmeta.sensitivity.readings import DECIMALS, Readings, readings
from bayesmeta.tables import records
from bayesmeta.trials import PublishedPool, Trials
from bayesmeta.types import Array, Json

#: From no opinion to a firm belief that nothing works. odds_ratio_within(r): 95% for an OR between 1/r and r.
PRIORS: tuple[EffectPrior, ...] = (
    Flat(),
    OddsRatioWithin(250),
    Normal(0, 1),
    BartosEffect("cochrane"),  # what pooled effects of Cochrane reviews look like
    OddsRatioWithin(4),
    Mixture((0.5, 0.5), (Sceptical(2), OddsRatioWithin(250))),  # a sceptic who lets go where the result contradicts
    Sceptical(2),
    OddsRatioWithin(2),
    OddsRatioWithin(1.5),
)
#: Who counts on the effect before: 5% for the other side of no effect.
HOPEFUL: dict[str, tuple[EffectPrior, ...]] = {"higher": (Enthusiastic(2),), "lower": (Enthusiastic(0.5),)}
#: Odds ratios worth having, on the wished side.
THRESHOLDS: dict[str, tuple[float, ...]] = {"higher": (1.25, 1.5, 2.0), "lower": (0.8, 0.67, 0.5)}
THREE = ["median", "lower", "upper"]


@dataclass(frozen=True, eq=False)
class ReanalysedPool:
    """Posteriors of a published pooled effect, one for each prior.

    Attributes
    ----------
    published : the pooled result as printed.
    direction : "higher", "lower" or "": which odds ratios are wished.
    posteriors : prior in text form -> Marginal of mu, the pooled log odds ratio.
    table : one row a prior: prior, prior_lower and prior_upper (its 95%, odds ratios), mean, sd, median, lower, upper
        (log odds ratio, 95%), odds_ratio, odds_ratio_lower, odds_ratio_upper, above (probability of an odds ratio above
        1), wished (NaN where no direction is named), then one column a threshold: the probability of an odds ratio
        beyond it.
    """

    published: PublishedPool
    direction: str
    posteriors: Mapping[str, Marginal]
    table: pd.DataFrame

    name: ClassVar[str] = "published pool"

    @property
    def credibility(self) -> Credibility:
        """How sceptical one must have been before for the published result not to convince: Matthews' analysis."""
        return credibility(self.published)

    @property
    def sentence(self) -> str:
        """What stays and what goes when the prior grows sceptical."""
        pool, first = self.published, self.table.iloc[0]
        last = self.table.iloc[int(self.table["median"].abs().argmin())]
        printed = words.ratio_interval(pool.estimate, pool.lower, pool.upper)
        beyond = [str(name) for name in self.table.columns if str(name).startswith(("above ", "below "))]
        probabilities = ", ".join(f"{words.probability(last[name])} for an OR {name}" for name in beyond)
        return (
            f"{pool.outcome}, published OR {printed} of {pool.k} trials: OR {words.ratio_interval(*first[THREE])} under"
            f" {first['prior']}; nearest to 1 under {last['prior']}, OR {words.ratio_interval(*last[THREE])}, with"
            f" probability {probabilities}. All of this takes the pool as it is, with whatever reporting bias is in it."
        )

    def to_dict(self) -> Json:
        """Plain data, NaN as None."""
        pool = self.published
        return {
            "part": self.name,
            "sentence": self.sentence,
            "published": {"outcome": pool.outcome, "k": pool.k, "estimate": pool.estimate, "se": pool.se},
            "direction": self.direction,
            "rows": records(self.table),
        }


def published_pool(
    published: PublishedPool | Trials,
    priors: Sequence[EffectPrior | str] | None = None,
    *,
    direction: str | None = None,
    decimals: int | None = DECIMALS,
) -> ReanalysedPool:
    """What the published pooled odds ratio says about the true one, under one prior after another.

    mu_hat ~ N(mu, SE^2) with mu_hat and SE as published, averaged over what rounding leaves open; so that with a flat
    prior the posterior is the published interval again.

    Parameters
    ----------
    published : a pooled result; of trials, their published one with their direction.
    priors : for mu, any of the catalogue, also as text; from the vaguest to the most sceptical. If not given, from flat
        to very sceptical, with a robust and an empirical one, and an enthusiastic one where the direction is known.
    direction : "higher" (odds ratios above 1 wished) or "lower"; where it is "" or not known, thresholds of both sides.
    decimals : digits after the point with which the odds ratios are printed; None to take them as exact.

    Returns
    -------
    ReanalysedPool

    Raises
    ------
    DataError : nothing published, or no symmetric interval rounds to the printed figures.
    PriorError : an empty list, or a prior that is none of an effect.

    References
    ----------
    Spiegelhalter, Abrams & Myles 2004, Bayesian approaches to clinical trials and health-care evaluation, chapter 5
    (reference and sceptical priors).

    Examples
    --------
    >>> import bayesmeta as bm
    >>> pool = published_pool(bm.load("attachment/secure"))
    >>> print(pool.table[["prior", "odds_ratio", "odds_ratio_lower", "odds_ratio_upper"]].head(2).round(2).to_string())
                        prior  odds_ratio  odds_ratio_lower  odds_ratio_upper
    0                    flat        1.85              1.36              2.52
    1  odds_ratio_within(250)        1.85              1.36              2.51
    """
    if isinstance(published, Trials):
        direction = published.direction if direction is None else direction
        published = of_trials(published)
    side = direction or ""
    chosen = [effect_prior(prior) for prior in (catalogue(side) if priors is None else priors)]
    if not chosen:
        raise PriorError("published pool: no prior is given. Name at least one, such as flat.")
    possible = readings(published, decimals)
    posteriors = {str(prior): _posterior(possible, prior) for prior in chosen}
    rows = [_row(prior, posteriors[str(prior)], side) for prior in chosen]
    return ReanalysedPool(published, side, posteriors, pd.DataFrame(rows))


def catalogue(direction: str) -> list[EffectPrior]:
    """The priors of mu that stand for readers from the enthusiast to the sceptic.

    Parameters
    ----------
    direction : "higher" or "lower": which odds ratios are wished; with any other nobody is enthusiastic.

    Examples
    --------
    >>> [str(prior) for prior in catalogue("lower")][:3]
    ['flat', 'odds_ratio_within(250)', 'enthusiastic(0.5)']
    """
    return [*PRIORS[:2], *HOPEFUL.get(direction, ()), *PRIORS[2:]]


def of_trials(trials: Trials) -> PublishedPool:
    """The published pooled result that stands beside trials.

    Raises
    ------
    DataError : there is none.
    """
    if trials.published is None:
        raise DataError(f"{trials.origin or trials.name}: no published pooled result stands beside these trials.")
    return trials.published


def effect_prior(prior: EffectPrior | str) -> EffectPrior:
    """The prior of mu that a text states, or that prior itself."""
    stated = parse_prior(prior, "mu")
    assert isinstance(stated, EffectPrior)
    return stated


def _posterior(possible: Readings, prior: EffectPrior) -> Marginal:
    weight, mean, sd = given_readings(possible, prior)
    return NormalMixture("mu", weight.ravel(), mean.ravel(), sd.ravel())


def given_readings(possible: Readings, prior: EffectPrior) -> tuple[Array, Array, Array]:
    """Weight, mean and sd of mu for each reading and each of C normal parts of its prior: (S, M, C)."""
    log_evidence, mean, sd = given_estimate(possible.estimate, possible.se[:, None], prior)
    weight = possible.weight[..., None] * np.exp(log_evidence - log_evidence.max())
    mean, sd = np.broadcast_to(mean, weight.shape), np.broadcast_to(sd, weight.shape)
    return weight / weight.sum(), mean, sd


def _row(prior: EffectPrior, mu: Marginal, direction: str) -> dict[str, object]:
    lower, median, upper = mu.quantile(np.array([0.025, 0.5, 0.975])).tolist()
    before = np.exp(prior.quantile([0.025, 0.975])) if prior.proper else np.full(2, np.nan)
    above = mu.probability(above=0.0)
    row: dict[str, object] = {"prior": str(prior), "prior_lower": before[0], "prior_upper": before[1]}
    row |= {"mean": mu.mean, "sd": mu.sd, "median": median, "lower": lower, "upper": upper}
    row |= dict(zip(("odds_ratio", "odds_ratio_lower", "odds_ratio_upper"), np.exp([median, lower, upper]).tolist()))
    row |= {"above": above, "wished": {"higher": above, "lower": 1.0 - above}.get(direction, np.nan)}
    if direction != "higher":
        row |= {f"below {value:g}": mu.probability(below=np.log(value)) for value in THRESHOLDS["lower"]}
    if direction != "lower":
        row |= {f"above {value:g}": mu.probability(above=np.log(value)) for value in THRESHOLDS["higher"]}
    return row
