"""Both pooled odds ratios at once, with what each outcome says alone beside them."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from bayesmeta.plots.captions import joint_note, wrapped
from bayesmeta.plots.odds_ratios import ticks
from bayesmeta.plots.style import BLUE, GREY, INK, ORANGE, SMALL, TITLE, in_style, new_figure
from bayesmeta.plots.text import fitted, number
from bayesmeta.posterior import JointPosterior
from bayesmeta.posterior.joint import SIGNS
from bayesmeta.types import Array
from bayesmeta.wording import percent

WIDTH, HEIGHT, SIDE = 7.2, 6.9, 5.4
LEVELS = (0.95, 0.5)  # probability inside the regions, the larger first
GRID = 121


@in_style
def joint_density(posterior: JointPosterior) -> Figure:
    """Joint posterior of both pooled odds ratios, beside the product of the two separate fits.

    Filled: the smallest regions with 95% and 50% of the joint posterior. Dashed: the same of the separate fits taken as
    independent. Points: trials that report both outcomes.

    Parameters
    ----------
    posterior : of two outcomes, from either engine.

    Returns
    -------
    matplotlib Figure, labelled "joint-density".

    Examples
    --------
    >>> import bayesmeta as bm
    >>> bm.plots.joint_density(bm.fit(bm.load("attachment/classification"), bm.JointModel("normal"))).get_label()
    'joint-density'
    """
    figure = new_figure("joint-density", WIDTH, HEIGHT)
    title = fitted(" and ".join(posterior.outcomes), WIDTH - 1.0, TITLE, bold=True)
    figure.suptitle(title[:1].upper() + title[1:], x=0.01, ha="left", fontsize=TITLE)
    axes = figure.subplots()
    axes.set_title("\n".join(wrapped(joint_note(posterior), WIDTH - 1.2)), fontsize=SMALL, fontweight="normal")
    x, y = grid_of(posterior)
    density = posterior.density(x, y)
    alone = [one["mu"] for one in posterior.separate]
    apart = alone[0].pdf(x)[:, None] * alone[1].pdf(y)[None, :]
    for values, color, filled in ((density, BLUE, True), (apart, ORANGE, False)):
        limits = [region_level(values, share) for share in LEVELS]
        if filled:
            bounds = [*limits, float(values.max()) * 1.001]
            axes.contourf(np.exp(x), np.exp(y), values.T, levels=bounds, colors=[color, color], alpha=0.35)
            axes.contourf(np.exp(x), np.exp(y), values.T, levels=bounds[1:], colors=[color], alpha=0.35)
        else:
            axes.contour(np.exp(x), np.exp(y), values.T, levels=limits, colors=[color], linestyles="--", linewidths=1.2)
    _points(axes, posterior, (x, y))
    _axes(axes, posterior, x, y)
    _words(axes, posterior)
    return figure


def grid_of(posterior: JointPosterior) -> tuple[Array, Array]:
    """Log odds ratios that hold nearly all of the posterior, and 0."""
    axes = []
    for outcome in posterior.outcomes:
        low, high = posterior[f"mu[{outcome}]"].quantile(np.array([0.001, 0.999]))
        room = 0.25 * (high - low)
        axes.append(np.linspace(min(low - room, -0.15), max(high + room, 0.15), GRID))
    return axes[0], axes[1]


def region_level(density: Array, share: float) -> float:
    """The height above which a share of the probability lies.

    Examples
    --------
    >>> float(region_level(np.array([0.5, 0.3, 0.2]), 0.8))
    0.3
    """
    ordered = np.sort(density, axis=None)[::-1]
    inside = np.cumsum(ordered) / ordered.sum()
    return float(ordered[min(int(np.searchsorted(inside, share - 1e-12)), len(ordered) - 1)])


def _points(axes: Axes, posterior: JointPosterior, ends: tuple[Array, Array]) -> None:
    """Trials with both outcomes, and the medians."""
    for study, (one, other), both in zip(
        posterior.studies_in_model, posterior.effects.y, posterior.effects.reported.all(axis=1)
    ):
        if not both:
            continue
        inside = ends[0][0] < one < ends[0][-1] and ends[1][0] < other < ends[1][-1]
        at = np.clip(one, *ends[0][[2, -3]]), np.clip(other, *ends[1][[2, -3]])
        marker = "o" if inside else ">"
        axes.plot(*np.exp(at), marker=marker, color=INK, markersize=5, linestyle="none", gid="trial")
        label = study if inside else f"{study}: {number(math.exp(one))}, {number(math.exp(other))}"
        right = at[0] > 0.6 * ends[0][-1] + 0.4 * ends[0][0]
        offset = (-7, 5) if right else (7, 5)
        axes.annotate(
            fitted(label, 2.4, SMALL),
            (math.exp(at[0]), math.exp(at[1])),
            offset,
            textcoords="offset points",
            fontsize=SMALL,
            ha="right" if right else "left",
        )
    medians = [float(np.exp(posterior[f"mu[{outcome}]"].median)) for outcome in posterior.outcomes]
    axes.plot(*medians, marker="+", color=BLUE, markersize=12, markeredgewidth=2, linestyle="none", gid="median")


def _axes(axes: Axes, posterior: JointPosterior, x: Array, y: Array) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(math.exp(x[0]), math.exp(x[-1]))
    axes.set_ylim(math.exp(y[0]), math.exp(y[-1]))
    for axis, ends in ((axes.xaxis, x), (axes.yaxis, y)):
        places = ticks(float(ends[0]), float(ends[-1]), SIDE)
        axis.set_major_locator(FixedLocator(places))
        axis.set_major_formatter(FixedFormatter([f"{place:g}" for place in places]))
        axis.set_minor_locator(NullLocator())
    axes.axvline(1.0, color=GREY, linewidth=0.8)
    axes.axhline(1.0, color=GREY, linewidth=0.8)
    axes.set_xlabel(f"Pooled odds ratio, {posterior.outcomes[0]} (log scale)")
    axes.set_ylabel(f"Pooled odds ratio, {posterior.outcomes[1]} (log scale)")


def _words(axes: Axes, posterior: JointPosterior) -> None:
    handles = [
        Patch(color=BLUE, alpha=0.5, label="joint posterior, 50% and 95%"),
        Line2D([], [], color=ORANGE, linestyle="--", label="separate fits, 50% and 95%"),
        Line2D([], [], color=INK, marker="o", linestyle="none", label="trials with both outcomes"),
    ]
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=3, fontsize=SMALL)
    directions = posterior.trials.directions
    if all(direction in SIGNS for direction in directions):
        text = f"P(both as wished) {percent(posterior.joint_probability())}"
        align = ("right", 0.98) if directions[0] == "higher" else ("left", 0.02)
        height = ("bottom", 0.02) if directions[1] == "lower" else ("top", 0.98)
        axes.text(align[1], height[1], text, ha=align[0], va=height[0], transform=axes.transAxes, fontweight="bold")
