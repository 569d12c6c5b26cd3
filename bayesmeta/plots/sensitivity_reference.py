"""The prior of tau against a reference prior: both posteriors, and how far apart they are in which direction."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayesmeta.plots.captions import title_of, wrapped
from bayesmeta.plots.odds_ratios import draw_interval, limits, set_axis
from bayesmeta.plots.style import BLUE, GREY, INK, ORANGE, SMALL, TITLE, in_style, new_figure
from bayesmeta.plots.text import fitted, odds_ratio
from bayesmeta.sensitivity import Reference
from bayesmeta.sensitivity.asked import effect_name
from bayesmeta.sensitivity.prior_choices import prior_given, words_of

WIDTH, AXIS = 7.4, 2.6
ROW, APART = 0.5, 0.19
WIDEST_LABEL = 1.9
FARTHEST_TAU = 4.0  # of what must be seen: a reference prior may leave tau all but free

Rows = Sequence[Mapping[Any, Any]]


@in_style
def sensitivity_reference(part: Reference) -> Figure:
    """Each 95% interval under the prior of tau as given and under the reference prior; beside it the signed distance.

    The distance is Hellinger's, from 0 (the same) to 1 (nothing in common); to the left where the prior as given is
    anticonservative, that is where its interval is narrower or its tau smaller.

    Parameters
    ----------
    part : from `bayesmeta.sensitivity.reference`.

    Returns
    -------
    matplotlib Figure, labelled "sensitivity-reference".

    References
    ----------
    Ott, Plummer & Roos 2021, Stat Med 40:4505, doi 10.1002/sim.9076, sections 3.3-3.4.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from bayesmeta.sensitivity import reference
    >>> sensitivity_reference(reference(bm.load("crins2014"), bm.Model("normal"))).get_label()
    'sensitivity-reference'
    """
    rows = part.table.to_dict("records")
    taus = [row for row in rows if row["quantity"].startswith("tau")]
    effects = [row for row in rows if row not in taus]
    prior, given = part.prior, words_of(prior_given(part.posterior))
    caption = wrapped(part.sentence, WIDTH - 0.3)
    figure = new_figure("sensitivity-reference", WIDTH, 1.75 + ROW * len(rows) + 0.14 * len(caption))
    figure.suptitle(f"{title_of(part.posterior.trials, WIDTH - 2.6)}: a reference prior of τ", x=0.01, ha="left",
                    fontsize=TITLE)  # fmt: skip
    axes = figure.subplots(2, 2, width_ratios=(1.35, 1.0), height_ratios=(len(effects), len(taus)), squeeze=False)
    _effects(axes[0, 0], part, effects)
    _taus(axes[1, 0], taus)
    for (_, distances), some in zip(axes, (effects, taus), strict=True):
        _distances(distances, some, last=some is taus)
    handles = [
        Line2D([], [], color=INK, marker="o", markersize=4, label=fitted(f"as given, τ ~ {given}", 3.0, SMALL)),
        Line2D([], [], color=BLUE, marker="o", markersize=4, label=fitted(f"reference, τ ~ {prior}", 3.0, SMALL)),
    ]
    axes[0, 0].legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, fontsize=SMALL)
    figure.supxlabel("\n".join(caption), x=0.01, ha="left", fontsize=SMALL, color=GREY)
    return figure


def _effects(axes: Axes, part: Reference, rows: Rows) -> None:
    """Odds ratios: the effect in question, and that in a new setting."""
    ends = [row[f"{of}{end}"] for row in rows for of in ("", "reference_") for end in ("lower", "upper")]
    set_axis(axes, *limits([row[f"{of}median"] for row in rows for of in ("", "reference_")], ends), AXIS)
    names = [effect_name(part.posterior) if row["quantity"] == "mu" else "new setting" for row in rows]
    _prepare(axes, [name[:1].upper() + name[1:] for name in names])
    for y, row in enumerate(rows):
        for of, colour, at in _pair(y):
            numbers = row[f"{of}median"], row[f"{of}lower"], row[f"{of}upper"]
            draw_interval(axes, at, numbers[1], numbers[2], color=colour, gid=f"{of}interval", linewidth=2.0)
            axes.plot(np.exp(numbers[0]), at, "o", color=colour, markersize=4, gid=f"{of}median")
            _write(axes, at, odds_ratio(*numbers), colour)


def _taus(axes: Axes, rows: Rows) -> None:
    """Tau, or the tau of each level."""
    seen = [row[name] for row in rows for name in ("upper", "median", "reference_median")]
    every = [row[name] for row in rows for name in ("upper", "reference_upper")]
    last = min(1.05 * max(every), FARTHEST_TAU * max(seen))
    axes.set_xlim(0.0, last)
    axes.set_xlabel("τ (log odds ratio)")
    _prepare(axes, [row["quantity"].replace("tau", "τ", 1) for row in rows])
    for y, row in enumerate(rows):
        for of, colour, at in _pair(y):
            low, middle, high = (row[f"{of}{name}"] for name in ("lower", "median", "upper"))
            axes.plot([low, min(high, last)], [at, at], color=colour, linewidth=2.0, gid=f"{of}interval",
                      solid_capstyle="butt")  # fmt: skip
            axes.plot(middle, at, "o", color=colour, markersize=4, gid=f"{of}median")
            if high > last:
                axes.plot(last, at, ">", color=colour, markersize=5, clip_on=False)
            _write(axes, at, f"{middle:.2f} [{low:.2f}, {high:.2f}]", colour)


def _distances(axes: Axes, rows: Rows, *, last: bool) -> None:
    """Signed distances as bars from 0."""
    axes.set_xlim(-1.0, 1.0)
    axes.axvline(0.0, color=GREY, linewidth=0.8, zorder=0.5)
    _prepare(axes, [""] * len(rows))
    for y, row in enumerate(rows):
        signed = float(row["signed"])
        colour = ORANGE if signed < 0.0 else GREY
        axes.barh(y, signed, height=0.34, color=colour, gid="distance")
        axes.annotate(f"{row['distance']:.2f}", (signed, y), (4 if signed >= 0.0 else -4, 0), color=colour,
                      textcoords="offset points", va="center", ha="left" if signed >= 0.0 else "right")  # fmt: skip
    if not last:
        axes.tick_params(axis="x", labelbottom=False)
        return
    axes.set_xticks([-1.0, 0.0, 1.0], ["1", "0", "1"])
    axes.set_xlabel("← anticonservative      conservative →\nHellinger distance")


def _prepare(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [fitted(name, WIDEST_LABEL, SMALL + 1.0) for name in names])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.spines["left"].set_visible(False)


def _pair(y: int) -> tuple[tuple[str, str, float], tuple[str, str, float]]:
    """The prefix of the columns, the colour and the height of both posteriors of a row."""
    return ("", INK, y - APART), ("reference_", BLUE, y + APART)


def _write(axes: Axes, at: float, text: str, colour: str) -> None:
    axes.annotate(text, (1.0, at), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                  va="center", fontsize=SMALL, color=colour, annotation_clip=False)  # fmt: skip
