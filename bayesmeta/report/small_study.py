"""The frequentist row on reporting bias as cells of a table, for the terminal and for scripts alike."""

from collections.abc import Callable
from typing import Any

from bayesmeta.frequentist import SmallStudyEffects
from bayesmeta.wording import probability, ratio_figures, spanned

COLUMNS = ("method", "p of asymmetry", "adjusted (95%)", "")


def small_study_cells(found: SmallStudyEffects, write: Callable[[float], str] = ratio_figures) -> list[list[str]]:
    """Each method in the columns of COLUMNS: a test has a p value, the others have what is left of the effect.

    Parameters
    ----------
    found : from `small_study_effects`.
    write : from an effect on the model's scale to text; odds ratios by default.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> small_study_cells(bm.small_study_effects(bm.load("bcg")))[0]
    ['Egger', '0.160', '', '']
    """
    return [
        [
            str(row["method"]),
            probability(row["p"]) if row["kind"] == "test" else "",
            "" if row["kind"] == "test" else spanned(row["estimate"], row["lower"], row["upper"], write),
            _remark(row),
        ]
        for row in found.table.to_dict("records")
    ]


def _remark(row: dict[Any, Any]) -> str:
    """How many trials were added, or which of two regressions is taken."""
    if row["method"].startswith("trim and fill"):
        added = int(row["filled"])
        return f"{added} added" + (f", {row['side']}" if added else "")
    return str(row["side"])
