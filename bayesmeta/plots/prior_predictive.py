"""Trials that the priors expect, beside those that were observed."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayesmeta.checks.prior_predictive import JointPriorPredictive, PriorPredictive
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
def prior_predictive(found: PriorPredictive | JointPriorPredictive) -> Figure:
    """For each trial the odds ratios that the priors expect (95% and 50%), and the observed one.

    Below them the true effect in a new setting, as the priors expect it. Two outcomes have a panel each.

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
    parts = found.parts if isinstance(found, JointPriorPredictive) else (found,)
    lines = [len(part.table) + len(part.new_setting) for part in parts]
    figure = new_figure("prior-predictive", WIDTH, ROW * sum(lines) + 1.2 * len(parts) + 0.9)
    several = figure.subplots(len(parts), 1, squeeze=False, height_ratios=lines)[:, 0]
    titles = [title_of(part.trials, WIDTH - 3.0) for part in parts]
    span = _span(parts)
    for axes, part, title in zip(several, parts, titles, strict=True):
        _panel(axes, part, span)
        if len(parts) > 1:
            axes.set_title(title, loc="left", pad=16.0, fontweight="bold")
        _key(axes)
    title = titles[0] + ": what the priors expect" if len(parts) == 1 else "What the priors expect"
    figure.suptitle(title, x=0.01, ha="left", fontsize=TITLE)
    figure.supxlabel("\n".join(wrapped(found.sentence, WIDTH - 0.3)), x=0.01, ha="left", fontsize=SMALL)
    return figure


def _span(parts: tuple[PriorPredictive, ...]) -> tuple[float, float]:
    """One axis for all panels: what is expected of two outcomes can be compared."""
    observed = [value for part in parts for value in part.table["observed"]]
    ends = [end for part in parts for name in ("lower", "upper") for end in part.table[name]]
    ends += [end for part in parts for _, *own in part.new_setting.values() for end in own]
    return limits(observed, ends, spare=1.5)


def _panel(axes: Axes, found: PriorPredictive, span: tuple[float, float]) -> None:
    """The trials of one outcome, and the effect in a new setting."""
    table = found.table
    lines = len(table) + len(found.new_setting)
    set_axis(axes, *span, AXIS)
    axes.set_ylim(lines - 0.4, -0.7)
    _trials(axes, found)
    labels = [fitted(name, LABEL, 8.5) for name in table["study"]]
    written = [odds_ratio(*row) for row in table[["median", "lower", "upper"]].itertuples(index=False)]
    for place, (name, three) in enumerate(found.new_setting.items(), start=len(table)):
        draw_interval(axes, place, *three[1:], color=NEW_SETTING, gid=f"{name} 95%", linewidth=2.0)
        level = name.removeprefix("theta_new").strip("[]")
        own = level and level != found.trials.outcome
        labels.append(fitted(f"new setting, {level}" if own else "new setting", LABEL, 8.5))
        written.append(odds_ratio(*three))
    _label(axes, labels, written)
    name_sides(axes, found.trials.direction, 33)


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
