"""The posterior beside each frequentist pooled odds ratio and the published one, with a sentence on each difference."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmeta.errors import ModelError
from bayesmeta.frequentist import Pools
from bayesmeta.posterior import Posterior
from bayesmeta.trials import PublishedPool
from bayesmeta.types import Json

COMMON_EFFECT = ("MH", "Peto", "conditional", "EE")
CLOSE = 0.1  # of a posterior sd: such a difference is nobody's concern


@dataclass(frozen=True, eq=False)
class AgainstPools:
    """How far the pooled effect lies from what other methods make of the same trials, and from what was published.

    Attributes
    ----------
    table : one row a comparison: method, interval, k, estimate, lower, upper (log odds ratio), difference (posterior median
        minus estimate), in_sd (that difference in posterior standard deviations), width (width of the posterior
        interval over that of the method), because (one sentence).
    median, lower, upper : of the posterior pooled effect, log odds ratio.
    """

    table: pd.DataFrame
    median: float
    lower: float
    upper: float

    @property
    def sentences(self) -> tuple[str, ...]:
        """One sentence a comparison."""
        return tuple(self.table["because"])

    def to_dict(self) -> Json:
        """Plain data, NaN as None."""
        table = self.table.astype(object).where(self.table.notna(), None)
        return {"comparisons": table.to_dict("records")}


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
    mu, tau = posterior["mu"], posterior["tau"]
    lower, upper = mu.interval()
    sd = mu.sd if mu.sd is not None else (upper - lower) / 3.92
    rows = []
    for row in pools.table.itertuples():
        tau_hat = float(np.sqrt(row.tau2)) if np.isfinite(row.tau2) else None
        rows.append(
            _row(row.method, row.interval, pools.k, row.estimate, row.lower, row.upper, mu.median, (lower, upper), sd)
        )
        rows[-1]["because"] = _because(rows[-1], tau_hat, tau.median)
    if published is not None:
        rows.append(
            _row(
                "published",
                "as printed",
                published.k,
                published.estimate,
                published.lower,
                published.upper,
                mu.median,
                (lower, upper),
                sd,
            )
        )
        rows[-1]["because"] = _because_published(rows[-1], published, pools.k)
    return AgainstPools(pd.DataFrame(rows), mu.median, lower, upper)


def _row(
    method: str,
    interval: str,
    k: int,
    estimate: float,
    low: float,
    high: float,
    median: float,
    credible: tuple[float, float],
    sd: float,
) -> dict[str, object]:
    return {
        "method": method,
        "interval": interval,
        "k": k,
        "estimate": estimate,
        "lower": low,
        "upper": high,
        "difference": median - estimate,
        "in_sd": (median - estimate) / sd,
        "width": (credible[1] - credible[0]) / (high - low),
    }


def _because(row: dict[str, object], tau_hat: float | None, tau: float) -> str:
    """Why a frequentist pool of the same trials differs: what it assumes of tau, and how its interval is made."""
    estimate, width, in_sd = float(np.exp(row["estimate"])), row["width"], row["in_sd"]  # type: ignore[call-overload]
    name = f"{row['method']} ({row['interval']})" if tau_hat is not None else str(row["method"])
    assert isinstance(width, float) and isinstance(in_sd, float)
    place = (
        f"{name}, OR {estimate:.2f}: the posterior median is close by ({abs(in_sd):.2f} posterior sd)"
        if abs(in_sd) < CLOSE
        else f"{name}, OR {estimate:.2f}: the posterior median is {abs(in_sd):.2f} posterior sd {'higher' if in_sd > 0 else 'lower'}"
    )
    if row["method"] in COMMON_EFFECT:
        reason = (
            f"it takes one effect for all trials (tau = 0, posterior median {tau:.2f}), so that large trials weigh more"
        )
        return f"{place}; {reason}, and its interval is {1 / width:.2f} times as wide as the credible one."
    compared = "below" if tau_hat is not None and tau_hat < tau else "above"
    reason = f"its tau of {tau_hat:.2f} lies {compared} the posterior median {tau:.2f}"
    if row["interval"] == "wald":
        interval = "its interval takes tau as known"
    elif row["interval"] == "hksj":
        interval = "its interval scales with the spread found and uses a t quantile"
    else:
        interval = "its interval uses a t quantile and is never narrower than Wald's standard error"
    return f"{place}; {reason}; {interval} and is {1 / width:.2f} times as wide as the credible one."


def _because_published(row: dict[str, object], published: PublishedPool, k: int) -> str:
    printed = f"Published, OR {published.odds_ratio:.2f} from {published.k} trials"
    in_sd = row["in_sd"]
    assert isinstance(in_sd, float)
    distance = f"the posterior median is {abs(in_sd):.2f} posterior sd {'higher' if in_sd > 0 else 'lower'}"
    if k < published.k:
        return (
            f"{printed}: {distance}. The table has {k} of the {published.k} trials. Counts are printed mostly where the arms"
            " differed, so these are no fair sample: the difference shows what was reported, and this is not a replication."
        )
    if k > published.k:
        return f"{printed}: {distance}. The table has {k} trials, more than were pooled: it is not the same evidence."
    return f"{printed}: {distance}; same number of trials, see the reproduction check."
