"""The published pool taken apart: the trials that were read, the rest, and what the whole says about a new setting."""

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayesmeta.effects import effect_sizes
from bayesmeta.plots.captions import wrapped
from bayesmeta.plots.densities import POINTS, Three
from bayesmeta.plots.odds_ratios import draw_interval, limits, mark_clipped, name_sides, set_axis
from bayesmeta.plots.style import (
    BLUE,
    INK,
    NEW_SETTING,
    ORANGE,
    PRIOR,
    PUBLISHED,
    SMALL,
    TITLE,
    in_style,
    new_figure,
    only_x_axis,
)
from bayesmeta.plots.text import fitted, number, odds_ratio, plain_text
from bayesmeta.sensitivity.unread_trials import UnreadTrials
from bayesmeta.types import Array
from bayesmeta.wording import percent

WIDTH, HEIGHT, AXIS = 10.4, 4.6, 3.2
THICK, THIN = 5.0, 1.6
CIRCLES = -0.36  # height of the read trials, above the first line


@dataclass(frozen=True)
class Line:
    """One interval: its label, log odds ratios, colour, and width of line."""

    label: str
    numbers: tuple[float, float, float]
    color: str
    linewidth: float
    gid: str


@in_style
def unread_trials(result: UnreadTrials) -> Figure:
    """Read trials, unread trials, published pool and new setting; read over unread; and tau against its prior.

    All intervals are 95%. Thick is what the unread trials pool to: no estimate, it follows from the published figures.
    Open circles are the read trials themselves.

    Parameters
    ----------
    result : from `bayesmeta.sensitivity.unread_trials`.

    Returns
    -------
    matplotlib Figure, labelled "unread-trials".

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from bayesmeta.sensitivity.unread_trials import unread_trials as work_out
    >>> unread_trials(work_out(bm.load("attachment/secure"))).get_label()
    'unread-trials'
    """
    figure = new_figure("unread-trials", WIDTH, HEIGHT)
    outcome = result.published.outcome
    title = f"{outcome[:1].upper()}{outcome[1:]}: the {result.k_rest} trials that cannot be read"
    figure.suptitle(fitted(title, WIDTH - 0.3, TITLE, bold=True), x=0.01, ha="left", fontsize=TITLE)
    grid = figure.add_gridspec(2, 2, width_ratios=[1.8, 1.0], height_ratios=[4.2, 1.0])
    _effects(figure.add_subplot(grid[0, 0]), result)
    _difference(figure.add_subplot(grid[1, 0]), result)
    _heterogeneity(figure.add_subplot(grid[0, 1]), figure.add_subplot(grid[1, 1]), result)
    assumed = (
        "Taken for granted: a pool by inverse variance that contains the read trials, and unread trials whose typical"
        f" sampling variance is that of the read ones within a factor of {result.size:g} (95%)."
        " Thin: mean effect. Thick: what the unread trials' own pool would print."
    )
    figure.supxlabel("\n".join(wrapped(assumed, WIDTH - 0.3)), x=0.01, ha="left", fontsize=SMALL)
    return figure


def _lines(result: UnreadTrials) -> list[Line]:
    pool, k, rest = result.published, result.trials.k, result.k_rest
    printed, pooled = (pool.estimate, pool.lower, pool.upper), result.rest_pooled
    return [
        Line(f"Read, k = {k}", Three.of(result.read).numbers, BLUE, THIN, "read"),
        Line(
            f"Unread, k = {rest}: their pool",
            (pooled.median, pooled.lower, pooled.upper),
            ORANGE,
            THICK,
            "unread pooled",
        ),
        Line("their mean effect", Three.of(result.rest).numbers, ORANGE, THIN, "unread"),
        Line(f"Published {pool.year}, k = {pool.k}", printed, PUBLISHED, THIN, "published"),
        Line("New setting", Three.of(result.theta_new).numbers, NEW_SETTING, THIN, "new setting"),
    ]


def _effects(axes: Axes, result: UnreadTrials) -> None:
    lines = _lines(result)
    read = effect_sizes(result.trials, zero_cells=result.zero_cells).y
    ends = [value for line in lines for value in line.numbers]
    _intervals(axes, lines, ends, read, "Odds ratio (log scale)", top=-0.75)
    left, right = axes.get_xlim()
    shown = np.exp(read)[(np.exp(read) >= left) & (np.exp(read) <= right)]
    axes.plot(
        shown,
        np.full(len(shown), CIRCLES),
        marker="o",
        markersize=4,
        markerfacecolor="white",
        color=BLUE,
        linestyle="none",
        gid="read trials",
    )
    mark_clipped(axes, CIRCLES, float(read.min()), float(read.max()), color=BLUE, gid="read trials")
    name_sides(axes, result.trials.direction, 33)


def _difference(axes: Axes, result: UnreadTrials) -> None:
    three = Three.of(result.difference)
    above = result.difference.probability(above=0.0)
    line = Line("Read over unread", three.numbers, INK, THIN, "difference")
    _intervals(axes, [line], list(three.numbers), np.array([0.0]), "Ratio of odds ratios (log scale)")
    axes.set_title(f"P(ratio > 1) = {percent(above)}", loc="center", fontsize=SMALL, fontweight="normal")


def _intervals(axes: Axes, lines: list[Line], inside: list[float], ends: Array, label: str, top: float = -0.5) -> None:
    set_axis(axes, *limits(inside, ends), AXIS, label)
    axes.set_ylim(len(lines) - 0.5, top)
    for y, line in enumerate(lines):
        draw_interval(axes, y, *line.numbers[1:], color=line.color, gid=line.gid, linewidth=line.linewidth)
        axes.plot(
            [math.exp(line.numbers[0])],
            [y],
            marker="D",
            markersize=5,
            color=line.color,
            markeredgecolor="white",
            markeredgewidth=0.6,
            linestyle="none",
            zorder=4,
            gid=f"{line.gid} median",
        )
    only_x_axis(axes)
    axes.set_yticks(range(len(lines)), [plain_text(line.label) for line in lines])
    right = axes.twinx()
    right.set_ylim(axes.get_ylim())
    only_x_axis(right)
    right.set_yticks(range(len(lines)), [odds_ratio(*line.numbers) for line in lines])
    for side in (axes, right):
        side.tick_params(axis="y", length=0)
        for text, line in zip(side.get_yticklabels(), lines, strict=True):
            text.set_color(line.color)


def _heterogeneity(axes: Axes, key: Axes, result: UnreadTrials) -> None:
    prior, used, tau = result.tau_prior, result.tau_used, result.tau
    end = 1.1 * max(float(used.quantile(0.999)), float(tau.quantile(0.995)))
    x = np.linspace(0.0, end, POINTS)
    weights, true = used.pdf(x), tau.pdf(x)
    axes.fill_between(x, 0.0, weights, color=PUBLISHED, alpha=0.25, linewidth=0, gid="tau in the weights")
    axes.plot(x, weights, color=PUBLISHED, gid="tau in the weights")
    axes.plot(x, true, color=BLUE, gid="tau")
    with np.errstate(divide="ignore"):
        before = np.asarray(prior.density(x))
    shown = np.isfinite(before)
    axes.plot(x[shown], before[shown], color=PRIOR, linestyle="--", gid="prior")
    top = max(float(weights.max()), float(true.max()))
    axes.set_xlim(0.0, end)
    axes.set_ylim(0.0, 1.12 * min(max(top, float(before[shown].max())), 2.0 * top))
    axes.set_title("Heterogeneity τ")
    axes.set_xlabel("τ, standard deviation of log odds ratios")
    only_x_axis(axes)
    texts = [_three(Three.of(marginal).numbers) for marginal in (used, tau)]
    if used.zero > 0.001:
        texts[0] += f", 0 with {percent(used.zero)}"
    share = "{:.0f}% [{:.0f}%, {:.0f}%]".format(*(100.0 * value for value in result.i2))
    handles = [
        Patch(facecolor=PUBLISHED, alpha=0.5, label=f"published weights: {texts[0]}"),
        Patch(facecolor="none", edgecolor="none", label=f"I² = {share}"),
        Line2D([], [], color=BLUE, label=f"true: {texts[1]}"),
        Line2D([], [], color=PRIOR, linestyle="--", label=plain_text(f"prior: {prior}")),
    ]
    key.set_axis_off()
    key.legend(handles=handles, loc="upper left", borderaxespad=0, handlelength=1.6)


def _three(numbers: tuple[float, float, float]) -> str:
    median, lower, upper = map(number, numbers)
    return f"{median} [{lower}, {upper}]"
