"""The forest plot of a meta-analysis: each trial as observed and as shrunken, groups, pooled effects, a new setting."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.transforms import Affine2D, Transform, blended_transform_factory

from bayesmeta.frequentist import Pools
from bayesmeta.plots.captions import forest_notes, forest_subtitle, title_of
from bayesmeta.plots.forest_legend import legend_keys
from bayesmeta.plots.forest_rows import Row, forest_rows
from bayesmeta.plots.odds_ratios import draw_diamond, draw_interval, limits, name_sides, set_axis
from bayesmeta.plots.style import (
    GREY,
    INK,
    LINE,
    NEW_SETTING,
    OBSERVED,
    PALE,
    POOLED,
    PUBLISHED,
    SHRUNKEN,
    SMALL,
    TEXT,
    TITLE,
    YARDSTICK,
    in_style,
    new_figure,
)
from bayesmeta.plots.text import fitted, odds_ratio, plain_text, width
from bayesmeta.posterior import Posterior

# All in inches.
AXIS, MARGIN, GAP = 3.7, 0.15, 0.22
NARROWEST_NAME, WIDEST_NAME = 1.3, 2.9
ABOVE_ROWS, BELOW_ROWS, NOTE = 0.52, 0.72, 0.165
OFFSET = 0.17  # of a row: observed above, shrunken below the middle
LARGEST_SQUARE = 9.5  # points
LEGEND: dict[str, Any] = {
    "loc": "upper left",
    "ncols": 3,
    "handlelength": 1.8,
    "columnspacing": 1.6,
    "borderpad": 0,
    "borderaxespad": 0,
    "fontsize": SMALL,
}
COLOURS = {
    "group": POOLED,
    "pooled": POOLED,
    "new": NEW_SETTING,
    "yardstick": YARDSTICK,
    "published": PUBLISHED,
}


@dataclass(frozen=True)
class Column:
    """One column of text: its heading, its left or right edge in inches, and how it is aligned."""

    heading: str
    edge: float
    align: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """Where everything stands, in inches from the left, and in rows from the top."""

    columns: tuple[Column, ...]
    axis_left: float
    width: float
    positions: tuple[float, ...]
    row_height: float

    @property
    def rows(self) -> float:
        """Height of all lines, in rows."""
        return self.positions[-1] + 1.0


@in_style
def forest(posterior: Posterior, pools: Pools | None = None, *, plain: Posterior | None = None) -> Figure:
    """Forest plot: observed and shrunken effect of each trial, with the pooled effect and the effect in a new setting.

    Squares are observed odds ratios, their area the weight of the trial (`forest_rows.weights`); circles are posterior
    medians of the trials' own effects. Diamonds reach from limit to limit. Arrows are intervals that leave the axis.

    Parameters
    ----------
    posterior : from either engine; a categorical moderator makes groups, each with a diamond of its own.
    pools : frequentist pools of the same trials (`bayesmeta.pool`): rows for comparison.
    plain : posterior without moderators: gives the pooled effect of all trials where `posterior` has moderators.

    Returns
    -------
    matplotlib Figure, labelled "forest". `forest_table` has its numbers.

    Raises
    ------
    ModelError
        Pools of a measure other than the odds ratio, or a `plain` posterior that has moderators.

    References
    ----------
    Lewis & Clarke 2001, BMJ 322:1479; Higgins, Thompson & Spiegelhalter 2009, J R Stat Soc A 172:137 (new setting).

    Examples
    --------
    >>> import bayesmeta as bm
    >>> trials = bm.load("attachment/secure")
    >>> bm.plots.forest(bm.fit(trials, bm.Model("normal")), bm.pool(trials)).get_label()
    'forest'
    """
    rows = forest_rows(posterior, pools, plain)
    layout = _layout(rows)
    notes = forest_notes(posterior, layout.width - 2 * MARGIN)
    subtitle = forest_subtitle(posterior)
    above = 0.42 + NOTE * 1.25 * len(subtitle) + ABOVE_ROWS
    legend = legend_keys(row.kind for row in rows)
    below = BELOW_ROWS + 0.2 * -(-len(legend) // 3) + NOTE * len(notes) + 0.15
    height = above + layout.rows * layout.row_height + below
    figure = new_figure("forest", layout.width, height, constrained=False)
    axes = figure.add_axes(
        (layout.axis_left / layout.width, below / height, AXIS / layout.width, layout.rows * layout.row_height / height)
    )
    _prepare(axes, rows, layout, posterior.trials.direction)
    for row, y in zip(rows, layout.positions, strict=True):
        _DRAW[row.kind](axes, row, y)
    _squares(axes, rows, layout)
    _write_columns(figure, axes, rows, layout)
    _write_around(figure, title_of(posterior.trials, layout.width - 2 * MARGIN), subtitle, notes, height)
    corner = (MARGIN / layout.width, (below - BELOW_ROWS) / height)
    figure.legend(handles=legend, bbox_to_anchor=corner, **LEGEND)
    return figure


def _layout(rows: list[Row]) -> Layout:
    """Widths from the texts themselves, so that no column runs into the next."""
    names = [plain_text(row.label) for row in rows]
    bold = [row.kind != "trial" and row.kind != "new" for row in rows]
    widest = max(width(name, TEXT, bold=heavy) for name, heavy in zip(names, bold, strict=True)) + 0.12
    room = min(max(widest, NARROWEST_NAME), WIDEST_NAME)
    labels = tuple(fitted(row.label, room, TEXT, bold=heavy) for row, heavy in zip(rows, bold, strict=True))
    columns = [Column("Study", MARGIN, "left", labels)]
    edge = MARGIN + room
    for heading, texts in (
        ("Intervention\nevents/n", tuple(row.treated for row in rows)),
        ("Control\nevents/n", tuple(row.control for row in rows)),
    ):
        if any(row.treated for row in rows):
            edge += GAP + _widest(heading, texts)
            columns.append(Column(heading, edge, "right", texts))
    axis_left = edge + GAP
    edge = axis_left + AXIS
    for heading, texts in (
        ("Observed\nOR [95% CI]", tuple(odds_ratio(*row.observed) if _there(row.observed) else "" for row in rows)),
        ("Posterior\nOR [95% CrI]", tuple(odds_ratio(*row.posterior) if _there(row.posterior) else "" for row in rows)),
        ("Weight\n%", tuple("" if np.isnan(row.weight) else f"{row.weight:.1f}" for row in rows)),
    ):
        edge += GAP + _widest(heading, texts)
        columns.append(Column(heading, edge, "right", texts))
    return Layout(tuple(columns), axis_left, edge + MARGIN, _positions(rows), 0.25 if len(rows) <= 45 else 0.2)


def _widest(heading: str, texts: tuple[str, ...]) -> float:
    headings = (width(line, TEXT, bold=True) for line in heading.split("\n"))
    return max(*headings, *(width(text, TEXT) for text in texts))


def _positions(rows: list[Row]) -> tuple[float, ...]:
    """One row a line, with half a row of air before a heading and before the first summary."""
    positions, y, before = [], 0.0, ""
    for row in rows:
        air = before != "" and (row.kind == "heading" or (before == "trial" and row.kind in ("pooled", "yardstick")))
        air = air or (row.kind in ("yardstick", "published") and before not in ("heading", row.kind))
        y += 0.4 if air else 0.0
        positions.append(y)
        y, before = y + 1.0, row.kind
    return tuple(positions)


def _there(numbers: tuple[float, float, float]) -> bool:
    return not np.isnan(numbers[0])


def _prepare(axes: Axes, rows: list[Row], layout: Layout, direction: str) -> None:
    summaries = [row for row in rows if row.kind not in ("trial", "heading", "new")]
    inside = [value for row in summaries for value in (*row.observed, *row.posterior)]
    inside += [value for row in rows if row.kind != "heading" for value in (row.observed[0], row.posterior[0])]
    ends = [value for row in rows if row.kind != "heading" for value in (*row.observed, *row.posterior)]
    low, high = limits(inside, [value for value in ends if not np.isnan(value)])
    set_axis(axes, low, high, AXIS)
    axes.set_ylim(layout.rows - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.patch.set_visible(False)
    name_sides(axes, direction, 33)


def _draw_trial(axes: Axes, row: Row, y: float) -> None:
    draw_interval(axes, y - OFFSET, row.observed[1], row.observed[2], color=OBSERVED, gid="observed")
    draw_interval(axes, y + OFFSET, row.posterior[1], row.posterior[2], color=SHRUNKEN, gid="shrunken", linewidth=1.6)
    axes.plot(
        np.exp(row.posterior[:1]),
        [y + OFFSET],
        marker="o",
        markersize=4.2,
        color=SHRUNKEN,
        markerfacecolor="white",
        markeredgewidth=1.3,
        linestyle="none",
        zorder=3.5,
        gid="shrunken median",
    )


def _draw_posterior_summary(axes: Axes, row: Row, y: float) -> None:
    draw_diamond(axes, y, *row.posterior, color=POOLED, gid=row.kind)


def _draw_new_setting(axes: Axes, row: Row, y: float) -> None:
    draw_interval(axes, y, row.posterior[1], row.posterior[2], color=NEW_SETTING, gid="new", linewidth=4.5)
    axes.plot(
        np.exp(row.posterior[:1]),
        [y],
        marker="|",
        markersize=9,
        markeredgewidth=1.6,
        color=INK,
        linestyle="none",
        zorder=3.5,
        gid="new median",
    )


def _draw_yardstick(axes: Axes, row: Row, y: float) -> None:
    draw_diamond(axes, y, *row.observed, color=COLOURS[row.kind], gid=row.kind, filled=False)


def _draw_nothing(axes: Axes, row: Row, y: float) -> None:
    """A heading has no numbers."""


_DRAW = {
    "heading": _draw_nothing,
    "trial": _draw_trial,
    "group": _draw_posterior_summary,
    "pooled": _draw_posterior_summary,
    "new": _draw_new_setting,
    "yardstick": _draw_yardstick,
    "published": _draw_yardstick,
}


def _squares(axes: Axes, rows: list[Row], layout: Layout) -> None:
    """Observed odds ratios, the area of each square in proportion to its weight."""
    trials = [(row, y) for row, y in zip(rows, layout.positions, strict=True) if row.kind == "trial"]
    weight = np.array([row.weight for row, _ in trials])
    largest = LARGEST_SQUARE * layout.row_height / 0.25
    axes.scatter(
        np.exp(np.clip([row.observed[0] for row, _ in trials], -700, 700)),
        [y - OFFSET for _, y in trials],
        s=largest**2 * weight / weight.max(),
        marker="s",
        color=OBSERVED,
        linewidths=0,
        zorder=3,
        gid="observed effects",
    )


def _inches(figure: Figure) -> Transform:
    """Inches from the lower left corner, by way of the figure: `dpi_scale_trans` stays behind when margins are cut."""
    width_, height = figure.get_size_inches()
    return Affine2D().scale(1.0 / width_, 1.0 / height) + figure.transFigure


def _inches_across(figure: Figure, axes: Axes) -> Transform:
    """x in inches from the left edge of the figure, y in rows."""
    return blended_transform_factory(_inches(figure), axes.transData)


def _write_columns(figure: Figure, axes: Axes, rows: list[Row], layout: Layout) -> None:
    place = _inches_across(figure, axes)
    above = -0.5 - 0.15 / layout.row_height
    for column in layout.columns:
        name = column.heading.split("\n")[0]
        for up, line in enumerate(reversed(column.heading.split("\n"))):  # line by line, so that all share a baseline
            at = above - 0.17 * up / layout.row_height
            axes.text(column.edge, at, line, ha=column.align, va="baseline", fontweight="bold", transform=place)
        for row, y, text in zip(rows, layout.positions, column.texts, strict=True):
            heavy = name == "Study" and row.kind not in ("trial", "new")
            axes.text(
                column.edge,
                y,
                text,
                ha=column.align,
                va="center_baseline",
                transform=place,
                gid=f"{name} text",
                fontweight="bold" if heavy else "normal",
                color=COLOURS.get(row.kind, INK) if name == "Study" else INK,
            )
    for position, (row, y) in enumerate(zip(rows, layout.positions, strict=True)):
        if row.kind == "trial" and position % 2:
            band = Rectangle((MARGIN / 2, y - 0.5), layout.width - MARGIN, 1.0, transform=place, zorder=-1)
            band.set(facecolor=PALE, edgecolor="none", clip_on=False)
            axes.add_patch(band)
    rule = Line2D(
        [MARGIN, layout.width - MARGIN],
        [above + 0.08 / layout.row_height] * 2,
        color=LINE,
        linewidth=0.9,
        transform=place,
    )
    rule.set_clip_on(False)
    axes.add_line(rule)


def _write_around(figure: Figure, title: str, subtitle: list[str], notes: list[str], height: float) -> None:
    inches = _inches(figure)
    figure.text(
        MARGIN, height - 0.12, title, transform=inches, fontsize=TITLE, fontweight="bold", va="top", gid="title"
    )
    for line, text in enumerate(subtitle):
        at = height - 0.42 - 1.25 * NOTE * line
        figure.text(MARGIN, at, text, transform=inches, fontsize=TEXT, va="top", gid="subtitle")
    for line, text in enumerate(reversed(notes)):
        at = 0.1 + NOTE * line
        figure.text(MARGIN, at, text, transform=inches, fontsize=SMALL, color=GREY, va="bottom", gid="note")
