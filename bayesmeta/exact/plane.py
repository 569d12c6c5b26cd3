"""A window of two coefficients at each node of tau: its coordinates, and trials as polynomials of their predictors."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayesmeta.exact.lines import window_nodes
from bayesmeta.types import Array, Booleans, Integers

RESOLVED = 1e-8  # what the last Chebyshev coefficients of trials with one predictor may hold together
MOST = 192

#: Rows, nodes of tau, low and high of each, number of nodes -> values there (rows, T, n), and Chebyshev coefficients.
Series = Callable[[Integers, Array, Array, Array, int], tuple[Array, Array]]


@dataclass(frozen=True, eq=False)
class Frame:
    """beta = centre + along (v - row' centre) + across z at each node of tau, (T, 2) each."""

    row: Array
    centre: Array
    along: Array
    across: Array

    @classmethod
    def of(cls, row: Array, mean: Array, covariance: Array) -> "Frame":
        """With v and z uncorrelated, and z of variance 1, for means (T, 2) and covariances (T, 2, 2)."""
        along = covariance @ row / np.einsum("p,tpq,q->t", row, covariance, row)[:, None]
        perpendicular = np.array([-row[1], row[0]])
        left = 1.0 / np.einsum("p,tpq,q->t", perpendicular, np.linalg.inv(covariance), perpendicular)
        return cls(row, mean, along, np.sqrt(left)[:, None] * perpendicular)

    @cached_property
    def log_volume(self) -> Array:
        """(T,) log |d beta / d (v, z)|."""
        return np.asarray(np.log(np.abs(np.linalg.det(np.stack([self.along, self.across], axis=2)))))

    def beta(self, v: Array, z: Array) -> Array:
        """At v (T, n) and z (T, m): (T, n, m, 2)."""
        away = v - (self.centre @ self.row)[:, None]
        first = self.centre[:, None, :] + self.along[:, None, :] * away[:, :, None]
        return np.asarray(first[:, :, None, :] + (self.across[:, None, :] * z[:, :, None])[:, None])

    def coordinates(self, mean: Array, precision: Array) -> tuple[Array, Array, Array, Array, Array]:
        """Of normal distributions (S, T): mean and sd of v, mean of z there and its slope along v, its sd given v."""
        within = np.einsum("tp,stpq,tq->st", self.across, precision, self.across)
        mixed = np.einsum("tp,stpq,tq->st", self.across, precision, self.along)
        v = mean @ self.row
        variance = np.einsum("p,stpq,q->st", self.row, np.linalg.inv(precision), self.row)
        place = mean - self.centre - self.along * (v - self.centre @ self.row)[..., None]
        z = np.einsum("stp,tp->st", place, self.across) / np.einsum("tp,tp->t", self.across, self.across)
        return v, np.sqrt(variance), z, -mixed / within, within**-0.5


@dataclass(frozen=True, eq=False)
class Box:
    """Windows of v and z at each node of tau, (T,) each, and how many points of both."""

    low: Array
    high: Array
    bottom: Array
    top: Array
    along: int
    across: int

    @property
    def v(self) -> Array:
        """(T, along)."""
        return np.asarray(self.low[:, None] + (self.high - self.low)[:, None] * np.linspace(0.0, 1.0, self.along))

    @property
    def z(self) -> Array:
        """(T, across)."""
        return np.asarray(self.bottom[:, None] + (self.top - self.bottom)[:, None] * np.linspace(0.0, 1.0, self.across))


@dataclass(frozen=True, eq=False)
class Piece:
    """Trials with one predictor as polynomials of it.

    Attributes
    ----------
    row : (2,) of the design.
    rows : positions of the trials.
    low, high : (T,) window.
    values, series : (rows, T, n) at its Chebyshev nodes, and coefficients.
    """

    row: Array
    rows: Integers
    low: Array
    high: Array
    values: Array
    series: Array

    @classmethod
    def of(cls, series: Series, row: Array, rows: Integers, tau: Array, range_: Array, n: int) -> "Piece":
        """Over the whole range of the predictor (T, 2, 2), at n nodes."""
        low, high = range_.min(axis=(1, 2)), range_.max(axis=(1, 2))
        return cls(row, rows, low, high, *series(rows, tau, low, high, n))

    @property
    def resolved(self) -> bool:
        """Whether the polynomials have ended."""
        return bool(np.abs(self.series[:, :, -2:]).sum(axis=0).max() < RESOLVED)

    @property
    def nodes(self) -> Array:
        """(T, n)."""
        return window_nodes(self.low, self.high, self.series.shape[2])

    def cut(self, series: Series, seen: Booleans, rows: Integers, tau: Array) -> "Piece | None":
        """Some of the trials, where nodes of the window are seen (T, n) and one node beyond, at enough nodes."""
        n = seen.shape[1]
        first, last = seen.argmax(axis=1), n - 1 - seen[:, ::-1].argmax(axis=1)
        ends = np.maximum(first - 1, 0), np.minimum(last + 1, n - 1)
        low, high = (np.take_along_axis(self.nodes, end[:, None], axis=1)[:, 0] for end in ends)
        while n <= MOST:
            found = Piece(self.row, rows, low, high, *series(rows, tau, low, high, n))
            if found.resolved:
                return found
            n = n * 3 // 2
        return None
