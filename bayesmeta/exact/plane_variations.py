"""Many variations at once where the design has two columns, such as a pooled effect and one moderator.

    p_s(v, z, tau | y) ~ exp(sum_i a_si l_i(x_i' beta, tau)) p(beta)^b_s p_s(tau)^c_s,   beta = c + d v + e z

v is the effect in question and z what is left of the coefficients given it. At each node of tau the l_i are tabulated
on a window of (v, z) that holds every variation, at equally spaced v and z; z is summed over by the trapezoid rule, and
what is left is one pooled effect, as in `variations`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.exact.lines import SPACING, sharpest, to_chebyshev, window_nodes
from bayesmeta.exact.plane import Box, Frame, Piece
from bayesmeta.exact.proper import unbounded_direction
from bayesmeta.exact.tau_panels import TauPanels
from bayesmeta.exact.variations import FEW, ROUNDS, SLACK, Powers, Table, Variations
from bayesmeta.exact.weights import tail_of
from bayesmeta.likelihoods.normal import LOG_2PI
from bayesmeta.types import Array, Booleans, Integers

if TYPE_CHECKING:
    from bayesmeta.exact.prepared import Prepared

STEP = 0.7  # of z, over the narrowest standard deviation given v: the error is e^(-2 pi^2 / step^2)
OUT = 8.0  # standard deviations of z given v to either side
DEPTH = 28.0  # so far below the largest value given v the ends of z must lie
ACROSS = 25  # points of z with which windows are sought
MOST_ACROSS = 300  # a window that asks for more is too wide for the narrowest variation
MOST_ALONG = 400
FINER = 1.1  # than the normal likelihood asks for
ALONE = 1e-9  # a predictor that varies so little with z is one of v
CUT = 50.0  # e^-50 of the peak is nothing
AT_ONCE = 4_000_000


@dataclass(frozen=True, eq=False)
class PlaneTable(Table):
    """l_i at points of v and z.

    Attributes
    ----------
    values : (rows, T, n, m).
    beta : (T, n, m, 2).
    """

    values: Array
    beta: Array
    box: Box
    frame: Frame
    priors: "PlaneVariations"

    def joint(self, powers: Powers, chosen: slice) -> Array:
        """log p_s(v, z | tau, y) up to the evidence, of some variations: (S, T, n, m)."""
        rows, shape = len(self.rows), self.values.shape[1:]
        value = powers.trials[chosen][:, self.rows] @ self.values.reshape(rows, -1)
        return np.asarray(value.reshape(-1, *shape) + self.priors.log_prior_at(self.beta, powers, chosen))

    def summed(self, powers: Powers) -> Array:
        """log p_s(v | tau, y) up to the evidence: (S, T, n)."""
        step = (self.box.top - self.box.bottom) / (self.box.across - 1)
        constant = (np.log(step) + self.frame.log_volume)[:, None]
        size = max(1, AT_ONCE // self.beta[..., 0].size)
        scales = np.zeros(len(powers.mu)) if powers.normal is None else powers.normal
        _, one, which = np.unique(  # priors of tau come later
            np.column_stack([powers.trials, powers.mu, scales]), axis=0, return_index=True, return_inverse=True
        )
        different, found = powers.only(one), []
        for start in range(0, len(one), size):
            joint = self.joint(different, slice(start, start + size))
            largest = joint.max(axis=3)
            found.append(largest + np.log(np.exp(joint - largest[..., None]).sum(axis=3)) + constant)
        return np.asarray(np.concatenate(found)[np.ravel(which)])


class PlaneVariations(Variations):
    """All that can be varied of one fit with two columns in its design.

    Parameters
    ----------
    prepared : the model, tau unknown, normal priors.
    row : (2,) of the design, the effect in question; None for the reference row.
    """

    def __init__(self, prepared: "Prepared", row: Array | None = None) -> None:
        columns = prepared.design.columns
        self._column = columns.index("mu") if "mu" in columns else 0
        super().__init__(prepared, self._column)
        self._row = np.asarray(prepared.design.reference if row is None else row, dtype=float)
        self._others: dict[bytes, Variations] = {self._row.tobytes(): self}

    @classmethod
    def possible(cls, prepared: "Prepared") -> bool:
        return prepared.design.matrix.shape[1] == 2 and prepared.known_tau is None and prepared.design.normal

    def along(self, row: Array) -> Variations:
        row = np.asarray(row, dtype=float)
        return self._others.setdefault(row.tobytes(), PlaneVariations(self._prepared, row))

    def serves(self, kept: Array) -> Booleans:
        """Whole trials that know both coefficients, with a coding of the moderator that does not change with them."""
        matrix = self._prepared.design.matrix
        known = np.array([np.linalg.matrix_rank(matrix[row > 0.0]) == 2 for row in kept], dtype=bool)
        for positions in self._prepared.effects.shared:
            known &= np.ptp(kept[:, list(positions)], axis=1) == 0.0
        return known & self._keeps_coding

    @cached_property
    def _keeps_coding(self) -> bool:
        """Whether the rows of the design stay what they are without a trial: those of center(x) do not."""
        trials, matrix = self._prepared.trials, self._prepared.design.matrix
        for left_out in range(len(matrix)):
            kept = np.arange(len(matrix)) != left_out
            if np.linalg.matrix_rank(matrix[kept]) < 2:
                continue
            other = self._prepared.model.design(trials.select(kept))
            if other.columns != self._prepared.design.columns or not np.array_equal(other.matrix, matrix[kept]):
                return False
            if left_out >= 2:  # a mean that two trials leave where it is holds no others either
                break
        return True

    def widths(self, kept: Array) -> Array:
        """Of v, and of z given v, (S, 2)."""
        powers = Powers.leaving(kept, self._prepared.model.tau_prior, self._prepared.effects.se)
        tau = np.zeros(1)
        given = self._prepared.rough.given(tau)
        frame = Frame.of(self._row, given.mean, given.root @ np.swapaxes(given.root, 1, 2))
        precision, _ = self._normal(powers, tau)
        _, sd, _, _, within = frame.coordinates(np.zeros((len(kept), 1, 2)), precision)
        return np.log2(np.concatenate([sd, within], axis=1))

    def _normal(self, powers: Powers, tau: Array) -> tuple[Array, Array]:
        """By the normal likelihood the precision of the coefficients (S, T, 2, 2), and it times their mean."""
        prepared, matrix = self._prepared, self._prepared.design.matrix
        weight = ~prepared.neutral / (prepared.effects.se**2 + tau[:, None] ** 2)  # (T, k)
        products = matrix[:, :, None] * matrix[:, None, :]
        precision = np.einsum("si,ti,ipq->stpq", powers.trials, weight, products, optimize=True)
        first = np.einsum("si,ti,ip->stp", powers.trials, weight, matrix * prepared.effects.y[:, None], optimize=True)
        own = powers.mu[:, None] / self._scales(powers) ** 2
        precision += (own[:, :, None] * np.eye(2))[:, None]
        first += (own * self._locations(powers))[:, None]
        return precision, first

    @property
    def _pairs(self) -> Sequence[tuple[int, int]]:
        return ()  # trials are taken whole: see `serves`

    def _tails(self, powers: Powers) -> list[float]:
        scales = self._scales(powers)
        flat = np.where(powers.mu == 0.0, scales.shape[1], np.isinf(scales).sum(axis=1))
        numbers = (powers.trials > 0.0) @ self._prepared.bounding.astype(float)
        parts = zip(powers.priors, numbers, flat, strict=True)
        return [tail_of(prior, round(float(number)), int(one)) for prior, number, one in parts]

    def _scales(self, powers: Powers) -> Array:
        """(S, 2) scales of the priors of the coefficients."""
        scales = np.tile(self._prepared.design.prior_scale, (len(powers.trials), 1))
        if powers.normal is not None:
            scales[:, self._column] = powers.normal
        return scales

    def _locations(self, powers: Powers) -> Array:
        location = self._prepared.design.prior_location.copy()
        if powers.normal is not None:
            location[self._column] = 0.0
        return location

    def log_prior_at(self, beta: Array, powers: Powers, chosen: slice) -> Array:
        """The log prior of coefficients (..., 2), of some variations: (S, ...)."""
        location, found = self._locations(powers), np.zeros((1, *beta.shape[:-1]))
        for j, scale in enumerate(self._scales(powers)[chosen].T):
            one = (
                scale[:1]
                if np.ptp(np.where(np.isinf(scale), 0.0, scale)) == 0.0 and np.isfinite(scale).all()
                else scale
            )
            wide = one.reshape(-1, *[1] * (beta.ndim - 1))
            with np.errstate(invalid="ignore"):
                value = -0.5 * ((beta[..., j] - location[j]) / wide) ** 2 - np.log(wide) - 0.5 * LOG_2PI
            found = found + np.where(np.isinf(wide), 0.0, value)
        return np.asarray(powers.mu[chosen].reshape(-1, *[1] * (beta.ndim - 1)) * found)

    def _log_prior(self, m: Array, powers: Powers) -> Array:
        return np.zeros((len(powers.trials), 1, 1))  # it is in the sums over z

    def _bounded(self, powers: Powers) -> bool:
        """Whether the trials of every variation bound what has a flat prior."""
        flat = (powers.mu == 0.0) | np.isinf(self._scales(powers)).any(axis=1)
        if not flat.any():
            return True
        if np.isfinite(self._prepared.kernel.order):
            return False
        matrix, bounded = self._prepared.design.matrix, self._prepared.bounded
        subsets = np.unique(powers.trials[flat] > 0.0, axis=0)
        return all(unbounded_direction(matrix[kept], bounded[kept]) is None for kept in subsets)

    def _tabulated(self, powers: Powers, last: float, unit: float) -> Table | None:
        prepared = self._prepared
        if not self._bounded(powers):
            return None
        panels = self._panels(last, unit)
        given = prepared.rough.given(panels.tau)
        frame = Frame.of(self._row, given.mean, given.root @ np.swapaxes(given.root, 1, 2))
        box = self._first_box(powers, panels.tau, frame)
        if box is None:
            return None
        rough = replace(box, along=FEW, across=ACROSS)
        for _ in range(ROUNDS):
            pieces = self._pieces(panels.tau, powers, frame, rough)
            if pieces is None:
                return None
            moved = self._moved(self._filled(panels, powers.rows, frame, rough, pieces), powers, rough)
            if moved is rough:
                break
            rough = moved
        else:
            return None
        along, across = (
            int(np.ceil((points - 1) * float((new / old).max()))) + 1
            for points, new, old in (
                (box.along, rough.high - rough.low, box.high - box.low),
                (box.across, rough.top - rough.bottom, box.top - box.bottom),
            )
        )
        for _ in range(2):
            if along > MOST_ALONG or across > MOST_ACROSS:
                return None
            table = self._filled(panels, powers.rows, frame, replace(rough, along=along, across=across), pieces)
            needed = self._needed(table.summed(powers))
            if needed <= along:
                return table
            along = needed
        return None

    def _dense(self, table: Table, powers: Powers) -> tuple[Array, Array] | None:
        assert isinstance(table, PlaneTable)
        value = table.summed(powers)
        depth = value.max(axis=2) - np.maximum(value[:, :, 0], value[:, :, -1])
        if depth.min() < self._prepared.resolution.fall - SLACK or self._needed(value) > table.box.along:
            return None
        return table.box.v, value

    @staticmethod
    def _needed(value: Array) -> int:
        """How many equally spaced points the sharpest of log densities (S, T, n) asks for."""
        n = value.shape[2]
        sd = sharpest(value.reshape(-1, n), 2.0 / (n - 1))
        return max(int(np.ceil(2.0 / (SPACING * float(sd.min())))) + 1, 33)

    def _first_box(self, powers: Powers, tau: Array, frame: Frame) -> Box | None:
        """Windows by the normal likelihood; None where a variation does not know both coefficients."""
        precision, first = self._normal(powers, tau)
        diagonal = precision[..., 0, 0] * precision[..., 1, 1]
        if not (np.linalg.det(precision) > 1e-12 * diagonal).all():
            return None
        v, sd, z, slope, within = frame.coordinates(np.linalg.solve(precision, first[..., None])[..., 0], precision)
        half = np.sqrt(2.0 * self._prepared.resolution.fall + 7.0) * sd
        low, high = (v - half).min(axis=0), (v + half).max(axis=0)
        lean = np.abs(slope) * half
        bottom, top = (z - lean - OUT * within).min(axis=0), (z + lean + OUT * within).max(axis=0)
        along = int(np.ceil(FINER * float(((high - low) / (SPACING * sd.min(axis=0))).max()))) + 1
        across = int(np.ceil(float(((top - bottom) / (STEP * within.min(axis=0))).max()))) + 1
        if along > MOST_ALONG or across > MOST_ACROSS:
            return None
        return Box(low, high, bottom, top, max(along, 33), across)

    def _moved(self, table: PlaneTable, powers: Powers, box: Box) -> Box:
        """The box with ends farther out where some variation goes on beyond them; the same box where none does."""
        fall = self._prepared.resolution.fall
        short = np.zeros((4, len(box.low)), dtype=bool)
        for s in range(len(powers.trials)):
            joint = table.joint(powers, slice(s, s + 1))[0]
            along = joint.max(axis=2)  # (T, n)
            depth = along.max(axis=1, keepdims=True) - along
            short[:2] |= fall - SLACK + 2.0 > depth[:, [0, -1]].T
            given = (along[:, :, None] - joint[:, :, [0, -1]]).transpose(2, 0, 1)
            short[2:] |= ((given < DEPTH) & (depth < fall)).any(axis=2)
        if not short.any():
            return box
        v, z = 0.15 * (box.high - box.low), 0.15 * (box.top - box.bottom)
        return replace(
            box,
            low=box.low - v * short[0],
            high=box.high + v * short[1],
            bottom=box.bottom - z * short[2],
            top=box.top + z * short[3],
        )

    def _filled(self, panels: TauPanels, rows: Integers, frame: Frame, box: Box, pieces: list[Piece]) -> PlaneTable:
        """The likelihoods on a box from their polynomials."""
        beta = frame.beta(box.v, box.z)
        values = np.empty((len(rows), *beta.shape[:3]))
        for piece in pieces:
            at = np.searchsorted(rows, piece.rows)
            alone = np.abs(frame.across @ piece.row).max() < ALONE * np.abs(frame.along @ piece.row).max()
            predictor = (beta[:, :, :1] if alone else beta) @ piece.row  # (T, n, m), of v alone (T, n, 1)
            local = (2.0 * predictor - (piece.low + piece.high)[:, None, None]) / (piece.high - piece.low)[
                :, None, None
            ]
            for t in range(len(panels.tau)):
                basis = np.polynomial.chebyshev.chebvander(np.clip(local[t], -1.0, 1.0), piece.series.shape[2] - 1)
                values[at, t] = np.moveaxis(basis @ piece.series[:, t].T, 2, 0)
        return PlaneTable(panels, rows, box.low, box.high, values, values, beta, box, frame, self)

    def _pieces(self, tau: Array, powers: Powers, frame: Frame, box: Box) -> list[Piece] | None:
        """Polynomials of l_i on what matters of the range of each predictor; None where they take too many nodes.

        Beyond, every variation that holds the trial is negligible, and the trial goes on as it is at the end. A fall of
        one group of trials is one of the posterior, up to what the others may gain from the centre to their own peaks.
        """
        rows, corners = powers.rows, frame.beta(box.v[:, [0, -1]], box.z[:, [0, -1]])
        different, which = np.unique(self._prepared.design.matrix[rows], axis=0, return_inverse=True)
        nodes = self._prepared.resolution.mu_nodes + 12
        whole = [
            Piece.of(self._series, row, rows[np.ravel(which) == at], tau, corners @ row, nodes)
            for at, row in enumerate(different)
        ]
        if all(piece.resolved for piece in whole):
            return whole
        sums = [np.einsum("si,itn->stn", powers.trials[:, one.rows], one.values, optimize=True) for one in whole]
        own = []
        for piece, total in zip(whole, sums, strict=True):
            place = np.abs(piece.nodes - (frame.centre @ piece.row)[:, None]).argmin(axis=1)
            own.append(np.take_along_axis(total, place[None, :, None], axis=2))
        gain = sum(total.max(axis=2, keepdims=True) - one for total, one in zip(sums, own, strict=True))
        found: list[Piece] = []
        for piece, total, one in zip(whole, sums, own, strict=True):
            if piece.resolved:
                found.append(piece)
                continue
            matters = total > one - (CUT + gain)  # (S, T, n)
            alike: dict[bytes, tuple[Booleans, list[int]]] = {}
            for row in piece.rows.tolist():
                seen = matters[powers.trials[:, row] > 0.0].any(axis=0)
                alike.setdefault(seen.tobytes(), (seen, []))[1].append(row)
            for seen, some in alike.values():
                cut = piece.cut(self._series, seen, np.array(some), tau)
                if cut is None:
                    return None
                found.append(cut)
        return found

    def _series(self, rows: Integers, tau: Array, low: Array, high: Array, n: int) -> tuple[Array, Array]:
        """l_i at the Chebyshev nodes of windows, (rows, T, n), and their coefficients."""
        value = self._prepared.convolution_to(float(tau[-1])).log_marginal(window_nodes(low, high, n), tau, rows)
        return value, np.asarray(value @ to_chebyshev(n).T)
