"""The binomial likelihood of both arms, the baseline integrated out under its prior."""

import numpy as np

from bayesmeta.types import Array

NEWTON_STEPS = 60
REACH = 9.0  # standard deviations about the mode; the integrand is log-concave, so nothing hides beyond
STEP = 0.45  # of a standard deviation: the trapezoid rule then has full double precision


def log_likelihood_derivatives(
    counts: Array, theta: Array, *, location: float, scale: float, at_control: bool = False
) -> tuple[Array, Array, Array]:
    """Log probability of each trial's two counts given its log odds ratio, with two derivatives in theta.

    log p(r0, r1 | theta) = log integral Bin(r0; n0, expit(g - a theta)) Bin(r1; n1, expit(g + (1 - a) theta)) N(g; m, s^2) dg

    with a = 1/2 (baseline at the midpoint of the two log odds) or a = 0 (baseline in the control arm).

    Parameters
    ----------
    counts : (k, 4) events treated, total treated, events control, total control.
    theta : (g,) log odds ratios, the same for each trial, or (k, g).
    location, scale : m and s of the normal prior of the baseline.
    at_control : whether the baseline is the control arm's log odds.

    Returns
    -------
    Three (k, g) arrays: log p, its first and its second derivative.

    References
    ----------
    Smith, Spiegelhalter & Thomas 1995, Stat Med 14:2685; Jackson et al. 2018, Stat Med 37:1059 (models 2 and 4).

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.array([[3.0, 10.0, 1.0, 10.0]])
    >>> value, slope, curvature = log_likelihood_derivatives(counts, np.array([0.0]), location=0.0, scale=5.0)
    >>> bool(slope[0, 0] > 0), bool(curvature[0, 0] < 0)
    (True, True)
    """
    from scipy.special import gammaln

    counts = np.asarray(counts, dtype=float)
    r1, n1, r0, n0 = (counts[:, [j]] for j in range(4))
    theta = np.broadcast_to(np.asarray(theta, dtype=float), (len(counts), np.shape(theta)[-1]))
    below = 0.0 if at_control else 0.5
    mode, sd = _mode(r1, n1, r0, n0, theta, below, location, scale)
    points = np.arange(-np.ceil(REACH / STEP), np.ceil(REACH / STEP) + 1.0)
    g = mode[..., None] + STEP * sd[..., None] * points  # (k, g, points)
    eta0, eta1 = g - below * theta[..., None], g + (1.0 - below) * theta[..., None]
    log_integrand = (
        r0[..., None] * eta0
        - n0[..., None] * np.logaddexp(0.0, eta0)
        + r1[..., None] * eta1
        - n1[..., None] * np.logaddexp(0.0, eta1)
        - 0.5 * ((g - location) / scale) ** 2
    )
    largest = log_integrand.max(axis=-1, keepdims=True)
    weight = np.exp(log_integrand - largest)
    total = weight.sum(axis=-1)
    choose = gammaln(n1 + 1) - gammaln(r1 + 1) - gammaln(n1 - r1 + 1) + gammaln(n0 + 1) - gammaln(r0 + 1) - gammaln(n0 - r0 + 1)
    value = choose + largest[..., 0] + np.log(total * STEP * sd) - np.log(scale) - 0.5 * np.log(2.0 * np.pi)
    p0, p1 = _expit(eta0), _expit(eta1)
    score = -below * (r0[..., None] - n0[..., None] * p0) + (1.0 - below) * (r1[..., None] - n1[..., None] * p1)
    bend = -(below**2) * n0[..., None] * p0 * (1 - p0) - (1.0 - below) ** 2 * n1[..., None] * p1 * (1 - p1)
    mean_score = (weight * score).sum(axis=-1) / total
    spread = (weight * (score - mean_score[..., None]) ** 2).sum(axis=-1) / total
    return value, mean_score, (weight * bend).sum(axis=-1) / total + spread


def _mode(
    r1: Array, n1: Array, r0: Array, n0: Array, theta: Array, below: float, location: float, scale: float
) -> tuple[Array, Array]:
    """Mode and curvature scale of the integrand in the baseline, by Newton's iteration inside a bracket."""
    reach = scale**2 * (n0 + n1) + 1.0
    lower, upper = np.full(theta.shape, location - reach), np.full(theta.shape, location + reach)
    pooled = np.log((r0 + r1 + 0.5) / (n0 + n1 - r0 - r1 + 0.5))
    g = np.clip(np.broadcast_to(pooled, theta.shape) - (0.5 - below) * theta, lower, upper)
    for _ in range(NEWTON_STEPS):
        p0, p1 = _expit(g - below * theta), _expit(g + (1.0 - below) * theta)
        slope = r0 - n0 * p0 + r1 - n1 * p1 - (g - location) / scale**2
        lower, upper = np.where(slope > 0, g, lower), np.where(slope > 0, upper, g)
        curvature = n0 * p0 * (1 - p0) + n1 * p1 * (1 - p1) + 1.0 / scale**2
        trial = g + slope / curvature
        trial = np.where((trial > lower) & (trial < upper), trial, 0.5 * (lower + upper))
        moved = np.max(np.abs(trial - g) * np.sqrt(curvature))
        g = trial
        if moved < 1e-3:
            break
    p0, p1 = _expit(g - below * theta), _expit(g + (1.0 - below) * theta)
    sd = 1.0 / np.sqrt(n0 * p0 * (1 - p0) + n1 * p1 * (1 - p1) + 1.0 / scale**2)
    # The curvature may change within the window (an arm without events): a step of 1/4 keeps the logistic itself resolved.
    return g, sd


def _expit(x: Array) -> Array:
    from scipy.special import expit

    return np.asarray(expit(x))
