"""A distribution as a picture: its density as a hill, the 95% interval dark, the median a line."""

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from bayesmeta.plots.odds_ratios import mark_clipped
from bayesmeta.plots.style import INK
from bayesmeta.posterior import Marginal
from bayesmeta.types import Array

POINTS = 801
TAILS = np.array([0.0005, 0.9995])


@dataclass(frozen=True)
class Three:
    """Median and central 95% interval of a distribution."""

    median: float
    lower: float
    upper: float

    @classmethod
    def of(cls, marginal: Marginal) -> "Three":
        lower, median, upper = (float(value) for value in marginal.quantile(np.array([0.025, 0.5, 0.975])))
        return cls(median, lower, upper)

    @property
    def numbers(self) -> tuple[float, float, float]:
        return self.median, self.lower, self.upper


def spread(marginal: Marginal) -> tuple[float, float]:
    """The ends between which all but a thousandth lies."""
    low, high = marginal.quantile(TAILS)
    return float(low), float(high)


def grid(axes: Axes) -> Array:
    """Log odds ratios across an odds ratio axis."""
    left, right = (math.log(end) for end in axes.get_xlim())
    return np.linspace(left, right, POINTS)


def hill(axes: Axes, marginal: Marginal, *, base: float, height: float, highest: float, color: str, gid: str) -> Three:
    """Draw the density of a log odds ratio on an odds ratio axis, standing on a base line.

    Parameters
    ----------
    axes : with an odds ratio axis.
    marginal : of a log odds ratio.
    base, height : where the hill stands, and how high a density of `highest` is drawn.
    highest : density drawn at full height.
    color, gid : of the artists.

    Returns
    -------
    Three : what is marked.
    """
    three = Three.of(marginal)
    x = np.unique(np.concatenate([grid(axes), np.clip([three.lower, three.upper], *grid(axes)[[0, -1]])]))
    y = base + height * marginal.pdf(x) / highest
    inside = (x >= three.lower) & (x <= three.upper)
    axes.fill_between(np.exp(x), base, y, color=color, alpha=0.18, linewidth=0, gid=f"{gid} density")
    axes.fill_between(np.exp(x[inside]), base, y[inside], color=color, alpha=0.45, linewidth=0, gid=f"{gid} interval")
    axes.plot(np.exp(x), y, color=color, linewidth=1.2, gid=gid)
    top = base + height * float(marginal.pdf(three.median)) / highest
    axes.plot(np.exp([three.median] * 2), [base, top], color=INK, linewidth=1.2, gid=f"{gid} median")
    mark_clipped(axes, base, three.lower, three.upper, color=color, gid=gid)
    return three


def highest_density(marginal: Marginal) -> float:
    """The largest value of a density, well enough for the height of a picture."""
    return float(marginal.pdf(marginal.quantile(np.linspace(0.01, 0.99, 99))).max())
