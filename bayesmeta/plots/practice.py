"""What services use against what the trials say works, with the posterior of how the two go together."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from matplotlib.transforms import blended_transform_factory

from bayesmeta.plots.captions import wrapped
from bayesmeta.plots.odds_ratios import limits, name_sides, set_axis
from bayesmeta.plots.style import (
    BLUE,
    GREY,
    INK,
    LINE,
    ORANGE,
    PUBLISHED,
    SMALL,
    TEXT,
    in_style,
    new_figure,
    only_x_axis,
)
from bayesmeta.plots.text import fitted, number, width
from bayesmeta.practice import PracticeAgainstEvidence
from bayesmeta.tables import rows
from bayesmeta.types import Array
from bayesmeta.wording import percent

WIDTH, AXIS, NAMES, UNTRIED = 10.4, 4.6, 2.0, 0.6
LINE_OF_TEXT = 0.19  # inches from one label to the next
BINS = 41


@in_style
def practice(found: PracticeAgainstEvidence) -> Figure:
    """Share of services that use each intervention against its pooled odds ratio, with 95% intervals of both.

    Interventions without trials stand in a strip of their own. Beside it the posterior of the rank correlation.

    Parameters
    ----------
    found : from `bm.practice.against_evidence`.

    Returns
    -------
    matplotlib Figure, labelled "practice-and-evidence", or "simulated-practice-and-evidence" for a simulated survey.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> survey = bm.practice.simulated_survey()
    >>> bm.plots.practice(bm.practice.against_evidence(survey)).get_label()
    'simulated-practice-and-evidence'
    """
    simulated = found.survey.simulated
    height = max(4.6, LINE_OF_TEXT * len(found.table) + 1.9)
    label = "practice-and-evidence"
    figure = new_figure(f"simulated-{label}" if simulated else label, WIDTH, height, constrained=False)
    title = "Practice against evidence" + (": SIMULATED, no survey and no trials" if simulated else "")
    figure.suptitle(title, x=0.01, y=1 - 0.12 / height, va="top", ha="left", color=PUBLISHED if simulated else INK)
    bottom, tall = 0.95 / height, 1 - 1.75 / height
    strip = figure.add_axes((0.62 / WIDTH, bottom, UNTRIED / WIDTH, tall))
    left = (0.62 + UNTRIED + 0.08) / WIDTH
    axes = figure.add_axes((left, bottom, AXIS / WIDTH, tall), sharey=strip)
    right = left + (AXIS + NAMES + 0.25) / WIDTH
    side = figure.add_axes((right, bottom, 0.985 - right, tall))
    _strip(strip, found)
    _points(axes, found)
    _names(axes, found.table, tall * height)
    _correlation(side, found)
    sentence = wrapped(found.sentences[-2 if not found.survey.has_evidence.all() else -1], WIDTH - 0.3, TEXT)
    figure.text(0.01, 1 - 0.42 / height, "\n".join(sentence), va="top", fontsize=TEXT, gid="answer")
    return figure


def _strip(axes: Axes, found: PracticeAgainstEvidence) -> None:
    """Use of the interventions without trials."""
    table = found.table[found.table["k"] == 0]
    for position, row in enumerate(rows(table)):
        x = (position + 1.0) / (len(table) + 1.0)
        axes.plot([x, x], [row.use_lower, row.use_upper], color=GREY, linewidth=1.2, gid="use interval")
        axes.plot([x], [row.use], marker="o", markersize=5, markerfacecolor="white", color=GREY, gid="untried")
    axes.set_xlim(0.0, 1.0)
    axes.set_xticks([])
    axes.set_xlabel("no\ntrials")
    axes.set_ylim(0.0, min(1.0, 1.08 * float(found.table["use_upper"].max())))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylabel("Share of services that use it")
    axes.set_title("")


def _points(axes: Axes, found: PracticeAgainstEvidence) -> None:
    table = found.table[found.table["k"] > 0]
    centre = np.log(table["odds_ratio"])
    ends = np.log([*table["odds_ratio_lower"], *table["odds_ratio_upper"]])
    set_axis(axes, *limits(centre, ends, spare=1.0), AXIS, "Pooled odds ratio, 95% interval (log scale)")
    for row in rows(table):
        axes.plot([row.odds_ratio_lower, row.odds_ratio_upper], [row.use] * 2, color=BLUE, linewidth=1.2, gid="effect")
        axes.plot([row.odds_ratio] * 2, [row.use_lower, row.use_upper], color=BLUE, linewidth=1.2, gid="use interval")
        axes.plot([row.odds_ratio], [row.use], marker="o", markersize=5, color=BLUE, gid="point", zorder=4)
    axes.tick_params(axis="y", left=False, labelleft=False)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", color=LINE, linewidth=0.4)
    name_sides(axes, found.survey.direction, 33)


def _names(axes: Axes, table: pd.DataFrame, inches: float) -> None:
    """The name of each point to the right of the panel, apart from each other, with a line to its point."""
    low, high = axes.get_ylim()
    step = LINE_OF_TEXT / inches * (high - low)
    table = table.sort_values("use")
    left, right = axes.get_xlim()
    beside = blended_transform_factory(axes.transAxes, axes.transData)
    for row, y in zip(rows(table), apart(table["use"].to_numpy(), step, low, high), strict=True):
        tried = row.k > 0
        start = min(max(row.odds_ratio, left), right) if tried else None
        if start is not None:
            # From the point to the edge along its own interval, then to the name.
            axes.plot([start, right], [row.use] * 2, color=LINE, linewidth=0.7, zorder=1, gid="leader")
        axes.plot(
            [1.0, 1.035],
            [row.use, y],
            color=LINE,
            linewidth=0.7,
            linestyle="-" if tried else ":",
            transform=beside,
            clip_on=False,
            gid="leader",
        )
        axes.text(
            1.045,
            y,
            _name(row, tried),
            transform=beside,
            va="center",
            fontsize=SMALL,
            color=INK if tried else GREY,
            gid="name",
        )


def _name(row: Any, tried: bool) -> str:
    """The name with the odds ratio, which tells points at one height from each other, and the number of trials."""
    numbers = f"  {number(row.odds_ratio)}, k = {row.k:.0f}" if tried else "  no trials"
    return fitted(row.intervention, NAMES - width(numbers, SMALL), SMALL) + numbers


def apart(at: Array, step: float, low: float, high: float) -> list[float]:
    """Heights at least a step from each other, in the same order, as near to those given as one pass makes them.

    Examples
    --------
    >>> apart(np.array([0.5, 0.5, 0.9]), 0.25, 0.0, 1.0)
    [0.375, 0.625, 0.9]
    """
    groups: list[list[float]] = []  # sum of the wished starts, number of members: each a run of touching labels
    for position, height in enumerate(at):
        groups.append([float(height) - position * step, 1.0])
        while len(groups) > 1 and groups[-2][0] / groups[-2][1] > groups[-1][0] / groups[-1][1]:
            total, members = groups.pop()
            groups[-1][0] += total
            groups[-1][1] += members
    starts = [total / members for total, members in groups for _ in range(int(members))]
    last = max(high - step * (len(at) - 1), low)
    return [float(min(max(start, low), last) + position * step) for position, start in enumerate(starts)]


def _correlation(axes: Axes, found: PracticeAgainstEvidence) -> None:
    """Posterior of the rank correlation as a histogram: it takes few values where there are few interventions."""
    summary = found.correlation_table().iloc[0]
    edges = np.linspace(-1.0 - 1.0 / (BINS - 1), 1.0 + 1.0 / (BINS - 1), BINS + 1)  # 0 in the middle of one
    drawn = found.correlation.chains.ravel()
    share = np.histogram(drawn, bins=edges)[0] / drawn.size
    middle = 0.5 * (edges[1:] + edges[:-1])
    colors = [GREY if abs(x) < 1e-9 else ORANGE if x < 0 else BLUE for x in middle]
    axes.bar(middle, share, width=np.diff(edges), color=colors, alpha=0.45, linewidth=0, gid="correlation")
    top = float(share.max())
    axes.plot([summary["lower"], summary["upper"]], [-0.04 * top] * 2, color=INK, linewidth=3, gid="interval")
    axes.plot([summary["median"]], [-0.04 * top], marker="o", markersize=4.5, markerfacecolor="white", color=INK)
    axes.axvline(0.0, ymax=0.83, color=GREY, linewidth=0.8)
    axes.set_xlim(-1.05, 1.05)
    axes.set_ylim(-0.09 * top, 1.28 * top)
    axes.set_xticks([-1.0, -0.5, 0.0, 0.5, 1.0])
    axes.set_xlabel(f"{summary['correlation']} of use and effect\n(1: what works best is used most)")
    only_x_axis(axes)
    positive = float(summary["p_positive"])
    for x, align, color, chance in ((0.0, "left", ORANGE, 1.0 - positive), (1.0, "right", BLUE, positive)):
        sign = "<" if align == "left" else ">"
        axes.text(
            x, 0.98, f"P({sign} 0): {percent(chance)}", ha=align, va="top", color=color, fontweight="bold",
            fontsize=SMALL, transform=axes.transAxes,
        )  # fmt: skip
    numbers = f"{summary['median']:.2f} [{summary['lower']:.2f}, {summary['upper']:.2f}]"
    axes.text(0.5, 0.91, numbers, ha="center", va="top", fontsize=TEXT, transform=axes.transAxes, gid="numbers")
