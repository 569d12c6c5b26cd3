"""The posterior beside each frequentist pooled odds ratio and the published one, with a sentence on each difference."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmeta.errors import ModelError
from bayesmeta.frequentist import Pools
from bayesmeta.posterior import Posterior
from bayesmeta.tables import plain, records, rows
from bayesmeta.trials import PublishedPool
from bayesmeta.types import Json

TOLD = ("MH", "RevMan", "REML", "published")  # one of each kind says what the others would
COMMON_EFFECT = ("MH", "Peto", "conditional", "EE")
INTERVALS = {
    "wald": "takes tau as known",
    "hksj": "scales with the spread found and uses a t quantile",
    "hksj_adhoc": "uses a t quantile and is never narrower than Wald's standard error",
}
CLOSE = 0.1  # of a posterior sd: such a difference is nobody's concern


@dataclass(frozen=True, eq=False)
class AgainstPools:
    """How far the pooled effect lies from what other methods make of the same trials, and from what was published.

    Attributes
    ----------
    table : one row a comparison: method, interval, k, estimate, lower, upper (log odds ratio), difference (posterior
        median minus estimate), in_sd (that difference in posterior standard deviations), width (width of the posterior
        interval over that of the method), because (one sentence).
    median, lower, upper : of the posterior pooled effect, log odds ratio.
    """

    table: pd.DataFrame
    median: float
    lower: float
    upper: float

    @property
    def sentence(self) -> str:
        """A sentence on one method of each kind, and on the published result; `table["because"]` has them all."""
        told = self.table[self.table["method"].isin(TOLD) & (self.table["interval"] != "hksj")]
        return " ".join(told.drop_duplicates(subset=["method"])["because"])

    def to_dict(self) -> Json:
        """Plain data, NaN as None."""
        return {"comparisons": records(self.table)}


def against_pools(posterior: Posterior, pools: Pools, published: PublishedPool | None = None) -> AgainstPools:
    """Compare the posterior of the pooled effect with each frequentist estimate and with the published one.

    Parameters
    ----------
    posterior : of a model without moderators, from either engine.
    pools : `pool(trials)` of the same trials.
    published : a pooled result as printed; None where there is none.

    Returns
    -------
    AgainstPools

    Raises
    ------
    ModelError
        For a model with moderators, which has no pooled effect.

    References
    ----------
    Cochrane Handbook 2024, section 10.10.4 (choice of method); IntHout et al. 2016, BMJ Open 6:e010247.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> trials = bm.load("crins2014")
    >>> check = against_pools(bm.fit(trials, bm.Model("normal")), bm.pool(trials))
    >>> bool((check.table["in_sd"].abs() < 1).all())
    True
    """
    if posterior.model.moderators is not None:
        raise ModelError("against_pools compares pooled effects: give the posterior of the model without moderators.")
    mu = posterior["mu"]
    lower, upper = mu.interval()
    answer = _Answer(mu.median, lower, upper, mu.sd or (upper - lower) / 3.92, posterior["tau"].median)
    found = []
    for pool in rows(pools.table):
        row = answer.beside(pool.method, pool.interval, pools.k, pool.estimate, pool.lower, pool.upper)
        found.append(row | {"because": _because(row, plain(np.sqrt(pool.tau2)), answer.tau)})
    if published is not None:
        row = answer.beside(
            "published", "as printed", published.k, published.estimate, published.lower, published.upper
        )
        found.append(row | {"because": _because_published(row, published, pools.k)})
    return AgainstPools(pd.DataFrame(found), mu.median, lower, upper)


@dataclass(frozen=True)
class _Answer:
    """What the posterior says: median, interval and sd of mu, median of tau."""

    median: float
    lower: float
    upper: float
    sd: float
    tau: float

    def beside(self, method: str, interval: str, k: int, estimate: float, lower: float, upper: float) -> Json:
        return {
            "method": method,
            "interval": interval,
            "k": k,
            "estimate": estimate,
            "lower": lower,
            "upper": upper,
            "difference": self.median - estimate,
            "in_sd": (self.median - estimate) / self.sd,
            "width": (self.upper - self.lower) / (upper - lower),
        }


def _because(row: Json, tau_hat: float | None, tau: float) -> str:
    """Why a frequentist pool of the same trials differs: what it assumes of tau, and how its interval is made."""
    name = row["method"] if row["method"] in COMMON_EFFECT else f"{row['method']} ({row['interval']})"
    place = f"{name}, OR {np.exp(row['estimate']):.2f}: the posterior median is {_distance(row['in_sd'])}"
    wide = f"{1 / row['width']:.2f} times as wide as the credible one"
    if row["method"] in COMMON_EFFECT or tau_hat is None:
        return (
            f"{place}; it takes one effect for all trials (tau = 0, posterior median {tau:.2f}), so that large trials"
            f" weigh more, and its interval is {wide}."
        )
    compared = "lies below" if tau_hat < tau else "lies above"
    if f"{tau_hat:.2f}" == f"{tau:.2f}":
        compared = "is about"
    return (
        f"{place}; its tau of {tau_hat:.2f} {compared} the posterior median {tau:.2f}; its interval"
        f" {INTERVALS[row['interval']]} and is {wide}."
    )


def _distance(in_sd: float) -> str:
    if abs(in_sd) < CLOSE:
        return f"close by ({abs(in_sd):.2f} posterior sd)"
    return f"{abs(in_sd):.2f} posterior sd {'higher' if in_sd > 0 else 'lower'}"


def _because_published(row: Json, published: PublishedPool, k: int) -> str:
    place = (
        f"Published, OR {published.odds_ratio:.2f} from {published.k} trials: the posterior median is"
        f" {_distance(row['in_sd'])}"
    )
    if k < published.k:
        return (
            f"{place}. The table has {k} of the {published.k} trials. Counts are printed mostly where the arms"
            " differed, so these are no fair sample: the difference shows what was reported, and this is not a"
            " replication."
        )
    if k > published.k:
        return f"{place}. The table has {k} trials, more than were pooled: it is not the same evidence."
    return f"{place}; same number of trials, see the reproduction check."
