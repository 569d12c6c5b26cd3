"""What was believed before the data, and after: prior and posterior of the effect and of the heterogeneity."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayesmeta.plots.captions import title_of
from bayesmeta.plots.densities import POINTS, Three, grid, highest_density, hill, spread
from bayesmeta.plots.odds_ratios import limits, name_sides, set_axis
from bayesmeta.plots.style import BLUE, INK, PRIOR, TITLE, in_style, new_figure, only_x_axis
from bayesmeta.plots.text import fitted, number, odds_ratio, plain_text
from bayesmeta.posterior import Posterior
from bayesmeta.priors import Prior

PANEL, PANEL_HEIGHT, IN_A_ROW = 4.2, 3.5, 3


@in_style
def prior_posterior(posterior: Posterior) -> Figure:
    """Prior and posterior density of each coefficient (as odds ratios) and of tau, with medians and 95% intervals.

    Densities are of log odds ratios, so that equal areas are equal probabilities on the logarithmic axis. The 95%
    interval of the posterior is dark, its median a line. A flat prior has no density: it is named, not drawn.

    Parameters
    ----------
    posterior : from either engine.

    Returns
    -------
    matplotlib Figure, labelled "prior-posterior".

    Examples
    --------
    >>> import bayesmeta as bm
    >>> bm.plots.prior_posterior(bm.fit(bm.load("bcg"), bm.Model("normal"))).get_label()
    'prior-posterior'
    """
    names = [*posterior.design.columns, *(posterior.heterogeneity_priors or ["tau"])]
    across = min(len(names), IN_A_ROW)
    down = -(-len(names) // across)
    figure = new_figure("prior-posterior", PANEL * across, PANEL_HEIGHT * down + 0.4)
    figure.suptitle(title_of(posterior.trials, PANEL * across - 0.3), x=0.01, ha="left", fontsize=TITLE)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        if name.startswith("tau"):
            _heterogeneity(axes, posterior, name)
        else:
            _coefficient(axes, posterior, name)
        only_x_axis(axes)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    return figure


def _coefficient(axes: Axes, posterior: Posterior, name: str) -> None:
    prior = posterior.heterogeneity_priors.get(name) or posterior.model.prior_of(name)
    marginal = posterior[name]
    seen = spread(marginal)
    # Enough of a wide prior to see that it is flat here, without making a needle of the posterior.
    wide = [float(prior.quantile(p)) for p in (0.25, 0.75)] if prior.proper else []
    low, high = limits(seen, [*seen, *wide], spare=0.6, least=0.0)
    is_effect = name == "mu" or name in _means_of_groups(posterior)
    label = "Ratio of τ (log scale)" if name.startswith("alpha") else "Ratio of odds ratios (log scale)"
    set_axis(axes, low, high, PANEL - 0.5, "Odds ratio (log scale)" if is_effect else label)
    after = hill(axes, marginal, base=0.0, height=1.0, highest=1.0, color=BLUE, gid="posterior")
    text = odds_ratio(*after.numbers)
    before = ""
    if prior.proper:
        x = grid(axes)
        axes.plot(np.exp(x), prior.density(x), color=PRIOR, linestyle="--", gid="prior")
        before = odds_ratio(*(float(prior.quantile(p)) for p in (0.5, 0.025, 0.975)))
    if is_effect:
        name_sides(axes, posterior.trials.direction, 33)
    reference = " (moderators at zero or reference)" if posterior.design.moderators else ""
    title = f"Mean effect μ{reference}" if name == "mu" else name
    axes.set_title(fitted(title, PANEL - 0.4, 9.5, bold=True))
    _key(axes, prior, f"OR {text}" if is_effect else text, before, below=-0.33 if is_effect else -0.24)
    axes.set_ylim(0.0, 1.12 * max(highest_density(marginal), *_heights(axes, "prior")))


def _means_of_groups(posterior: Posterior) -> set[str]:
    """The coefficients that are a group's mean effect by themselves: those of a formula without intercept."""
    design = posterior.design
    rows = [design.row(setting) for setting in design.settings().values()]
    return {design.columns[int(row.argmax())] for row in rows if row.max() == 1.0 and np.count_nonzero(row) == 1}


def _heterogeneity(axes: Axes, posterior: Posterior, name: str) -> None:
    axes.set_title(fitted(f"Heterogeneity {name.replace('tau', 'τ', 1)}", PANEL - 0.4, 9.5, bold=True))
    axes.set_xlabel("τ, standard deviation of log odds ratios")
    if posterior.model.random_effects == "none":
        axes.set_xlim(-0.5, 0.5)
        axes.set_xticks([0.0])
        axes.axvline(0.0, color=BLUE, linewidth=2, gid="posterior")
        axes.text(0.54, 0.5, "common-effect model: τ = 0", transform=axes.transAxes)
        return
    marginal, prior = posterior[name], posterior.heterogeneity_priors[name]
    after = Three.of(marginal)
    if after.lower == after.upper:
        axes.set_xlim(0.0, 2.0 * after.upper or 1.0)
        axes.axvline(after.median, color=BLUE, linewidth=2, gid="posterior")
        axes.text(0.54, 0.5, f"known: τ = {number(after.median)}", transform=axes.transAxes)
        return
    end = 1.15 * after.upper
    if prior.proper:
        end = max(end, min(float(prior.quantile(0.95)), 2.0 * after.upper))
    x = np.linspace(0.0, end, POINTS)
    y = marginal.pdf(x)
    inside = (x >= after.lower) & (x <= after.upper)
    axes.fill_between(x, 0.0, y, color=BLUE, alpha=0.18, linewidth=0, gid="posterior density")
    axes.fill_between(x[inside], 0.0, y[inside], color=BLUE, alpha=0.45, linewidth=0, gid="posterior interval")
    axes.plot(x, y, color=BLUE, linewidth=1.2, gid="posterior")
    axes.plot(
        [after.median] * 2, [0.0, float(marginal.pdf(after.median))], color=INK, linewidth=1.2, gid="posterior median"
    )
    before = ""
    if prior.proper:
        with np.errstate(divide="ignore"):
            density = np.asarray(prior.density(x))
        # A density that is infinite at zero is drawn from the next point on.
        axes.plot(x[np.isfinite(density)], density[np.isfinite(density)], color=PRIOR, linestyle="--", gid="prior")
        before = _plain_limits(*(float(prior.quantile(p)) for p in (0.5, 0.025, 0.975)))
    axes.set_xlim(0.0, end)
    axes.set_ylim(0.0, 1.12 * min(max(float(y.max()), *_heights(axes, "prior")), 4.0 * float(y.max())))
    _key(axes, prior, _plain_limits(*after.numbers), before, below=-0.24)


def _heights(axes: Axes, gid: str) -> list[float]:
    lines = [line for line in axes.get_lines() if line.get_gid() == gid]
    return [float(np.max(np.asarray(line.get_ydata(), dtype=float))) for line in lines] or [0.0]


def _plain_limits(median: float, lower: float, upper: float) -> str:
    return " ".join([number(median), f"[{number(lower)}, {number(upper)}]"])


def _key(axes: Axes, prior: Prior, after: str, before: str, below: float) -> None:
    """Which is which, with median and 95% interval, under the panel."""
    drawn = f"{prior}: {before}" if before else f"{prior}: improper, not drawn"
    handles = [
        Patch(facecolor=BLUE, alpha=0.5, label=f"Posterior, median and 95%: {after}"),
        Line2D([], [], color=PRIOR, linestyle="--", label=plain_text(f"Prior {drawn}")),
    ]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(-0.03, below), borderaxespad=0, handlelength=1.6)
