"""Counts of three categories in two arms as a likelihood of both log odds ratios, the two baselines integrated out."""

from dataclasses import dataclass

import numpy as np
from scipy.special import erfc, gammaln

from bayesmeta.likelihoods.normal import LOG_2PI
from bayesmeta.types import Array

FALL = 22.0  # below its peak, in logs, an integrand is no longer summed
STEP = 0.95  # of the sums, in conditional standard deviations at the mode
WIDEST = 0.45  # step in log odds: the logistic function has singularities at +-i pi
NEWTON = 40
NEAR = 0.02  # standard deviations from the mode at which the search for it ends
STENCIL = 1e-3
LONGEST = 1.5  # step of the search
EDGE = 5  # points of an edge at which the integrand is looked at
TOGETHER = 256  # effects whose integrands are summed over steps alike
CELLS = 30_000  # points of an integrand at a time: what fits into the cache of a core
FAR = 700.0  # log odds, of which a double still holds the odds
MOST = 400  # points in one direction


#: Mode (N, 2) of v and y, slope of v on y (N,), and steps of both (N, 2).
Frame = tuple[Array, Array, Array]


@dataclass(frozen=True, eq=False)
class TrinomialTrial:
    """One trial that reports the counts of all three categories.

    L(theta) = integral p(treated | gamma + theta / 2) p(control | gamma - theta / 2) N(gamma_1; m, s^2)
    N(gamma_2; m, s^2) d gamma / P(gamma_1 + gamma_2 < -|theta_1 + theta_2| / 2)

    over the baselines at which the three proportions of both arms are positive. The integral is a sum over even steps
    of v = (gamma_1 - gamma_2) / 2 and log w, gamma_1 + gamma_2 = -sqrt(w^2 + (theta_1 + theta_2)^2 / 4): there the
    integrand is smooth and has no end.

    Parameters
    ----------
    categories : (2, 3) people in the first, middle and second category of the treated and of the control arm.
    location, scale : m and s of the prior of each baseline.

    References
    ----------
    Trikalinos, Hoaglin & Schmid 2014, Stat Med 33:1441; Trefethen & Weideman 2014, SIAM Review 56:385 (such sums).

    Examples
    --------
    >>> trial = TrinomialTrial(np.array([[31.0, 10.0, 19.0], [20.0, 6.0, 34.0]]), 0.0, 5.0)
    >>> value = trial.log_likelihood(np.array([[0.7, -1.0], [3.0, -1.0]]))
    >>> bool(value[0] > value[1])
    True
    """

    categories: Array
    location: float
    scale: float

    def log_likelihood(self, theta: Array) -> Array:
        """log L at (N, 2) log odds ratios: (N,)."""
        parts = np.array_split(theta, max(len(theta) // TOGETHER, 1))
        found = np.concatenate([self._summed(part) for part in parts])
        together = 0.5 * np.abs(theta.sum(axis=1))
        share = 0.5 * erfc((together + 2.0 * self.location) / (2.0 * self.scale))
        n = self.categories.sum(axis=1)
        ways = float((gammaln(n + 1.0) - gammaln(self.categories + 1.0).sum(axis=1)).sum())
        return np.asarray(found + ways - np.log(share) - LOG_2PI - 2.0 * np.log(self.scale))

    def log_integrand(self, v: Array, y: Array, theta: Array) -> Array:
        """Of v (N, V, Y) and y = log w (N, Y) at effects (N, 2), without constants: (N, V, Y)."""
        half = 0.5 * theta.sum(axis=1)[:, None]
        w = np.exp(y)
        root = np.hypot(w, half)
        apart = np.arcsinh(half / w)
        middle = self.categories[:, 1]
        value = 2.0 * y - np.log(root)
        for arm, side in ((0, -1.0), (1, 1.0)):
            if middle[arm]:
                below = w * np.exp(side * apart)  # minus the sum of both log odds of the arm
                value = value + middle[arm] * (below + np.log(-np.expm1(-below)))
        total = np.empty(v.shape)
        total[:] = value[:, None, :]
        for j, sign in ((0, 1.0), (1, -1.0)):
            gamma = sign * v - 0.5 * root[:, None, :]
            total -= 0.5 / self.scale**2 * (gamma - self.location) ** 2
            for arm, side in ((0, 0.5), (1, -0.5)):
                many = self.categories[arm, 2 * j] + middle[arm]
                if (
                    many
                ):  # log(1 + e^-x), to within rounding of its sum with others, at a fifth of the time of logaddexp
                    terms = -side * theta[:, j, None, None] - gamma
                    np.exp(np.minimum(terms, FAR, out=terms), out=terms)
                    terms += 1.0
                    np.log(terms, out=terms)
                    terms *= many
                    total -= terms
        return total

    def _summed(self, theta: Array) -> Array:
        """Log of the integral (N,)."""
        frame = self._mode(theta)
        axes = self._reach(frame, theta)
        found = np.empty(len(theta))
        size = max(CELLS // (len(axes[0]) * len(axes[1])), 1)
        for start in range(0, len(theta), size):
            part = slice(start, start + size)
            here = frame[0][part], frame[1][part], frame[2][part]
            value = self.log_integrand(*_on(here, *axes), theta[part])
            top = value.max(axis=(1, 2))
            value -= top[:, None, None]
            found[part] = np.log(np.exp(value, out=value).sum(axis=(1, 2))) + top
        return np.asarray(found + np.log(frame[2]).sum(axis=1))

    def lattice(self, theta: Array, fine: float) -> tuple[Array, Array, Array]:
        """v (N, V, Y), y (N, Y) and the log integrand (N, V, Y) on all of it that matters; steps times `fine`."""
        centre, slope, steps = self._mode(theta)
        frame = centre, slope, steps * fine
        v, y = _on(frame, *self._reach(frame, theta))
        return v, y, self.log_integrand(v, y, theta)

    def _reach(self, frame: Frame, theta: Array) -> tuple[Array, Array]:
        """How many steps of v and of y hold all of the integrand."""
        none = np.zeros(1)
        peak = self.log_integrand(*_on(frame, none, none), theta)[:, 0, 0]
        ends = np.zeros((2, 2))
        for axis in (1, 0, 1):  # across the middle first, then wherever the other direction leads
            across = np.linspace(ends[1 - axis, 0], ends[1 - axis, 1], EDGE if ends[1 - axis].any() else 1)
            for end, side in enumerate((-1.0, 1.0)):
                reach = max(abs(ends[axis, end]), 4.0)
                while reach < MOST:
                    far = np.array([side * reach])
                    at = _on(frame, *((far, across) if axis == 0 else (across, far)))
                    if (self.log_integrand(*at, theta).max(axis=(1, 2)) < peak - FALL).all():
                        break
                    reach *= 1.15
                ends[axis, end] = side * np.ceil(reach)
        first, second = (np.arange(low, high + 1.0) for low, high in ends)
        return first, second

    def _mode(self, theta: Array) -> Frame:
        """Mode of the integrand (N, 2), slope of v on y there (N,), and steps of both (N, 2)."""
        smoothed = self.categories + 0.5
        p = smoothed / smoothed.sum(axis=1, keepdims=True)
        gamma = np.log(p / (1.0 - p)).mean(axis=0)[[0, 2]]
        half = 0.5 * theta.sum(axis=1)
        w = np.sqrt(np.maximum(gamma.sum() ** 2 - half**2, 0.1))
        place = np.column_stack([np.full(len(theta), 0.5 * (gamma[0] - gamma[1])), np.log(w)])
        value, slope, bend = self._derivatives(place, theta)
        for _ in range(NEWTON):
            step = np.stack([bend[2] * slope[0] - bend[1] * slope[1], bend[0] * slope[1] - bend[1] * slope[0]])
            step = (step / (bend[0] * bend[2] - bend[1] ** 2)).T
            step *= np.minimum(1.0, LONGEST / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-300))
            if (np.abs(step) * np.sqrt(bend[[0, 2]].T)).max() < NEAR:
                break
            for _ in range(8):  # halved where it would go down
                worse = self._at(place + step, theta) < value - 1e-9
                if not worse.any():
                    break
                step[worse] *= 0.5
            place = place + step
            value, slope, bend = self._derivatives(place, theta)
        of_y = 1.0 / np.sqrt(bend[2] - bend[1] ** 2 / bend[0])
        steps = np.column_stack([1.0 / np.sqrt(bend[0]), of_y])
        # A step of y is w steps of the log odds.
        widest = WIDEST / np.maximum(np.column_stack([np.ones(len(place)), np.exp(place[:, 1])]), 1.0)
        return place, -bend[1] / bend[0], np.minimum(STEP * steps, widest)

    def _at(self, place: Array, theta: Array) -> Array:
        return self.log_integrand(place[:, :1, None], place[:, 1:], theta)[:, 0, 0]

    def _derivatives(self, place: Array, theta: Array) -> tuple[Array, Array, Array]:
        """Log integrand (N,), its slope (2, N), and minus its second derivatives (3, N), made positive definite."""
        one, other = np.array([STENCIL, 0.0]), np.array([0.0, STENCIL])
        value = self._at(place, theta)
        up, down, right, left = (self._at(place + by, theta) for by in (other, -other, one, -one))
        corners = [self._at(place + a * one + b * other, theta) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
        slope = np.stack([right - left, up - down]) / (2.0 * STENCIL)
        first, second = ((2.0 * value - a - b) / STENCIL**2 for a, b in ((right, left), (up, down)))
        mixed = -(corners[0] - corners[1] - corners[2] + corners[3]) / (4.0 * STENCIL**2)
        first, second = np.maximum(first, 0.02), np.maximum(second, 0.02)
        largest = 0.95 * np.sqrt(first * second)
        return value, slope, np.stack([first, np.clip(mixed, -largest, largest), second])


def _on(frame: Frame, i: Array, j: Array) -> tuple[Array, Array]:
    """v (N, I, J) and y (N, J) so many steps from the mode."""
    centre, slope, steps = frame
    away = steps[:, 1:] * j
    v = centre[:, 0, None, None] + slope[:, None, None] * away[:, None, :]
    return v + steps[:, 0, None, None] * i[:, None], centre[:, 1:] + away
