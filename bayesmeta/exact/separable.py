"""Polynomials of sums: f(a_j + b_l) for all j and l as one matrix product."""

import numpy as np

from bayesmeta.exact.lines import chebyshev_points, clenshaw, to_chebyshev
from bayesmeta.types import Array

TRIMMED = 1e-10  # coefficients so small are left out


def sum_over_rows(series: Array, first: Array, second: Array) -> Array:
    """sum_r f_r(a_rj + b_rl), each f_r a Chebyshev series on [-1, 1].

    For each a the function of b is a polynomial too: f_r(a_j + b) = sum_q C_rjq T_q(b / largest b), so that the sum
    over the rows and over q is the product of a matrix of a (J, R q) with one of b (R q, L).

    Parameters
    ----------
    series : (R, n).
    first : (R, J) a; where a and the largest b go beyond the ends, a is moved in.
    second : (R, L) b.

    Returns
    -------
    (J, L)

    Examples
    --------
    >>> a, b = np.array([[0.1, 0.3]]), np.array([[-0.2, 0.0, 0.4]])
    >>> np.allclose(sum_over_rows(np.array([[0.0, 0.0, 1.0]]), a, b), 2 * (a.T + b) ** 2 - 1)
    True
    """
    series = series[:, : _needed(series)]
    rows, n = series.shape
    reach = np.maximum(np.abs(second).max(axis=1), 1e-300)
    room = np.maximum(1.0 - reach, 0.0)[:, None]
    inside = np.clip(first, -room, room)
    places = np.clip(inside[:, :, None] + reach[:, None, None] * chebyshev_points(n), -1.0, 1.0)
    values = clenshaw(series, places.reshape(rows, -1)).reshape(*first.shape, n)
    coefficients = values @ to_chebyshev(n).T  # (R, J, n)
    kept = _needed(coefficients)
    local = second / reach[:, None]
    basis = np.empty((rows, kept, second.shape[1]))
    basis[:, 0], basis[:, 1] = 1.0, local
    local = 2.0 * local
    for q in range(2, kept):
        np.multiply(local, basis[:, q - 1], out=basis[:, q])
        basis[:, q] -= basis[:, q - 2]
    by_axis = np.moveaxis(coefficients[:, :, :kept], 1, 0).reshape(first.shape[1], -1)
    return np.asarray(by_axis @ basis.reshape(-1, second.shape[1]))


def _needed(series: Array) -> int:
    """How many of the coefficients (..., n) matter, two at least."""
    seen = np.flatnonzero(np.abs(series).reshape(-1, series.shape[-1]).max(axis=0) > TRIMMED)
    return max(int(seen.max(initial=0)) + 1, 2)
