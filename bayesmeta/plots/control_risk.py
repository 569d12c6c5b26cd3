"""Does the effect depend on the risk without treatment? The regression on the true control risk, and the naive one."""

import math
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from bayesmeta.checks import control_risk as compare
from bayesmeta.errors import ModelError
from bayesmeta.plots.captions import forest_subtitle, title_of, wrapped
from bayesmeta.plots.odds_ratios import limits, ticks, wishes
from bayesmeta.plots.style import (
    BLUE,
    GREY,
    NEW_SETTING,
    OBSERVED,
    POOLED,
    SHRUNKEN,
    SMALL,
    TEXT,
    YARDSTICK,
    in_style,
    new_figure,
)
from bayesmeta.plots.text import width
from bayesmeta.posterior import Marginal, Posterior
from bayesmeta.tables import rows
from bayesmeta.types import Array
from bayesmeta.wording import percent

WIDTH, HEIGHT = 8.4, 6.4
POINTS = 81
#: Risks to label, from coarse to fine: the first ladder with enough of them on the axis is taken.
TAILS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
LADDERS: tuple[tuple[float, ...], ...] = (
    (*TAILS, *(tenth / 10 for tenth in range(1, 10)), *(1.0 - tail for tail in reversed(TAILS))),
    tuple(hundredth / 100 for hundredth in range(5, 100, 5)),
    tuple(hundredth / 100 for hundredth in range(1, 100)),
    tuple(thousandth / 1000 for thousandth in range(1, 1000)),
)
ENOUGH = 4
WIDER = 1.5  # the band of a new setting may widen the axis by this share on each side


@runtime_checkable
class OnControlRisk(Protocol):
    """What the picture asks of a posterior beside what every posterior answers."""

    def at_control_risk(self, risk: float, *, new: bool = False) -> Marginal: ...

    def control_risks(self) -> pd.DataFrame: ...


@in_style
def control_risk(posterior: Posterior) -> Figure:
    """Odds ratio against the true risk of the control arm: line, bands, and each trial observed and shrunken.

    The dark band is the 95% interval of the mean effect at each risk, the pale one that of a new setting with that
    risk. A thin line leads from each trial as observed (open) to its posterior medians (full). Dashed: the naive
    regression on the observed risk, which is biased.

    Parameters
    ----------
    posterior : of a model with control_risk.

    Returns
    -------
    matplotlib Figure, labelled "control-risk".

    Raises
    ------
    ModelError
        A model without control_risk.

    References
    ----------
    Sharp & Thompson 1997, Stat Med 16:2741; Arends et al. 2000, Stat Med 19:3497, figure 2.
    """
    if not posterior.model.control_risk or not isinstance(posterior, OnControlRisk):
        raise ModelError("control_risk: the model has no regression on the control risk. State control_risk=True.")
    trials = posterior.control_risks()
    found = compare(posterior)
    ends = [*trials["observed"], *trials["median"]]
    spare = 0.08 * max(float(np.ptp(ends)), 0.5)
    x = np.linspace(min(ends) - spare, max(ends) + spare, POINTS)
    mean, new = (_band(posterior, x, new=new) for new in (False, True))
    figure = new_figure("control-risk", WIDTH, HEIGHT)
    figure.suptitle(f"{title_of(posterior.trials, WIDTH - 2.6)}: effect and control risk", x=0.01, ha="left")
    axes = figure.subplots()
    _axes(axes, x, ([*trials["y"], *trials["effect"], *mean.ravel()], new.ravel()), posterior.trials.direction)
    axes.fill_between(x, np.exp(new[0]), np.exp(new[2]), color=NEW_SETTING, alpha=0.13, linewidth=0, gid="new setting")
    axes.fill_between(x, np.exp(mean[0]), np.exp(mean[2]), color=POOLED, alpha=0.28, linewidth=0, gid="mean")
    axes.plot(x, np.exp(mean[1]), color=POOLED, linewidth=2, gid="line")
    naive = found.table.iloc[1]
    if np.isfinite(naive["slope"]):
        line = naive["intercept"] + naive["slope"] * (x - found.centre)
        axes.plot(x, np.exp(line), color=YARDSTICK, linewidth=1.2, linestyle="--", gid="naive")
    _trials(axes, trials)
    _legend(figure, bool(np.isfinite(naive["slope"])))
    notes = [*forest_subtitle(posterior), *wrapped(found.sentence, WIDTH - 1.0)]
    axes.set_title("\n".join(notes), fontsize=SMALL, fontweight="normal")
    return figure


def _band(posterior: OnControlRisk, x: Array, *, new: bool) -> Array:
    """(3, points) lower limit, median, upper limit of the log odds ratio at each control log odds."""
    levels = np.array([0.025, 0.5, 0.975])
    risks = 1.0 / (1.0 + np.exp(-x))
    return np.array([posterior.at_control_risk(float(risk), new=new).quantile(levels) for risk in risks]).T


def _axes(axes: Axes, x: Array, heights: tuple[Iterable[float], Iterable[float]], direction: str) -> None:
    """Risks on a logit scale, odds ratios on a logarithmic one: all of the first heights, the second if not too far."""
    kept = _risks(float(x[0]), float(x[-1]))
    axes.set_xlim(float(x[0]), float(x[-1]))
    axes.xaxis.set_major_locator(FixedLocator([math.log(risk / (1.0 - risk)) for risk in kept]))
    axes.xaxis.set_major_formatter(FixedFormatter([_percent(risk) for risk in kept]))
    axes.set_xlabel("Risk in the control arm (logit scale)")
    low, high = limits(*heights, spare=WIDER)
    axes.set_yscale("log")
    axes.set_ylim(math.exp(low), math.exp(high))
    marks = ticks(low, high, HEIGHT - 2.2)
    axes.yaxis.set_major_locator(FixedLocator(marks))
    axes.yaxis.set_major_formatter(FixedFormatter([f"{mark:g}" for mark in marks]))
    axes.yaxis.set_minor_locator(NullLocator())
    sides = wishes(direction)
    axes.set_ylabel(f"Odds ratio (log scale)\n← {sides.below}          {sides.above} →")
    axes.axhline(1.0, color=GREY, linewidth=0.8, zorder=0.5)


def _risks(low: float, high: float) -> list[float]:
    """Risks to label between two log odds, none touching the next."""
    per_inch = (WIDTH - 1.2) / (high - low)
    for ladder in LADDERS:
        kept: list[float] = []
        for risk in ladder:
            at = math.log(risk / (1.0 - risk))
            room = width(_percent(risk), TEXT) + 0.12
            free = not kept or (at - math.log(kept[-1] / (1.0 - kept[-1]))) * per_inch > room
            if low <= at <= high and free:
                kept.append(risk)
        if len(kept) >= ENOUGH:
            break
    return kept


def _percent(risk: float) -> str:
    return f"{100 * risk:.4g}%"


def _trials(axes: Axes, trials: pd.DataFrame) -> None:
    size = 1.0 / trials["y_se"].to_numpy()
    area = 18.0 + 60.0 * size / size.max()
    for row in rows(trials):
        axes.plot(
            [row.observed, row.median], np.exp([row.y, row.effect]), color=SHRUNKEN, linewidth=0.7, gid="shrinkage"
        )
    axes.scatter(
        trials["observed"], np.exp(trials["y"]), s=area, facecolor="white", edgecolor=OBSERVED, zorder=3, gid="observed"
    )
    axes.scatter(trials["median"], np.exp(trials["effect"]), s=16, color=BLUE, zorder=4, gid="shrunken")


def _legend(figure: Figure, naive: bool) -> None:
    def line(color: str, **style: object) -> Line2D:
        return Line2D([], [], color=color, **style)  # type: ignore[arg-type]

    entries = [
        (line(POOLED, linewidth=2), f"mean effect, {percent(0.95)} interval (dark band)"),
        (line(NEW_SETTING, linewidth=6, alpha=0.25), "new setting with that risk"),
        (line(OBSERVED, marker="o", markerfacecolor="white", linestyle="none"), "trial as observed"),
        (line(SHRUNKEN, marker="o", markersize=4, linestyle="none"), "trial, posterior median"),
    ]
    entries += [(line(YARDSTICK, linestyle="--"), "naive regression, biased")] if naive else []
    figure.legend(*zip(*entries, strict=True), fontsize=SMALL, loc="outside lower center", ncol=3)
