"""Random effects by name, as mixtures of normals: theta_i = m + tau z, z ~ sum_q w_q N(0, c_q^2)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import gammaln

from bayesmeta.types import Array, Booleans, Integers

INVERSE_SQRT_2PI = float(1.0 / np.sqrt(2.0 * np.pi))
LEAST = -700.0  # the exponential of less is no normal number, and slow
NOTHING = float(np.exp(LEAST))
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

    def everything(self, distance: Array, tau: Array) -> Array:
        """Density at distances from the mean, which are overwritten, for tau that are broadcast against them.

        Along the last axis the distances grow or fall.
        """
        if self.density is not None:
            return np.asarray(self.density(distance / tau) / tau)
        return self._sum(distance, tau, np.ones(len(self.scale), dtype=bool))

    def at(self, distance: Array, tau: float, finest: float) -> Array:
        """The same at one tau, of the part of the mixture whose scale is at least `finest`."""
        if self.density is not None and tau >= 2.0 * finest:
            return self.everything(distance, np.asarray(tau))
        coarse = self.scale * tau >= finest
        if self.density is not None and 2 * int(coarse.sum()) > len(coarse):
            # The many that are resolved are the whole less the few that are not: what cancels is what `fine` adds.
            whole = np.asarray(self.density(distance / tau) / tau)
            self._take_off(whole.ravel(), np.abs(distance).ravel(), tau, ~coarse)
            return np.maximum(whole, 0.0)
        return self._sum(distance, np.asarray(tau), coarse)

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

    def _sum(self, distance: Array, tau: Array, chosen: Booleans) -> Array:
        """Density of some of the normals; nothing where it is less than a sum could show."""
        square = np.square(distance, out=distance)
        total: Array | None = None
        normals = list(zip(self.scale[chosen].tolist(), self.weight[chosen].tolist(), strict=True))
        for place, (scale, weight) in enumerate(normals, start=1):
            part = np.multiply(square, -0.5 / (scale * tau) ** 2, out=square if place == len(normals) else None)
            far = part.size and part[..., [0, -1]].min() < LEAST
            if far:
                np.maximum(part, LEAST, out=part)
            np.exp(part, out=part)
            if far:
                part -= NOTHING  # and its products with other small numbers are no subnormal ones, which are slow
            part *= weight / (scale * tau) * INVERSE_SQRT_2PI
            total = part if total is None else np.add(total, part, out=total)
        return np.zeros(distance.shape) if total is None else total

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
