"""Did the sampler do its work? ArviZ's pictures of trace, ranks, energy, effective sample size and pairs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bayesmeta.plots.style import BLUE, DPI, GREY, ORANGE, TITLE, in_style
from bayesmeta.plots.text import plain_text
from bayesmeta.posterior import Posterior

#: More pairs than these are too small to see.
PAIRED = 6


@dataclass(frozen=True)
class Picture:
    """One of ArviZ's plots: what to look for, how large it is, what it is told.

    Parameters
    ----------
    title : what the reader should see.
    plot : name of ArviZ's function.
    size : from the number of parameters to width and height in inches.
    by_parameter : whether it takes names of parameters.
    arguments : what else it is told.
    """

    title: str
    plot: str
    size: Callable[[int], tuple[float, float]]
    by_parameter: bool = True
    arguments: dict[str, Any] = field(default_factory=dict)


PICTURES: dict[str, Picture] = {
    "trace": Picture(
        "Trace: chains should look alike, without drift",
        "plot_trace_dist",
        lambda n: (10.0, 1.7 * n + 0.5),
    ),
    "rank": Picture(
        "Ranks: chains should lie close to zero (p above α)",
        "plot_rank_dist",
        lambda n: (10.0, 1.7 * n + 0.5),
    ),
    "energy": Picture(
        "Energy: transitions should be as wide as the marginal (BFMI above the line)",
        "plot_energy",
        lambda _: (9.0, 3.2),
        by_parameter=False,
    ),
    "ess": Picture(
        "Effective sample size: should grow with the draws, and end above the line",
        "plot_ess_evolution",
        lambda n: (3.4 * min(max(n, 2), 4) + 0.4, 3.2 * -(-n // 4) + 0.5),
        arguments={"col_wrap": 4},
    ),
    "pair": Picture(
        "Pairs: divergences (orange), if any, should not gather",
        "plot_pair",
        lambda n: (2.4 * max(min(n, PAIRED), 2) + 0.6, 1.9 * max(min(n, PAIRED), 2) + 0.5),
        arguments={
            "visuals": {
                "scatter": {"alpha": 0.15, "size": 6},
                "divergence": {"color": ORANGE, "alpha": 1.0, "size": 14},
            }
        },
    ),
}


@in_style
def diagnostics(posterior: Posterior) -> tuple[Figure, ...]:
    """Trace, ranks, energy, evolution of the effective sample size, and pairs, drawn by ArviZ.

    Of the top-level parameters: coefficients, control_risk and tau. From the exact engine the draws are independent, so
    that the pictures show what a perfect sampler looks like.

    Parameters
    ----------
    posterior : from either engine.

    Returns
    -------
    Figures labelled "trace", "rank", "energy", "ess", "pair".

    References
    ----------
    Vehtari et al. 2021, Bayesian Anal 16:667 (ranks, effective sample size).
    Betancourt 2016, arXiv:1604.00695 (energy).

    Examples
    --------
    >>> import bayesmeta as bm
    >>> [figure.get_label() for figure in bm.plots.diagnostics(bm.fit(bm.load("bcg"), bm.Model("normal")))]
    ['trace', 'rank', 'energy', 'ess', 'pair']
    """
    import arviz as az  # seconds: only where its plots are drawn

    tree = posterior.to_arviz()
    names = _varying(posterior)
    labeller = az.labels.MapLabeller(var_name_map={name: _label(name) for name in names})
    figures = []
    for label, picture in PICTURES.items():
        arguments: dict[str, Any] = {"backend": "matplotlib"} | picture.arguments
        if picture.by_parameter:
            arguments |= {"var_names": names[:PAIRED] if label == "pair" else names, "labeller": labeller}
        with az.rc_context({"stats.ci_prob": 0.95, "stats.ci_kind": "eti"}):
            collection = getattr(az, picture.plot)(tree, **arguments)
        figures.append(_finished(collection, label, picture, len(names)))
    return tuple(figures)


def _varying(posterior: Posterior) -> list[str]:
    """Coefficients and tau; a tau that is known to be zero has no chains to look at."""
    known = ["tau"] if posterior.model.random_effects != "none" else []
    own = ["control_risk"] if posterior.model.control_risk else []
    return [*posterior.design.columns, *own, *known]


def _label(name: str) -> str:
    return {"mu": "μ", "tau": "τ"}.get(name) or plain_text(name, 30)


def _finished(collection: Any, label: str, picture: Picture, parameters: int) -> Figure:
    """The figure of an ArviZ plot, of our size, and out of pyplot's hands so that nothing stays open."""
    import matplotlib.pyplot as plt

    figure: Figure = collection.viz["figure"].item()
    plt.close(figure)
    FigureCanvasAgg(figure)
    figure.set_label(label)
    figure.set_dpi(DPI)
    figure.set_size_inches(*picture.size(parameters))
    figure.set_layout_engine("constrained")
    figure.suptitle(picture.title, x=0.01, ha="left", fontsize=TITLE)
    for axes in figure.axes:
        if axes.get_ylabel() == "Chain":
            axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    if label == "ess":
        keys: tuple[tuple[str, str, Literal["-", "-."]], ...] = (
            ("bulk", BLUE, "-"),
            ("tail", ORANGE, "-"),
            ("400, the least wanted", GREY, "-."),
        )
        handles = [Line2D([], [], color=color, linestyle=style, label=name) for name, color, style in keys]
        figure.legend(handles=handles, loc="outside lower left", ncols=3)
    return figure
