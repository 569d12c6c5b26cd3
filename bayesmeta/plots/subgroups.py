"""Do groups of trials differ? The odds ratio of each group, and the ratio of each to the reference group."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayesmeta.errors import ModelError
from bayesmeta.plots.captions import title_of
from bayesmeta.plots.densities import highest_density, hill, spread
from bayesmeta.plots.odds_ratios import limits, name_sides, set_axis
from bayesmeta.plots.settings import group_title, groups_of
from bayesmeta.plots.style import GREEN, GREY, POOLED, SMALL, TEXT, TITLE, in_style, new_figure, only_x_axis
from bayesmeta.plots.text import fitted, odds_ratio
from bayesmeta.posterior import Marginal, Posterior
from bayesmeta.wording import percent

LEFT, AXIS, ROW = 2.0, 3.9, 0.85
WIDTH = LEFT + 2 * AXIS + 0.6


@in_style
def subgroups(posterior: Posterior) -> Figure:
    """Posterior of each group's mean odds ratio, and of its ratio to the first group's, with P(ratio > 1).

    Parameters
    ----------
    posterior : of a model with a categorical moderator; numeric moderators are held at their mean.

    Returns
    -------
    matplotlib Figure, labelled "subgroups".

    Raises
    ------
    ModelError
        The model has no categorical moderator, or one that never varies.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> model = bm.Model("normal", moderators="~ sensitivity_focused")
    >>> bm.plots.subgroups(bm.fit(bm.load("attachment/secure"), model)).get_label()
    'subgroups'
    """
    settings = groups_of(posterior)
    if len(settings) < 2:
        raise ModelError(
            f"subgroups: moderators {posterior.model.moderators!r} make no groups. Name a column of categories,"
            ' such as moderators="~ sensitivity_focused".'
        )
    rows = [posterior.design.row(setting) for setting in settings.values()]
    effects = [posterior.effect(setting) for setting in settings.values()]
    ratios = [posterior.contrast(row - rows[0], name="ratio") for row in rows[1:]]
    members = posterior.group_of_trials()
    figure = new_figure("subgroups", WIDTH, ROW * len(rows) + 1.6)
    figure.suptitle(title_of(posterior.trials, WIDTH - 0.4), x=0.01, ha="left", fontsize=TITLE)
    left, right = figure.subplots(1, 2, sharey=True)
    _hills(left, effects, POOLED, "Odds ratio (log scale)", first=0, total=len(rows))
    _hills(right, ratios, GREEN, "Ratio of odds ratios (log scale)", first=1, total=len(rows))
    left.set_title("Mean effect in each group")
    reference = group_title(next(iter(settings.values())))
    right.set_title(fitted(f"Ratio to {reference}", AXIS - 0.1, TEXT + 1, bold=True))
    name_sides(left, posterior.trials.direction, 33)
    for position, (label, setting) in enumerate(settings.items()):
        name = fitted(group_title(setting), LEFT - 0.1, TEXT)
        left.annotate(
            f"{name}\nk = {members.count(label)}",
            (0.0, -position),
            (-6, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="bottom",
            linespacing=1.4,
            gid="group",
        )
    _row_text(right, 0, "reference group")
    return figure


def _hills(axes: Axes, marginals: Sequence[Marginal], color: str, label: str, *, first: int, total: int) -> None:
    ends = [end for marginal in marginals for end in spread(marginal)]
    intervals = [end for marginal in marginals for end in marginal.interval()]
    low, high = limits(intervals, ends)
    set_axis(axes, low, high, AXIS, label)
    axes.set_ylim(-total + 0.6, 0.72)
    highest = max(highest_density(marginal) for marginal in marginals)
    for position, marginal in enumerate(marginals, start=first):
        three = hill(axes, marginal, base=-position, height=0.62, highest=highest, color=color, gid=f"row {position}")
        text = odds_ratio(*three.numbers)
        if first:
            text += f"   P(ratio > 1) = {percent(marginal.probability(above=0.0))}"
        axes.plot([math.exp(low), math.exp(high)], [-position] * 2, color=GREY, linewidth=0.5)
        _row_text(axes, position, text)
    only_x_axis(axes)


def _row_text(axes: Axes, position: int, text: str) -> None:
    axes.annotate(
        text,
        (0.0, -position),
        (2, -4),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="top",
        fontsize=SMALL,
        gid="row text",
        # The line at 1 runs behind the text.
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        zorder=4,
    )
