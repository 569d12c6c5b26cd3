"""Rows of intervals under varied priors, models or trials: odds ratio, new setting, and the probability of one side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayesmeta.plots.captions import beyond_the_usual
from bayesmeta.plots.odds_ratios import draw_interval, limits, name_sides, set_axis, written_limits
from bayesmeta.plots.style import (
    BLUE,
    GREY,
    INK,
    LINE,
    ORANGE,
    POOLED,
    PURPLE,
    SKY,
    SMALL,
    TEXT,
    TITLE,
    YELLOW,
    new_figure,
)
from bayesmeta.plots.text import fitted, odds_ratio, width
from bayesmeta.sensitivity import Part
from bayesmeta.sensitivity.asked import effect_name, level_asked

AXIS, CHANCE, MARGIN, GAP = 3.9, 1.35, 0.15, 0.2
WIDEST_LABEL = 3.4
ABOVE, NOTE_LINE, BELOW = 0.62, 0.14, 0.72
LEGEND_ROW, LEGEND_COLUMN = 0.17, 2.45
COLOURS = (BLUE, PURPLE, YELLOW, GREY, SKY)  # orange is the analysis as given, green the new setting
NEW_PALE = "#b5e2d5"  # green without transparency: what lies below does not shine through
BOUND = 0.975


@dataclass(frozen=True)
class Row:
    """One line of the picture: its label, and the variations on it (NaN where a number is not there).

    Parameters
    ----------
    label : as written at the left.
    series : name of each variation -> its numbers.
    heading : whether it stands for itself, without numbers.
    """

    label: str
    series: Mapping[str, Mapping[str, float]]
    heading: bool = False


@dataclass(frozen=True)
class Layout:
    """Where things stand, in inches."""

    label: float
    left: float
    width: float
    height: float
    row: float
    numbers: bool


def draw_rows(
    label: str,
    title: str,
    part: Part,
    rows: Sequence[Row],
    *,
    side: int,
    band: tuple[float, float] | None = None,
    note: str = "",
) -> Figure:
    """The picture of a part: one line a variation.

    Parameters
    ----------
    label : of the figure.
    title : of the figure.
    part : gives the analysis as given, and the wished direction.
    rows : from top to bottom; the analysis as given where there are none, under the sentence that says why.
    side : +1 for P(OR > 1), -1 for P(OR < 1).
    band : 95% limits (log odds ratios) of the data alone, drawn as a band.
    note : under the title, in lines.
    """
    if not rows:
        rows, note = [Row("as given", {"": part.given})], part.sentence
    names = list(dict.fromkeys(name for row in rows for name in row.series))
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)} if len(names) > 1 else {names[0]: INK}
    handles, about = _legend(colours, band, part), _about(part, note)
    above = ABOVE + NOTE_LINE * about.count("\n")
    layout = _layout(rows, names, len(handles), above)
    figure = new_figure(label, layout.width, layout.height, constrained=False)
    rows_high = layout.row * len(rows)
    bottom, height = (layout.height - above - rows_high) / layout.height, rows_high / layout.height
    axes = figure.add_axes((layout.left / layout.width, bottom, AXIS / layout.width, height))
    chance = figure.add_axes(((layout.left + AXIS + GAP) / layout.width, bottom, CHANCE / layout.width, height))
    _prepare(axes, chance, rows, part, band, side)
    for y, row in enumerate(rows):
        axes.text(
            (MARGIN - layout.left) / AXIS, y, fitted(row.label, layout.label, TEXT, bold=row.heading), va="center",
            transform=axes.get_yaxis_transform(), fontweight="bold" if row.heading else "normal", gid="label",
        )  # fmt: skip
        _draw_row(axes, chance, row, y, colours, names, side)
        if layout.numbers and not row.heading:
            numbers = row.series[names[0]]
            axes.text(
                (AXIS + GAP + CHANCE + 0.1) / AXIS, y,
                odds_ratio(numbers["median"], numbers["lower"], numbers["upper"]), va="center",
                transform=axes.get_yaxis_transform(), gid="numbers",
            )  # fmt: skip
    if layout.numbers:
        axes.text(
            (AXIS + GAP + CHANCE + 0.1) / AXIS, -0.5 - 0.08 / layout.row, "OR [95%]", va="bottom", fontweight="bold",
            transform=axes.get_yaxis_transform(),
        )  # fmt: skip
    figure.text(MARGIN / layout.width, 1 - 0.16 / layout.height, title, fontsize=TITLE, fontweight="bold", va="top")
    figure.text(MARGIN / layout.width, 1 - 0.4 / layout.height, about, fontsize=SMALL, va="top", color=GREY)
    figure.legend(
        handles=handles, loc="upper left", ncols=_columns(layout.width), fontsize=SMALL, borderpad=0, borderaxespad=0,
        bbox_to_anchor=(MARGIN / layout.width, bottom - BELOW / layout.height), columnspacing=1.2, handlelength=1.6,
    )  # fmt: skip
    return figure


def _about(part: Part, note: str) -> str:
    """The note, after whose effect it is with moderators, which new setting, and what else the model has."""
    asked = f"{effect_name(part.posterior)}." if part.posterior.model.moderators is not None else ""
    level = level_asked(part.posterior)
    new = f"New setting:{level}." if level else ""
    return " ".join(text for text in (asked, new, beyond_the_usual(part.posterior.model), note) if text)


def _columns(inches: float) -> int:
    return max(int(inches // LEGEND_COLUMN), 1)


def _layout(rows: Sequence[Row], names: Sequence[str], entries: int, above: float) -> Layout:
    label = min(max(width(row.label, TEXT, bold=row.heading) for row in rows) + 0.1, WIDEST_LABEL)
    left = MARGIN + label + GAP
    numbers = len(names) == 1
    row = 0.22 if numbers else 0.13 + 0.085 * len(names)
    right = 1.65 if numbers else 0.25
    wide = left + AXIS + GAP + CHANCE + right
    legend = LEGEND_ROW * -(-entries // _columns(wide)) + 0.1
    return Layout(label, left, wide, above + row * len(rows) + BELOW + legend, row, numbers)


def _prepare(
    axes: Axes, chance: Axes, rows: Sequence[Row], part: Part, band: tuple[float, float] | None, side: int
) -> None:
    numbers = [one for row in rows for one in row.series.values()]
    inside = [one[name] for one in numbers for name in ("median", "lower", "upper")]
    ends = [one[name] for one in numbers for name in ("new_lower", "new_upper")]
    middle = np.nanquantile(inside, [0.02, 0.98])
    low, high = limits(middle, [*inside, *(end for end in ends if np.isfinite(end))])
    set_axis(axes, low, high, AXIS)
    name_sides(axes, part.posterior.trials.direction, 33)
    for one in (axes, chance):
        one.set_ylim(len(rows) - 0.5, -0.5)
        one.set_yticks([])
        one.spines["left"].set_visible(False)
    if band is not None:
        axes.axvspan(*np.exp(np.clip(band, low, high)), color=LINE, alpha=0.35, linewidth=0, zorder=0, gid="data only")
    axes.axvline(np.exp(part.given["median"]), color=POOLED, linewidth=1.0, zorder=0.6, gid="as given")
    for end in ("lower", "upper"):
        axes.axvline(np.exp(part.given[end]), color=POOLED, linewidth=0.8, linestyle=":", zorder=0.6, gid="as given")
    probabilities = [_chance(one, side) for one in numbers]
    lowest = min([0.9, *(value for value in probabilities if np.isfinite(value))])
    chance.set_xlim(max(lowest - 0.03 * (1.0 - lowest), 0.0), 1.0 + 0.03 * (1.0 - lowest))
    chance.axvline(BOUND, color=ORANGE, linewidth=0.8, linestyle="--", gid="bound")
    chance.set_xlabel(f"P(OR {'>' if side > 0 else '<'} 1)")
    ticks = [tick for tick in (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0) if tick >= lowest - 0.01]
    ticks = [tick for tick in ticks if tick in (ticks[0], 1.0)] if lowest < 0.85 else [0.9, 0.95, 1.0]
    chance.set_xticks(ticks, [f"{tick:g}" for tick in ticks])


def _chance(numbers: Mapping[str, float], side: int) -> float:
    above = numbers["above"]
    return above if side > 0 else 1.0 - above


def _draw_row(
    axes: Axes, chance: Axes, row: Row, y: int, colours: Mapping[str, str], names: Sequence[str], side: int
) -> None:
    step = 0.76 / max(len(names), 1)
    here = [name for name in names if name in row.series]
    for i, name in enumerate(here):
        numbers = row.series[name]
        at = y + (i - 0.5 * (len(here) - 1)) * step
        changes = bool(numbers.get("changes", False))
        colour = ORANGE if changes and len(names) == 1 else colours[name]
        if np.isfinite(numbers["new_lower"]):
            draw_interval(
                axes, at, numbers["new_lower"], numbers["new_upper"], color=NEW_PALE, gid="new setting",
                linewidth=4.0 if len(names) == 1 else 3.0, zorder=1.2,
            )  # fmt: skip
        draw_interval(axes, at, numbers["lower"], numbers["upper"], color=colour, gid="interval", linewidth=1.5)
        face = "white" if changes else colour
        inside = axes.get_xlim()[0] <= np.exp(numbers["median"]) <= axes.get_xlim()[1]
        if inside:
            axes.plot(np.exp(numbers["median"]), at, "o", markersize=3.6, color=colour, markerfacecolor=face, zorder=3)
        if np.isfinite(numbers["above"]):
            probability = _chance(numbers, side)
            chance.plot(
                probability, at, "o", markersize=3.6, color=colour, markerfacecolor=face, zorder=3, gid="chance"
            )


def _legend(colours: Mapping[str, str], band: tuple[float, float] | None, part: Part) -> list[Line2D | Patch]:
    """What each mark means."""
    handles: list[Line2D | Patch] = []
    if len(colours) > 1:
        handles += [
            Line2D([], [], color=colour, marker="o", markersize=3.6, label=name) for name, colour in colours.items()
        ]
    handles.append(Line2D([], [], color=POOLED, linewidth=1.0, label="as given, with 95% limits"))
    handles.append(Line2D([], [], color=NEW_PALE, linewidth=4, label="new setting, 95%"))
    bound = f"P = {BOUND:g}: the interval ends at OR 1"
    handles.append(Line2D([], [], color=ORANGE, linewidth=0.8, linestyle="--", label=bound))
    if band is not None:
        data = f"data alone (flat priors): {written_limits(*band)}"
        handles.append(Patch(color=LINE, alpha=0.5, label=data))
    if bool(part.table.get("changes", pd.Series([False])).any()):
        hollow = {"marker": "o", "markerfacecolor": "white", "linestyle": "none", "markersize": 4}
        handles.append(Line2D([], [], color=INK, label="hollow: another conclusion", **hollow))  # type: ignore[arg-type]
    return handles


def numbers_of(table: pd.DataFrame) -> list[dict[str, float]]:
    """The rows of a part's table as plain numbers."""
    wanted = ("lower", "median", "upper", "new_lower", "new_upper", "above", "changes")
    return [{name: float(row[name]) for name in wanted} for row in table.to_dict("records")]
