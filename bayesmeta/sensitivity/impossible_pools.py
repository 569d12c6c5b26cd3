"""Can the trials that are read be part of a published pool? By their precision, and by their spread.

Precision: sum_read w_i must leave some for the others, who must be trials of believable size.

Spread: whatever the unread trials showed, at the review's estimate t of tau the generalised Q of the pool is at least::

    Q(t) >= sum_read w_i (y_i - m_read)^2 + W_read (m_read - mu_hat)^2 + W_rest (m_rest - mu_hat)^2

and the last two terms are W_read (m_read - mu_hat)^2 / (1 - W_read SE^2). Paule and Mandel's t is where Q(t) = k - 1;
other estimators leave more or less, but not any number of times k - 1.
"""

import numpy as np
from scipy.special import gammainccinv

from bayesmeta.errors import ModelError
from bayesmeta.priors import HeterogeneityPrior
from bayesmeta.sensitivity.readings import Readings
from bayesmeta.sensitivity.split_pool import Constraint, Split
from bayesmeta.trials import PublishedPool
from bayesmeta.types import Array
from bayesmeta.wording import number

FARTHEST_SIZE = 4.0  # sds of the prior of sizes: unread trials that far from the read ones are not believed
LARGEST_TAU = 0.9999  # quantile of its prior up to which tau is believed
MOST_SPREAD = 3.0  # Q(t) / (k - 1) beyond which no usual estimator leaves it: docs/decisions/unread-trials.md
FEW_TRIALS = 1e-4  # chi-square tail beyond which Q is not believed either: with k < 16 it allows more than that


def most_spread(k: int) -> float:
    """Q(t) / (k - 1) beyond which a pool of k trials is not believed: 3, or what chi-square leaves a tail of 1e-4.

    Examples
    --------
    >>> [round(most_spread(k), 2) for k in (2, 6, 12, 26)]
    [15.14, 5.15, 3.4, 3.0]
    """
    df = k - 1.0
    return max(MOST_SPREAD, 2.0 * float(gammainccinv(0.5 * df, FEW_TRIALS)) / df)


def least_spread(constraint: Constraint, split: Split, used: Array, estimate: Array) -> Array:
    """The least Q(t) / (k - 1) that the pool can have had, the formula at the top of this module over k - 1.

    Parameters
    ----------
    constraint : the pool.
    split : of it, at each t.
    used : (T,) those t.
    estimate : (S, M) log odds ratios of the pool that go with each standard error.

    Returns
    -------
    (S, T, M); inf where the read trials leave nothing for the others.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> trials = bm.load("attachment/secure")
    >>> pool = trials.published
    >>> constraint = Constraint(bm.effect_sizes(trials), pool.k, np.array([pool.se]), 0.35)
    >>> used = np.array([0.6])
    >>> least = least_spread(constraint, constraint.split(used), used, np.array([[pool.estimate]]))
    >>> bool(least[0, 0, 0] < 1.0)
    True
    """
    effects = constraint.effects
    weights = 1.0 / (effects.se[:, None] ** 2 + used**2)
    within = (weights * (effects.y[:, None] - split.read_mean) ** 2).sum(axis=0)
    share = split.rest_precision * constraint.se[:, None] ** 2  # of the unread trials in the pool's precision
    away = (split.read_mean[:, None] - estimate[:, None, :]) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.where(share[..., None] > 0.0, (split.read_precision / share)[..., None] * away, np.inf)
    return np.asarray((within[:, None] + between) / (constraint.k - 1.0))


def refuse_impossible(
    constraint: Constraint, possible: Readings, pool: PublishedPool, prior: HeterogeneityPrior
) -> None:
    """Refuse where no believable tau leaves trials of believable size, or none allows the spread that is there anyway.

    Raises
    ------
    ModelError : with what was found.
    """
    largest = min(float(prior.quantile(LARGEST_TAU)), float(np.sqrt(constraint.total.max())))
    used = np.linspace(0.0, largest, 2001)
    split = constraint.split(used)
    distance = np.where(np.isnan(split.log_ratio), np.inf, np.abs(split.log_ratio)) / constraint.log_size
    believed = distance <= FARTHEST_SIZE
    if not believed.any():
        _too_precise(constraint, pool, split, distance, largest)
    spread = np.where(believed, least_spread(constraint, split, used, possible.estimate).min(axis=2), np.inf)
    if spread.min() > most_spread(pool.k):
        at = int(np.argmin(spread.min(axis=0)))
        _too_far(constraint, pool, split, spread.min(), float(used[at]), at)


def _too_precise(constraint: Constraint, pool: PublishedPool, split: Split, distance: Array, largest: float) -> None:
    alone = split.read_precision**-0.5
    found = (
        f"{pool.outcome}: the published pool of {pool.k} trials (standard error {pool.se:.3f}) cannot hold these"
        f" {constraint.effects.k} trials (standard error {alone[0]:.3f} at tau 0, {alone[-1]:.3f} at tau {largest:.2f})"
    )
    if np.isinf(distance).all():
        finding = (
            f"up to tau {largest:.2f} they alone are more precise than the pool, or nothing is left for the others"
        )
    else:
        factor = float(np.exp(split.log_ratio.ravel()[np.argmin(distance)]))
        finding = f"at best the other {constraint.k_rest} would need {factor:.3g} times their typical sampling variance"
    raise ModelError(
        f"{found}: {finding}. Check that each of them is in the pool, that its figures are odds ratios with a 95%"
        " interval by random effects; or state a wider prior for tau or a larger size."
    )


def _too_far(constraint: Constraint, pool: PublishedPool, split: Split, spread: float, tau: float, at: int) -> None:
    printed, read = np.exp([pool.estimate, split.read_mean[at]])
    df = pool.k - 1
    raise ModelError(
        f"{pool.outcome}: the published pool of {pool.k} trials (OR {number(printed)}) cannot hold these"
        f" {constraint.effects.k} trials (OR {number(read)}): even at the best tau, {number(tau)}, they and their"
        f" distance from the rest make its Q at least {number(spread * df)}, {number(spread)} times its {df} degrees of"
        f" freedom, and no usual estimate of tau leaves more than {number(most_spread(pool.k))} times. Check that each"
        " of them is in the pool, with the same outcome and the same arm first, and that it is one by random effects."
    )
