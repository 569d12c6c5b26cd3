"""Several coefficients given tau: a lattice in whitened coordinates, turned so that one axis is the predictor wanted.

S(beta, tau) = sum_r S_r(x_r' beta) + log p(beta), with S_r the sum of l_i over the trials of one distinct row of the
design: functions of one variable, tabulated once as polynomials. For a predictor v = x' beta the remaining directions
are summed on a uniform lattice, which converges exponentially for smooth integrands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from bayesmeta.errors import ModelError
from bayesmeta.exact.convolution import Convolution
from bayesmeta.exact.given_tau import GivenTau
from bayesmeta.exact.lines import FEW as NODES_OF_WINDOWS
from bayesmeta.exact.lines import Line, chebyshev_points, clenshaw, solve, to_chebyshev, window_nodes
from bayesmeta.exact.predictors import Predictors, RowLine
from bayesmeta.exact.prior_parts import PriorParts
from bayesmeta.exact.separable import sum_over_rows
from bayesmeta.likelihoods.theta_grid import Resolution
from bayesmeta.types import Array, Booleans, Integers

MOST_COLUMNS = 4
# Of the lattice, by its dimension: step in posterior standard deviations (the error is e^(-2 pi^2 / step^2) for a
# normal posterior) and radius.
STEP = {0: 1.0, 1: 0.7, 2: 0.75, 3: 0.95}
OUT = {0: 0.0, 1: 7.4, 2: 7.0, 3: 6.4, 4: 6.4}
MOST = 96
RESOLVED = 1e-8  # what the last Chebyshev coefficients of a row's log likelihood may still hold
ROUGH, ROUGH_OUT = 1.3, 5.5  # step and radius where only the ends of an axis are sought
LOOSE = 1.0  # step where only mean and covariance are wanted, to place the lattice
ALONG = 8.2  # half-length of the axis of the predictor
ROW = 11.6  # half-width of the table of each row: the farthest corner of lattice and axis
NEWTON_STEPS = 50
FARTHEST = 1e4  # a posterior that moves or widens so much at once is not bounded by the trials
FEW = 14  # nodes of a row's table where only the mode is wanted
ROUNDS = 12
DEPTH = 30.0  # the ends of an axis lie so far below its peak
SERIES = 1e-8  # what the last Chebyshev coefficients along an axis may still hold
CUT, CUTS = 60.0, 4  # a posterior e^-60 below its centre is nothing; how often windows are cut down to the rest


@dataclass(frozen=True, eq=False)
class Region:
    """Where the coefficients lie at each tau, with each row's log likelihood there.

    Attributes
    ----------
    Steps are the parts of the prior at the nodes of tau: T of them where it has one part.

    centre : (T, p); root : (T, p, p) Cholesky factor of a covariance.
    reach : how many standard deviations more than for a normal posterior have to be covered, over those.
    middle, half : (R, T) window of each row's predictor.
    series : (R, T, n) Chebyshev series of S_r on it.
    cut : (R,) rows with windows that end before the predictor does: beyond, the posterior is negligible.
    """

    centre: Array
    root: Array
    reach: float
    middle: Array
    half: Array
    series: Array
    cut: Booleans


def refuse_columns(columns: Sequence[str]) -> None:
    """Refuses designs with more columns than are integrated over.

    Raises
    ------
    ModelError
    """
    if len(columns) > MOST_COLUMNS:
        raise ModelError(
            f"{len(columns)} columns in the design ({', '.join(columns)}): the exact engine integrates over up to"
            f' {MOST_COLUMNS} with this likelihood. Fit with --likelihood normal (likelihood="normal"), which takes'
            ' more, with --engine nuts (engine="nuts"), or with fewer moderators.'
        )


class SeveralPredictors(Predictors):
    """Coefficients of up to four columns.

    Parameters
    ----------
    convolution : the likelihoods and random effects.
    tau : (T,) nodes.
    matrix : (k, p) the design.
    prior : of the coefficients, in parts, each for a node of tau.
    guess : the normal likelihood's answer for each part.
    resolution : how finely.
    """

    def __init__(
        self,
        convolution: Convolution,
        tau: Array,
        matrix: Array,
        prior: PriorParts,
        guess: GivenTau,
        resolution: Resolution,
    ) -> None:
        self._convolution, self._prior, self._steps = convolution, prior, len(tau)
        self._tau_of_nodes, self._tau = tau, tau[prior.node]
        rows, which = np.unique(matrix, axis=0, return_inverse=True)
        self._rows: Array = rows
        self._positions: list[Integers] = [np.flatnonzero(np.ravel(which) == row) for row in range(len(rows))]
        self._nodes = resolution.mu_nodes + 8
        self._step = STEP[matrix.shape[1] - 1] * 20.0 / resolution.mu_nodes
        self._location, self._precision = prior.location, prior.typical**-2.0
        self._region = self._settled(guess)
        self._lines: dict[bytes, tuple[Line, Array]] = {}
        line, self.log_evidence = self._integrated(rows[0])
        self.outside, self.unresolved, self.error = line.doubts()

    def line(self, row: Array) -> Line:
        return self._integrated(row)[0].without_negligible()

    def row_lines(self) -> list[RowLine]:
        found = []
        for row, positions in zip(self._rows, self._positions, strict=True):
            line = self.line(row)
            tau = self._tau_of_nodes[line.node]
            found.append(RowLine(positions, line, self._convolution.log_marginal(line.nodes, tau, positions)))
        return found

    def draws(self, place: Array, rng: np.random.Generator) -> Array:
        """A node of tau nearest to each draw gives the shape, interpolation its place and width; then by rejection."""
        n, p = len(place), self._rows.shape[1]
        nearest = place.argmax(axis=1)
        mean, root = self._overall
        beta = np.empty((n, p))
        for t in np.unique(nearest):
            here = np.flatnonzero(nearest == t)
            z = np.linalg.solve(root[t], (self._draws_at(int(t), len(here), rng) - mean[t]).T).T
            turned = np.einsum("nt,tpq->npq", place[here], root)
            beta[here] = place[here] @ mean + np.einsum("npq,nq->np", turned, z)
        return beta

    def _draws_at(self, t: int, n: int, rng: np.random.Generator) -> Array:
        """Draws of beta at a node of tau: of a part of the prior first."""
        steps = np.flatnonzero(self._prior.node == t)
        number = rng.multinomial(n, self._share[steps] / self._share[steps].sum())
        found = [
            self._region.centre[step] + self._whitened_draws(int(step), int(of_step), rng) @ self._region.root[step].T
            for step, of_step in zip(steps, number, strict=True)
            if of_step
        ]
        return np.asarray(rng.permutation(np.concatenate(found)))

    @cached_property
    def _share(self) -> Array:
        """(T,) probability of each part of the prior at its node of tau."""
        return self._integrated(self._rows[0])[0].share

    @cached_property
    def _overall(self) -> tuple[Array, Array]:
        """About the mean (., p) of the coefficients at each node of tau and the root (., p, p) of their covariance."""
        centre, root, share, node = self._region.centre, self._region.root, self._share, self._prior.node
        if len(centre) == self._steps:
            return centre, root
        mean = np.zeros((self._steps, centre.shape[1]))
        np.add.at(mean, node, share[:, None] * centre)
        away = centre - mean[node]
        second = root @ np.swapaxes(root, 1, 2) + away[:, :, None] * away[:, None, :]
        covariance = np.zeros((self._steps, *second.shape[1:]))
        np.add.at(covariance, node, share[:, None, None] * second)
        return mean, np.asarray(np.linalg.cholesky(covariance))

    def _whitened_draws(self, t: int, n: int, rng: np.random.Generator) -> Array:
        """Independent draws of root^-1 (beta - centre) at one node, from a t distribution by rejection."""
        p, df = self._rows.shape[1], 5.0
        found: list[Array] = []
        bound = -np.inf
        while sum(map(len, found)) < n:
            z = rng.standard_normal((4 * n + 200, p)) * np.sqrt(df / rng.chisquare(df, (4 * n + 200, 1)))
            z = z[(z * z).sum(axis=1) < (OUT[p] * self._region.reach) ** 2]
            log_target = self._log_posterior(z[None], np.array([t]))[0]
            ratio = log_target + 0.5 * (df + p) * np.log1p((z * z).sum(axis=1) / df)
            if ratio.max() > bound:  # the envelope was too low: begin anew under a higher one
                bound, found = float(ratio.max()) + 0.05, []
            found.append(z[np.log(rng.random(len(z))) < ratio - bound])
        return np.concatenate(found)[:n]

    # ---- where the posterior lies

    def _settled(self, guess: GivenTau) -> Region:
        """Mode and curvature, then mean and covariance, until the region lies about them."""
        centre, covariance, reach = guess.mean.copy(), guess.root @ np.swapaxes(guess.root, 1, 2), 1.0
        for round_ in range(ROUNDS):
            modal = round_ < 2
            region = self._tabulated(centre, covariance, reach, FEW if modal else self._nodes)
            new_centre, new_covariance = self._mode(region) if modal else self._mean(region)
            scale = np.sqrt(np.einsum("tpp->tp", covariance))
            moved = float(np.max(np.abs(new_centre - centre) / scale))
            variance = np.maximum(np.einsum("tpp->tp", new_covariance), 0.0)
            widened = float(np.max(np.abs(np.sqrt(variance) / scale - 1.0)))
            if not modal and moved < 0.25 and widened < 0.12:
                if reach > 3.0 or self._depth(region) > DEPTH:
                    return region
                reach *= 1.35
            centre, covariance = new_centre, new_covariance
            if not (np.isfinite(widened) and np.isfinite(moved) and widened < FARTHEST and moved < FARTHEST):
                break
        raise ModelError(
            "the posterior of the coefficients does not settle: the trials do not bound one of them (a group without"
            " events in one arm). State a proper, narrower prior for it, or fit with --engine nuts."
        )

    def _tabulated(self, centre: Array, covariance: Array, reach: float, nodes: int) -> Region:
        root = np.linalg.cholesky(covariance)
        middle = self._rows @ centre.T  # (R, T)
        half = ROW * reach * np.sqrt(np.einsum("rp,tpq,rq->rt", self._rows, covariance, self._rows))
        inside, n, cuts = middle, int(nodes * reach), 0
        cut = np.zeros(len(middle), dtype=bool)
        while True:
            value = np.empty((*middle.shape, n + 1))  # the last one at the centre
            for row, positions in enumerate(self._positions):
                at = window_nodes(middle[row] - half[row], middle[row] + half[row], n)
                at = np.concatenate([at, inside[row, :, None]], axis=1)
                value[row] = self._convolution.log_marginal(at, self._tau, positions).sum(axis=0)
            series = value[..., :n] @ to_chebyshev(n).T
            if np.abs(series[:, :, -2:]).max() < RESOLVED:
                break
            narrower = self._cut(value, centre, middle, half) if cuts < CUTS else None
            if narrower is not None:
                cut |= (narrower[1] < half).any(axis=1)
                (middle, half), cuts = narrower, cuts + 1
            elif nodes == FEW or n >= MOST:
                break
            else:
                n = n * 3 // 2
        return Region(centre, root, reach, middle, half, series, cut)

    def _cut(self, value: Array, centre: Array, middle: Array, half: Array) -> tuple[Array, Array] | None:
        """Windows without what lies so far below the centre that nothing there matters; None where all may.

        A row's fall is a fall of the posterior, up to what all others may gain from the centre to their own peaks.
        """
        gain = (value.max(axis=2) - value[..., -1]).sum(axis=0)
        away = (centre - self._location) ** 2 * self._precision
        seen = value[..., :-1] > value[..., -1:] - (CUT + gain + 0.5 * away.sum(axis=1))[:, None]
        n = seen.shape[2]
        first = np.maximum(seen.argmax(axis=2) - 1, 0)
        last = np.minimum(n - seen[..., ::-1].argmax(axis=2), n - 1)
        if first.max() == 0 and last.min() == n - 1:
            return None
        place = chebyshev_points(n)
        low, high = middle + half * place[first], middle + half * place[last]
        return 0.5 * (low + high), 0.5 * (high - low)

    def _mode(self, region: Region) -> tuple[Array, Array]:
        """Newton's iteration inside the windows, on the rows' polynomials."""
        chebder = np.polynomial.chebyshev.chebder
        slope = chebder(region.series, axis=2) / region.half[..., None]
        bend = chebder(region.series, 2, axis=2) / region.half[..., None] ** 2
        beta = region.centre.copy()
        for _ in range(NEWTON_STEPS):
            local = np.clip((self._rows @ beta.T - region.middle) / region.half, -1.0, 1.0)
            first, second = _row_by_row(slope, local), _row_by_row(bend, local)
            gradient = first.T @ self._rows - self._precision * (beta - self._location)
            information = np.einsum("rt,rp,rq->tpq", np.maximum(-second, 1e-6), self._rows, self._rows)
            information = information + self._precision[:, :, None] * np.eye(beta.shape[1])
            step = np.linalg.solve(information, gradient[..., None])[..., 0]
            length = np.sqrt(np.einsum("tp,tpq,tq->t", step, information, step))
            beta = beta + step * np.minimum(1.0, 2.0 / np.maximum(length, 1e-12))[:, None]
            if float(length.max()) < 1e-3:
                break
        return beta, np.linalg.inv(information)

    def _mean(self, region: Region) -> tuple[Array, Array]:
        """Posterior mean and covariance at each tau, by the lattice."""
        p = self._rows.shape[1]
        out = OUT[p] * region.reach
        axis, rest = _lattice(1, LOOSE, out), _lattice(p - 1, LOOSE, out)
        centre, covariance = region.centre.copy(), np.empty_like(region.root)
        z = np.concatenate([np.repeat(axis, len(rest), axis=0), np.tile(rest, (len(axis), 1))], axis=1)
        for t, root in enumerate(region.root):
            value = self._on_product(region, t, region.centre[t] + axis * root[:, 0], rest @ root[:, 1:].T).ravel()
            weight = np.exp(value - value.max())
            weight /= weight.sum()
            mean = weight @ z
            second = (z * weight[:, None]).T @ z - np.outer(mean, mean)
            centre[t] += root @ mean
            covariance[t] = root @ second @ root.T
        return centre, covariance

    def _depth(self, region: Region) -> float:
        """How far the posterior has fallen at the ends of all axes, the least of all."""
        p = self._rows.shape[1]
        ends = np.concatenate([np.zeros((1, p)), *(sign * ALONG * region.reach * np.eye(p) for sign in (-1.0, 1.0))])
        value = self._log_posterior_in(region, ends[None], np.arange(len(self._tau)))
        return float((value[:, :1] - value[:, 1:]).min())

    # ---- integrals

    def _log_posterior(self, z: Array, which: Integers) -> Array:
        return self._log_posterior_in(self._region, z, which)

    def _log_posterior_in(self, region: Region, z: Array, which: Integers) -> Array:
        """S at beta = centre + root z of the nodes `which`: z (1 or t, N, p) to (t, N)."""
        beta = (
            region.centre[which, None, :] + np.einsum("tpq,snq->tnp", region.root[which], z)
            if len(z) == 1
            else (region.centre[which, None, :] + np.einsum("tpq,tnq->tnp", region.root[which], z))
        )
        total = self._prior.log_density(beta, which)
        for row in range(len(self._rows)):
            local = (beta @ self._rows[row] - region.middle[row, which, None]) / region.half[row, which, None]
            total += clenshaw(region.series[row, which], np.clip(local, -1.0, 1.0))
        return np.asarray(total)

    def _on_product(self, region: Region, t: int, along: Array, across: Array) -> Array:
        """S at the sums of coefficients along (J, p) and across (L, p), at one node: (J, L)."""
        middle, half = region.middle[:, t, None], region.half[:, t, None]
        first, second = (self._rows @ along.T - middle) / half, (self._rows @ across.T) / half
        beta = (along[:, None, :] + across).reshape(1, -1, along.shape[1])
        total = self._prior.log_density(beta, np.array([t])).reshape(len(along), len(across))
        whole = ~region.cut
        if whole.any():
            total = total + sum_over_rows(region.series[whole, t], first[whole], second[whole])
        for row in np.flatnonzero(region.cut):
            local = np.clip(first[row][:, None] + second[row], -1.0, 1.0)
            total = total + clenshaw(region.series[row, t][None], local.reshape(1, -1)).reshape(total.shape)
        return total

    def _integrated(self, row: Array) -> tuple[Line, Array]:
        """The density of row' beta at each tau, and the log of its integral."""
        key = np.asarray(row, dtype=float).tobytes()
        if key not in self._lines:
            self._lines[key] = self._along(np.asarray(row, dtype=float))
        return self._lines[key]

    def _along(self, row: Array) -> tuple[Line, Array]:
        region, p, n = self._region, len(row), self._nodes - 8
        across = np.einsum("tpq,p->tq", region.root, row)  # v = row' centre + across' z
        sd = np.sqrt((across * across).sum(axis=1))
        turned = _rotations(across / sd[:, None])
        middle = region.centre @ row
        log_volume = np.log(np.einsum("tpp->tp", region.root)).sum(axis=1) - np.log(sd)
        frame = region.root @ turned
        fine, rough = (
            (step, _lattice(p - 1, step, out * region.reach))
            for step, out in ((self._step, OUT[p - 1]), (ROUGH, min(ROUGH_OUT, OUT[p - 1])))
        )

        def log_density(v: Array, which: Integers) -> Array:
            """At v (t, n): the other directions summed on the lattice."""
            value = np.empty(v.shape)
            step, rest = rough if v.shape[1] == NODES_OF_WINDOWS else fine
            for place, t in enumerate(which.tolist()):
                axis = (v[place] - middle[t]) / sd[t]
                along = region.centre[t] + axis[:, None] * frame[t, :, 0]
                log_p = self._on_product(region, t, along, rest @ frame[t, :, 1:].T)
                largest = log_p.max(axis=1)
                total = np.log(np.exp(log_p - largest[:, None]).sum(axis=1))
                value[place] = largest + total + log_volume[t] + (p - 1) * np.log(step)
            return value

        solved = solve(log_density, middle, sd, nodes=n, fall=DEPTH, resolved=SERIES)
        return solved.by_node(self._prior.node)


def _row_by_row(series: Array, local: Array) -> Array:
    """Series (R, T, n) at one point for each row and tau (R, T)."""
    rows, steps, n = series.shape
    return clenshaw(series.reshape(-1, n), local.reshape(-1, 1)).reshape(rows, steps)


def _rotations(first: Array) -> Array:
    """Orthogonal matrices (T, p, p) whose first column is the unit vector given (T, p): Householder reflections."""
    p = first.shape[1]
    sign = np.where(first[:, 0] > 0.0, -1.0, 1.0)
    u = first.copy()
    u[:, 0] -= sign
    u /= np.sqrt((u * u).sum(axis=1))[:, None]
    reflection = np.eye(p) - 2.0 * u[:, :, None] * u[:, None, :]
    reflection[:, :, 0] *= sign[:, None]
    return reflection


@cache
def _lattice(dimension: int, step: float, radius: float) -> Array:
    """Points of a uniform lattice in a ball: (N, dimension); one point of no dimension."""
    if dimension == 0:
        return np.zeros((1, 0))
    side = step * np.arange(-np.floor(radius / step), np.floor(radius / step) + 1.0)
    points = np.stack(np.meshgrid(*[side] * dimension, indexing="ij"), axis=-1).reshape(-1, dimension)
    return np.asarray(points[(points * points).sum(axis=1) <= radius * radius])
