"""A published interval, the prior that it just fails (or just suffices) to convince, and what they give together."""

from matplotlib.figure import Figure

from bayesmeta.plots.captions import wrapped
from bayesmeta.plots.odds_ratios import draw_interval, limits, set_axis
from bayesmeta.plots.style import GREY, INK, PRIOR, PUBLISHED, SMALL, TITLE, in_style, new_figure, only_x_axis
from bayesmeta.plots.text import fitted, odds_ratio, width
from bayesmeta.sensitivity import Credibility
from bayesmeta.wording import counted

WIDTH, AXIS = 6.6, 4.0
Z = 1.959963984540054


@in_style
def sensitivity_credibility(part: Credibility) -> Figure:
    """The published interval, the critical prior, and their combination, whose interval ends at OR 1.

    Parameters
    ----------
    part : from `bayesmeta.sensitivity.credibility`.

    Returns
    -------
    matplotlib Figure, labelled "sensitivity-credibility".

    References
    ----------
    Matthews 2018, R Soc Open Sci 5:171047, figure 1.

    Examples
    --------
    >>> import math
    >>> from bayesmeta.sensitivity import credibility
    >>> sensitivity_credibility(credibility(math.log(1.85), math.log(1.36), math.log(2.52))).get_label()
    'sensitivity-credibility'
    """
    half = Z * part.prior_sd
    middle = 0.5 * (part.lower + part.upper)
    precision = part.se**-2.0 + part.prior_sd**-2.0
    mean, spread = (middle * part.se**-2.0 + part.prior_mean * part.prior_sd**-2.0) / precision, Z * precision**-0.5
    sceptical = part.kind == "scepticism"
    rows = {
        "Published": ((part.estimate, part.lower, part.upper), PUBLISHED),
        "Sceptical prior" if sceptical else "Advocate's prior": (
            (part.prior_mean, part.prior_mean - half, part.prior_mean + half), PRIOR,
        ),
        "Together": ((mean, mean - spread, mean + spread), INK),
    }  # fmt: skip
    figure = new_figure("sensitivity-credibility", WIDTH, 2.75)
    figure.suptitle(_title(part, f"how {'sceptical' if sceptical else 'hopeful'} must one be?"), x=0.01, ha="left",
                    fontsize=TITLE)  # fmt: skip
    axes = figure.subplots()
    ends = [end for numbers, _ in rows.values() for end in numbers]
    set_axis(axes, *limits(ends, ends), AXIS)
    for y, (numbers, colour) in enumerate(rows.values()):
        draw_interval(axes, y, numbers[1], numbers[2], color=colour, gid="interval", linewidth=2.4)
        axes.plot(2.718281828459045 ** numbers[0], y, "o", color=colour, markersize=5, gid="centre")
        axes.annotate(odds_ratio(*numbers), (1.0, y), (6, 0), xycoords=("axes fraction", "data"),
                      textcoords="offset points", va="center", annotation_clip=False)  # fmt: skip
    only_x_axis(axes)
    axes.set_yticks(range(len(rows)), list(rows), fontsize=8.5)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    figure.supxlabel("\n".join(wrapped(part.sentence, WIDTH - 0.3)), x=0.01, ha="left", fontsize=SMALL, color=GREY)
    return figure


def _title(part: Credibility, asks: str) -> str:
    """The question, with the outcome and the number of trials of the published pool where they are known."""
    if not part.outcome:
        return asks[:1].upper() + asks[1:]
    rest = f"{f', {counted(part.k)}' if part.k is not None else ''}: {asks}"
    name = part.outcome[:1].upper() + part.outcome[1:]
    return fitted(name, WIDTH - 0.3 - width(rest, TITLE, bold=True), TITLE, bold=True) + rest
