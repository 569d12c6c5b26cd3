"""In how many ways the events of a 2x2 table can fall to its arms: what the hypergeometric likelihood is made of."""

import numpy as np
from scipy.special import gammaln

from bayesmeta.types import Array

NOTHING = -1e30  # log of a term that adds nothing to a sum


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


def pairs_of(counts: Array, shared: tuple[tuple[int, ...], ...], size: int) -> tuple[Array, Array]:
    """What the likelihood of trials with two treated arms and one control is made of.

    Parameters
    ----------
    counts : (k, 4) events treated, total treated, events control, total control.
    shared : positions of both rows of each such trial.
    size : number of rows in the table, spare ones included.

    Returns
    -------
    (2, pairs, size) 1 where a row is the first, the second arm of a trial; (3, pairs, n) log of the ways in which all
    events can fall to the three arms, over that of the observed table, and how many more than observed each treated arm
    then has; padded with terms that add nothing.

    Examples
    --------
    >>> counts = np.array([[1.0, 1.0, 0.0, 2.0], [0.0, 1.0, 0.0, 2.0]])
    >>> which, terms = pairs_of(counts, ((0, 1),), 2)
    >>> terms.round(3).tolist()
    [[[0.693, 0.0, 0.0]], [[-1.0, -1.0, 0.0]], [[0.0, 1.0, 0.0]]]
    """
    which = np.zeros((2, len(shared), size))
    found = []
    for pair, (one, two) in enumerate(shared):
        which[0, pair, one] = which[1, pair, two] = 1.0
        (r1, n1, r0, n0), (r2, n2) = counts[one], counts[two, :2]
        a, b = (grid.ravel() for grid in np.meshgrid(np.arange(n1 + 1.0), np.arange(n2 + 1.0), indexing="ij"))
        rest = r0 + r1 + r2 - a - b
        possible = (rest >= 0.0) & (rest <= n0)
        a, b, rest = a[possible], b[possible], rest[possible]
        cells = np.stack([a, n1 - a, b, n2 - b, rest, n0 - rest])
        observed = np.array([r1, n1 - r1, r2, n2 - r2, r0, n0 - r0])
        ways = gammaln(observed + 1.0).sum() - gammaln(cells + 1.0).sum(axis=0)
        found.append(np.stack([ways, a - r1, b - r2]))
    longest = max(part.shape[1] for part in found)
    terms = np.zeros((3, len(found), longest))
    terms[0] = NOTHING
    for pair, part in enumerate(found):
        terms[:, pair, : part.shape[1]] = part
    return which, terms
