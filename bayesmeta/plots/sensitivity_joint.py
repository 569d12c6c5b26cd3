"""Two outcomes at once, one thing varied at a time: odds ratios, their correlation, the probability of both."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayesmeta.plots.odds_ratios import draw_interval, limits, name_sides, set_axis
from bayesmeta.plots.style import GREY, INK, NEW_SETTING, POOLED, SMALL, TEXT, TITLE, in_style, new_figure
from bayesmeta.plots.text import fitted, width
from bayesmeta.posterior.joint import SIGNS
from bayesmeta.sensitivity import JointSensitivity

MARGIN, GAP = 0.15, 0.25
EFFECT, RHO, CHANCE = 2.7, 1.3, 1.3  # widths of the panels, in inches
ROW, ABOVE, BELOW = 0.2, 0.85, 0.95
WIDEST_LABEL = 2.6
HEADINGS = {
    "prior of rho": "Prior of ρ",
    "prior of tau": "Prior of both τ",
    "prior of mu": "Prior of both μ",
    "likelihood": "Likelihood",
    "without": "Without",
}


@dataclass(frozen=True)
class Line:
    """One line of the picture; a heading has no numbers."""

    label: str
    numbers: Mapping[str, Any] | None = None


@in_style
def sensitivity_joint(part: JointSensitivity) -> Figure:
    """Both pooled odds ratios, rho and the probability of both under each variation, beside the analysis as given.

    A hollow point is a variation under which a 95% interval says something else about OR 1.

    Parameters
    ----------
    part : from `bayesmeta.sensitivity.joint`.

    Returns
    -------
    matplotlib Figure, labelled "sensitivity-joint".

    Examples
    --------
    >>> import bayesmeta as bm
    >>> trials = bm.load("attachment/classification")
    >>> found = bm.sensitivity.joint(trials, bm.JointModel("normal"), tau=(), mu=())
    >>> sensitivity_joint(found).get_label()
    'sensitivity-joint'
    """
    lines = list(_lines(part))
    label = min(max(width(line.label, TEXT, bold=line.numbers is None) for line in lines) + 0.1, WIDEST_LABEL)
    left = MARGIN + label + GAP
    wide, high = left + 2 * EFFECT + RHO + CHANCE + 3 * GAP + MARGIN, ABOVE + ROW * len(lines) + BELOW
    figure = new_figure("sensitivity-joint", wide, high, constrained=False)
    panels, at = [], left
    for one in (EFFECT, EFFECT, RHO, CHANCE):
        panels.append(figure.add_axes((at / wide, BELOW / high, one / wide, ROW * len(lines) / high)))
        at += one + GAP
    for axes in panels:
        axes.set_ylim(len(lines) - 0.5, -0.5)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
    for y, line in enumerate(lines):
        panels[0].text(
            (MARGIN - left) / EFFECT, y, fitted(line.label, label, TEXT, bold=line.numbers is None), va="center",
            transform=panels[0].get_yaxis_transform(), fontweight="bold" if line.numbers is None else "normal",
            gid="label",
        )  # fmt: skip
    for j, axes in enumerate(panels[:2]):
        _effects(axes, part, j, lines)
    _correlations(panels[2], part, lines)
    _chances(panels[3], part, lines)
    names = " and ".join(part.posterior.outcomes)
    title = f"{names[:1].upper()}{names[1:]}: what if?"
    figure.text(
        MARGIN / wide, 1 - 0.16 / high, fitted(title, wide - 0.3, TITLE, bold=True), fontsize=TITLE, fontweight="bold",
        va="top",
    )  # fmt: skip
    model = part.posterior.model.to_dict()
    stated = ", ".join(f"{name} ~ {_text(model[of])}" for name, of in (("μ", "mu"), ("τ", "tau"), ("ρ", "rho")))
    note = f"As given: {model['likelihood']} likelihood, {stated}. Medians and 95% intervals."
    figure.text(MARGIN / wide, 1 - 0.4 / high, fitted(note, wide - 0.3, SMALL), fontsize=SMALL, color=GREY, va="top")
    figure.legend(
        handles=_legend(part), loc="lower left", ncols=4, fontsize=SMALL, borderpad=0, borderaxespad=0,
        bbox_to_anchor=(MARGIN / wide, 0.1 / high), columnspacing=1.6, handlelength=1.6,
    )  # fmt: skip
    return figure


def _text(prior: str | list[str]) -> str:
    return prior if isinstance(prior, str) else " and ".join(prior)


def _lines(part: JointSensitivity) -> Iterator[Line]:
    """The analysis as given, then each kind of variation under its heading."""
    yield Line("As given", {**part.given, "changes": False})
    for kind, rows in part.table.groupby("kind", sort=False):
        yield Line(HEADINGS[str(kind)])
        for row in rows.to_dict("records"):
            yield Line(str(row["variation"]), {str(name): value for name, value in row.items()})


def _drawn(lines: list[Line]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for y, line in enumerate(lines):
        if line.numbers is not None:
            yield y, line.numbers


def _effects(axes: Axes, part: JointSensitivity, j: int, lines: list[Line]) -> None:
    """Odds ratios of one outcome."""
    outcome = part.posterior.outcomes[j]
    names = [f"mu{end}[{outcome}]" for end in ("", "_lower", "_upper")]
    numbers = [[row[name] for name in names] for _, row in _drawn(lines)]
    middle = np.nanquantile(np.ravel(numbers), [0.02, 0.98])
    low, high = limits(middle, np.ravel(numbers))
    set_axis(axes, low, high, EFFECT, "Odds ratio (log scale)")
    name_sides(axes, part.posterior.trials.directions[j], 33)
    axes.set_title(fitted(outcome[:1].upper() + outcome[1:], EFFECT, TEXT, bold=True), loc="left", fontsize=TEXT)
    given = [part.given[name] for name in names]
    axes.axvline(np.exp(given[0]), color=POOLED, linewidth=1.0, zorder=0.6, gid="as given")
    for end in given[1:]:
        axes.axvline(np.exp(end), color=POOLED, linewidth=0.8, linestyle=":", zorder=0.6)
    for y, row in _drawn(lines):
        median, lower, upper = (float(row[name]) for name in names)
        colour = POOLED if y == 0 else INK
        other = np.sign(lower) + np.sign(upper) != np.sign(given[1]) + np.sign(given[2])
        draw_interval(axes, y, lower, upper, color=colour, gid="interval", linewidth=1.4)
        if low <= median <= high:
            face = "white" if other else colour
            axes.plot(
                np.exp(median), y, "o", markersize=3.6, color=colour, markerfacecolor=face, zorder=3, gid="median"
            )


def _correlations(axes: Axes, part: JointSensitivity, lines: list[Line]) -> None:
    axes.set_xlim(-1.05, 1.05)
    axes.set_xticks([-1, 0, 1])
    axes.set_title("Correlation ρ", loc="left", fontsize=TEXT)
    axes.set_xlabel("ρ of the random effects")
    axes.axvline(0.0, color=GREY, linewidth=0.8, zorder=0.5)
    axes.axvline(part.given["rho"], color=POOLED, linewidth=1.0, zorder=0.6)
    for y, row in _drawn(lines):
        colour = POOLED if y == 0 else INK
        axes.plot([row["rho_lower"], row["rho_upper"]], [y, y], color=colour, linewidth=1.4, gid="rho interval")
        axes.plot(row["rho"], y, "o", markersize=3.6, color=colour, gid="rho")


def _chances(axes: Axes, part: JointSensitivity, lines: list[Line]) -> None:
    """P(both), of the pooled effects and in a new setting."""
    lowest = min(min(float(row["both"]), float(row["new_both"])) for _, row in _drawn(lines))
    start = np.floor(10.0 * lowest) / 10.0 if lowest < 0.9 else 0.9
    axes.set_xlim(start - 0.03 * (1.0 - start), 1.0 + 0.03 * (1.0 - start))
    axes.set_xticks([start, 0.5 * (start + 1.0), 1.0], [f"{value:g}" for value in (start, 0.5 * (start + 1.0), 1.0)])
    wished = all(direction in SIGNS for direction in part.posterior.trials.directions)
    axes.set_title("P(both as wished)" if wished else "P(both)", loc="left", fontsize=TEXT)
    axes.set_xlabel("probability" if wished else " and ".join(_side(side) for side in part.sides))
    axes.axvline(part.given["both"], color=POOLED, linewidth=1.0, zorder=0.6)
    for y, row in _drawn(lines):
        colour = POOLED if y == 0 else INK
        axes.plot(row["new_both"], y, "D", markersize=3.2, color=NEW_SETTING, markerfacecolor="white", gid="new")
        axes.plot(row["both"], y, "o", markersize=3.6, color=colour, zorder=3, gid="both")


def _side(side: str) -> str:
    return f"OR {'>' if side == 'higher' else '<'} 1"


def _legend(part: JointSensitivity) -> list[Line2D]:
    point: dict[str, Any] = {"linestyle": "none", "markersize": 4}
    handles = [
        Line2D([], [], color=POOLED, linewidth=1.0, label="as given, with 95% limits"),
        Line2D([], [], color=INK, marker="o", label="average effect", **point),
        Line2D([], [], color=NEW_SETTING, marker="D", markerfacecolor="white", label="in a new setting", **point),
    ]
    if bool(part.table["changes"].any()):
        hollow = "hollow: says something else about OR 1"
        handles.append(Line2D([], [], color=INK, marker="o", markerfacecolor="white", label=hollow, **point))
    return handles
