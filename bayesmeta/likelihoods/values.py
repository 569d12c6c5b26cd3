"""log p(y_i | theta) of one 2x2 table at many theta, by sums whose terms are shared between the theta.

The derivatives that `hypergeometric.py` and `binomial.py` also give cost several times as much; the exact engine needs
values alone.
"""

import numpy as np
from scipy.special import gammaln

from bayesmeta.types import Array

WIDEST_SUPPORT = 3000
TOGETHER = 16  # theta that share a window of a wide support
FALL = 42.0
STEP = 0.5  # of the integrand's smallest standard deviation
WIDEST_STEP = 0.4  # on the logit scale: the logistic function has poles at +-i pi
CELLS = 50_000  # evaluated at a time
SHARES = np.linspace(0.0, 1.0, 201)
LARGEST = 700.0  # whose exponential is a double
LEAST = -700.0  # the exponential of less is no normal number, and ten times as slow


def hypergeometric_log_p(counts: Array, theta: Array) -> Array:
    """Fisher's noncentral hypergeometric distribution: log p(r1 | t, theta), see `hypergeometric.log_likelihood`.

    Parameters
    ----------
    counts : (4,) events treated, total treated, events control, total control.
    theta : (g,).

    Returns
    -------
    (g,)

    Examples
    --------
    >>> import numpy as np
    >>> np.exp(hypergeometric_log_p(np.array([1.0, 1.0, 0.0, 1.0]), np.array([0.0, np.log(3.0)]))).round(4)
    array([0.5 , 0.75])
    """
    r1, n1, r0, n0 = counts
    events = r0 + r1
    low, high = max(0.0, events - n0), min(n1, events)
    if high - low > WIDEST_SUPPORT:
        parts = np.array_split(np.arange(len(theta)), max(1, len(theta) // TOGETHER))
        return np.concatenate([_in_window(counts, theta[part], low, high) for part in parts if len(part)])
    u = np.arange(low, high + 1.0)
    ratio = np.log((n1 - u[:-1]) * (events - u[:-1]) / ((u[:-1] + 1.0) * (n0 - events + u[:-1] + 1.0)))
    terms = np.zeros(len(u))
    ratio.cumsum(out=terms[1:])
    terms -= terms[int(r1 - low)]
    # The ratios fall with u, so that the largest term stands where they fall below e^-theta.
    mode = len(ratio) - ratio[::-1].searchsorted(-theta)
    largest = terms[mode] + theta * (u[mode] - r1)
    # log of each term over the largest, (u - r1) theta + terms - largest, is a product of matrices.
    of_u, of_theta = np.array([u - r1, terms, np.ones(len(u))]).T, np.array([theta, np.ones(len(theta)), -largest])
    total = np.empty(len(theta))
    for part in _turns(len(theta), len(u)):
        total[part] = np.exp(of_u @ of_theta[:, part]).sum(axis=0)
    return np.asarray(-largest - np.log(total))


def _turns(length: int, each: int) -> list[slice]:
    """Parts of so many points, `each` terms a point, so that a part's terms stay close to the processor."""
    step = max(1, CELLS // each)
    return [slice(start, start + step) for start in range(0, length, step)]


def _in_window(counts: Array, theta: Array, low: float, high: float) -> Array:
    """The same for a wide support: terms near the modes only, for theta that lie close together."""
    r1, n1, r0, n0 = counts
    events = r0 + r1
    odds = np.exp(np.clip(np.array([theta.min(), theta.max()]), -300.0, 300.0))
    b = -(odds * (n1 + events + 2.0) + n0 - events)
    c = odds * (n1 + 1.0) * (events + 1.0)
    mode = -2.0 * c / (b - np.sqrt(b * b - 4.0 * (odds - 1.0) * c))
    # Hoeffding: U is a sum of as many independent yes-or-no trials as the smallest margin.
    reach = np.ceil(np.sqrt(0.5 * FALL * min(events, n1 + n0 - events, n1, n0))) + 2.0
    first, last = max(low, np.floor(mode[0]) - reach), min(high, np.ceil(mode[1]) + reach)
    u = np.arange(first, last + 1.0)
    ratio = np.log((n1 - u[:-1]) * (events - u[:-1]) / ((u[:-1] + 1.0) * (n0 - events + u[:-1] + 1.0)))
    anchor = int(np.clip(np.rint(0.5 * (mode[0] + mode[1]) - first), 0, len(u) - 1))
    terms = np.concatenate([[0.0], np.cumsum(ratio)])
    terms -= terms[anchor]
    exponent = terms + theta[:, None] * (u - u[anchor])
    largest = exponent.max(axis=1)
    total = largest + np.log(np.exp(exponent - largest[:, None]).sum(axis=1))
    observed = _log_term(r1, events, n1, n0) - _log_term(u[anchor], events, n1, n0)
    return np.asarray(observed + theta * (r1 - u[anchor]) - total)


def _log_term(u: float, events: float, n1: float, n0: float) -> float:
    """log C(n1, u) C(n0, t - u), up to what does not depend on u."""
    return -float(gammaln(np.array([u, n1 - u, events - u, n0 - events + u]) + 1.0).sum())


def binomial_log_p(counts: Array, theta: Array, *, location: float, scale: float, at_control: bool) -> Array:
    """Both arms binomial, the baseline integrated out: see `binomial.log_likelihood_derivatives`.

    The trapezoid rule runs over the log odds of the arm that says more of its own, on points that all theta share.

    Parameters
    ----------
    counts : (4,) events treated, total treated, events control, total control.
    theta : (g,).
    location, scale : of the normal prior of the baseline.
    at_control : whether the baseline is the control arm's log odds; else the midpoint of both.

    Returns
    -------
    (g,)

    Examples
    --------
    >>> import numpy as np
    >>> from bayesmeta.likelihoods.binomial import log_likelihood_derivatives
    >>> counts, theta = np.array([3.0, 10.0, 1.0, 10.0]), np.array([-1.0, 2.0])
    >>> slow = log_likelihood_derivatives(counts[None], theta, location=0.0, scale=5.0)[0][0]
    >>> bool(np.allclose(binomial_log_p(counts, theta, location=0.0, scale=5.0, at_control=False), slow, atol=1e-12))
    True
    """
    r1, n1, r0, n0 = counts
    below = 0.0 if at_control else 0.5
    # The arm whose log odds are integrated over (r, n), the other (s, m) at log odds + shift * theta.
    control_first = r0 * (n0 - r0) * n1 >= r1 * (n1 - r1) * n0
    r, n, s, m, shift = (r0, n0, r1, n1, 1.0) if control_first else (r1, n1, r0, n0, -1.0)
    to_baseline = below * shift if control_first else (1.0 - below) * shift  # baseline = eta + to_baseline * theta
    centre = location - to_baseline * theta
    low = float(centre.min()) - np.sqrt(2.0 * FALL) * scale
    high = float(centre.max()) + np.sqrt(2.0 * FALL) * scale
    low, high = cut(r, n, low, high)
    inside = min(max(0.0, low), high)
    steepest = 0.25 / np.cosh(0.5 * inside) ** 2
    step = min(WIDEST_STEP, STEP / float(np.sqrt(n * steepest + 0.25 * m + scale**-2.0)))
    steps = int(np.ceil((high - low) / step))
    step = (high - low) / steps
    eta = low + step * np.arange(steps + 1.0)
    # All but the other arm's normaliser is a part of eta, a part of theta, and a product of the two.
    of_eta = r * eta - n * softplus(eta) + s * eta - 0.5 * (eta / scale) ** 2
    of_theta = s * shift * theta - 0.5 * (centre / scale) ** 2
    linear, centred = np.array([eta / scale**2, of_eta]).T, np.array([centre, np.ones(len(theta))])
    value = np.empty(len(theta))
    for part in _turns(len(theta), len(eta)):
        exponent = linear @ centred[:, part]
        other = _softplus_of_sums(eta, shift * theta[part])
        other *= m
        exponent -= other
        largest = exponent.max(axis=0)
        exponent -= largest
        value[part] = of_theta[part] + largest + np.log(np.exp(exponent, out=exponent).sum(axis=0) * step)
    ways = sum(gammaln(b + 1) - gammaln(a + 1) - gammaln(b - a + 1) for a, b in counts.reshape(2, 2))
    return np.asarray(value + (float(ways) - np.log(scale) - 0.5 * np.log(2.0 * np.pi)))


def _softplus_of_sums(x: Array, y: Array) -> Array:
    """(N, M) log(1 + e^(x + y)), by few exponentials where none is too large for a double."""
    largest = float(x.max()), float(y.max())
    if max(*largest, sum(largest)) > LARGEST:
        return softplus(np.add.outer(x, y))
    value = np.array([np.exp(x), np.ones(len(x))]).T @ np.array([np.exp(y), np.ones(len(y))])
    return np.asarray(np.log(value, out=value))


def exponential(value: Array) -> Array:
    """In place: zero where it would be no normal number, since products of such are slow too."""
    np.maximum(value, LEAST, out=value)
    np.exp(value, out=value)
    value -= np.exp(LEAST)
    return value


def softplus(x: Array) -> Array:
    """log(1 + e^x): to 1e-16 absolute, which is what a sum of such terms keeps anyway, and quick."""
    if x.max(initial=0.0) < LARGEST:
        value = np.exp(x)
        value += 1.0
        return np.asarray(np.log(value, out=value))
    return np.asarray(np.log(1.0 + np.exp(np.minimum(x, LARGEST))) + np.maximum(x - LARGEST, 0.0))


def cut(r: float, n: float, low: float, high: float) -> tuple[float, float]:
    """The part of the log odds that r events of n leave possible, where they bound them."""
    best = r * np.log(r / n) + (n - r) * np.log1p(-r / n) if 0 < r < n else 0.0
    least = best - 4.0 * FALL
    # r x - n log(1 + e^x) is less than r x and than -(n - r) x, and close to that far out.
    left = max(low, least / r) if r > 0 else low
    right = min(high, -least / (n - r)) if r < n else high
    if left >= right:
        return low, high
    grid = left + (right - left) * SHARES
    seen = np.flatnonzero(r * grid - n * softplus(grid) > least)
    if not len(seen):
        return low, high
    return float(grid[max(seen[0] - 1, 0)]), float(grid[min(seen[-1] + 1, len(grid) - 1)])
