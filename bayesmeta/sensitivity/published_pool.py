"""A published pooled odds ratio as data: its posterior under one prior after another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from bayesmeta.errors import DataError, PriorError
from bayesmeta.posterior import Marginal, NormalMixture
from bayesmeta.priors import EffectPrior, Flat, Normal, OddsRatioWithin, parse_prior
from bayesmeta.sensitivity import words
from bayesmeta.sensitivity.credibility import Credibility, credibility
from bayesmeta.tables import records
from bayesmeta.trials import PublishedPool, Trials
from bayesmeta.trials.published import Z_975
from bayesmeta.types import Array, Json

#: From no opinion to a firm belief that nothing works: 95% for an OR between 1/ratio and ratio.
PRIORS: tuple[EffectPrior, ...] = (
    Flat(),
    OddsRatioWithin(250),
    Normal(0, 1),
    OddsRatioWithin(4),
    OddsRatioWithin(2),
    OddsRatioWithin(1.5),
)
#: Odds ratios worth having, on the wished side.
THRESHOLDS: dict[str, tuple[float, ...]] = {"higher": (1.25, 1.5, 2.0), "lower": (0.8, 0.67, 0.5)}
THREE = ["median", "lower", "upper"]
DECIMALS = 2  # with which reviews print odds ratios
NODES = 5  # over what rounding leaves open, for the standard error and for the estimate: nothing bends much there


@dataclass(frozen=True, eq=False)
class Readings:
    """What the log odds ratio and its standard error may have been before a review rounded them.

    All values that round to the printed estimate, lower and upper limit at once, as nodes of an integral over them.
    The three together narrow them down further than the last digit of each.

    Attributes
    ----------
    se : (S,) standard errors.
    estimate : (S, M) log odds ratios that go with each of them.
    weight : (S, M) share of the region; sums to one.
    """

    se: Array
    estimate: Array
    weight: Array


def readings(published: PublishedPool, decimals: int | None = DECIMALS) -> Readings:
    """Every estimate and standard error that a printed result can stand for.

    With m the estimate and s its standard error: m, m - 1.96 s and m + 1.96 s each within half a unit of the last
    printed digit, on the scale of odds ratios. In (m, s) that is a polygon; each point of it is as good as any other.

    Parameters
    ----------
    published : a pooled odds ratio as printed.
    decimals : digits after the point with which its odds ratios are printed; None to take them as exact.

    Returns
    -------
    Readings

    Raises
    ------
    DataError : no symmetric interval on the log scale rounds to the printed figures.

    Examples
    --------
    >>> pool = PublishedPool.from_odds_ratio("disorganised attachment", 20, 0.54, 0.39, 0.77, 2023, "Wright 2023")
    >>> possible = readings(pool)
    >>> round(float(np.exp(np.sum(possible.weight * possible.estimate))), 3)
    0.544
    """
    if decimals is None:
        return Readings(np.array([published.se]), np.array([[published.estimate]]), np.ones((1, 1)))
    half = 0.5 * 10.0**-decimals
    printed = np.exp([published.estimate, published.lower, published.upper])
    with np.errstate(divide="ignore"):
        low, high = np.log(np.maximum(printed - half, 0.0)), np.log(printed + half)
    slope = np.array([0.0, Z_975, -Z_975])  # m must lie in [low + slope s, high + slope s] for each of the three

    def ends(se: Array) -> tuple[Array, Array]:
        return (low + slope * se[:, None]).max(axis=1), (high + slope * se[:, None]).min(axis=1)

    at = np.unique(_crossings(np.concatenate([low, high]), np.concatenate([slope, slope])))
    at = at[at > 0.0]
    left, right = ends(at)
    at = at[right - left >= -1e-12]
    if len(at) < 2:
        estimate, lower, upper = (f"{value:.{decimals}f}" for value in printed)
        raise DataError(
            f"published pool of {published.outcome}: {estimate} ({lower} to {upper}) is not symmetric on the log scale,"
            f" whatever the rounding to {decimals} decimals. It is no Wald interval of an odds ratio, or a figure is"
            " misprinted. Check the figures, or take them as they stand with decimals=None."
        )
    nodes, share = np.polynomial.legendre.leggauss(NODES)
    se = 0.5 * (at[0] + at[-1]) + 0.5 * (at[-1] - at[0]) * nodes
    left, right = ends(se)
    between = 0.5 * (right - left)[:, None]
    weight = share[:, None] * between * share
    return Readings(se, left[:, None] + between * (1.0 + nodes), weight / weight.sum())


def _crossings(bound: Array, slope: Array) -> Array:
    """Standard errors at which two of the lines bound + slope s cross: among them all corners of the polygon."""
    first, second = np.triu_indices(len(bound), 1)
    apart = (slope[first] != slope[second]) & np.isfinite(bound[first]) & np.isfinite(bound[second])
    first, second = first[apart], second[apart]
    return np.asarray((bound[first] - bound[second]) / (slope[second] - slope[first]))


def of_effect(prior: EffectPrior) -> tuple[float, float]:
    """Location and scale of a normal prior; scale inf where it is flat.

    Raises
    ------
    PriorError : neither normal nor flat.
    """
    if prior.gaussian is None:
        raise PriorError(f'mu prior "{prior}": a published pool needs a normal or a flat one, such as normal(0, 1).')
    return prior.gaussian


def given(estimate: Array, se: Array, prior: EffectPrior) -> tuple[Array, Array, Array]:
    """Evidence, mean and sd of mu for each estimate ~ N(mu, se^2): arrays of one shape."""
    location, scale = of_effect(prior)
    if np.isinf(scale):
        return np.ones_like(estimate), estimate, np.broadcast_to(se, estimate.shape)
    total = se**2 + scale**2
    evidence = np.exp(-0.5 * (estimate - location) ** 2 / total) / np.sqrt(total)
    mean = (estimate * scale**2 + location * se**2) / total
    return evidence, mean, np.broadcast_to(se * scale / np.sqrt(total), estimate.shape)


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
    priors: Sequence[EffectPrior | str] = PRIORS,
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
    priors : for mu, normal or flat ones, also as text; from the vaguest to the most sceptical.
    direction : "higher" (odds ratios above 1 wished) or "lower"; where it is "" or not known, thresholds of both sides.
    decimals : digits after the point with which the odds ratios are printed; None to take them as exact.

    Returns
    -------
    ReanalysedPool

    Raises
    ------
    DataError : nothing published, or no symmetric interval rounds to the printed figures.
    PriorError : a prior that is neither normal nor flat, or none.

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
    chosen = [effect_prior(prior) for prior in priors]
    if not chosen:
        raise PriorError("published pool: no prior is given. Name at least one, such as flat.")
    side = direction or ""
    possible = readings(published, decimals)
    posteriors = {str(prior): _posterior(possible, prior) for prior in chosen}
    rows = [_row(prior, posteriors[str(prior)], side) for prior in chosen]
    return ReanalysedPool(published, side, posteriors, pd.DataFrame(rows))


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
    evidence, mean, sd = given(possible.estimate, possible.se[:, None], prior)
    weight = possible.weight * evidence
    return NormalMixture("mu", (weight / weight.sum()).ravel(), mean.ravel(), sd.ravel())


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
