"""In how many ways the events of a 2x2 table can fall to its arms: what the hypergeometric likelihood is made of."""

import numpy as np
from scipy.special import gammaln

from bayesmeta.types import Array


def log_ways(counts: Array) -> tuple[Array, Array]:
    """Log of the ways C(n1, u) C(n0, t - u), over that of the observed count, for every count u of every trial.

    Parameters
    ----------
    counts : (k, 4) events treated, total treated, events control, total control.

    Returns
    -------
    (n,) those of all trials one after the other, from each trial's smallest count to its largest, and (k,) where in
    them each trial begins.

    Examples
    --------
    >>> ways, start = log_ways(np.array([[1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]]))
    >>> ways.tolist(), start.tolist()
    ([0.0, 0.0, 0.0], [0.0, 2.0])
    """
    found = []
    for treated, total_treated, control, total_control in np.asarray(counts, dtype=float):
        events = treated + control
        low, high = max(0.0, events - total_control), min(total_treated, events)
        u = np.append(np.arange(low, high + 1.0), treated)
        ways = -gammaln(np.stack([u, total_treated - u, events - u, total_control - events + u]) + 1.0).sum(axis=0)
        found.append(ways[:-1] - ways[-1])
    sizes = [len(ways) for ways in found]
    return np.concatenate(found), np.cumsum([0.0, *sizes[:-1]])
