"""Rank correlation between two sets of draws, row by row."""

from collections.abc import Callable

import numpy as np

from bayesmeta.types import Array


def ranks(values: Array) -> Array:
    """Ranks within each row, 1 for the smallest; draws of continuous quantities have no ties."""
    return np.asarray(values.argsort(axis=1).argsort(axis=1) + 1.0)


def spearman(x: Array, y: Array) -> Array:
    """Spearman's rho of each row: 1 - 6 sum d_i^2 / (n (n^2 - 1)), d_i the difference of the ranks.

    Parameters
    ----------
    x, y : (draws, n).

    Returns
    -------
    (draws,)

    References
    ----------
    Spearman 1904, Am J Psychol 15:72.

    Examples
    --------
    >>> spearman(np.array([[1.0, 2.0, 3.0]]), np.array([[10.0, 30.0, 20.0]])).tolist()
    [0.5]
    """
    n = x.shape[1]
    return np.asarray(1.0 - 6.0 * ((ranks(x) - ranks(y)) ** 2).sum(axis=1) / (n * (n * n - 1.0)))


def kendall(x: Array, y: Array) -> Array:
    """Kendall's tau of each row: concordant less discordant pairs, as a share of all pairs.

    Parameters
    ----------
    x, y : (draws, n).

    Returns
    -------
    (draws,)

    References
    ----------
    Kendall 1938, Biometrika 30:81.

    Examples
    --------
    >>> float(kendall(np.array([[1.0, 2.0, 3.0]]), np.array([[10.0, 30.0, 20.0]])).round(4)[0])
    0.3333
    """
    n = x.shape[1]
    total = np.zeros(len(x))
    for i in range(n):
        total += (np.sign(x[:, i + 1 :] - x[:, i, None]) * np.sign(y[:, i + 1 :] - y[:, i, None])).sum(axis=1)
    return np.asarray(total / (n * (n - 1) / 2.0))


def expected_spearman(above_x: Array, above_y: Array) -> float:
    """Its expectation where x and y are independent: sum_i (E r_i - m) (E s_i - m) / sum_i (i - m)^2, m = (n + 1) / 2.

    Parameters
    ----------
    above_x, above_y : (n, n) probability that i is larger than j.
    """
    n = len(above_x)
    x, y = (above.sum(axis=1) + 1.0 - (n + 1.0) / 2.0 for above in (above_x, above_y))
    return float(12.0 * (x @ y) / (n * (n * n - 1.0)))


def expected_kendall(above_x: Array, above_y: Array) -> float:
    """Its expectation where x and y are independent: the mean over pairs of E sign(x_i - x_j) E sign(y_i - y_j)."""
    x, y = ((above - above.T) for above in (above_x, above_y))
    pair = np.triu_indices(len(x), 1)
    return float((x[pair] * y[pair]).mean())


#: By name: what is drawn, and its exact expectation, which stands beside the draws.
CORRELATIONS: dict[str, tuple[Callable[[Array, Array], Array], Callable[[Array, Array], float]]] = {
    "spearman": (spearman, expected_spearman),
    "kendall": (kendall, expected_kendall),
}
NAMES = {"spearman": "Spearman's rho", "kendall": "Kendall's tau"}
