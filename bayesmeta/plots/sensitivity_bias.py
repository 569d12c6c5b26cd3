"""Model averaging over bias: which models the trials favour, and the effect under each kind."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayesmeta.plots.captions import title_of, wrapped
from bayesmeta.plots.odds_ratios import draw_interval, limits, set_axis
from bayesmeta.plots.style import GREY, INK, LINE, POOLED, PRIOR, SMALL, TITLE, in_style, new_figure
from bayesmeta.plots.text import odds_ratio
from bayesmeta.sensitivity import Bias
from bayesmeta.wording import percent

WIDTH, AXIS = 9.4, 2.5
ROW = 0.3


@in_style
def sensitivity_bias(part: Bias) -> Figure:
    """Posterior probability of each kind of bias, with and without an effect; and mu averaged over some of the models.

    Parameters
    ----------
    part : from `bayesmeta.sensitivity.bias`.

    Returns
    -------
    matplotlib Figure, labelled "sensitivity-bias".

    Examples
    --------
    >>> import bayesmeta as bm
    >>> part = bm.sensitivity.bias(bm.load("attachment/secure"), selections=["one_sided(0.025)"])
    >>> sensitivity_bias(part).get_label()
    'sensitivity-bias'
    """
    kinds = list(dict.fromkeys(part.table["bias"]))
    rows = max(len(kinds), len(part.averages))
    figure = new_figure("sensitivity-bias", WIDTH, 2.2 + ROW * rows)
    inches = WIDTH - 0.3
    figure.suptitle(f"{title_of(part.posterior.trials, inches - 1.6)}: averaged over bias", x=0.01, ha="left",
                    fontsize=TITLE)  # fmt: skip
    models, effects = figure.subplots(1, 2, width_ratios=(1.0, 1.15))
    _probabilities(models, part, kinds)
    _effects(effects, part)
    figure.supxlabel("\n".join(wrapped(part.sentence, inches)), x=0.01, ha="left", fontsize=SMALL, color=GREY)
    return figure


def _probabilities(axes: Axes, part: Bias, kinds: list[str]) -> None:
    """Stacked bars, with a mark where the prior probability lies."""
    table = part.table
    for y, kind in enumerate(kinds):
        left = 0.0
        for effect, colour in ((True, POOLED), (False, LINE)):
            share = float(table.loc[(table["bias"] == kind) & (table["effect"] == effect), "posterior"].sum())
            axes.barh(y, share, left=left, height=0.62, color=colour, gid=f"{kind} {effect}")
            left += share
        prior = float(table.loc[table["bias"] == kind, "prior"].sum())
        axes.plot([prior, prior], [y - 0.42, y + 0.42], color=PRIOR, linewidth=2.2, gid=f"prior {kind}")
        axes.annotate(percent(left), (max(left, prior), y), (5, 0), textcoords="offset points", va="center",
                      fontsize=SMALL, color=INK)  # fmt: skip
    names = {"none": "no bias", "PET": "PET, slope on s", "PEESE": "PEESE, slope on s²"}
    axes.set_yticks(range(len(kinds)), [names.get(kind, kind.replace("_", "-")) for kind in kinds])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(kinds) - 0.5, -0.5)
    axes.set_xlim(0.0, 1.14)
    axes.set_xticks(np.linspace(0.0, 1.0, 5))
    axes.set_xlabel("Posterior probability")
    axes.spines["left"].set_visible(False)
    handles = [
        Patch(color=POOLED, label="with an effect"),
        Patch(color=LINE, label="without"),
        Line2D([], [], color=PRIOR, linewidth=2.2, label="prior"),
    ]
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 0.99), ncols=3, fontsize=SMALL)


def _effects(axes: Axes, part: Bias) -> None:
    """The averaged odds ratios; the number in brackets is the probability of no effect."""
    table = part.averages
    ends = table[["lower", "upper"]].to_numpy().ravel().tolist()
    set_axis(axes, *limits(table["median"].tolist(), ends), AXIS)
    for y, row in enumerate(table.to_dict("records")):
        colour = INK if y == 0 else POOLED
        draw_interval(axes, y, row["lower"], row["upper"], color=colour, gid="interval", linewidth=2.4)
        axes.plot(np.exp(row["median"]), y, "o", color=colour, markersize=5, gid="centre")
        axes.annotate(odds_ratio(row["median"], row["lower"], row["upper"]), (1.0, y), (6, 0),
                      xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
                      annotation_clip=False)  # fmt: skip
    labels = [f"{row['models']}\n{percent(row['posterior'])} probable" for row in table.to_dict("records")]
    labels[0] = f"all models\nno effect: {percent(float(table['null'].iloc[0]))} probable"
    axes.set_yticks(range(len(table)), [label.replace("with an effect,", "effect,") for label in labels])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.spines["left"].set_visible(False)
