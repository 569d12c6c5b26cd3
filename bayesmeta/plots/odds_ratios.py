"""The axis of odds ratios: logarithmic, with limits that one wild trial cannot stretch, and both directions named."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator
from matplotlib.transforms import blended_transform_factory

from bayesmeta.plots.style import GREY, INK, SMALL, TEXT
from bayesmeta.plots.text import number, width
from bayesmeta.types import Array

#: The axis never goes beyond 1/10000 and 10000: a wider interval is an arrow.
FARTHEST = math.log(1e4)
NARROWEST = math.log(2.0)
LEAST_SPARE = math.log(3.0)
FEWEST_TICKS, MOST_TICKS = 4, 9
#: Ticks within a decade, from many to few; then whole decades.
LADDERS: tuple[tuple[float, ...], ...] = (
    (1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9),
    (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8),
    (1, 1.5, 2, 3, 5, 7),
    (1, 2, 5),
    (1, 3),
    (1,),
)


@dataclass(frozen=True)
class Wishes:
    """What lies on either side of an odds ratio of 1.

    Parameters
    ----------
    below, above : what odds ratios below and above 1 favour.
    """

    below: str
    above: str


def wishes(direction: str) -> Wishes:
    """The two sides by what is wished: more events ("higher"), fewer ("lower"), or nobody said ("").

    Examples
    --------
    >>> wishes("lower").below
    'favours intervention'
    """
    return {
        "higher": Wishes("favours control", "favours intervention"),
        "lower": Wishes("favours intervention", "favours control"),
    }.get(direction, Wishes("fewer events", "more events"))


def limits(
    inside: Iterable[float], intervals: Iterable[float], spare: float = 0.35, least: float = LEAST_SPARE
) -> tuple[float, float]:
    """Ends of the axis, as log odds ratios.

    Parameters
    ----------
    inside : log odds ratios that must be seen; 0 is always one of them.
    intervals : ends of intervals: seen as far as they widen the axis by no more than a share on each side.
    spare : that share.
    least : how much is allowed in any case, as a log odds ratio.

    Returns
    -------
    (lower, upper), log odds ratios.
    """
    seen = np.array([0.0, *(value for value in inside if math.isfinite(value))])
    seen = np.clip(seen, -FARTHEST, FARTHEST)
    ends = np.array([*seen, *np.nan_to_num(list(intervals), nan=0.0, posinf=FARTHEST, neginf=-FARTHEST)])
    room = max(spare * float(np.ptp(seen)), least)
    lower = max(float(ends.min()), float(seen.min()) - room, -FARTHEST)
    upper = min(float(ends.max()), float(seen.max()) + room, FARTHEST)
    margin = 0.04 * max(upper - lower, NARROWEST)
    return min(lower, -0.1 * NARROWEST) - margin, max(upper, 0.1 * NARROWEST) + margin


def ticks(lower: float, upper: float, inches: float) -> list[float]:
    """Odds ratios to label between two log odds ratios: round ones, 1 among them, that do not touch each other."""
    decades = range(math.floor(lower / math.log(10)) - 1, math.ceil(upper / math.log(10)) + 1)
    chosen: list[float] = []
    for ladder in LADDERS:
        # Below 1 the reciprocals of neat odds ratios are not neat: take neat numbers there too.
        values = [step * 10.0**decade for decade in decades for step in ladder]
        shown = [round(value, 6) for value in values if lower <= math.log(value) <= upper]
        if not chosen and len(shown) < FEWEST_TICKS:
            return _finer(lower, upper)
        if len(shown) <= MOST_TICKS and _apart(shown, inches / (upper - lower)):
            return shown
        chosen = shown
    return [value for value in chosen if round(math.log10(value)) % 2 == 0]


def _finer(lower: float, upper: float) -> list[float]:
    """Even steps, for an axis so short that its logarithm is all but linear."""
    low, high = math.exp(lower), math.exp(upper)
    return [
        float(round(value, 9))
        for value in MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        if low <= value <= high
    ]


def _apart(values: Sequence[float], inches_per_unit: float) -> bool:
    at = [math.log(value) * inches_per_unit for value in values]
    wide = [width(f"{value:g}", TEXT) for value in values]
    return all(at[i + 1] - at[i] >= (wide[i] + wide[i + 1]) / 2 + 0.08 for i in range(len(values) - 1))


def set_axis(axes: Axes, lower: float, upper: float, inches: float, label: str = "Odds ratio (log scale)") -> None:
    """Make x an axis of odds ratios between two log odds ratios, with a line at 1."""
    axes.set_xscale("log")
    axes.set_xlim(math.exp(lower), math.exp(upper))
    shown = ticks(lower, upper, inches)
    axes.xaxis.set_major_locator(FixedLocator(shown))
    axes.xaxis.set_major_formatter(FixedFormatter([f"{value:g}" for value in shown]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.axvline(1.0, color=GREY, linewidth=0.8, zorder=0.5, gid="no effect")
    axes.set_xlabel(label)


def name_sides(axes: Axes, direction: str, below_axis: float) -> None:
    """Write under the axis what either side favours.

    Parameters
    ----------
    axes : with an odds ratio axis.
    direction : "higher", "lower" or "".
    below_axis : points between the axis and the top of the text.
    """
    sides = wishes(direction)
    for text, x, align, gid in (
        (f"← {sides.below}", 0.0, "left", "below"),
        (f"{sides.above} →", 1.0, "right", "above"),
    ):
        axes.annotate(
            text,
            (x, 0.0),
            (0.0, -below_axis),
            xycoords="axes fraction",
            textcoords="offset points",
            ha=align,
            va="top",
            fontsize=SMALL,
            color=INK,
            gid=f"side {gid}",
        )


def draw_interval(
    axes: Axes,
    y: float,
    lower: float,
    upper: float,
    *,
    color: str,
    gid: str,
    linewidth: float = 1.2,
    zorder: float = 2.0,
) -> None:
    """A horizontal interval between two log odds ratios, with an arrow where it leaves the axis."""
    left, right = (math.log(end) for end in axes.get_xlim())
    start, end = max(lower, left), min(upper, right)
    if start < end:
        line = Line2D(
            [math.exp(start), math.exp(end)], [y, y], color=color, linewidth=linewidth, zorder=zorder, gid=gid
        )
        line.set_solid_capstyle("butt")
        axes.add_line(line)
    mark_clipped(axes, y, lower, upper, color=color, gid=gid, zorder=zorder)


def mark_clipped(
    axes: Axes, y: float, lower: float, upper: float, *, color: str, gid: str, zorder: float = 2.0
) -> None:
    """Arrow heads on the edges that an interval crosses."""
    left, right = axes.get_xlim()
    across = blended_transform_factory(axes.transAxes, axes.transData)
    for outside, x, marker in ((lower < math.log(left), 0.0, "<"), (upper > math.log(right), 1.0, ">")):
        if outside:
            axes.plot(
                [x],
                [y],
                marker=marker,
                markersize=4.5,
                color=color,
                linestyle="none",
                clip_on=False,
                transform=across,
                zorder=zorder + 1,
                gid=f"{gid} clipped {'left' if marker == '<' else 'right'}",
            )


def draw_diamond(
    axes: Axes,
    y: float,
    centre: float,
    lower: float,
    upper: float,
    *,
    color: str,
    gid: str,
    height: float = 0.32,
    filled: bool = True,
) -> None:
    """A diamond between two log odds ratios, highest at the centre; an arrow where it leaves the axis."""
    left, right = (math.log(end) for end in axes.get_xlim())
    corners = np.exp(np.clip([lower, centre, upper, centre], left, right))
    outline: Array = np.column_stack([corners, [y, y - height, y, y + height]])
    face = color if filled else "white"
    axes.add_patch(Polygon(outline, closed=True, facecolor=face, edgecolor=color, linewidth=1.1, zorder=3, gid=gid))
    mark_clipped(axes, y, lower, upper, color=color, gid=gid, zorder=3)


def written_limits(lower: float, upper: float) -> str:
    """Two log odds ratios as "1.36 to 2.52"."""
    return f"{number(math.exp(lower))} to {number(math.exp(upper))}"
