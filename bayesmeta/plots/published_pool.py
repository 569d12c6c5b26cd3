"""A published odds ratio under one prior after another: intervals, and the chances of effects worth having."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayesmeta.plots.captions import wrapped
from bayesmeta.plots.odds_ratios import draw_interval, limits, name_sides, set_axis, written_limits
from bayesmeta.plots.style import GREY, INK, LINE, PUBLISHED, SMALL, TEXT, TITLE, in_style, new_figure
from bayesmeta.plots.text import fitted, odds_ratio, width
from bayesmeta.sensitivity import ReanalysedPool
from bayesmeta.wording import probability

AXIS, MARGIN, GAP, ROW = 3.6, 0.15, 0.2, 0.22
WIDEST_LABEL = 3.6
HEADING = "Prior of μ"
ABOVE, BELOW, CAPTION_LINE = 0.75, 0.72, 0.15


@dataclass(frozen=True)
class Column:
    """A column of text: its heading and cells, and how much room it takes, in inches."""

    heading: str
    cells: list[str]
    gid: str

    @property
    def inches(self) -> float:
        bold = max(width(line, TEXT, bold=True) for line in self.heading.split("\n"))
        return max(bold, *(width(cell, TEXT) for cell in self.cells)) + 0.14


@in_style
def published_pool(result: ReanalysedPool) -> Figure:
    """The published odds ratio under each prior, with the probabilities of odds ratios beyond the thresholds.

    A line for each prior: its name and its own 95% interval, then median and 95% interval of the pooled odds ratio.
    The band is the published interval, the line in it the published odds ratio.

    Parameters
    ----------
    result : from `bayesmeta.sensitivity.published_pool`.

    Returns
    -------
    matplotlib Figure, labelled "published-pool".

    References
    ----------
    Spiegelhalter, Abrams & Myles 2004, Bayesian approaches to clinical trials and health-care evaluation, chapter 5.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> published_pool(bm.sensitivity.published_pool(bm.load("attachment/secure"))).get_label()
    'published-pool'
    """
    table, pool = result.table, result.published
    before, after = _columns(table)
    labels = min(Column(HEADING, table["prior"].tolist(), "prior").inches, WIDEST_LABEL)
    left = MARGIN + labels + before.inches + GAP
    wide = left + AXIS + sum(column.inches for column in after) + MARGIN
    caption = wrapped(result.sentence, wide - 0.3)
    rows = ROW * len(table)
    high = ABOVE + rows + BELOW + CAPTION_LINE * len(caption) + 0.1
    figure = new_figure("published-pool", wide, high, constrained=False)
    axes = figure.add_axes((left / wide, 1.0 - (ABOVE + rows) / high, AXIS / wide, rows / high))
    _intervals(axes, result)
    _text(axes, Column(HEADING, [fitted(prior, labels, TEXT) for prior in table["prior"]], "prior"), MARGIN - left)
    _text(axes, before, MARGIN + labels - left)
    at = AXIS + 0.14
    for column in after:
        _text(axes, column, at)
        at += column.inches
    outcome = pool.outcome[:1].upper() + pool.outcome[1:]
    title = f"{outcome}: the published pool of {pool.k} trials under other priors"
    figure.text(
        MARGIN / wide, 1.0 - 0.14 / high, fitted(title, wide - 0.3, TITLE, bold=True), fontsize=TITLE,
        fontweight="bold", va="top",
    )  # fmt: skip
    foot = "\n".join(caption)
    figure.text(MARGIN / wide, 0.1 / high, foot, fontsize=SMALL, va="bottom", color=GREY, linespacing=1.25)
    return figure


def _columns(table: pd.DataFrame) -> tuple[Column, list[Column]]:
    """What stands left of the intervals, and what stands right of them."""
    own = [
        written_limits(math.log(row["prior_lower"]), math.log(row["prior_upper"]))
        if np.isfinite(row["prior_upper"])
        else ""
        for row in table.to_dict("records")
    ]
    three = [odds_ratio(*row) for row in table[["median", "lower", "upper"]].to_numpy().tolist()]
    thresholds = [str(name) for name in table.columns if str(name).startswith(("above ", "below "))]
    signs = {"above": ">", "below": "<"}
    chances = [
        Column(f"P(OR\n{signs[name[:5]]} {name[6:]})", [probability(value) for value in table[name].tolist()], name)
        for name in thresholds
    ]
    return Column("its 95%", own, "prior interval"), [Column("OR [95%]", three, "numbers"), *chances]


def _intervals(axes: Axes, result: ReanalysedPool) -> None:
    table, pool = result.table, result.published
    numbers = table[["median", "lower", "upper"]].to_numpy()
    low, high = limits([*numbers.ravel().tolist(), pool.lower, pool.upper], [])
    set_axis(axes, low, high, AXIS)
    name_sides(axes, result.direction, 33)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.axvspan(math.exp(pool.lower), math.exp(pool.upper), color=LINE, alpha=0.35, linewidth=0, zorder=0, gid="band")
    axes.axvline(math.exp(pool.estimate), color=PUBLISHED, linewidth=1.0, zorder=0.6, gid="published")
    for y, (median, lower, upper) in enumerate(numbers.tolist()):
        draw_interval(axes, y, lower, upper, color=INK, gid="interval", linewidth=1.5)
        axes.plot(math.exp(median), y, "o", markersize=4, color=INK, zorder=3, gid="median")


def _text(axes: Axes, column: Column, inches: float) -> None:
    """Heading and cells at a distance from the left end of the axis."""
    place, top = axes.get_yaxis_transform(), -0.5 - 0.08 / ROW
    axes.text(inches / AXIS, top, column.heading, va="bottom", fontweight="bold", transform=place)
    for y, cell in enumerate(column.cells):
        axes.text(inches / AXIS, y, cell, va="center", transform=place, gid=column.gid)
