"""Two-dimensional likelihoods blurred by bivariate normal random effects, by their Fourier transforms.

l(mu, T) = integral L(theta) N2(theta; mu, T) d theta = (2 pi)^-2 integral F(k) e^(i k mu - k' T k / 2) dk

with F(k) = integral L(theta) e^(-i k theta) d theta by Gauss-Legendre quadrature. The blur costs a multiplication,
whatever T: also where it is narrow, or nothing. The sum over k at steps of 2 pi / P repeats L at distances P, which are
chosen so that no copy is within reach of a random effect. All of it in the coordinates t = theta_1 + theta_2,
d = theta_1 - theta_2: the baselines' prior leaves a crease in L along t = 0, where a panel ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import ndtr

from bayesmeta.likelihoods.series import NODES, Panels
from bayesmeta.likelihoods.trinomial import TrinomialTrial
from bayesmeta.types import Array, Booleans

BAND = 5.8  # standard deviations of a normal spectrum that are kept: the rest is 5e-8
REACH = 5.8  # standard deviations of the random effects that are
SUPPORT = 32.0  # below its peak, in logs, a likelihood ends
LOOK = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.5, 9.0, 12.0, 16.0, 22.0, 30.0, 45.0])  # standard deviations
PANEL = 3.0  # widest, in conditional standard deviations: 16 nodes resolve the waves of BAND
STRIP = 5.0  # of the panels on which its logarithm is worked out, with singularities at |Im t|, |Im d| = 2 pi
NOTHING = 70.0  # below the peak: there it is not worked out
FALL = 17.0  # of the random effects' spectrum, in logs
LEAST_TILTED = 1e-6  # variance of random effects, when a likelihood is tilted towards them
LEAST = 1e-280
HIGHEST = 600.0

Span = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Surface:
    """The log likelihood of one trial on nodes.

    Attributes
    ----------
    t, d : panels.
    log_l : (t nodes, d nodes).
    """

    t: Panels
    d: Panels
    log_l: Array

    @classmethod
    def of(cls, trial: TrinomialTrial, y: Array, covariance: Array, box: Array, core: Array, finer: float) -> "Surface":
        """Nodes where the likelihood is within e^-32 of its peak, in the box, and where narrow random effects lie.

        Parameters
        ----------
        trial : of all three categories.
        y, covariance : (2,) rough estimate, and (3,) its variances and covariance, of t and d.
        box : (2, 2) low and high ends of t and of d beyond which nothing matters.
        core : (2, 2) ends of what means can be where random effects are narrow.
        finer : factor on the resolution.
        """
        sd = np.sqrt(covariance[[0, 2]])
        inner = sd * np.sqrt(1.0 - covariance[1] ** 2 / (covariance[0] * covariance[2]))
        look = np.concatenate([-LOOK[:0:-1], LOOK])
        t, d = (np.unique(np.clip(y[axis] + sd[axis] * look, *box[axis])) for axis in (0, 1))
        rough = trial.log_likelihood(both_effects(t, d)).reshape(len(t), len(d))
        seen = rough > rough.max() - SUPPORT
        spans = [_span(x, seen.any(axis=1 - axis), core[axis]) for axis, x in enumerate((t, d))]
        fine = [_even(span, PANEL * one / np.sqrt(finer), edge) for span, one, edge in zip(spans, inner, (0.0, None))]
        wide = [_even(span, STRIP / np.sqrt(finer), edge) for span, edge in zip(spans, (0.0, None))]
        table = _tabulated(trial, wide[0], wide[1], rough.max())
        return cls(fine[0], fine[1], carried(table, wide[0], wide[1], fine[0].nodes, fine[1].nodes))

    def tilt(self, mean: Array, between: Array) -> Array:
        """(2,) slope of the log likelihood at the most likely effect, random effects N(mean, between) given.

        The likelihood times e^(-tilt theta) has its peak there: its transform shows it in full, however unlikely the
        effect is for the trial alone.
        """
        v_t, c, v_d = between
        determinant = v_t * v_d - c * c
        t, d = self.t.nodes[:, None] - mean[0], self.d.nodes - mean[1]
        total = self.log_l - 0.5 * (v_d * t**2 - 2.0 * c * t * d + v_t * d**2) / determinant
        row, column = divmod(int(total.argmax()), total.shape[1])
        i, j = min(max(row, 1), len(self.t.nodes) - 2), min(max(column, 1), len(self.d.nodes) - 2)
        here = np.ix_([i - 1, i, i + 1], [j - 1, j, j + 1])
        x, y = np.meshgrid(
            self.t.nodes[i - 1 : i + 2] - self.t.nodes[i], self.d.nodes[j - 1 : j + 2] - self.d.nodes[j], indexing="ij"
        )
        terms = np.stack([np.ones(9), *(one.ravel() for one in (x, y, x * x, x * y, y * y))], axis=1)
        fit = np.linalg.lstsq(terms, self.log_l[here].ravel(), rcond=None)[0]
        slope, bend = fit[1:3], -np.array([[2.0 * fit[3], fit[4]], [fit[4], 2.0 * fit[5]]])
        # From the node to the peak by Newton's step: the slope there is also the pull of the random effects.
        size, axes = np.linalg.eigh(bend)
        bend = (axes * np.maximum(size, 0.0)) @ axes.T
        inverse = np.array([[v_d, -c], [-c, v_t]]) / determinant
        pull = inverse @ np.array([t[i, 0], d[j]])
        return np.asarray(slope - bend @ np.linalg.solve(bend + inverse, slope - pull))


def _stops(span: Span, edge: float | None) -> list[float]:
    low, high = span
    return [low, edge, high] if edge is not None and low + 0.01 < edge < high - 0.01 else [low, high]


def _tabulated(trial: TrinomialTrial, t: Panels, d: Panels, peak: float) -> Array:
    """The log likelihood at the nodes of both, panel by panel: within each the baselines lie near each other."""
    table = np.empty((len(t.nodes), len(d.nodes)))
    for i in range(len(t.half)):
        for j in range(len(d.half)):
            rows, columns = slice(NODES * i, NODES * (i + 1)), slice(NODES * j, NODES * (j + 1))
            few = trial.log_likelihood(both_effects(t.nodes[rows][::5], d.nodes[columns][::5]))
            block = (
                few
                if few.max() < peak - NOTHING
                else trial.log_likelihood(both_effects(t.nodes[rows], d.nodes[columns]))
            )
            table[rows, columns] = block.reshape(NODES, NODES) if len(block) > len(few) else few.max()
    return table


def carried(table: Array, t: Panels, d: Panels, at_t: Array, at_d: Array) -> Array:
    """A table at the nodes of two sets of panels as one at other points, by its polynomials."""
    half = t.interpolate(t.series(table.T), at_t)  # (d, at_t)
    return d.interpolate(d.series(half.T), at_d)


@dataclass(frozen=True, eq=False)
class Spectra:
    """Transforms of several trials at the same wave numbers.

    Attributes
    ----------
    k_t, k_d : wave numbers, those of t not negative.
    table : (k_t, trials, k_d) of the tilted likelihoods over their peaks.
    log_peak, tilt : (trials,), (trials, 2).
    """

    k_t: Array
    k_d: Array
    table: Array
    log_peak: Array
    tilt: Array

    @classmethod
    def of(cls, surfaces: Sequence[Surface], tilt: Array, window: Array, between: Array, finer: float) -> "Spectra":
        """For means within a window and random effects of some nodes.

        Parameters
        ----------
        surfaces, tilt : the trials, and (n, 2) by how much each is tilted.
        window : (2, 2) low and high ends of means t and d.
        between : (3, N) variance of t, covariance, variance of d of the random effects.
        finer : factor on the resolution.
        """
        spread = between[[0, 2]].max(axis=1)
        tilted, windows, inner = [], [], np.full(2, np.inf)
        for s, slope in zip(surfaces, tilt):
            log_l = s.log_l - slope[0] * s.t.nodes[:, None] - slope[1] * s.d.nodes
            moved = np.stack(
                [between[0] * slope[0] + between[1] * slope[1], between[1] * slope[0] + between[2] * slope[1]]
            )
            windows.append(window + np.stack([moved.min(axis=1), moved.max(axis=1)], axis=1))
            near = log_l.copy()
            for axis, x in enumerate((s.t.nodes, s.d.nodes)):
                reach = REACH * np.sqrt(spread[axis])
                outside = (x < windows[-1][axis, 0] - reach) | (x > windows[-1][axis, 1] + reach)
                near[(outside, slice(None)) if axis == 0 else (slice(None), outside)] = -np.inf
            tilted.append((log_l, float(near.max())))
            inner = np.minimum(inner, _inner(near - near.max(), s))
        # A likelihood that goes on beyond what random effects reach is cut there, so softly that it stays in the band.
        reach = REACH * np.sqrt(spread + inner**2)
        steps = np.zeros(2)
        for s, place in zip(surfaces, windows):
            for axis, panels in enumerate((s.t, s.d)):
                low = max(panels.edges[0], place[axis, 0] - reach[axis])
                high = min(panels.edges[-1], place[axis, 1] + reach[axis])
                steps[axis] = max(steps[axis], max(place[axis, 1] - low, high - place[axis, 0]) + reach[axis])
        steps = 2.0 * np.pi / steps
        # Wave numbers that the random effects of all these nodes take out are not worked out.
        band = np.minimum(BAND * np.sqrt(finer) / inner, 1.01 * _limits(between).max(axis=1))
        k_t = steps[0] * np.arange(0.0, np.ceil(band[0] / steps[0]) + 1.0)
        half = np.ceil(band[1] / steps[1])
        k_d = steps[1] * np.arange(-half, half + 1.0)
        table = np.empty((len(k_t), len(surfaces), len(k_d)), dtype=complex)
        for i, (s, place, (log_l, peak)) in enumerate(zip(surfaces, windows, tilted)):
            kept = [
                ndtr((x.nodes - low + r) / w) * ndtr((high + r - x.nodes) / w) * x.weights
                for x, (low, high), w, r in zip((s.t, s.d), place, inner, reach)
            ]
            rows, columns = (np.flatnonzero(one > 1e-12 * one.max()) for one in kept)
            of_t = np.exp(-1j * np.outer(k_t, s.t.nodes[rows])) * kept[0][rows]
            of_d = np.exp(-1j * np.outer(s.d.nodes[columns], k_d)) * kept[1][columns][:, None]
            value = np.exp(np.minimum(log_l[np.ix_(rows, columns)] - peak, HIGHEST))
            table[:, i] = of_t @ value @ of_d
        # Twice the real part of the half with k_t >= 0; k_t = 0 has no other half.
        table *= 2.0 * steps.prod() / (2.0 * np.pi) ** 2
        table[0] *= 0.5
        return cls(k_t, k_d, table, np.array([peak for _, peak in tilted]), tilt)

    @classmethod
    def around(
        cls, surfaces: Sequence[Surface], mean: Array, sd: Array, between: Array, reach: float, finer: float
    ) -> "Spectra":
        """For nodes that are alike, each trial tilted to where its effect most likely is.

        Parameters
        ----------
        mean, sd : (2, N) of the means t and d. between : (3, N) of the random effects.
        reach : standard deviations about the mean that matter.
        """
        window = np.stack([(mean - reach * sd).min(axis=1), (mean + reach * sd).max(axis=1)], axis=1)
        typical = between.mean(axis=1) + np.array([1.0, 0.0, 1.0]) * LEAST_TILTED
        tilt = np.stack([surface.tilt(mean.mean(axis=1), typical) for surface in surfaces])
        return cls.of(surfaces, tilt, window, between, finer)

    def log_marginal(self, between: Array, t: Array, d: Array, slope: float) -> Array:
        """log l at a sheared lattice of means t_a, d_b + slope (t_a - t_0), t_0 the first: (trials, a, b).

        l(mu, T) = e^(tilt mu + tilt' T tilt / 2) times the blurred tilted likelihood at mu + T tilt.

        Parameters
        ----------
        between : (3,) variance of t, covariance, variance of d of the random effects.
        t, d : (A,) and (B,).
        slope : of the shear.
        """
        v_t, c, v_d = between.tolist()
        limit = _limits(between[:, None])[:, 0]
        rows = slice(0, int(np.searchsorted(self.k_t, limit[0], side="right")))
        columns = slice(*np.searchsorted(self.k_d, [-limit[1], limit[1] * (1.0 + 1e-12)]))
        k_t, k_d = self.k_t[rows], self.k_d[columns]
        kernel = np.exp(-0.5 * (v_t * k_t[:, None] ** 2 + 2.0 * c * np.outer(k_t, k_d) + v_d * k_d**2))
        moved = np.stack([v_t * self.tilt[:, 0] + c * self.tilt[:, 1], c * self.tilt[:, 0] + v_d * self.tilt[:, 1]])
        table = self.table[rows, :, columns] * kernel[:, None]
        table *= np.exp(1j * np.outer(k_t, moved[0]))[:, :, None]
        table *= np.exp(1j * np.outer(moved[1], k_d))
        n = table.shape[1]
        of_t = np.exp(1j * np.outer(t, k_t)) @ table.reshape(len(k_t), -1)
        of_t = of_t.reshape(len(t), n, len(k_d)) * np.exp(1j * np.outer(slope * (t - t[0]), k_d))[:, None]
        of_t = of_t.reshape(-1, len(k_d))
        angle = np.outer(k_d, d)
        value = of_t.real @ np.cos(angle) - of_t.imag @ np.sin(angle)
        value = value.reshape(len(t), n, len(d)).transpose(1, 0, 2)
        constant = self.log_peak + 0.5 * (self.tilt * moved.T).sum(axis=1)
        raised = self.tilt[:, :1, None] * t[:, None] + self.tilt[:, 1:, None] * (d + slope * (t - t[0])[:, None])
        return np.asarray(np.log(np.maximum(value, LEAST)) + constant[:, None, None] + raised)


def _limits(between: Array) -> Array:
    """(2, N) wave numbers of t and d beyond which nothing is left of the random effects' spectrum."""
    v_t, c, v_d = between
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = np.stack([np.where(v_d > 0.0, v_t - c * c / v_d, 0.0), np.where(v_t > 0.0, v_d - c * c / v_t, 0.0)])
    return np.asarray(np.sqrt(2.0 * FALL / np.maximum(inner, 1e-300)))


def _inner(log_l: Array, s: Surface) -> Array:
    """(2,) standard deviations of t given d and of d given t where a function is the density."""
    weight = np.exp(log_l) * s.t.weights[:, None] * s.d.weights
    weight /= weight.sum()
    of_t, of_d = weight.sum(axis=1), weight.sum(axis=0)
    t, d = s.t.nodes - of_t @ s.t.nodes, s.d.nodes - of_d @ s.d.nodes
    v_t, v_d, c = of_t @ t**2, of_d @ d**2, t @ weight @ d
    return np.sqrt(np.array([v_t - c * c / v_d, v_d - c * c / v_t]))


def both_effects(t: Array, d: Array) -> Array:
    """(len(t) len(d), 2) effects of both outcomes on a product grid of their sum and difference."""
    one, other = np.meshgrid(t, d, indexing="ij")
    return 0.5 * np.column_stack([(one + other).ravel(), (one - other).ravel()])


def in_sums(covariance: Array) -> Array:
    """Variances and covariance (3, ...) of two effects as those of their sum and difference."""
    one, between, other = covariance
    return np.stack([one + 2.0 * between + other, one - other, one - 2.0 * between + other])


def in_effects(covariance: Array) -> Array:
    """And back."""
    return np.asarray(0.25 * in_sums(covariance))


def _span(x: Array, seen: Booleans, core: Array) -> Span:
    first, last = np.flatnonzero(seen)[[0, -1]]
    return min(float(x[max(first - 1, 0)]), core[0]), max(float(x[min(last + 1, len(x) - 1)]), core[1])


def _even(span: Span, widest: float, edge: float | None) -> Panels:
    """Equal panels, with an edge at a point where that lies inside."""
    stops = _stops(span, edge)
    parts = [np.linspace(a, b, int(np.ceil((b - a) / widest)) + 1) for a, b in pairwise(stops)]
    return Panels(np.unique(np.concatenate(parts)))
