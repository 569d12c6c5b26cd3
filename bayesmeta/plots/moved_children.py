"""Where people move: the three proportions without and with treatment, and the change of each with its uncertainty."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayesmeta.plots.captions import joint_note, wrapped
from bayesmeta.plots.style import BLUE, GREY, INK, LINE, ORANGE, SMALL, TEXT, TITLE, in_style, new_figure, only_x_axis
from bayesmeta.plots.text import fitted
from bayesmeta.posterior.draws import DrawsMarginal
from bayesmeta.posterior.moved_children import MovedChildren
from bayesmeta.wording import percent

WIDTH, HEIGHT = 8.2, 4.6
COLORS = (BLUE, LINE, ORANGE)
LINES = (BLUE, GREY, ORANGE)
LABEL = 1.1  # width of the name of a category beside the columns, in inches
LEAST_LABELLED = 0.06  # proportion that has room for its number
POINTS = 401


@in_style
def moved_children(moved: MovedChildren) -> Figure:
    """Change of the three proportions of a classification at a stated control arm.

    Left: the control arm, and the treated arm by posterior medians (which need not add to 100). Right: the posterior
    of the change of each category in percentage points, with median and 95% interval.

    Parameters
    ----------
    moved : from `posterior.moved_children((p_first, p_second))`.

    Returns
    -------
    matplotlib Figure, labelled "moved-children".

    Examples
    --------
    >>> import bayesmeta as bm
    >>> posterior = bm.fit(bm.load("attachment/classification"), bm.JointModel("normal"))
    >>> bm.plots.moved_children(posterior.moved_children((0.3, 0.4))).get_label()
    'moved-children'
    """
    figure = new_figure("moved-children", WIDTH, HEIGHT)
    where = "in a new setting" if moved.new_setting else "on average"
    likelihood = f"{moved.posterior.model.likelihood} likelihood"
    figure.suptitle(f"Where people move, {where}: {likelihood}", x=0.01, ha="left", fontsize=TITLE)
    left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.75))
    _bars(left, moved)
    _changes(right, moved)
    note = f"{joint_note(moved.posterior)} Control arm: {moved.control_from}, taken as known."
    if moved.impossible >= 0.001:
        note += (
            f" {percent(moved.impossible)} of the posterior is left out: effects that would leave fewer than none in"
            " the middle category of this control arm."
        )
    figure.supxlabel("\n".join(wrapped(note, WIDTH - 0.3)), x=0.01, ha="left", fontsize=SMALL, color=GREY)
    return figure


def _bars(axes: Axes, moved: MovedChildren) -> None:
    """Both arms as columns, the first category at the bottom."""
    table = moved.table
    for at, column in ((0.0, "control"), (1.0, "treated")):
        base = 0.0
        for i, (share, color) in enumerate(zip(table[column] / table[column].sum(), COLORS)):
            axes.bar(at, share, bottom=base, width=0.72, color=color, alpha=0.75, gid=f"{column} {i}")
            if share >= LEAST_LABELLED:
                number = f"{100 * table[column].iloc[i]:.0f}%"
                axes.text(at, base + share / 2, number, ha="center", va="center", color=INK, fontweight="bold")
            base += share
    middles = np.cumsum(table["treated"] / table["treated"].sum()) - table["treated"] / table["treated"].sum() / 2
    for name, at, color in zip(table["category"], middles, LINES):
        lines = wrapped(str(name).replace(" attachment", ""), LABEL, TEXT)
        axes.text(1.44, at, "\n".join(fitted(line, LABEL, TEXT) for line in lines), va="center", color=color)
    axes.set_xticks([0.0, 1.0], ["without", "with treatment"])
    axes.set_xlim(-0.45, 2.35)
    axes.set_yticks([])
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="x", length=0)


def _changes(axes: Axes, moved: MovedChildren) -> None:
    """A hill for each category."""
    draws = [DrawsMarginal(str(i), 100.0 * moved.changes[None, :, i]) for i in range(3)]
    ends = np.array([draw.quantile(np.array([0.001, 0.999])) for draw in draws])
    low, high = min(ends.min(), -5.0), max(ends.max(), 5.0)
    x = np.linspace(low, high, POINTS)
    for i, (draw, row) in enumerate(zip(draws, moved.table.to_dict("records"))):
        base, peak = 2.0 - i, float(draw.pdf(x).max())
        y = base + 0.62 * draw.pdf(x) / peak
        lower, upper = 100.0 * row["change_lower"], 100.0 * row["change_upper"]
        inside = (x >= lower) & (x <= upper)
        axes.fill_between(x, base, y, color=LINES[i], alpha=0.18, linewidth=0)
        axes.fill_between(x[inside], base, y[inside], color=LINES[i], alpha=0.45, linewidth=0, gid=f"interval {i}")
        axes.plot(x, y, color=LINES[i], linewidth=1.2, gid=f"change {i}")
        middle = float(100.0 * row["change"])
        top = base + 0.62 * float(draw.pdf(middle)) / peak
        axes.plot([middle, middle], [base, top], color=INK)
        name = fitted(str(row["category"]), 2.2, TEXT)
        numbers = f"{100 * row['change']:+z.0f} ({lower:+z.0f} to {upper:+z.0f}), P(more) {percent(row['p_increase'])}"
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
        axes.text(low, base + 0.7, f"{name}: {numbers}", va="bottom", color=LINES[i], bbox=box, zorder=5)
    axes.axvline(0.0, color=INK, linewidth=0.8)
    axes.set_ylim(-0.05, 3.0)
    axes.set_xlabel("Change, percentage points (median and 95% interval)")
    only_x_axis(axes)
