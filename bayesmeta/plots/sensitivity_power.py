"""Power scaling: how much each parameter answers to its priors and to the likelihood."""

from matplotlib.figure import Figure

from bayesmeta.plots.captions import title_of, wrapped
from bayesmeta.plots.style import BLUE, GREY, INK, ORANGE, SMALL, TITLE, YELLOW, in_style, new_figure
from bayesmeta.plots.text import fitted
from bayesmeta.sensitivity import PowerScaling

WIDTH = 6.4
MARKS = {
    "prior": ("all priors", INK, "o"),
    "prior_of_mu": ("prior of μ and coefficients", YELLOW, "^"),
    "prior_of_tau": ("prior of τ", ORANGE, "v"),
    "likelihood": ("likelihood", BLUE, "s"),
}
SYMBOLS = {"mu": "μ", "tau": "τ", "theta_new": "new setting"}


@in_style
def sensitivity_power(part: PowerScaling) -> Figure:
    """Power-scaling sensitivities of each parameter, with the threshold of 0.05.

    Parameters
    ----------
    part : from `bayesmeta.sensitivity.power_scaling`.

    Returns
    -------
    matplotlib Figure, labelled "sensitivity-power".

    References
    ----------
    Kallioinen et al. 2024, Stat Comput 34:57.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from bayesmeta.sensitivity import power_scaling
    >>> sensitivity_power(power_scaling(bm.load("crins2014"), bm.Model("normal"))).get_label()
    'sensitivity-power'
    """
    rows = part.table.to_dict("records")
    figure = new_figure("sensitivity-power", WIDTH, 0.36 * len(rows) + 2.1)
    figure.suptitle(f"{title_of(part.posterior.trials, WIDTH - 2.2)}: power scaling", x=0.01, ha="left", fontsize=TITLE)
    axes = figure.subplots()
    for y, row in enumerate(rows):
        axes.axhline(y, color="#eeeeee", linewidth=6, zorder=0)
        for name, (_, colour, marker) in MARKS.items():
            axes.plot(
                row[name], y, marker, color=colour, markersize=5.5, linestyle="none", gid=name, zorder=3,
                clip_on=False,  # whole at the end of the axis too
            )  # fmt: skip
        axes.annotate(
            "" if row["diagnosis"] == "none" else row["diagnosis"], (1.0, y), (4, 0),
            xycoords=("axes fraction", "data"), textcoords="offset points", va="center", fontsize=SMALL, color=ORANGE,
            annotation_clip=False,
        )  # fmt: skip
    axes.axvline(0.05, color=GREY, linestyle="--", linewidth=0.9)
    axes.set_yticks(
        range(len(rows)), [fitted(SYMBOLS.get(row["parameter"], row["parameter"]), 1.6, 8.5) for row in rows]
    )
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0.0, max(0.1, 1.08 * max(row[name] for row in rows for name in MARKS)))
    axes.set_xlabel("Sensitivity (cumulative Jensen-Shannon distance per doubling of the power)")
    for label, colour, marker in MARKS.values():
        axes.plot([], [], marker, color=colour, linestyle="none", markersize=5.5, label=label)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, fontsize=SMALL, borderpad=0.2)
    figure.supxlabel("\n".join(wrapped(part.sentence, WIDTH - 0.3)), x=0.01, ha="left", fontsize=SMALL, color=GREY)
    return figure
