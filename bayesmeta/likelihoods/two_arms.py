"""log p(y | theta_1, theta_2) of a trial with two treated arms and one control, from its counts.

The random effects of the two arms are exchangeable, so everything is written in their mean s = (theta_1 + theta_2) / 2,
which carries the mean effect, and their difference d = theta_1 - theta_2, which does not: with correlation rho,
s ~ N(m, tau^2 (1 + rho) / 2) and d ~ N(0, 2 (1 - rho) tau^2), independent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import gammaln

from bayesmeta.likelihoods.values import CELLS, FALL, STEP, WIDEST_STEP, cut, softplus
from bayesmeta.types import Array, Integers

LogP = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class ArmCounts:
    """Events and totals of the first treated, the second treated and the control arm."""

    first: tuple[float, float]
    second: tuple[float, float]
    control: tuple[float, float]

    @classmethod
    def of(cls, counts: Array) -> "ArmCounts":
        """From the two rows (2, 4) of a table: events treated, total treated, events control, total control."""
        (r1, n1, r0, n0), (r2, n2, _, _) = counts.tolist()
        return cls((r1, n1), (r2, n2), (r0, n0))


def hypergeometric_log_p(counts: ArmCounts, s: Array, d: Array) -> Array:
    """The multivariate noncentral hypergeometric distribution: both treated arms given the total number of events.

    p(r1, r2 | t) = C(n1, r1) C(n2, r2) C(n0, r0) e^(r1 theta_1 + r2 theta_2)
                    / sum_ab C(n1, a) C(n2, b) C(n0, t - a - b) e^(a theta_1 + b theta_2)

    Parameters
    ----------
    counts : of the three arms.
    s, d : (S,) means and (D,) differences of the two effects.

    Returns
    -------
    (S, D)

    References
    ----------
    McCullagh & Nelder 1989, Generalized Linear Models, section 7.3; Stijnen, Hamza & Oezdemir 2010, Stat Med 29:3046.

    Examples
    --------
    >>> import numpy as np
    >>> counts = ArmCounts((1.0, 1.0), (0.0, 1.0), (0.0, 2.0))
    >>> np.exp(hypergeometric_log_p(counts, np.zeros(1), np.zeros(1))).round(4)
    array([[0.25]])
    """
    (r1, n1), (r2, n2), (r0, n0) = counts.first, counts.second, counts.control
    events = r0 + r1 + r2
    a, b = np.meshgrid(np.arange(n1 + 1.0), np.arange(n2 + 1.0), indexing="ij")
    possible = (a + b <= events) & (a + b >= events - n0)
    a, b = a[possible], b[possible]
    ways = _log_ways(a, n1) + _log_ways(b, n2) + _log_ways(events - a - b, n0)
    own = _log_ways(np.array(r1), n1) + _log_ways(np.array(r2), n2) + _log_ways(np.array(r0), n0)
    # First over all a, b with one sum, which is what s looks at; then over the sums.
    order = np.argsort(a + b, kind="stable")
    a, b, ways = a[order], b[order], ways[order] - own
    sums, first = np.unique(a + b, return_index=True)
    inner = _log_sum(ways[:, None] + 0.5 * (a - b - (r1 - r2))[:, None] * d, first)  # (sums, D)
    steps = (sums - r1 - r2)[:, None, None]
    value = np.empty((len(s), len(d)))
    for part in np.array_split(np.arange(len(s)), max(1, len(s) * inner.size // CELLS)):
        exponent = inner[:, None] + steps * s[part, None]
        largest = exponent.max(axis=0)
        value[part] = -largest - np.log(np.exp(exponent - largest).sum(axis=0))
    return value


def binomial_log_p(counts: ArmCounts, s: Array, d: Array, *, location: float, scale: float, at_control: bool) -> Array:
    """All three arms binomial, their one baseline integrated out under N(location, scale^2).

    The baseline is the control arm's log odds, or the mean of the three arms' ("midpoint").

    Parameters
    ----------
    counts : of the three arms.
    s, d : (S,) means and (D,) differences of the two effects.
    location, scale : of the prior of the baseline.
    at_control : where the baseline sits.

    Returns
    -------
    (S, D)

    Examples
    --------
    >>> import numpy as np
    >>> counts = ArmCounts((1.0, 2.0), (1.0, 2.0), (1.0, 2.0))
    >>> np.exp(binomial_log_p(counts, np.zeros(1), np.zeros(1), location=0.0, scale=1e-3, at_control=True)).round(4)
    array([[0.125]])
    """
    (r1, n1), (r2, n2), (r0, n0) = counts.first, counts.second, counts.control
    # The integral runs over x = control log odds + s, about which the treated arms lie at x + d / 2 and x - d / 2; the
    # baseline is x - s, or x - s / 3.
    share = 1.0 if at_control else 1.0 / 3.0
    reach = np.sqrt(2.0 * FALL) * scale
    low, high = location + share * s - reach, location + share * s + reach
    if 0.0 < r0 < n0:
        of_control = cut(r0, n0, float((low - s).min()), float((high - s).max()))
        left, right = s + of_control[0], s + of_control[1]
        # Where control arm and prior exclude one another, what is left of both lies between them.
        apart = (left > high) | (right < low)
        low = np.where(apart, np.minimum(low, left), np.maximum(low, left))
        high = np.where(apart, np.maximum(high, right), np.minimum(high, right))
    step = min(WIDEST_STEP, STEP / float(np.sqrt(0.25 * (n0 + n1 + n2) + scale**-2.0)))
    x = np.arange(float(low.min()), float(high.max()) + step, step)
    treated = _arm(r1, n1, x[:, None] + 0.5 * d) + _arm(r2, n2, x[:, None] - 0.5 * d)  # (X, D)
    value = np.empty((len(s), len(d)))
    for i, mean in enumerate(s.tolist()):
        first, last = np.searchsorted(x, (low[i] - step, high[i] + step))
        near = x[first:last]
        own = _arm(r0, n0, near - mean) - 0.5 * ((near - share * mean - location) / scale) ** 2
        exponent = treated[first:last] + own[:, None]
        largest = exponent.max(axis=0)
        value[i] = largest + np.log(np.exp(exponent - largest).sum(axis=0) * step)
    ways = sum(float(_log_ways(np.array(r), n)) for r, n in (counts.first, counts.second, counts.control))
    return np.asarray(value + ways - np.log(scale) - 0.5 * np.log(2.0 * np.pi))


def _arm(r: float, n: float, log_odds: Array) -> Array:
    return np.asarray(r * log_odds - n * softplus(log_odds))


def log_p_of(likelihood: str, counts: ArmCounts, baseline: tuple[float, float], *, at_control: bool) -> LogP:
    """log p(y | s, d) of a likelihood by name, with the normal prior of the baselines where it has them."""
    if likelihood == "hypergeometric":
        return partial(hypergeometric_log_p, counts)
    location, scale = baseline
    return partial(binomial_log_p, counts, location=location, scale=scale, at_control=at_control)


def _log_ways(r: Array, n: float) -> Array:
    return np.asarray(gammaln(n + 1.0) - gammaln(r + 1.0) - gammaln(n - r + 1.0))


def _log_sum(terms: Array, first: Integers) -> Array:
    """Log of the sums of e^terms (N, D) over runs of rows that begin at `first`."""
    largest = np.maximum.reduceat(terms, first, axis=0)
    lengths = np.diff(np.append(first, len(terms)))
    return np.asarray(largest + np.log(np.add.reduceat(np.exp(terms - np.repeat(largest, lengths, axis=0)), first)))
