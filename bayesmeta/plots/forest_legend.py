"""What each mark of the forest means."""

from collections.abc import Iterable
from typing import Any

from matplotlib.lines import Line2D

from bayesmeta.plots.style import INK, NEW_SETTING, OBSERVED, POOLED, PUBLISHED, SHRUNKEN, YARDSTICK

_HOLLOW: dict[str, Any] = {"markerfacecolor": "white", "linestyle": "none"}
_THICK: dict[str, Any] = {"linewidth": 4.5, "markeredgecolor": INK, "markersize": 8}
#: Kind of row, marker, colour, what else the mark has, and what it means.
_KEYS: tuple[tuple[str, str, str, dict[str, Any], str], ...] = (
    ("trial", "s", OBSERVED, {"linewidth": 1.2}, "Observed, 95% confidence interval"),
    (
        "trial",
        "o",
        SHRUNKEN,
        {"markerfacecolor": "white", "markersize": 4.5},
        "Shrunken: posterior, 95% credible interval",
    ),
    ("pooled", "D", POOLED, {"linestyle": "none"}, "Posterior of the mean effect"),
    ("new", "|", NEW_SETTING, _THICK, "Effect in a new setting, 95%"),
    ("yardstick", "D", YARDSTICK, _HOLLOW, "Frequentist pool, 95% confidence interval"),
    ("published", "D", PUBLISHED, _HOLLOW, "As published, 95% confidence interval"),
)


def legend_keys(kinds: Iterable[str]) -> list[Line2D]:
    """Marks with their meaning, for the kinds of rows that a forest has."""
    there = {"pooled" if kind == "group" else kind for kind in kinds}
    return [
        Line2D([], [], marker=marker, color=color, label=label, **({"markersize": 6} | style))
        for kind, marker, color, style, label in _KEYS
        if kind in there
    ]
