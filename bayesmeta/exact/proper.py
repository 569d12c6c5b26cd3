"""Whether the trials and the priors together bound every coefficient: the posterior is then proper at every tau.

A trial's likelihood falls to zero as theta goes to plus infinity, to minus infinity, to both, or (a trial without
information) to neither. Averaged over the random effects it does so in m = x_i' beta. Along a direction d of the
coefficients with flat priors the posterior falls if some trial falls along x_i' d; where none does it is improper, and
where one does for every d it is proper at every tau, because each l_i falls at least exponentially (Student-t random
effects: as a power, see below).
"""

import numpy as np

from bayesmeta.errors import PriorError
from bayesmeta.model import Design
from bayesmeta.types import Array, Booleans

RANK = 1e-9  # relative, of singular values


def unbounded_direction(matrix: Array, bounded: Booleans) -> Array | None:
    """A direction d != 0 along which no trial falls; None where every direction is bounded.

    Trials that fall on both sides bound every d with x_i' d != 0; what is left is the null space N of their rows. In
    it, with a trial that falls on the right alone requiring x_i' d > 0, the question is whether A e <= 0 has a solution
    other than 0, where A has the rows x_i' N of the trials that fall on the right and -x_i' N of those that fall on the
    left.

    Parameters
    ----------
    matrix : (k, q) rows of the design, of the columns in question.
    bounded : (k, 2) whether a trial's likelihood falls to the left, and to the right.

    Returns
    -------
    (q,) or None

    References
    ----------
    Albert & Anderson 1984, Biometrika 71:1 (separation: when a logistic likelihood has no maximum).

    Examples
    --------
    >>> right = np.array([[False, True]])
    >>> unbounded_direction(np.ones((2, 1)), np.repeat(right, 2, axis=0))
    array([-1.])
    >>> unbounded_direction(np.array([[1.0], [-1.0]]), np.repeat(right, 2, axis=0)) is None
    True
    """
    null = _null_space(matrix[bounded.all(axis=1)])
    if null.shape[1] == 0:
        return None
    right, left = bounded[:, 1] & ~bounded[:, 0], bounded[:, 0] & ~bounded[:, 1]
    sides = np.concatenate([matrix[right], -matrix[left]]) @ null
    sides[np.abs(sides) < RANK * np.abs(matrix).max()] = 0.0
    free = _null_space(sides)
    if free.shape[1]:
        return np.asarray(null @ free[:, 0])
    if null.shape[1] == 1:
        if sides.min() < 0.0 < sides.max():
            return None
        return np.asarray(null[:, 0] * (-1.0 if sides.max() > 0.0 else 1.0))
    return _in_cone(sides, null)


def _in_cone(sides: Array, null: Array) -> Array | None:
    """A solution of A e <= 0, e != 0, where A e = 0 has none: a linear programme."""
    from scipy.optimize import linprog

    size = np.abs(sides).max(axis=1, keepdims=True)
    sides = sides / np.where(size > 0.0, size, 1.0)
    found = linprog(sides.sum(axis=0), A_ub=sides, b_ub=np.zeros(len(sides)), bounds=(-1.0, 1.0))
    assert found.x is not None
    return np.asarray(null @ found.x) if float((sides @ found.x).sum()) < -RANK else None


def _null_space(matrix: Array) -> Array:
    """(q, r) orthonormal columns that the matrix takes to zero."""
    if not len(matrix):
        return np.eye(matrix.shape[1])
    _, size, rows = np.linalg.svd(matrix, full_matrices=True)
    rank = int((size > RANK * max(size.max(initial=0.0), 1e-300)).sum())
    return np.asarray(rows[rank:].T)


def refuse_unbounded(design: Design, bounded: Booleans, order: float) -> None:
    """Refuse flat priors of coefficients that the trials do not bound.

    Parameters
    ----------
    design : with the priors.
    bounded : (k, 2) as above.
    order : the tail of the random effects is z^-(order + 1); inf where it falls faster than any power. A trial that
        falls on one side then falls as m^-order, and an integral over q coefficients needs more than q.

    Raises
    ------
    PriorError : the posterior is improper.
    """
    flat = np.isinf(design.prior_scale)
    if not flat.any():
        return
    both = bounded.all(axis=1)
    if not _null_space(design.matrix[both][:, flat]).shape[1]:
        return
    # One-sided trials bound what is flat only as far as the other coefficients let them: as a power of those.
    count = int(flat.sum())
    heavy = flat | (design.tail_gain <= count)
    held = bounded if order > count else bounded & both[:, None]
    direction = unbounded_direction(design.matrix[:, heavy], held)
    if direction is None:
        return
    names = [name for name, one in zip(design.columns, heavy, strict=True) if one]
    loose = [name for name, size in zip(names, direction, strict=True) if abs(size) > 1e-6 * np.abs(direction).max()]
    instead = "odds_ratio_within(250)" if "mu" in loose else "normal(0, 1)"
    raise PriorError(
        f"flat prior{'s' if len(loose) > 1 else ''} of {', '.join(loose)}: the posterior is improper. The trials do not"
        f" bound {'them' if len(loose) > 1 else 'it'} on one side (an arm without events, or with nothing but events,"
        f" in all trials that speak of {'them' if len(loose) > 1 else 'it'}). State a proper prior, such as {instead}."
    )
