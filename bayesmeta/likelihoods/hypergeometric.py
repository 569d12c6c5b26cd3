"""The hypergeometric likelihood: events among the treated, given all events of the trial.

With both margins of the 2x2 table fixed, the number of events among the treated follows Fisher's noncentral
hypergeometric distribution, whose only parameter is the odds ratio. There are no baselines and no corrections.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln

from bayesmeta.types import Array

# Terms this far below the largest one add less than a double can hold.
NEGLIGIBLE = -45.0
TERMS = 4_000_000  # held in memory at a time


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
    return _moments(np.asarray(counts, dtype=float), np.asarray(theta, dtype=float))[0]


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
    counts = np.asarray(counts, dtype=float)
    value, mean, variance = _moments(counts, np.asarray(theta, dtype=float))
    return value, counts[:, :1] - mean, -variance


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


def _moments(counts: Array, theta: Array) -> tuple[Array, Array, Array]:
    """Log probability of the observed count, mean and variance of U, each (k, g).

    Each pair of trial and theta has its own window of terms about its own mode, wide enough to hold all that matter.
    """
    observed, treated, events_control, control = (np.repeat(counts[:, j], len(theta)) for j in range(4))
    at = np.tile(theta, len(counts))
    events = observed + events_control
    low, high = np.maximum(0.0, events - control), np.minimum(treated, events)
    mode = _modes(events, treated, control, at, low, high)
    margin = np.minimum(np.minimum(events, treated + control - events), np.minimum(treated, control))
    # U is a sum of as many independent yes-or-no trials as the smallest margin: Hoeffding's bound on its tails.
    reach = np.minimum(high - low, np.ceil(np.sqrt(-0.5 * NEGLIGIBLE * margin)) + 2.0)
    found = np.empty((3, len(at)))
    octave = np.ceil(np.log2(reach + 1.0))
    for size in np.unique(octave):  # windows of like size together, so that none pays for the widest
        alike = np.flatnonzero(octave == size)
        widest = int(reach[alike].max())
        for part in np.array_split(alike, max(1, len(alike) * (2 * widest + 1) // TERMS)):
            trial = _Terms(events[part], treated[part], control[part], low[part], high[part])
            found[:, part] = trial.summed(observed[part], at[part], mode[part], widest)
    log_probability, mean, variance = found.reshape(3, len(counts), len(theta))
    return log_probability, mean, variance


@dataclass(frozen=True, eq=False)
class _Terms:
    """The terms C(n1, u) C(n0, t - u) e^(u theta) of n tables, u from low to high; all (n,)."""

    events: Array
    treated: Array
    control: Array
    low: Array
    high: Array

    def summed(self, observed: Array, theta: Array, mode: Array, reach: int) -> Array:
        """Log probability of the observed count, mean and variance of U, (3, n): from the terms around the mode."""
        step = np.arange(1.0, reach + 1.0)
        top, slope = mode[:, None], theta[:, None]
        up = self._log_ratio(np.minimum(top + step, self.high[:, None] + 1.0)) + slope
        down = -self._log_ratio(np.maximum(top - step + 1.0, self.low[:, None])) - slope
        weights = np.concatenate(
            [np.exp(np.cumsum(down, axis=1))[:, ::-1], np.ones(top.shape), np.exp(np.cumsum(up, axis=1))], axis=1
        )
        offset = np.arange(-reach, reach + 1.0)
        total = weights.sum(axis=1)
        shift = weights @ offset / total
        spread = np.einsum("nu,nu->n", weights, (offset - shift[:, None]) ** 2) / total
        away = self._log_term(observed) - self._log_term(mode) + theta * (observed - mode)
        return np.stack([away - np.log(total), mode + shift, spread])

    def _log_ratio(self, u: Array) -> Array:
        """Log of term u over term u - 1 at theta = 0, -inf above the last term and inf at the first; no factorials."""
        t, n1, n0 = self.events[:, None], self.treated[:, None], self.control[:, None]
        with np.errstate(divide="ignore"):
            return np.log((n1 - u + 1.0) * (t - u + 1.0)) - np.log(u * (n0 - t + u))

    def _log_term(self, u: Array) -> Array:
        """Log of term u at theta = 0, up to what does not depend on u."""
        treated = betaln(u + 1.0, self.treated - u + 1.0)
        return np.asarray(-treated - betaln(self.events - u + 1.0, self.control - self.events + u + 1.0))


def _modes(events: Array, treated: Array, control: Array, theta: Array, low: Array, high: Array) -> Array:
    """The most probable U at each theta: where neighbouring terms are equal (a quadratic in u)."""
    odds = np.exp(np.clip(theta, -300.0, 300.0))
    a = odds - 1.0
    b = -(odds * (treated + events + 2.0) + control - events)
    c = odds * (treated + 1.0) * (events + 1.0)
    root = np.sqrt(np.maximum(b * b - 4.0 * a * c, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):  # of two forms of one root, the one without cancellation
        found = np.where(b > 0.0, (b + root) / (-2.0 * a), -2.0 * c / (b - root))
    return np.clip(np.floor(found), low, high)
