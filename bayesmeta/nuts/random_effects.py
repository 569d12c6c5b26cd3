"""Random effects by name in the PyMC model: each a normal distribution, or two, given what is sampled beside it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pymc as pm

from bayesmeta.nuts.plan import outlier_unit

LEAST = 1e-300  # share of outliers: its logarithm is a number


@dataclass(frozen=True)
class Spread:
    """How study effects lie about their mean: theta_i = x_i' beta + scale_i z_i.

    Attributes
    ----------
    scale : scalar, or (k,) where each trial has its own; None where there are no random effects.
    parts : standard deviations of the two normals that z_i is a mixture of, with the logarithms of their weights; None
        where z_i is standard normal.
    """

    scale: Any
    parts: tuple[tuple[Any, Any], ...] | None = None

    def log_density(self, z: Any) -> Any:
        """log p(z_i), up to a constant."""
        if self.parts is None:
            return -0.5 * z**2
        (sd, weight), (outlying_sd, outlying_weight) = self.parts
        return pm.math.logaddexp(
            weight - pm.math.log(sd) - 0.5 * (z / sd) ** 2,
            outlying_weight - pm.math.log(outlying_sd) - 0.5 * (z / outlying_sd) ** 2,
        )


def _none(*_: Any) -> Spread:
    return Spread(None)


def _normal(tau: Any, *_: Any) -> Spread:
    return Spread(tau)


def _student_t(tau: Any, parameters: Any, numbers: Iterator[int]) -> Spread:
    """A normal distribution with a precision of its own for each trial, which is sampled."""
    half = 0.5 * parameters[next(numbers)]
    precision = pm.Gamma("precision", alpha=half, beta=half, dims="study")
    return Spread(tau / pm.math.sqrt(precision))


def _mixture(tau: Any, parameters: Any, numbers: Iterator[int]) -> Spread:
    """The indicator summed out: a trial is an outlier with probability w, and then c tau is its scale."""
    outliers, factor = parameters[next(numbers)], parameters[next(numbers)]
    unit = outlier_unit(outliers, factor)
    main = (1.0 / unit, pm.math.log(1.0 - outliers))
    return Spread(tau * unit, (main, (factor / unit, pm.math.log(pm.math.maximum(outliers, LEAST)))))


RANDOM_EFFECTS: dict[str, Callable[..., Spread]] = {
    "normal": _normal,
    "student_t": _student_t,
    "mixture": _mixture,
    "none": _none,
}


def study_effects(mean: Any, y: Any, se: Any, spread: Spread) -> Any:
    """theta_i in terms of what is sampled: see `bayesmeta.nuts.build.build`.

    z = (theta - x' beta) / scale in terms of e: z = scale (y - x' beta) / (s^2 + scale^2) + sqrt(B) e.
    """
    if spread.scale is None:
        return mean
    e = pm.Flat("e", dims="study")
    variance = se**2 + spread.scale**2
    root = se / pm.math.sqrt(variance)
    z = spread.scale * (y - mean) / variance + root * e
    pm.Potential("z", spread.log_density(z) + pm.math.log(root), dims="study")  # p(z) |dz / de|
    return mean + spread.scale * z


def marginal_normal(y: Any, mean: Any, se: Any, spread: Spread) -> None:
    """y_i ~ N(x_i' beta, s_i^2 + scale_i^2), or a mixture of two such: theta_i integrated out."""
    if spread.parts is None:
        scale = 0.0 if spread.scale is None else spread.scale
        pm.Normal("y", mean, pm.math.sqrt(se**2 + scale**2), observed=y, dims="study")
        return
    terms = [
        weight + pm.logp(pm.Normal.dist(mean, pm.math.sqrt(se**2 + (spread.scale * sd) ** 2)), y)
        for sd, weight in spread.parts
    ]
    pm.Potential("y", pm.math.logaddexp(*terms), dims="study")
