"""Effect measures of 2x2 tables with their large-sample variances."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def log_odds_ratio(cells: Array) -> tuple[Array, Array]:
    """log(a d / (b c)), variance 1/a + 1/b + 1/c + 1/d (Woolf 1955, Ann Hum Genet 19:251).

    Parameters
    ----------
    cells : (k, 4) events and others of the treated arm, events and others of the control arm: a, b, c, d.

    Returns
    -------
    (k,) estimates, (k,) variances.

    Examples
    --------
    >>> estimate, variance = log_odds_ratio(np.array([[10.0, 10.0, 5.0, 10.0]]))
    >>> round(float(np.exp(estimate[0])), 6), round(float(variance[0]), 6)
    (2.0, 0.5)
    """
    logs = np.log(cells)
    return logs[:, 0] - logs[:, 1] - logs[:, 2] + logs[:, 3], (1 / cells).sum(axis=1)


def log_risk_ratio(cells: Array) -> tuple[Array, Array]:
    """log((a / n1) / (c / n2)), variance 1/a - 1/n1 + 1/c - 1/n2 (Katz 1978, Biometrics 34:469).

    Parameters
    ----------
    cells : (k, 4) a, b, c, d as in `log_odds_ratio`; n1 = a + b, n2 = c + d.

    Returns
    -------
    (k,) estimates, (k,) variances.

    Examples
    --------
    >>> estimate, variance = log_risk_ratio(np.array([[10.0, 10.0, 5.0, 15.0]]))
    >>> round(float(np.exp(estimate[0])), 6), round(float(variance[0]), 6)
    (2.0, 0.2)
    """
    a, b, c, d = cells.T
    return np.log(a / (a + b)) - np.log(c / (c + d)), 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)


def risk_difference(cells: Array) -> tuple[Array, Array]:
    """a / n1 - c / n2, variance a b / n1^3 + c d / n2^3.

    Parameters
    ----------
    cells : (k, 4) a, b, c, d as in `log_odds_ratio`; n1 = a + b, n2 = c + d.

    Returns
    -------
    (k,) estimates, (k,) variances.

    Examples
    --------
    >>> estimate, variance = risk_difference(np.array([[10.0, 10.0, 5.0, 15.0]]))
    >>> round(float(estimate[0]), 6), round(float(variance[0]), 6)
    (0.25, 0.021875)
    """
    a, b, c, d = cells.T
    treated, control = a + b, c + d
    return a / treated - c / control, a * b / treated**3 + c * d / control**3


#: Name to function; the names are metafor's.
MEASURES: dict[str, Callable[[Array], tuple[Array, Array]]] = {
    "OR": log_odds_ratio,
    "RR": log_risk_ratio,
    "RD": risk_difference,
}

#: Name to the variance that the control arm alone brings, of cells (k, 4): what contrasts that share it have in common.
CONTROL_VARIANCES: dict[str, Callable[[Array], Array]] = {
    "OR": lambda cells: 1 / cells[:, 2] + 1 / cells[:, 3],
    "RR": lambda cells: 1 / cells[:, 2] - 1 / (cells[:, 2] + cells[:, 3]),
    "RD": lambda cells: cells[:, 2] * cells[:, 3] / (cells[:, 2] + cells[:, 3]) ** 3,
}
