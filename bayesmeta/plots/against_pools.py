"""The Bayesian pooled effect beside every frequentist one of the same trials, and the published one."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayesmeta.errors import ModelError
from bayesmeta.frequentist import Pools
from bayesmeta.plots.captions import forest_subtitle, title_of
from bayesmeta.plots.densities import Three
from bayesmeta.plots.odds_ratios import draw_interval, limits, name_sides, set_axis
from bayesmeta.plots.style import LINE, POOLED, PUBLISHED, SMALL, TITLE, YARDSTICK, in_style, new_figure, only_x_axis
from bayesmeta.plots.text import odds_ratio, plain_text
from bayesmeta.posterior import Posterior

METHODS = {
    "MH": "Mantel–Haenszel",
    "conditional": "Conditional likelihood",
    "EE": "Common effect",
    "DL": "DerSimonian–Laird",
    "RevMan": "DerSimonian–Laird (RevMan)",
    "PM": "Paule–Mandel",
}
INTERVALS = {"wald": "", "hksj": ", Hartung–Knapp", "hksj_adhoc": ", Hartung–Knapp ad hoc"}
AXIS, ROW = 4.2, 0.24


@dataclass(frozen=True)
class Line:
    """One method: its name, pooled log odds ratio with limits, prediction limits (NaN where none), and its colour."""

    label: str
    numbers: tuple[float, float, float]
    prediction: tuple[float, float]
    color: str


@in_style
def against_pools(posterior: Posterior, pools: Pools) -> Figure:
    """Pooled odds ratio of the posterior, of each frequentist method, and as published, with 95% intervals.

    A thin line is the interval of the effect in a new setting: predictive for the posterior, a prediction interval for
    the methods that have one.

    Parameters
    ----------
    posterior : without moderators.
    pools : of the same trials.

    Returns
    -------
    matplotlib Figure, labelled "against-pools".

    Raises
    ------
    ModelError
        A posterior with moderators, or pools of a measure other than the posterior's.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> trials = bm.load("bcg")
    >>> bm.plots.against_pools(bm.fit(trials, bm.Model("normal")), bm.pool(trials)).get_label()
    'against-pools'
    """
    if posterior.design.moderators:
        raise ModelError(f'against_pools: the model "{posterior.model.moderators}" has moderators, which no pool has.')
    if pools.effects.measure != posterior.effects.measure:
        raise ModelError(
            f"pools are of the measure {pools.effects.measure}, the posterior of {posterior.effects.measure}:"
            " one axis cannot show both."
        )
    lines = _lines(posterior, pools)
    figure = new_figure("against-pools", 9.2, ROW * len(lines) + 1.8)
    title = title_of(posterior.trials, 8.6)
    figure.suptitle(title, x=0.01, ha="left", fontsize=TITLE)
    axes = figure.subplots()
    _draw(axes, lines)
    name_sides(axes, posterior.trials.direction, 33)
    notes = forest_subtitle(posterior)
    meaning = "Thick: 95% interval of the pooled effect. Thin: of the effect in a new setting."
    axes.set_title("\n".join([*notes, meaning]), fontsize=SMALL, fontweight="normal")
    return figure


def _lines(posterior: Posterior, pools: Pools) -> list[Line]:
    mean = Three.of(posterior.effect())
    prediction = posterior.new_setting().interval() if posterior.model.random_effects != "none" else (np.nan, np.nan)
    lines = [Line(f"Bayesian ({posterior.engine}), k = {posterior.effects.number}", mean.numbers, prediction, POOLED)]
    for row in pools.table.to_dict("records"):
        numbers = (float(row["estimate"]), float(row["lower"]), float(row["upper"]))
        prediction = (float(row["prediction_lower"]), float(row["prediction_upper"]))
        label = METHODS.get(row["method"], row["method"]) + INTERVALS.get(row["interval"], f", {row['interval']}")
        line = Line(label, numbers, prediction, YARDSTICK)
        # The ad hoc correction changes nothing unless Hartung–Knapp's interval is narrower than Wald's.
        if row["interval"] != "hksj_adhoc" or not np.allclose(line.numbers, lines[-1].numbers, rtol=0, atol=1e-9):
            lines.append(line)
    published = posterior.trials.published
    if published is not None:
        numbers = (published.estimate, published.lower, published.upper)
        lines.append(Line(f"Published {published.year}, k = {published.k}", numbers, (np.nan, np.nan), PUBLISHED))
    return lines


def _draw(axes: Axes, lines: list[Line]) -> None:
    inside = [value for line in lines for value in line.numbers]
    ends = [value for line in lines for value in (*line.numbers, *line.prediction) if not np.isnan(value)]
    set_axis(axes, *limits(inside, ends), AXIS)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.axvline(np.exp(lines[0].numbers[0]), color=LINE, linewidth=0.8, zorder=0.4)
    for y, line in enumerate(lines):
        if not np.isnan(line.prediction[0]):
            draw_interval(axes, y, *line.prediction, color=line.color, gid="prediction", linewidth=0.8)
        draw_interval(axes, y, *line.numbers[1:], color=line.color, gid="interval", linewidth=3)
        axes.plot(
            np.exp(line.numbers[:1]),
            [y],
            marker="D",
            markersize=4.5,
            color=line.color,
            linestyle="none",
            zorder=4,
            gid="estimate",
        )
    only_x_axis(axes)
    axes.set_yticks(range(len(lines)), [plain_text(line.label) for line in lines])
    right = axes.twinx()
    right.set_ylim(axes.get_ylim())
    only_x_axis(right)
    right.set_yticks(range(len(lines)), [odds_ratio(*line.numbers) for line in lines])
    for side in (axes, right):
        side.tick_params(axis="y", length=0, pad=8)
        for label, line in zip(side.get_yticklabels(), lines, strict=True):
            label.set_color(line.color)
            label.set_fontweight("bold" if line.color != YARDSTICK else "normal")
