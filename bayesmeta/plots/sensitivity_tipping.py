"""Where the conclusion flips: odds ratio and P of one side against the scale of a prior."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from bayesmeta.errors import ModelError
from bayesmeta.plots.captions import beyond_the_usual, title_of, wrapped
from bayesmeta.plots.odds_ratios import limits, ticks, wishes
from bayesmeta.plots.sensitivity_rows import BOUND, NEW_PALE
from bayesmeta.plots.style import GREY, INK, ORANGE, SMALL, TITLE, in_style, new_figure
from bayesmeta.sensitivity import TippingPoint

COLUMN, HEIGHT = 3.4, 5.8
POOLED_PALE = "#f2b98f"
XLABELS = {
    "sceptical prior of mu": "Scale s of the sceptical prior, N(0, s²)",
    "half-normal prior of tau": "Scale s of the prior, τ ~ half-normal(s)",
    "wider prior of tau": "Width of the prior of τ, times the given one",
}


@in_style
def sensitivity_tipping(part: TippingPoint) -> Figure:
    """The answer along each range of priors, with the points at which it flips.

    Above: median and 95% interval of the odds ratio, and of the effect in a new setting, paler. Below: the
    probability of the side asked about. Dashed: the bounds, and the scale at which each is crossed.

    Parameters
    ----------
    part : from `bayesmeta.sensitivity.tipping_point`.

    Returns
    -------
    matplotlib Figure, labelled "sensitivity-tipping".

    Raises
    ------
    ModelError
        A part without a range of priors.

    References
    ----------
    Spiegelhalter, Freedman & Parmar 1994, J R Stat Soc A 157:357, section 6.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from bayesmeta.sensitivity import tipping_point
    >>> sensitivity_tipping(tipping_point(bm.load("crins2014"), bm.Model("normal"), trials=False)).get_label()
    'sensitivity-tipping'
    """
    if part.curve.empty:
        raise ModelError("this tipping point has no range of priors to draw.")
    questions = list(dict.fromkeys(part.curve["question"]))
    width = COLUMN * max(len(questions), 2) + 0.8
    figure = new_figure("sensitivity-tipping", width, HEIGHT)
    title = title_of(part.posterior.trials, width - 2.5)
    figure.suptitle(f"{title}: when does the conclusion flip?\n", x=0.01, ha="left", fontsize=TITLE)
    figure.get_layout_engine().set(wspace=0.05)  # type: ignore[union-attr, call-arg]
    panels = figure.subplots(2, len(questions), squeeze=False, sharex="col", sharey="row", height_ratios=(1.5, 1.0))
    for column, question in enumerate(questions):
        curve = part.curve[part.curve["question"] == question]
        found = part.table.query("question == @question and status == 'found'")
        _ratios(panels[0, column], curve, *_limits(part.curve))
        _chances(panels[1, column], curve, part.side)
        for row in found.to_dict("records"):
            _crossed(panels[:, column], row["scale"])
            right = row["bound"] >= BOUND  # the other bound is crossed on its left
            panels[1, column].annotate(
                f"{row['scale']:.3g}", (row["scale"], 0.05), (3 if right else -3, 0), textcoords="offset points",
                xycoords=("data", "axes fraction"), ha="left" if right else "right", fontsize=SMALL, color=ORANGE,
                gid="tipping value",
            )  # fmt: skip
        panels[1, column].set_xlabel(XLABELS[question])
    sides = wishes(part.posterior.trials.direction)
    panels[0, 0].set_ylabel(f"Odds ratio (log scale)\n← {sides.below} | {sides.above} →")
    panels[1, 0].set_ylabel(f"P(OR {'>' if part.side > 0 else '<'} 1)")
    _legend(panels[0, 0])
    said = f"{beyond_the_usual(part.posterior.model)} {part.sentence}"
    figure.supxlabel("\n".join(wrapped(said, width - 0.4)), x=0.01, ha="left", fontsize=SMALL, color=GREY)
    return figure


def _crossed(panels: Iterable[Axes], scale: float) -> None:
    """Where a bound is crossed, in each panel."""
    for axes in panels:
        axes.axvline(scale, color=ORANGE, linewidth=0.9, linestyle="--", gid="tipping point")


def _legend(axes: Axes) -> None:
    """What each mark means, above the first panel."""
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=INK, label="median"), Patch(color=POOLED_PALE, label="OR, 95%"),
        Patch(color=NEW_PALE, label="new setting, 95%"),
        Line2D([], [], color=ORANGE, linestyle="--", linewidth=0.9, label="bound, and where it is crossed"),
    ]  # fmt: skip
    legend = axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, fontsize=SMALL)
    legend.set_in_layout(False)  # it is as wide as the figure, not as its panel


def _limits(curve: pd.DataFrame) -> tuple[float, float]:
    inside = [*curve["lower"].quantile([0.05, 0.95]), *curve["upper"].quantile([0.05, 0.95])]
    return limits(inside, [*curve["new_lower"].quantile([0.25]), *curve["new_upper"].quantile([0.75])], spare=0.2)


def _ratios(axes: Axes, curve: pd.DataFrame, low: float, high: float) -> None:
    x = curve["scale"].to_numpy()
    parts = {name: np.exp(np.clip(curve[name].to_numpy(), low - 1.0, high + 1.0)) for name in
             ("new_lower", "new_upper", "lower", "upper", "median")}  # fmt: skip
    axes.fill_between(x, parts["new_lower"], parts["new_upper"], color=NEW_PALE, linewidth=0, gid="new setting")
    axes.fill_between(x, parts["lower"], parts["upper"], color=POOLED_PALE, linewidth=0, gid="interval")
    axes.plot(x, parts["median"], color=INK, linewidth=1.4, gid="median")
    axes.axhline(1.0, color=GREY, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(np.exp(low), np.exp(high))
    axes.set_xlim(x[0], x[-1])
    shown = ticks(low, high, 2.6)
    axes.yaxis.set_major_locator(FixedLocator(shown))
    axes.yaxis.set_major_formatter(FixedFormatter([f"{value:g}" for value in shown]))
    axes.yaxis.set_minor_locator(NullLocator())


def _chances(axes: Axes, curve: pd.DataFrame, side: int) -> None:
    above = curve["above"].to_numpy()
    axes.plot(curve["scale"], above if side > 0 else 1.0 - above, color=INK, gid="chance")
    for bound in (0.975, 0.95):
        axes.axhline(bound, color=ORANGE, linewidth=0.7, linestyle="--", zorder=0.5)
    axes.set_xscale("log")
    x = curve["scale"].to_numpy()
    decades = [10.0**power for power in range(-3, 4) if x[0] <= 10.0**power * 1.0001 and 10.0**power <= x[-1] * 1.0001]
    axes.xaxis.set_major_locator(FixedLocator(decades))
    axes.xaxis.set_major_formatter(FixedFormatter([f"{value:g}" for value in decades]))
    axes.xaxis.set_minor_locator(NullLocator())
