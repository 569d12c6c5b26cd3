"""What to expect elsewhere: the predictive distribution of the odds ratio in a new setting."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayesmeta.plots.captions import title_of
from bayesmeta.plots.densities import Three, grid, highest_density, spread
from bayesmeta.plots.odds_ratios import draw_interval, limits, name_sides, set_axis, wishes
from bayesmeta.plots.settings import new_settings, settings_of
from bayesmeta.plots.style import BLUE, INK, ORANGE, POOLED, SMALL, TITLE, in_style, new_figure, only_x_axis
from bayesmeta.plots.text import fitted, odds_ratio
from bayesmeta.posterior import Marginal, Posterior
from bayesmeta.wording import percent

WIDTH, AXIS, ROW = 7.2, 6.7, 1.95


@in_style
def new_setting(posterior: Posterior) -> Figure:
    """Predictive density of the odds ratio in a new setting, with the probability of either side of 1.

    theta_new ~ N(x' beta, tau^2). With a categorical moderator there is one panel for each group. Below each density
    stand its 95% interval, thick, and that of the mean effect, thin: the difference between them is heterogeneity.

    Parameters
    ----------
    posterior : from either engine.

    Returns
    -------
    matplotlib Figure, labelled "new-setting".

    References
    ----------
    Higgins, Thompson & Spiegelhalter 2009, J R Stat Soc A 172:137, section 3.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> bm.plots.new_setting(bm.fit(bm.load("bcg"), bm.Model("normal"))).get_label()
    'new-setting'
    """
    effects = {
        f"{name}{where}": (new, posterior.effect(setting))
        for name, setting in settings_of(posterior).items()
        for where, new in new_settings(posterior, setting).items()
    }
    figure = new_figure("new-setting", WIDTH, ROW * len(effects) + 1.3)
    title = title_of(posterior.trials, WIDTH - 1.6) + ": a new setting"
    figure.suptitle(title, x=0.01, ha="left", fontsize=TITLE)
    panels = figure.subplots(len(effects), 1, squeeze=False, sharex=True).ravel()
    ends = [end for new, _ in effects.values() for end in spread(new)]
    intervals = [end for new, _ in effects.values() for end in new.interval()]
    low, high = limits(intervals, ends)
    for axes, (name, (new, mean)) in zip(panels, effects.items(), strict=True):
        set_axis(axes, low, high, AXIS, "")
        _panel(axes, new, mean, posterior.trials.direction)
        axes.set_title(fitted(name, 4.2, 9.5, bold=True))
        only_x_axis(axes)
        axes.tick_params(labelbottom=axes is panels[-1])
    panels[-1].set_xlabel("Odds ratio in a new setting (log scale)")
    name_sides(panels[-1], posterior.trials.direction, 33)
    return figure


def _panel(axes: Axes, new: Marginal, mean: Marginal, direction: str) -> None:
    peak = highest_density(new)
    x = np.unique(np.append(grid(axes), 0.0))
    y = new.pdf(x) / peak
    sides = wishes(direction)
    above = new.probability(above=0.0)
    for inside, color, gid in ((x <= 0.0, ORANGE, "below"), (x >= 0.0, BLUE, "above")):
        axes.fill_between(np.exp(x[inside]), 0.0, y[inside], color=color, alpha=0.35, linewidth=0, gid=f"density {gid}")
    axes.plot(np.exp(x), y, color=INK, linewidth=1.1, gid="new")
    three, average = Three.of(new), Three.of(mean)
    draw_interval(axes, -0.13, three.lower, three.upper, color=INK, gid="new interval", linewidth=4)
    draw_interval(axes, -0.30, average.lower, average.upper, color=POOLED, gid="mean interval", linewidth=2)
    for three_, at, color in ((three, -0.13, INK), (average, -0.30, POOLED)):
        axes.plot(
            [math.exp(three_.median)],
            [at],
            marker="o",
            markersize=4.5,
            markerfacecolor="white",
            color=color,
            linestyle="none",
            zorder=4,
        )
    axes.set_ylim(-0.42, 1.5)
    for at, align, color, text in (
        (0.0, "left", ORANGE, f"P(OR < 1) = {percent(1.0 - above)}\n{sides.below}"),
        (1.0, "right", BLUE, f"P(OR > 1) = {percent(above)}\n{sides.above}"),
    ):
        axes.text(at, 0.97, text, ha=align, va="top", color=color, fontweight="bold", transform=axes.transAxes)
    for up, name, numbers, color in ((14, "new setting", three, INK), (4, "mean effect", average, POOLED)):
        axes.annotate(
            f"{name} {odds_ratio(*numbers.numbers)}",
            (1.0, 1.0),
            (0, up),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="right",
            fontsize=SMALL,
            color=color,
            gid=name,
        )
