"""What the trials that cannot be read must have shown, from the published pool and the trials that can be read.

A random-effects pool by inverse variance is mu_hat = sum w_i y_i / sum w_i with SE^2 = 1 / sum w_i and
w_i = 1 / (s_i^2 + t^2), where t is the review's estimate of tau. The read trials are some of its terms, so each t
leaves::

    W_rest = 1 / SE^2 - sum_read w_i                         precision for the unread trials,
    rest   = (mu_hat / SE^2 - sum_read w_i y_i) / W_rest     what they pool to,
    v_rest = k_rest / W_rest - t^2                           their typical sampling variance.

Abstracts print no t. But v_rest must be that of trials of believable size: log(v_rest / v_read) ~
N(0, (log(size) / 1.96)^2), both typical variances of one kind. So SE has a density given t,

    p(SE | t) = p(log v_rest / v_read) (k_rest / W_rest^2) (2 / SE^3) / v_rest,

and t, an estimate, one given tau: (k - 1)(t^2 + v) / (tau^2 + v) ~ chi^2 with k - 1 degrees of freedom (exact for
trials of one size; t^2 + v = k SE^2), with a probability of t = 0. With the prior of tau that is the posterior of
both. What rounding of the published figures leaves open is averaged over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd

from bayesmeta.effects import Effects, effect_sizes
from bayesmeta.errors import DataError, ModelError
from bayesmeta.posterior import Marginal, NormalMixture
from bayesmeta.priors import EffectPrior, HalfNormal, HeterogeneityPrior, OddsRatioWithin, parse_prior
from bayesmeta.sensitivity import words
from bayesmeta.sensitivity.impossible_pools import least_spread, refuse_impossible
from bayesmeta.sensitivity.published_pool import effect_prior, given_readings, of_trials
from bayesmeta.sensitivity.readings import DECIMALS, Readings, readings
from bayesmeta.sensitivity.split_pool import Constraint, Solved, ZeroOrMore, solve
from bayesmeta.tables import records
from bayesmeta.trials import PublishedPool, Trials, with_arms_combined
from bayesmeta.trials.published import Z_975
from bayesmeta.types import Array, Json
from bayesmeta.wording import number, spanned

LEVELS = np.array([0.5, 0.025, 0.975])
NEGLIGIBLE = 1e-12  # of the largest weight: components that a mixture can do without


class Summary(NamedTuple):
    """Median and central 95% interval."""

    median: float
    lower: float
    upper: float


@dataclass(frozen=True, eq=False)
class UnreadTrials:
    """What the unread trials must have shown, and what the published pool says beyond its abstract.

    Attributes
    ----------
    trials, published : the read trials, and the pool that they are a part of.
    tau_prior, mu_prior, size, zero_cells, decimals : what was assumed.
    tau_used : tau in the weights of the published pool, an estimate; `tau_used.zero` is the probability that it was 0.
    tau : the heterogeneity that it estimates.
    i2 : tau_used^2 over the total variance of a typical trial of the pool, k SE^2.
    size_ratio : typical sampling variance of the unread trials over that of the read ones.
    spread : the least Q of the pool at tau_used over its degrees of freedom: what read trials and their distance from
        the rest amount to, whatever the unread ones add. Paule and Mandel's tau needs one up to 1.
    rest_pooled : what a pool of the unread trials would print, as log odds ratio: known but for tau_used and rounding.
    rest, read : mean effect behind the unread and behind the read trials, with their own sampling error.
    difference : read minus rest, the log of a ratio of odds ratios.
    mu, theta_new : mean effect and effect in a new setting, by the published pool with a prior for mu.
    """

    trials: Trials
    published: PublishedPool
    tau_prior: HeterogeneityPrior
    mu_prior: EffectPrior
    size: float
    zero_cells: str
    decimals: int | None
    tau_used: ZeroOrMore
    tau: Marginal
    i2: Summary
    size_ratio: Summary
    spread: Summary
    rest_pooled: Summary
    rest: Marginal
    read: Marginal
    difference: Marginal
    mu: Marginal
    theta_new: Marginal

    name: ClassVar[str] = "unread trials"

    @property
    def k_rest(self) -> int:
        """Number of unread trials."""
        return self.published.k - self.trials.k

    @property
    def doubtful(self) -> bool:
        """Whether read trials and pool fit together for some estimates of tau only: spread above 1 with 97.5%."""
        return self.spread.lower > 1.0

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a quantity: outcome, quantity, k, scale, median, lower, upper (95%, on that scale), above_1, wished
        (probabilities), assumes (in words)."""
        pool, k = self.published, self.published.k
        printed = Summary(pool.estimate, pool.lower, pool.upper)
        parts = (
            f"an inverse-variance pool with the read trials in it; the others of their size within {self.size:g}-fold"
        )
        unbiased = f"the published pool holds no bias; mu ~ {self.mu_prior}"
        rows = [
            _row("published pool", k, "OR", printed, "as printed"),
            self._of("read trials", self.trials.k, self.read, "tau of the published pool; they estimate one mean"),
            _row("unread trials, pooled", self.k_rest, "OR", self.rest_pooled, parts),
            self._of("unread trials, mean effect", self.k_rest, self.rest, f"{parts}; they estimate one mean"),
            self._of("read v unread", k, self.difference, parts, "ratio of ORs"),
            _row("variance, unread v read", k, "ratio", self.size_ratio, parts),
            _row("tau in the published weights", k, "log OR", summary(self.tau_used), parts),
            _row("I2", k, "share", self.i2, parts),
            _row("tau", k, "log OR", summary(self.tau), f"{parts}; all trials of one size; tau ~ {self.tau_prior}"),
            _row("least Q over k - 1", k, "ratio", self.spread, f"{parts}; unread trials without any spread"),
            self._of("pooled", k, self.mu, unbiased),
            self._of("new setting", k, self.theta_new, f"{unbiased}; tau as above"),
        ]
        table = pd.DataFrame(rows)
        table.insert(0, "outcome", pool.outcome)
        return table

    def _of(self, quantity: str, k: int, marginal: Marginal, assumes: str, scale: str = "OR") -> dict[str, object]:
        above = marginal.probability(above=0.0)
        wished = {"higher": above, "lower": 1.0 - above}.get(self.trials.direction) if scale == "OR" else None
        return _row(quantity, k, scale, summary(marginal), assumes, above, np.nan if wished is None else wished)

    @property
    def sentence(self) -> str:
        """The finding in words."""
        pool, ratio = self.published, words.ratio_interval
        tau = "{} ({} to {})".format(*map(number, summary(self.tau)))
        i2 = "{:.0f}% ({:.0f}% to {:.0f}%)".format(*(100.0 * np.array(self.i2)))
        apart, new = ratio(*summary(self.difference)), ratio(*summary(self.theta_new))
        return (
            f"{pool.outcome}: for the published OR {ratio(pool.estimate, pool.lower, pool.upper)} of {pool.k} trials,"
            f" the {self.k_rest} that cannot be read must pool to OR {ratio(*self.rest_pooled)}, against"
            f" {ratio(*summary(self.read))} for the {self.trials.k} that can be: those odds ratios are {apart} times as"
            f" large. The width of the published interval puts tau at {tau} and I2 at {i2}, and so the OR in a new"
            f" setting at {new}. This holds for a pool by inverse variance that contains the read trials, and for"
            " unread trials of about their size." + (self._doubt if self.doubtful else "")
        )

    @property
    def _doubt(self) -> str:
        times = f"{spanned(*self.spread)} times its {self.published.k - 1} degrees of freedom"
        return (
            " But read trials and pool hardly fit: those trials and their distance from the rest alone make the pool's"
            f" Q {times}, which some estimates of tau leave and that of Paule and Mandel does not. Check that they are"
            " in the pool with these figures."
        )

    def varied(
        self,
        taus: Sequence[HeterogeneityPrior | str] = ("half_normal(0.5)", "half_normal(1)", "half_cauchy(0.5)"),
        sizes: Sequence[float] = (1.5, 2.0, 4.0),
    ) -> pd.DataFrame:
        """The same under other assumptions, and in the last row with the published figures taken as exact.

        Parameters
        ----------
        taus : priors for tau.
        sizes : factors, as `size`.

        Returns
        -------
        DataFrame: tau_prior, size, decimals (NaN: exact figures), then median, lower and upper of rest (unread trials
        pooled, OR), difference (ratio of ORs), tau, and new (OR in a new setting).
        """
        cases = [(tau, size, self.decimals) for tau in taus for size in sizes]
        rows = []
        for tau, size, decimals in [*cases, (self.tau_prior, self.size, None)]:
            other = unread_trials(
                self.trials,
                self.published,
                tau=tau,
                mu=self.mu_prior,
                size=size,
                zero_cells=self.zero_cells,
                decimals=decimals,
            )
            row: dict[str, object] = {"tau_prior": str(other.tau_prior), "size": size}
            row["decimals"] = np.nan if decimals is None else decimals
            for name, found, ratio in (
                ("rest", other.rest_pooled, True),
                ("difference", summary(other.difference), True),
                ("tau", summary(other.tau), False),
                ("new", summary(other.theta_new), True),
            ):
                shown = np.exp(found) if ratio else np.array(found)
                row |= {f"{name}_{part}": value for part, value in zip(Summary._fields, shown.tolist())}
            rows.append(row)
        return pd.DataFrame(rows)

    def to_dict(self) -> Json:
        """Plain data, NaN as None."""
        return {
            "part": self.name,
            "sentence": self.sentence,
            "outcome": self.published.outcome,
            "k_read": self.trials.k,
            "k_unread": self.k_rest,
            "assumed": {
                "tau": str(self.tau_prior),
                "mu": str(self.mu_prior),
                "size": self.size,
                "zero_cells": self.zero_cells,
                "decimals": self.decimals,
            },
            "doubtful": self.doubtful,
            "rows": records(self.table),
        }


def unread_trials(
    trials: Trials,
    published: PublishedPool | None = None,
    *,
    tau: HeterogeneityPrior | str = HalfNormal(0.5),
    mu: EffectPrior | str = OddsRatioWithin(250),
    size: float = 2.0,
    zero_cells: str = "only_zero",
    decimals: int | None = DECIMALS,
) -> UnreadTrials:
    """What the trials of a published pool that cannot be read must have shown.

    Published estimate and interval are those of read and unread trials together, by the formulas at the top of this
    module. The spread of the read trials is not used: they are no fair sample.

    Parameters
    ----------
    trials : the read ones, log odds ratios; each a part of the published pool.
    published : that pool; the one that stands beside the trials if not given.
    tau : prior of tau.
    mu : prior of the mean effect, any of the catalogue; for `mu` and `theta_new` only.
    size : factor > 1 within which the unread trials' typical sampling variance is that of the read ones, with 95%.
    zero_cells : rule for tables with a zero, as the review will have had it.
    decimals : digits after the point with which the published odds ratios are printed; None to take them as exact.

    Returns
    -------
    UnreadTrials

    Raises
    ------
    DataError : nothing published; no trial is unread; a shared control; figures that no Wald interval rounds to.
    ModelError : read trials and published pool cannot both be right, by precision or by spread.
    PriorError : a prior that does not exist or does not fit.

    References
    ----------
    DerSimonian & Laird 1986, Control Clin Trials 7:177 (the pool, equations 6 to 9).

    Examples
    --------
    >>> import bayesmeta as bm
    >>> found = unread_trials(bm.load("attachment/secure"))
    >>> found.k_rest, bool(found.rest_pooled.upper < found.read.median)
    (18, True)
    """
    pool = of_trials(trials) if published is None else published
    tau_prior, mu_prior = parse_prior(tau, "tau"), effect_prior(mu)
    assert isinstance(tau_prior, HeterogeneityPrior)
    if not 1.0 < size < np.inf:
        raise ModelError(f"unread trials: size is {size}. It is a factor above 1, such as 2.")
    trials = with_arms_combined(trials)  # as reviews pool them: one row for each trial
    possible = readings(pool, decimals)
    constraint = Constraint(_read_part(trials, pool, zero_cells), pool.k, possible.se, float(np.log(size)) / Z_975)
    refuse_impossible(constraint, possible, pool, tau_prior)
    solved = solve(constraint, possible.weight.sum(axis=1), tau_prior)
    assumed = (trials, pool, tau_prior, mu_prior, size, zero_cells, decimals)
    typical = (*_typical_trial(constraint, solved), _spread(constraint, possible, solved))
    heterogeneity = (solved.tau_used, solved.tau, *typical)
    return UnreadTrials(*assumed, *heterogeneity, *_rest(possible, solved), *_overall(possible, solved, mu_prior))


def summary(marginal: Marginal) -> Summary:
    """Median and central 95% interval."""
    return Summary(*marginal.quantile(LEVELS).tolist())


def _typical_trial(constraint: Constraint, solved: Solved) -> tuple[Summary, Summary]:
    """I2 and the ratio of sampling variances, both functions of t and SE."""
    weight = solved.weight.sum(axis=2)  # (S, T)
    kept = weight > NEGLIGIBLE * weight.max()
    i2 = solved.used**2 / constraint.total[:, None]
    return _quantiles(i2[kept], weight[kept]), _quantiles(np.exp(solved.split.log_ratio[kept]), weight[kept])


def _rest(possible: Readings, solved: Solved) -> tuple[Summary, Marginal, Marginal, Marginal]:
    """What the unread trials pool to; the mean effects of unread and read; their difference.

    All of it is fixed, or normal, given t, SE and the estimate: mixtures over (S, T, M).
    """
    split, weight = solved.split, solved.weight.sum(axis=2)
    kept = weight > NEGLIGIBLE * weight.max()
    se, t = np.nonzero(kept)
    weight = weight[kept]
    rest, read, read_mean = split.rest_precision[kept], split.read_precision[t], split.read_mean[t]
    share = possible.weight / possible.weight.sum(axis=1, keepdims=True)  # of each estimate given SE
    weights = (weight[:, None] * share[se]).ravel()
    whole = possible.estimate[se] / possible.se[se, None] ** 2
    means = ((whole - (read * read_mean)[:, None]) / rest[:, None]).ravel()
    each = share.shape[1]
    apart, sd = np.repeat(read_mean, each) - means, np.repeat(np.sqrt(1.0 / read + 1.0 / rest), each)
    return (
        _quantiles(means, weights),
        NormalMixture("rest", weights, means, np.repeat(rest**-0.5, each)),
        NormalMixture("read", weight, read_mean, read**-0.5),
        NormalMixture("difference", weights, apart, sd),
    )


def _spread(constraint: Constraint, possible: Readings, solved: Solved) -> Summary:
    """Least Q over its degrees of freedom, at each SE, t and estimate."""
    weight = solved.weight.sum(axis=2)  # (S, T)
    share = possible.weight / possible.weight.sum(axis=1, keepdims=True)
    kept = weight > NEGLIGIBLE * weight.max()
    least = least_spread(constraint, solved.split, solved.used, possible.estimate)
    return _quantiles(least[kept].ravel(), (weight[..., None] * share[:, None, :])[kept].ravel())


def _overall(possible: Readings, solved: Solved, prior: EffectPrior) -> tuple[Marginal, Marginal]:
    """Mean effect and effect in a new setting from the published estimate: mixtures over SE, prior parts and tau."""
    share, mean, sd = given_readings(possible, prior)  # (S, M, C)
    share = share / share.sum(axis=(1, 2), keepdims=True)
    of_tau = solved.weight.sum(axis=1)  # (S, N)
    weight = share * of_tau.sum(axis=1)[:, None, None]
    kept = weight > NEGLIGIBLE * weight.max()
    se, weight, mean, sd = np.nonzero(kept)[0], weight[kept], mean[kept], sd[kept]
    weights = share[kept][:, None] * of_tau[se]  # (kept, N)
    means, sds = np.broadcast_to(mean[:, None], weights.shape), np.hypot(sd[:, None], solved.nodes.tau)
    kept_new = weights > NEGLIGIBLE * weights.max()
    return (
        NormalMixture("mu", weight / weight.sum(), mean, sd),
        NormalMixture("theta_new", weights[kept_new], means[kept_new], sds[kept_new]),
    )


def _quantiles(values: Array, weights: Array) -> Summary:
    """Median and 95% interval of a quantity known at weighted nodes: its cdf is drawn straight between them."""
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order]) - 0.5 * weights[order]
    return Summary(*np.interp(LEVELS, cumulative / weights.sum(), values[order]).tolist())


def _read_part(trials: Trials, pool: PublishedPool, zero_cells: str) -> Effects:
    if trials.k >= pool.k:
        raise DataError(
            f"{trials.origin or trials.name}: {trials.k} trials, and the published pool of {pool.outcome} has {pool.k}:"
            " none is unread. Analyse the trials themselves, and compare with `checks.reproduction`."
        )
    return effect_sizes(trials, zero_cells=zero_cells)


def _row(
    quantity: str, k: int, scale: str, found: Summary, assumes: str, above: float = np.nan, wished: float = np.nan
) -> dict[str, object]:
    """One line of the table: odds ratios in place of their logs."""
    shown = Summary(*np.exp(found).tolist()) if scale in ("OR", "ratio of ORs") else found
    row: dict[str, object] = {"quantity": quantity, "k": k, "scale": scale} | shown._asdict()
    return row | {"above_1": above, "wished": wished, "assumes": assumes}
