"""The binomial likelihood of both arms, the baseline integrated out under its prior."""

import numpy as np
from scipy.special import betaln, expit

from bayesmeta.types import Array

NEWTON_STEPS = 60
FALL = 40.0  # the integrand is log-concave: where it has fallen by e^-40 nothing lies beyond
STEP = 0.5  # of a standard deviation
WIDEST_STEP = 0.4  # on the logit scale: the logistic function has poles at +-i pi, whatever the arms' sizes
CELLS = 200_000  # evaluated at a time


def log_likelihood_derivatives(
    counts: Array, theta: Array, *, location: float, scale: float, at_control: bool = False
) -> tuple[Array, Array, Array]:
    """Log probability of each trial's two counts given its log odds ratio, with two derivatives in theta.

    log p(r0, r1 | theta) = log integral Bin(r0; n0, expit(g - a theta)) Bin(r1; n1, expit(g + (1 - a) theta))
    N(g; m, s^2) dg

    with a = 1/2 (baseline at the midpoint of the two log odds) or a = 0 (baseline in the control arm). Trapezoid rule
    in g from the mode of the integrand to where it is negligible on either side.

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
    Smith, Spiegelhalter & Thomas 1995, Stat Med 14:2685; Jackson et al. 2018, Stat Med 37:1059 (models 2 and 4);
    Trefethen & Weideman 2014, SIAM Review 56:385 (the trapezoid rule).

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.array([[3.0, 10.0, 1.0, 10.0]])
    >>> value, slope, curvature = log_likelihood_derivatives(counts, np.array([0.0]), location=0.0, scale=5.0)
    >>> bool(slope[0, 0] > 0), bool(curvature[0, 0] < 0)
    (True, True)
    """
    counts = np.asarray(counts, dtype=float)
    theta = np.broadcast_to(np.asarray(theta, dtype=float), (len(counts), np.shape(theta)[-1]))
    below = 0.0 if at_control else 0.5
    parts = [_Trial(row, below, location, scale).integrated(at) for row, at in zip(counts, theta)]
    value, slope, curvature = (np.stack(part) for part in zip(*parts))
    return value, slope, curvature


def log_likelihood_given_baseline(
    counts: Array, theta: Array, baseline: Array | float, *, at_control: bool = False
) -> Array:
    """Log probability of one trial's two counts given its log odds ratio and its baseline.

    log Bin(r0; n0, expit(g - a theta)) + log Bin(r1; n1, expit(g + (1 - a) theta)), a = 1/2 or (at the control arm) 0.

    Parameters
    ----------
    counts : (4,) events treated, total treated, events control, total control.
    theta, baseline : log odds ratios and g, of shapes that broadcast.
    at_control : whether g is the control arm's log odds, else the midpoint of both.

    Returns
    -------
    Array of the broadcast shape.

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.array([1.0, 2.0, 1.0, 2.0])
    >>> round(float(np.exp(log_likelihood_given_baseline(counts, np.array(0.0), 0.0))), 12)  # (2 / 4)^2
    0.25
    """
    r1, n1, r0, n0 = np.asarray(counts, dtype=float)
    below = 0.0 if at_control else 0.5
    control, treated = baseline - below * theta, baseline + (1.0 - below) * theta
    log_ways = -sum(np.log(n + 1.0) + betaln(r + 1.0, n - r + 1.0) for r, n in ((r1, n1), (r0, n0)))
    arms = r0 * control - n0 * np.logaddexp(0.0, control) + r1 * treated - n1 * np.logaddexp(0.0, treated)
    return np.asarray(arms + log_ways)


class _Trial:
    """One trial's integrand in the baseline g."""

    def __init__(self, counts: Array, below: float, location: float, scale: float) -> None:
        self.r1, self.n1, self.r0, self.n0 = counts
        self.below, self.above, self.location, self.scale = below, 1.0 - below, location, scale
        log_ways = -sum(np.log(n + 1.0) + betaln(r + 1.0, n - r + 1.0) for r, n in counts.reshape(2, 2))
        self.constant = float(log_ways) - np.log(scale) - 0.5 * np.log(2.0 * np.pi)

    def log_integrand(self, g: Array, theta: Array) -> Array:
        control, treated = g - self.below * theta, g + self.above * theta
        arms = self.r0 * control - self.n0 * np.logaddexp(0.0, control)
        arms = arms + self.r1 * treated - self.n1 * np.logaddexp(0.0, treated)
        return np.asarray(arms - 0.5 * ((g - self.location) / self.scale) ** 2)

    def slope_and_bend(self, g: Array, theta: Array) -> tuple[Array, Array]:
        """Of the log integrand in g; the bend is minus its second derivative, which is positive."""
        p0, p1 = expit(g - self.below * theta), expit(g + self.above * theta)
        slope = self.r0 - self.n0 * p0 + self.r1 - self.n1 * p1 - (g - self.location) / self.scale**2
        return slope, self.n0 * p0 * (1.0 - p0) + self.n1 * p1 * (1.0 - p1) + self.scale**-2

    def integrated(self, theta: Array) -> tuple[Array, Array, Array]:
        """Log of the integral over g at each theta (g,), with two derivatives."""
        mode, sd = self._mode(theta)
        left, right = self._reach(mode, sd, theta, -1.0), self._reach(mode, sd, theta, 1.0)
        intervals = int(np.ceil(np.max((left + right) / np.minimum(STEP * sd, WIDEST_STEP))))
        place = np.linspace(0.0, 1.0, intervals + 1)
        found = [
            self._sums(mode[part] - left[part], (left + right)[part], place, theta[part])
            for part in np.array_split(np.arange(len(theta)), max(1, len(theta) * intervals // CELLS))
        ]
        value, slope, curvature = (np.concatenate(part) for part in zip(*found))
        return value, slope, curvature

    def _sums(self, start: Array, width: Array, place: Array, theta: Array) -> tuple[Array, Array, Array]:
        g, theta = start[:, None] + width[:, None] * place, theta[:, None]
        log_integrand = self.log_integrand(g, theta)
        largest = log_integrand.max(axis=1)
        weight = np.exp(log_integrand - largest[:, None])
        total = weight.sum(axis=1)
        weight /= total[:, None]
        value = self.constant + largest + np.log(total * width / (len(place) - 1))
        p0, p1 = expit(g - self.below * theta), expit(g + self.above * theta)
        score = self.above * (self.r1 - self.n1 * p1) - self.below * (self.r0 - self.n0 * p0)
        bend = self.above**2 * self.n1 * p1 * (1.0 - p1) + self.below**2 * self.n0 * p0 * (1.0 - p0)
        slope = (weight * score).sum(axis=1)
        spread = (weight * (score - slope[:, None]) ** 2).sum(axis=1)
        return value, slope, spread - (weight * bend).sum(axis=1)

    def _mode(self, theta: Array) -> tuple[Array, Array]:
        """Mode of the integrand and 1 / sqrt(bend) there, by Newton's iteration inside a bracket."""
        reach = self.scale**2 * (self.n0 + self.n1) + 1.0  # the slope of the arms never exceeds their sizes
        lower, upper = np.full(theta.shape, self.location - reach), np.full(theta.shape, self.location + reach)
        events, others = self.r0 + self.r1, self.n0 + self.n1 - self.r0 - self.r1
        g = np.clip(np.log((events + 0.5) / (others + 0.5)) - (0.5 - self.below) * theta, lower, upper)
        for _ in range(NEWTON_STEPS):
            slope, bend = self.slope_and_bend(g, theta)
            lower, upper = np.where(slope > 0, g, lower), np.where(slope > 0, upper, g)
            trial = g + slope / bend
            trial = np.where((trial > lower) & (trial < upper), trial, 0.5 * (lower + upper))
            moved = np.max(np.abs(trial - g) * np.sqrt(bend))
            g = trial
            if moved < 1e-3:
                break
        return g, 1.0 / np.sqrt(self.slope_and_bend(g, theta)[1])

    def _reach(self, mode: Array, sd: Array, theta: Array, side: float) -> Array:
        """How far the integrand is not negligible on one side: doubled until it is, then narrowed."""
        floor = self.log_integrand(mode, theta) - FALL
        inside, outside = np.zeros_like(mode), 9.0 * sd
        while True:
            short = self.log_integrand(mode + side * outside, theta) > floor
            if not short.any():
                break
            inside, outside = np.where(short, outside, inside), np.where(short, 2.0 * outside, outside)
        for _ in range(4):
            middle = 0.5 * (inside + outside)
            short = self.log_integrand(mode + side * middle, theta) > floor
            inside, outside = np.where(short, middle, inside), np.where(short, outside, middle)
        return outside
