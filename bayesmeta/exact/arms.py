"""Trials with two treated arms in the exact engine: their likelihood, the densities of their effects, and draws.

The two rows of such a trial stand in the table as they are; the first brings the likelihood of the whole trial, the
second brings nothing, so that sums over rows are right.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.errors import ModelError
from bayesmeta.exact.convolution import Convolution, local_polynomial, spread_at
from bayesmeta.exact.random_effects import KERNELS
from bayesmeta.likelihoods.normal import LOG_2PI
from bayesmeta.likelihoods.series import Panels, legendre_basis
from bayesmeta.likelihoods.two_arm_grid import Extent, TwoArmGrid, log_sum
from bayesmeta.likelihoods.two_arms import ArmCounts, log_p_of
from bayesmeta.types import Array, Integers

if TYPE_CHECKING:
    from bayesmeta.exact.prepared import Prepared

Pair = tuple[int, int]
NARROW = 2.0  # of the scale of m: up to such a tau the trial is asked about means anywhere
REACH = 10.0  # standard deviations of the mean effect
ROOM = 3.0  # so much more than the largest tau is provided for: other priors, other subsets
SINGLE = 400  # so many taus with one mean each are draws
STEPS = 60  # of the independence chain of each draw
TAIL_DF = 5.0


@dataclass(frozen=True, eq=False)
class ConvolutionWithArms(Convolution):
    """Likelihoods on a grid, and of the trials with two treated arms on grids of their own."""

    def log_marginal(self, m: Array, tau: Array, rows: Integers | None = None) -> Array:
        found = super().log_marginal(m, tau, rows)
        place = {int(row): position for position, row in enumerate(np.arange(len(found)) if rows is None else rows)}
        for (first, second), grid in self.pairs.items():
            if first in place:
                single = m.shape[1] == 1 and len(tau) > SINGLE
                found[place[first]] = grid.each(m[:, 0], tau)[:, None] if single else grid.log_marginal(m, tau)
            if second in place:
                found[place[second]] = 0.0
        return found

    def of_units(self, m: Array, tau: Array, units: Integers) -> Array:
        k, whole = len(self.grid.peak), list(self.pairs.values())
        alone = units[units < k]
        found = Convolution.log_marginal(self, m, tau, alone) if len(alone) else np.empty((0, *m.shape))
        return np.concatenate([found, *(whole[unit - k].log_marginal(m, tau)[None] for unit in units[units >= k])])


def refuse_arms(prepared: "Prepared") -> None:
    """Refuse shared controls that are not carried with this model.

    Raises
    ------
    ModelError : naming the rows, and what carries them.
    """
    effects, model = prepared.effects, prepared.model
    for positions in effects.shared:
        names = " and ".join(effects.studies[row] for row in positions)
        remedy = "Fit with --likelihood normal and normal random effects, or combine the treated arms into one row."
        counted = bool(prepared.trials.has_counts[list(positions)].all())
        reason = ""
        if model.random_effects not in ("normal", "none"):
            reason = f"with random effects {model.random_effects} the arms of one trial have no joint distribution here"
        elif model.likelihood == "normal":
            reason = "this model has no form for that"
        elif not counted:
            reason = f"the {model.likelihood} likelihood needs the counts of all arms of a trial"
        elif len(positions) > 2:
            reason = f"the {model.likelihood} likelihood carries up to two treated arms of one trial"
        elif np.ptp(prepared.design.matrix[list(positions)], axis=0).any():
            reason = (
                "the arms of one trial have different moderators, which the exact engine does not carry with counts,"
                " but --engine nuts does"
            )
        if reason:
            raise ModelError(f"{names} share a control arm: {reason}. {remedy}")


def arm_grids(prepared: "Prepared", needed: float) -> dict[Pair, TwoArmGrid]:
    """The grid of each trial with two treated arms, by the positions of its rows; kept for other priors and subsets.

    They serve at least up to the tau that is needed.
    """
    effects, model = prepared.effects, prepared.model
    tau = np.append(0.0, prepared.scale * np.sinh(np.linspace(0.1, 6.0, 20)))
    tau = tau if prepared.known_tau is None else np.array([prepared.known_tau])
    mean, variance = prepared.rough.given(tau).linear(np.unique(prepared.design.matrix, axis=0))
    sd = np.sqrt(variance)
    finest = float(np.hypot(sd, tau).min())
    narrow = tau <= max(NARROW * finest, tau[0])
    largest = ROOM * needed
    extent = Extent(
        float((mean - REACH * sd)[:, narrow].min()),
        float((mean + REACH * sd)[:, narrow].max()),
        finest,
        9.0 * largest + REACH * float(sd[:, tau <= max(largest, tau[0])].max()),
    )
    grids: dict[Pair, TwoArmGrid] = {}
    for positions in effects.shared:
        rows = list(positions)
        name = (effects.studies[rows[0]], effects.studies[rows[1]])
        kept = prepared.arms_kept.get(name)
        if kept is None or kept[0] < needed:
            counts = ArmCounts.of(prepared.trials.counts[rows])
            baseline = model.baseline_prior.gaussian or (0.0, 5.0)
            log_p = log_p_of(model.likelihood, counts, baseline, at_control=model.baseline_at == "control")
            grid = TwoArmGrid.of(
                log_p, effects.y[rows], effects.se[rows], model.arm_correlation, extent, prepared.resolution.panel
            )
            kept = prepared.arms_kept[name] = (largest, grid)
        grids[rows[0], rows[1]] = kept[1]
    return grids


def put_arms(
    density: Array,
    theta: Array,
    convolution: Convolution,
    positions: Integers,
    tau: Array,
    weighted: tuple[Array, Array, Array, Array],
    sign: Array,
) -> None:
    """Put the densities of effects of arms in the place of those of independent rows: into density (k, G).

    Parameters
    ----------
    density, theta : of all rows, at theta (G,).
    positions : (n,) of the rows that have one predictor.
    tau, weighted, sign : as in `arm_densities`; log_f is (n, T, N), less its largest values offset (n,).
    """
    points, spacing, log_f, offset = weighted
    where = {int(row): n for n, row in enumerate(positions)}
    for pair, grid in convolution.pairs.items():
        if pair[0] in where:
            row = where[pair[0]]
            found = arm_densities(grid, theta, tau, points, spacing, log_f[row], sign)
            density[list(pair)] = found * np.exp(offset[row])


def arm_densities(
    grid: TwoArmGrid, theta: Array, tau: Array, points: Array, spacing: Array, log_f: Array, sign: Array
) -> Array:
    """Posterior densities of both arms' effects.

    sum_t integral f_t(m) integral p(y | s, d) N(s; m, a^2 tau_t^2) N(d; 0, b^2 tau_t^2) dd dm at s = theta -+ d / 2

    Parameters
    ----------
    grid : of the trial.
    theta : (G,) where the densities are wanted.
    tau : (T,); points (T, N) equally spaced means, `spacing` (T,) apart; log_f (T, N) weights of the tau included.
    sign : (T,) of those weights.

    Returns
    -------
    (2, G)
    """
    peak, nodes = float(grid.table.max()), grid.mean.nodes
    wide = (grid.of_mean * tau >= np.maximum(1.3 * spacing, grid.fine_mean)) & (
        grid.of_difference * tau >= grid.fine_difference
    )
    density = np.zeros((2, len(theta)))
    for one in (1.0, -1.0):  # apart, so that logs are smooth
        chosen = np.flatnonzero(wide & (sign == one))
        if not len(chosen):
            continue
        # The sum over tau first, on the grid: functions of s for each node of d.
        of_s, of_d = [], []
        for t in chosen:
            scale = grid.of_mean * tau[t]
            away = (nodes[:, None] - points[t]) / scale
            of_s.append(log_sum(log_f[t] - 0.5 * away * away) + np.log(spacing[t] / scale) - 0.5 * LOG_2PI)
            of_d.append(grid.differences(float(tau[t]))[1])
        mass = np.exp(np.stack(of_s)).T @ np.exp(np.stack(of_d))  # (S, D)
        log_mass = np.log(np.maximum(mass, 1e-300)) + grid.table - peak
        density += one * _shifted(grid.mean, log_mass.T, grid.difference.nodes, theta)
    kernel = KERNELS["normal"]()
    for t in np.flatnonzero(~wide):
        d, log_weight, log_p = grid.at_differences(float(tau[t]))
        scale, step = grid.of_mean * float(tau[t]), 0.5 * float(spacing[t])
        fine = np.arange(points[t, 0] - 9.0 * scale - 6.0 * step, points[t, -1] + 9.0 * scale + 6.0 * step, step)
        blurred = spread_at(kernel, fine, points[t], float(spacing[t]), scale, log_f[None, t])
        series = grid.mean.series(log_p.T)
        for arm, side in enumerate((-0.5, 0.5)):
            s = theta + side * d[:, None]  # (J, G)
            inside = (s > fine[0]) & (s < fine[-1]) & (s >= grid.mean.edges[0]) & (s <= grid.mean.edges[-1])
            value = np.exp(_interpolated(grid.mean, series, s) - peak + log_weight[:, None])
            value[inside] *= np.maximum(local_polynomial(fine, blurred, s[inside])[0], 0.0)
            density[arm] += sign[t] * np.where(inside, value, 0.0).sum(axis=0)
    return np.asarray(density * np.exp(peak))


def _shifted(panels: Panels, log_values: Array, d: Array, theta: Array) -> Array:
    """(2, G) sums over d of e^values at s = theta - d / 2 and theta + d / 2: values (D, S)."""
    series = panels.series(log_values)
    found = []
    for side in (-0.5, 0.5):
        s = theta + side * d[:, None]
        inside = (s >= panels.edges[0]) & (s <= panels.edges[-1])
        found.append(np.where(inside, np.exp(_interpolated(panels, series, s)), 0.0).sum(axis=0))
    return np.stack(found)


def _interpolated(panels: Panels, series: Array, x: Array) -> Array:
    """Each of J functions, series (J, P, 16), at points of its own, x (J, G)."""
    panel, local = panels.place(x.ravel())
    panel, local = panel.reshape(x.shape), local.reshape(x.shape)
    basis = legendre_basis(local, series.shape[2])
    return np.asarray(np.einsum("jgn,jgn->jg", basis, series[np.arange(len(x))[:, None], panel]))


def draws_of_arms(
    grid: TwoArmGrid, y: Array, se: Array, back: Array, mean: Array, tau: Array, rng: np.random.Generator
) -> Array:
    """Draws of both effects given their mean and tau: an independence chain of its own for each draw.

    Its proposals come from the normal likelihood's answer with the tails of a t distribution.

    Parameters
    ----------
    y, se, back : (2,), (2,), (2, 2) the trial as independent rows, and back; `y` less the mean effect is row wise.
    mean : (n,) of the random effects; tau : (n,).

    Returns
    -------
    (n, 2)
    """
    from scipy.interpolate import RectBivariateSpline

    spline = RectBivariateSpline(grid.mean.nodes, grid.difference.nodes, grid.table)
    scale = np.maximum(tau, 1e-9)[:, None]
    ones = np.linalg.solve(back, np.ones(2))
    keep = scale**2 / (se**2 + scale**2)
    centre = keep * y + (1.0 - keep) * mean[:, None] * ones
    spread = np.sqrt(keep) * se

    def log_ratio(rows: Array) -> Array:
        """Log of the density over the proposal's, at effects in independent coordinates (n, 2)."""
        theta = rows @ back.T
        log_p = spline.ev(0.5 * (theta[:, 0] + theta[:, 1]), theta[:, 0] - theta[:, 1])
        prior = -0.5 * (((rows - mean[:, None] * ones) / scale) ** 2).sum(axis=1)
        z = (rows - centre) / spread
        return np.asarray(log_p + prior + 0.5 * (TAIL_DF + 2.0) * np.log1p((z * z).sum(axis=1) / TAIL_DF))

    def proposed() -> Array:
        z = rng.standard_normal(centre.shape) / np.sqrt(rng.chisquare(TAIL_DF, (len(tau), 1)) / TAIL_DF)
        return np.asarray(centre + spread * z)

    now = proposed()
    value = log_ratio(now)
    for _ in range(STEPS):
        trial = proposed()
        other = log_ratio(trial)
        taken = np.log(rng.random(len(tau))) < other - value
        now[taken], value[taken] = trial[taken], other[taken]
    return np.asarray(now @ back.T)
