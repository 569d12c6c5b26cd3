"""log p(y_i | theta) of all rows at one set of theta nodes, fine where a row or the random effects need it.

Every integral over a study effect is then a matrix product with the density of the random effects at the nodes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import log_ndtr

from bayesmeta.likelihoods.rows import FALL, Rows
from bayesmeta.likelihoods.series import NODES, Panels, graded_edges
from bayesmeta.likelihoods.values import exponential
from bayesmeta.types import Array, Booleans, Integers

COARSE = 0.25  # step of the sketch
FARTHEST = 60.0  # log odds ratio: the sketch looks so far beyond the observed effects
STRIP = 2.5  # widest panel: log p of a 2x2 table has singularities at |Im theta| = pi, whatever the sizes
QUIET = 30.0  # beyond, the logistic has nothing left to bend
GROWTH = 0.3  # of panels beyond, by distance
BLUR = 0.8  # of the edge of a flat tail
NARROW = 0.1  # standard error below which the sketch is too coarse: there the estimate says where the likelihood lies
NEAR = 20.0  # standard errors of such a row about its estimate
RELEVANT = 120.0  # below its peak: there a likelihood is still resolved
FLOOR = -745.0  # log of the smallest number


@dataclass(frozen=True, eq=False)
class Resolution:
    """How finely integrals are resolved; `finer` is what the self-check compares with.

    Attributes
    ----------
    panel : width of a theta panel in standard deviations of what lies on it.
    mu_nodes : Chebyshev nodes of the conditional log posterior of a linear predictor.
    tau_width : width of a tau panel, in u = asinh(tau / c).
    fall : how far a conditional density is followed below its peak (log).
    """

    panel: float = 3.5
    mu_nodes: int = 20
    tau_width: float = 0.8
    fall: float = 37.0

    @property
    def finer(self) -> "Resolution":
        """About one and a half times the nodes everywhere, and farther out."""
        return Resolution(self.panel / 1.6, self.mu_nodes * 3 // 2, self.tau_width / 1.6, self.fall + 6.0)


@dataclass(frozen=True, eq=False)
class Core:
    """Where linear predictors lie at some tau: theta is resolved on the scale max(tau, sd) there.

    Attributes
    ----------
    centre, sd, tau : (n,) of the predictors, and the scale of the random effects.
    reach : how many sd about its centre a predictor is looked at.
    """

    centre: Array
    sd: Array
    tau: Array
    reach: float = 8.0

    def allowed(self, theta: Array, panel: float) -> Array:
        """(g,) widest panel."""
        distance = np.maximum(np.abs(theta[:, None] - self.centre) - self.reach * self.sd, 0.0)
        return np.asarray((panel * np.maximum(np.hypot(self.tau, self.sd), GROWTH * distance)).min(axis=1))


@dataclass(frozen=True, eq=False)
class ThetaGrid:
    """Nodes in theta with every row's log likelihood there.

    Attributes
    ----------
    panels : of theta.
    log_p : (k, G) log p(y_i | theta) at the nodes; FLOOR below its peak where it is not looked at.
    peak : (k,) its largest value.
    flat_from : (k, 2) as in `Rows`.
    neutral : (k,).
    finest : smallest scale of the random effects that the panels resolve.
    """

    panels: Panels
    log_p: Array
    peak: Array
    flat_from: Array
    neutral: Booleans
    finest: float

    @cached_property
    def mass(self) -> Array:
        """(k, G) p(y_i | theta) d theta at the nodes, over its peak, without the flat tails of `tail_step`."""
        relative = exponential(self.log_p - self.peak[:, None])
        for side in (0, 1):
            for i in self.flat_rows(side):
                relative[i] -= np.exp(self.flat_level(side)[i] - self.peak[i] + self.log_step(side, i))
        relative[self.neutral] = 0.0
        return np.asarray(np.maximum(relative, 0.0) * self.panels.weights)

    def flat_rows(self, side: int) -> Integers:
        """Positions of the rows with a flat tail on the left (0) or the right (1)."""
        return np.flatnonzero(np.isfinite(self.flat_from[:, side]))

    def flat_level(self, side: int) -> Array:
        """(k,) log p in the flat tail: what it is at that end of the nodes."""
        return self.log_p[:, 0 if side == 0 else -1]

    def log_step(self, side: int, row: int) -> Array:
        """(G,) log of the smooth step that takes the tail apart: Phi((start - theta) / blur), or its mirror image."""
        sign = 1.0 if side == 0 else -1.0
        return np.asarray(log_ndtr(sign * (self.flat_from[row, side] - self.panels.nodes) / BLUR))

    @cached_property
    def series(self) -> Array:
        """(k, P, 16) log likelihood as polynomials."""
        return self.panels.series(self.log_p)


def theta_grid(parts: Sequence[tuple[Integers, Rows]], core: Core, resolution: Resolution) -> ThetaGrid:
    """Nodes for rows of any likelihoods.

    Parameters
    ----------
    parts : positions and rows of each likelihood in the table.
    core : where linear predictors lie.
    resolution : how finely.

    Returns
    -------
    ThetaGrid
    """
    centres = np.concatenate([rows.y for _, rows in parts])
    low, high = float(centres.min()), float(centres.max())
    reach = max(FARTHEST, *(float(np.max(np.where(np.isfinite(r.reach), np.abs(r.reach), 0.0))) for _, r in parts))
    flats = np.concatenate([rows.flat_from[np.isfinite(rows.flat_from)] for _, rows in parts])
    coarse = np.arange(
        min(low - reach, flats.min(initial=np.inf) - 10.0 * BLUR),
        max(high + reach, flats.max(initial=-np.inf) + 10.0 * BLUR) + COARSE,
        COARSE,
    )
    near_core = _near(core, coarse)
    lowest, highest, bend, wanted = _sketched(parts, near_core, coarse)
    least = core.tau == core.tau.min()
    reach_of_core = (core.reach + 1.0) * np.hypot(core.sd, core.tau)[least]
    lowest = min(lowest, float((core.centre[least] - reach_of_core).min()))
    highest = max(highest, float((core.centre[least] + reach_of_core).max()))

    bend = _spread(bend)
    precise = [(rows.y[narrow_rows(rows)], rows.se[narrow_rows(rows)]) for _, rows in parts]
    y, se = (np.concatenate(values) for values in zip(*precise))
    peaks = Core(y, se, np.zeros(len(y)))

    def of_rows(theta: Array) -> Array:
        quiet = STRIP + GROWTH * np.maximum(np.abs(theta - 0.5 * (low + high)) - QUIET - 0.5 * (high - low), 0.0)
        broad = np.minimum(quiet, resolution.panel / np.sqrt(np.interp(theta, coarse, bend) + 1e-12))
        return np.minimum(broad, peaks.allowed(theta, resolution.panel)) if len(y) else broad

    def of_all(theta: Array) -> Array:
        return np.minimum(of_rows(theta), core.allowed(theta, resolution.panel))

    known = Panels(graded_edges(lowest, highest, of_rows))
    panels = Panels(graded_edges(lowest, highest, of_all))
    log_p = _tabulated(parts, wanted, near_core, coarse, known, panels)
    flat_from, neutral = np.empty((len(log_p), 2)), np.empty(len(log_p), dtype=bool)
    for positions, rows in parts:
        flat_from[positions], neutral[positions] = rows.flat_from, rows.neutral
    log_p[neutral] = 0.0
    peak = log_p.max(axis=1)
    finest = float(np.hypot(core.tau, core.sd).min())
    return ThetaGrid(panels, np.maximum(log_p, peak[:, None] + FLOOR), peak, flat_from, neutral, finest)


def _sketched(
    parts: Sequence[tuple[Integers, Rows]], near_core: Booleans, coarse: Array
) -> tuple[float, float, Array, list[Booleans]]:
    """Ends of what matters, the largest information at the coarse points, and where each row is wanted."""
    lowest, highest, bend = np.inf, -np.inf, np.zeros(len(coarse))
    wanted: list[Booleans] = []
    for _, rows in parts:
        log_p, information = rows.sketch(coarse)
        below = log_p - log_p.max(axis=1, keepdims=True)
        seen = _widened((below > -RELEVANT) | near_core)
        seen[rows.neutral | narrow_rows(rows)] = False
        bend = np.maximum(bend, np.where(seen, information, 0.0).max(axis=0))
        left, right = _ends(rows, coarse, below)
        lowest, highest = min(lowest, float(left.min())), max(highest, float(right.max()))
        wanted.append(seen)
    return lowest, highest, bend, wanted


def _tabulated(
    parts: Sequence[tuple[Integers, Rows]],
    wanted: list[Booleans],
    near_core: Booleans,
    coarse: Array,
    known: Panels,
    panels: Panels,
) -> Array:
    """(k, G) log likelihoods: evaluated on the panels that the rows need, interpolated on finer ones, else -inf."""
    cell = np.clip(np.searchsorted(coarse, known.nodes), 0, len(coarse) - 1)
    values = np.empty((sum(len(positions) for positions, _ in parts), len(known.nodes)))
    there = np.empty((len(values), len(known.half)), dtype=bool)
    for (positions, rows), seen in zip(parts, wanted, strict=True):
        # Panels are taken whole, so that their polynomials hold.
        narrow = narrow_rows(rows)
        y, reach = rows.y[narrow, None], NEAR * rows.se[narrow, None]
        close = ((known.nodes > y - reach) & (known.nodes < y + reach)) | near_core[cell]
        here = seen[:, cell]
        here[narrow] = close
        there[positions] = here.reshape(len(positions), -1, NODES).any(axis=2)
        for row, position in enumerate(positions):
            here = np.repeat(there[position], NODES)
            values[position, ~here] = 0.0
            values[position, here] = rows.log_p(row, known.nodes[here])
    middles = panels.edges[:-1] + panels.half
    coarser, _ = known.place(middles)
    log_p = known.interpolate(known.series(values), panels.nodes)
    return np.where(np.repeat(there[:, coarser], NODES, axis=1), log_p, -np.inf)


def narrow_rows(rows: Rows) -> Booleans:
    """(k,) rows whose likelihood is a narrow peak at their estimate."""
    return np.asarray((rows.se < NARROW) & ~rows.neutral)


def _near(core: Core, coarse: Array) -> Booleans:
    """(g,) where the predictors lie at the smallest tau."""
    least = core.tau == core.tau.min()
    reach = (core.reach + 1.0) * np.hypot(core.sd, core.tau)[least] + COARSE
    return np.asarray((np.abs(coarse[:, None] - core.centre[least]) <= reach).any(axis=1))


def _widened(seen: Booleans) -> Booleans:
    """Each cell with its neighbours: the sketch is coarse."""
    wide = seen.copy()
    wide[:, 1:] |= seen[:, :-1]
    wide[:, :-1] |= seen[:, 1:]
    return wide


def _spread(bend: Array) -> Array:
    padded = np.pad(bend, 1, mode="edge")
    return np.asarray(np.maximum(np.maximum(padded[:-2], padded[2:]), bend))


def _ends(rows: Rows, coarse: Array, below: Array) -> tuple[Array, Array]:
    """(k,) ends of the theta at which a row's likelihood is not negligible."""
    shown = below > -FALL
    shown[rows.neutral] = False
    shown[rows.neutral, len(coarse) // 2] = True
    left, right = coarse[shown.argmax(axis=1)], coarse[len(coarse) - 1 - shown[:, ::-1].argmax(axis=1)]
    left, right = left - COARSE, right + COARSE
    left = np.maximum(left, rows.reach[:, 0] + np.minimum(rows.y, 0.0))
    right = np.minimum(right, rows.reach[:, 1] + np.maximum(rows.y, 0.0))
    left = np.where(np.isfinite(rows.flat_from[:, 0]), rows.flat_from[:, 0] - 9.0 * BLUR, left)
    right = np.where(np.isfinite(rows.flat_from[:, 1]), rows.flat_from[:, 1] + 9.0 * BLUR, right)
    return left, right
