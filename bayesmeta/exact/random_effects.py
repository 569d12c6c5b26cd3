"""Random effects by name, as mixtures of normals: theta_i = m + tau z, z ~ sum_q w_q N(0, c_q^2)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import gammaln

from bayesmeta.likelihoods.values import LEAST, exponential
from bayesmeta.types import Array, Booleans, Integers

INVERSE_SQRT_2PI = float(1.0 / np.sqrt(2.0 * np.pi))
CANCELS = 100.0  # standard deviations: a product of matrices may replace a square of differences up to there
STEP = 0.36  # of the trapezoid rule in the log of the mixing precision
FALL = 32.0
SEEN = 9.5  # standard deviations: a normal density beyond is e^-45 of its peak
POINT = 1e-5  # of the finest scale that is resolved


@dataclass(frozen=True, eq=False)
class Kernel:
    """The standardised distribution of the random effects.

    Attributes
    ----------
    scale, weight : (Q,) standard deviations and weights of the normals that it is a mixture of.
    density : of z, where it has a closed form that is cheaper than the mixture; else None.
    outlying : index of the component that makes a trial an outlier; None without such.
    moments : how many moments z has.
    order : a tail z^-(d + 1) brings a term |tau|^d into the likelihood, which else is even and analytic at 0.
    """

    scale: Array
    weight: Array
    density: Callable[[Array], Array] | None = None
    outlying: int | None = None
    moments: int = 2
    order: float = np.inf

    def whole(self, tau: Array, finest: Array) -> Booleans:
        """(T,) at which tau `at` gives all of it."""
        return np.asarray(tau >= 2.0 * finest if self.density is not None else self.scale.min() * tau >= finest)

    def between(self, theta: Array, m: Array, tau: Array) -> Array:
        """(T, N, G) density of effects theta (G,), in order, about means m (T, N), in order, at tau (T,)."""
        if self.density is not None:
            return np.asarray(self.density((theta - m[..., None]) / tau[:, None, None]) / tau[:, None, None])
        normals = [one for one in zip(self.scale.tolist(), self.weight.tolist(), strict=True) if one[1] > 0.0]
        return np.asarray(sum(_normal_between(theta, m, scale * tau, weight) for scale, weight in normals))

    def at(self, distance: Array, tau: float, finest: float) -> Array:
        """Density at distances from the mean at one tau, of the part of the mixture whose scale is at least `finest`.

        The distances are overwritten; along the last axis they grow or fall.
        """
        coarse = self.scale * tau >= finest
        if self.density is not None and 2 * int(coarse.sum()) > len(coarse):
            # The many that are resolved are the whole less the few that are not: what cancels is what `fine` adds.
            whole = np.asarray(self.density(distance / tau) / tau)
            if tau < 2.0 * finest:
                self._take_off(whole.ravel(), np.abs(distance).ravel(), tau, ~coarse)
            return np.maximum(whole, 0.0)
        square, total = np.square(distance, out=distance), np.zeros(distance.shape)
        for scale, weight in zip((self.scale[coarse] * tau).tolist(), self.weight[coarse].tolist(), strict=True):
            part = _exponential(square * (-0.5 / scale**2))
            part *= weight / scale * INVERSE_SQRT_2PI
            total += part
        return total

    def _take_off(self, whole: Array, distance: Array, tau: float, chosen: Booleans) -> None:
        """Subtract some of the normals in place, the widest first, each only where it is seen."""
        order = np.flatnonzero(chosen)[np.argsort(-self.scale[chosen])]
        seen: Integers | None = None
        for scale, weight in zip((self.scale[order] * tau).tolist(), self.weight[order].tolist(), strict=True):
            near = distance < SEEN * scale if seen is None else distance[seen] < SEEN * scale
            seen = np.flatnonzero(near) if seen is None else seen[near]
            if not len(seen):
                break
            z = distance[seen] / scale
            whole[seen] -= np.exp(-0.5 * z * z) * (weight / scale * INVERSE_SQRT_2PI)

    def fine(self, tau: float, finest: float) -> tuple[Array, Array]:
        """Scale, over tau, and weight of the components that `at` leaves out."""
        if self.density is not None and tau >= 2.0 * finest:
            return np.empty(0), np.empty(0)
        scale = self.scale * tau
        out = scale < finest
        if self.density is None:
            return self.scale[out], self.weight[out]
        # Of the many components of a t distribution, those that are as good as a point are taken as one.
        point = scale < POINT * finest
        rest = out & ~point
        merged = np.append(self.scale[rest], 0.0), np.append(self.weight[rest], self.weight[point].sum())
        return merged if point.any() else (self.scale[rest], self.weight[rest])

    def only(self, component: int) -> "Kernel":
        """One component by itself, with its weight."""
        chosen = slice(component, component + 1)
        return Kernel(self.scale[chosen], self.weight[chosen])


def _normal_between(theta: Array, m: Array, sd: Array, weight: float) -> Array:
    """(T, N, G) weight times the normal densities of theta (G,) about m (T, N), with standard deviations sd (T,)."""
    centre, sd = 0.5 * (m[:, :1] + m[:, -1:]), sd[:, None]
    x, y = (theta - centre) / sd, (m - centre) / sd
    if max(np.abs(x).max(initial=0.0), np.abs(y).max()) > CANCELS:
        part = _exponential(-0.5 * np.square(x[:, None] - y[..., None]))
        part *= (weight * INVERSE_SQRT_2PI / sd)[..., None]
        return part
    # -(x - y)^2 / 2 as a product of matrices, which is quicker; what cancels leaves an error of 1e-12 at most.
    of_m, of_theta = np.ones((*y.shape, 3)), np.ones((len(x), 3, x.shape[1]))
    of_m[..., 0] = np.log(weight * INVERSE_SQRT_2PI / sd) - 0.5 * y * y
    of_m[..., 1], of_theta[:, 1] = y, x
    of_theta[:, 2] = -0.5 * x * x
    return _exponential(of_m @ of_theta)


def _exponential(value: Array) -> Array:
    """In place, of values that are least at the ends of the last axis."""
    far = value.size > 0 and value[..., [0, -1]].min() < LEAST
    return exponential(value) if far else np.asarray(np.exp(value, out=value))


def _normal() -> Kernel:
    return Kernel(np.ones(1), np.ones(1))


def _mixture(outliers: float, factor: float) -> Kernel:
    return Kernel(np.array([1.0, factor]), np.array([1.0 - outliers, outliers]), outlying=1)


@cache
def _student_t(df: float) -> Kernel:
    """z = N(0, 1) / sqrt(lambda) with lambda ~ Gamma(df / 2, rate df / 2), by the trapezoid rule in log lambda.

    References
    ----------
    Gelman et al. 2013, Bayesian Data Analysis, section 17.2.
    """
    a = 0.5 * df
    spread = 1.0 / np.sqrt(a)  # of log lambda about its mode 0, where df is large
    step = STEP * min(1.0, 2.0 * spread)
    x = np.arange(-np.ceil(2000.0 / step), np.ceil(200.0 / step)) if df < 1.0 else np.arange(-4000.0, 4000.0)
    x = x * step
    with np.errstate(over="ignore"):
        log_weight = a * (x - np.expm1(np.minimum(x, 300.0)))
    kept = log_weight > -FALL
    weight = np.exp(log_weight[kept])
    constant = float(gammaln(a + 0.5) - gammaln(a) - 0.5 * np.log(df * np.pi))

    def density(z: Array) -> Array:
        return np.asarray(np.exp(constant - (a + 0.5) * np.log1p(z * z / df)))

    moments = int(df > 1.0) + int(df > 2.0)
    return Kernel(np.exp(-0.5 * x[kept]), weight / weight.sum(), density, moments=moments, order=df)


KERNELS: dict[str, Callable[..., Kernel]] = {
    "normal": _normal,
    "none": _normal,
    "student_t": _student_t,
    "mixture": _mixture,
}
