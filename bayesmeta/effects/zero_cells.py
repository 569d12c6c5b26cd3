"""What to do with a 2x2 table that has a zero cell, by name.

A rule says what is added to each cell before an effect size is taken; NaN leaves the table out.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def any_zero(cells: Array) -> NDArray[np.bool_]:
    """(k,) whether a table has a zero cell."""
    return np.asarray((cells == 0).any(axis=1))


def only_zero(cells: Array) -> Array:
    """1/2 to every cell of the tables that have a zero (metafor's default; Haldane 1956, Anscombe 1956)."""
    return np.where(any_zero(cells)[:, None], 0.5, 0.0) * np.ones(4)


def to_all(cells: Array) -> Array:
    """1/2 to every cell of every table (metafor: to = "all")."""
    return np.full(cells.shape, 0.5)


def treatment_arm(cells: Array) -> Array:
    """In tables with a zero n1/(n1 + n2) to both cells of the treated arm, n2/(n1 + n2) to those of the control arm.

    In proportion to 1 / (size of the other arm), adding to 1 over the arms: unequal arms then pull less towards one
    side than with 1/2 in each cell.

    References
    ----------
    Sweeting, Sutton & Lambert 2004, Stat Med 23:1351, section 3.3.
    """
    treated = cells[:, 0] + cells[:, 1]
    share = np.where(any_zero(cells), treated / (treated + cells[:, 2] + cells[:, 3]), 0.0)
    other = np.where(any_zero(cells), 1 - share, 0.0)
    return np.column_stack([share, share, other, other])


def drop(cells: Array) -> Array:
    """Tables with a zero are left out, and named."""
    return np.where(any_zero(cells)[:, None], np.nan, 0.0) * np.ones(4)


def none(cells: Array) -> Array:
    """Nothing is added; `effect_sizes` refuses tables with a zero."""
    return np.zeros(cells.shape)


#: Name to rule: (k, 4) cells to (k, 4) amounts to add.
ZERO_CELL_RULES: dict[str, Callable[[Array], Array]] = {
    "only_zero": only_zero,
    "all": to_all,
    "treatment_arm": treatment_arm,
    "drop": drop,
    "none": none,
}
