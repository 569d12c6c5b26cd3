"""The hypergeometric likelihood: events among the treated, given all events of the trial.

With both margins of the 2x2 table fixed, the number of events among the treated follows Fisher's noncentral
hypergeometric distribution, whose only parameter is the odds ratio. There are no baselines and no corrections.
"""

import numpy as np

from bayesmeta.types import Array

# Terms this far below the largest one add less than a double can hold.
NEGLIGIBLE = -45.0


def log_likelihood(counts: Array, theta: Array) -> Array:
    """Log probability of each trial's table at log odds ratios theta, both margins given.

    log p(r1 | t, theta) = log C(n1, r1) C(n0, t - r1) e^(r1 theta) - log sum_u C(n1, u) C(n0, t - u) e^(u theta)

    Parameters
    ----------
    counts : (k, 4) events treated, total treated, events control, total control.
    theta : (g,) log odds ratios, the same for each trial.

    Returns
    -------
    (k, g) log probabilities.

    References
    ----------
    Stijnen, Hamza & Oezdemir 2010, Stat Med 29:3046, section 4.

    Examples
    --------
    >>> import numpy as np
    >>> np.exp(log_likelihood(np.array([[1.0, 1.0, 0.0, 1.0]]), np.array([0.0, np.log(3.0)]))).round(4)
    array([[0.5 , 0.75]])
    """
    return np.stack([_moments(row, np.asarray(theta, dtype=float))[0] for row in np.asarray(counts, dtype=float)])


def log_likelihood_derivatives(counts: Array, theta: Array) -> tuple[Array, Array, Array]:
    """Log probability with its first and second derivative in theta: log p, r1 - E[U], -Var[U].

    Parameters
    ----------
    counts : (k, 4) events treated, total treated, events control, total control.
    theta : (g,) log odds ratios.

    Returns
    -------
    Three (k, g) arrays.

    References
    ----------
    Stijnen, Hamza & Oezdemir 2010, Stat Med 29:3046, section 4 (an exponential family in theta).

    Examples
    --------
    >>> import numpy as np
    >>> value, slope, curvature = log_likelihood_derivatives(np.array([[1.0, 1.0, 0.0, 1.0]]), np.array([0.0]))
    >>> float(slope[0, 0]), float(curvature[0, 0])
    (0.5, -0.25)
    """
    rows = [_moments(row, np.asarray(theta, dtype=float)) for row in np.asarray(counts, dtype=float)]
    value, mean, variance = (np.stack(part) for part in zip(*rows, strict=True))
    events_treated = np.asarray(counts, dtype=float)[:, :1]
    return value, events_treated - mean, -variance


def score_and_information(counts: Array, theta: float) -> tuple[Array, Array]:
    """Score r1 - E[U] and information Var[U] of each trial at one common log odds ratio.

    Parameters
    ----------
    counts : (k, 4) events treated, total treated, events control, total control.
    theta : one log odds ratio.

    Returns
    -------
    score (k,), information (k,).

    References
    ----------
    Stijnen, Hamza & Oezdemir 2010, Stat Med 29:3046.

    Examples
    --------
    >>> import numpy as np
    >>> [part.tolist() for part in score_and_information(np.array([[1.0, 1.0, 0.0, 1.0]]), 0.0)]
    [[0.5], [0.25]]
    """
    _, slope, curvature = log_likelihood_derivatives(counts, np.array([theta]))
    return slope[:, 0], -curvature[:, 0]


def _moments(row: Array, theta: Array) -> tuple[Array, Array, Array]:
    """Log probability of the observed count, mean and variance of U, each (g,), for one trial."""
    events_treated, treated, events_control, control = row
    events = events_treated + events_control
    low, high = max(0.0, events - control), min(treated, events)
    if low == high:  # no events at all, or nothing but events: one table only, whatever theta is
        return np.zeros_like(theta), np.full_like(theta, low), np.zeros_like(theta)
    centre = _modes(events, treated, control, theta, low, high)
    reach = _reach(events, treated, control, high - low)
    first, last = max(low, float(centre.min()) - reach), min(high, float(centre.max()) + reach)
    first, last = min(first, events_treated), max(last, events_treated)
    u = np.arange(first, last + 1.0)
    ratio = np.log((treated - u[:-1]) * (events - u[:-1])) - np.log(
        (u[:-1] + 1.0) * (control - events + u[:-1] + 1.0)
    )  # of neighbouring terms at theta = 0: no factorial is ever formed
    anchor = int(np.clip(round(float(np.median(centre))) - first, 0, len(u) - 1))
    terms = np.concatenate([[0.0], np.cumsum(ratio)])
    terms -= terms[anchor]
    u_from_anchor = u - u[anchor]
    exponent = terms + theta[:, None] * u_from_anchor  # (g, support)
    largest = exponent.max(axis=1, keepdims=True)
    weights = np.exp(exponent - largest)
    total = weights.sum(axis=1)
    shift = weights @ u_from_anchor / total
    spread = np.einsum("gu,gu->g", weights, (u_from_anchor - shift[:, None]) ** 2) / total
    observed = int(events_treated - first)
    log_probability = exponent[:, observed] - largest[:, 0] - np.log(total)
    return log_probability, shift + u[anchor], spread


def _modes(events: float, treated: float, control: float, theta: Array, low: float, high: float) -> Array:
    """The most probable U at each theta: where neighbouring terms are equal (a quadratic in u)."""
    odds = np.exp(np.clip(theta, -300.0, 300.0))
    a = odds - 1.0
    b = -(odds * (treated + events + 2.0) + control - events)
    c = odds * (treated + 1.0) * (events + 1.0)
    root = -2.0 * c / (b - np.sqrt(b * b - 4.0 * a * c))  # stable for odds near 1
    return np.clip(np.floor(root), low, high)


def _reach(events: float, treated: float, control: float, width: float) -> float:
    """How far from the mode a term can matter: the variance never exceeds that of a binomial on either margin."""
    variance = min(events, treated + control - events, treated, control) / 4.0
    return min(width, np.ceil(np.sqrt(-2.0 * NEGLIGIBLE * (variance + 1.0))) + 45.0)
