"""Trials that the priors expect, beside those that were observed."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayesmeta.checks.prior_predictive import PriorPredictive
from bayesmeta.plots.captions import title_of, wrapped
from bayesmeta.plots.odds_ratios import draw_interval, limits, mark_clipped, name_sides, set_axis
from bayesmeta.plots.style import (
    INK,
    NEW_SETTING,
    OBSERVED,
    ORANGE,
    PRIOR,
    SMALL,
    TITLE,
    in_style,
    new_figure,
    only_x_axis,
)
from bayesmeta.plots.text import fitted, odds_ratio, plain_text
from bayesmeta.tables import rows

WIDTH, AXIS, LABEL, ROW = 7.6, 3.4, 2.1, 0.24
HALF = np.array([0.25, 0.75])


@in_style
def prior_predictive(found: PriorPredictive) -> Figure:
    """For each trial the odds ratios that the priors expect (95% and 50%), and the observed one.

    Below them the true effect in a new setting, as the priors expect it.

    Parameters
    ----------
    found : from `bayesmeta.checks.prior_predictive`.

    Returns
    -------
    matplotlib Figure, labelled "prior-predictive".

    References
    ----------
    Gabry et al. 2019, J R Stat Soc A 182:389, section 3.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> bm.plots.prior_predictive(bm.checks.prior_predictive(bm.load("bcg"))).get_label()
    'prior-predictive'
    """
    table = found.table
    lines = len(table) + len(found.new_setting)
    figure = new_figure("prior-predictive", WIDTH, ROW * lines + 2.1)
    title = title_of(found.trials, WIDTH - 3.0) + ": what the priors expect"
    figure.suptitle(title, x=0.01, ha="left", fontsize=TITLE)
    axes = figure.subplots()
    ends = [*table["lower"], *table["upper"], *(end for _, *own in found.new_setting.values() for end in own)]
    set_axis(axes, *limits(table["observed"], ends, spare=1.5), AXIS)
    axes.set_ylim(lines - 0.4, -0.7)
    _trials(axes, found)
    labels = [fitted(name, LABEL, 8.5) for name in table["study"]]
    written = [odds_ratio(*row) for row in table[["median", "lower", "upper"]].itertuples(index=False)]
    for place, (name, three) in enumerate(found.new_setting.items(), start=len(table)):
        draw_interval(axes, place, *three[1:], color=NEW_SETTING, gid=f"{name} 95%", linewidth=2.0)
        level = name.removeprefix("theta_new").strip("[]")
        labels.append(fitted(f"new setting, {level}" if level else "new setting", LABEL, 8.5))
        written.append(odds_ratio(*three))
    _label(axes, labels, written)
    name_sides(axes, found.trials.direction, 33)
    _key(axes)
    figure.supxlabel("\n".join(wrapped(found.sentence, WIDTH - 0.3)), x=0.01, ha="left", fontsize=SMALL)
    return figure


def _trials(axes: Axes, found: PriorPredictive) -> None:
    middle = np.quantile(found.draws, HALF, axis=0)
    left, right = axes.get_xlim()
    for place, row in enumerate(rows(found.table)):
        draw_interval(axes, place, row.lower, row.upper, color=PRIOR, gid=f"{row.study} 95%", linewidth=2.0)
        low, high = np.clip(middle[:, place], np.log(left), np.log(right))
        draw_interval(axes, place, low, high, color=PRIOR, gid=f"{row.study} 50%", linewidth=5.5)
        color = OBSERVED if row.inside else ORANGE
        mark_clipped(axes, place, row.observed, row.observed, color=color, gid=f"{row.study} observed")
        if left < np.exp(row.observed) < right:
            axes.plot(
                [np.exp(row.observed)], [place], marker="o", markersize=4.5, color=color, markeredgecolor="white",
                markeredgewidth=0.6, linestyle="none", zorder=4, gid=f"{row.study} observed",
            )  # fmt: skip


def _label(axes: Axes, labels: list[str], written: list[str]) -> None:
    only_x_axis(axes)
    axes.set_yticks(range(len(labels)), [plain_text(label) for label in labels])
    right = axes.twinx()
    right.set_ylim(axes.get_ylim())
    only_x_axis(right)
    right.set_yticks(range(len(labels)), written)
    for side in (axes, right):
        side.tick_params(axis="y", length=0)


def _key(axes: Axes) -> None:
    handles = [
        Line2D([], [], color=PRIOR, linewidth=2.0, label="expected: 95%"),
        Line2D([], [], color=PRIOR, linewidth=5.5, label="50%"),
        Line2D([], [], color=INK, marker="o", markersize=4.5, linestyle="none", label="observed"),
        Line2D([], [], color=ORANGE, marker="o", markersize=4.5, linestyle="none", label="observed, outside"),
        Line2D([], [], color=NEW_SETTING, linewidth=2.0, label="true effect, 95%"),
    ]
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=5, borderaxespad=0.2,
                columnspacing=1.2, handlelength=1.4, fontsize=SMALL)  # fmt: skip
