"""Log likelihoods of trials with several arms: of each arm given those before it, so that they add to the trial's."""

import numpy as np

from bayesmeta.effects import Effects, covariance
from bayesmeta.likelihoods.normal import arms_log_likelihood
from bayesmeta.likelihoods.two_arm_grid import Extent, TwoArmGrid
from bayesmeta.likelihoods.two_arms import ArmCounts, log_p_of
from bayesmeta.model import Model
from bayesmeta.trials import Trials
from bayesmeta.types import Array

FINEST = 0.2  # scale of the random effects below which the grid of a trial is interpolated
REACH = 9.0  # standard deviations of the random effects
PANEL = 3.0  # width of a panel of such a grid, in standard deviations


def put_arms(
    found: Array,
    trials: Trials,
    model: Model,
    effects: Effects,
    mean: Array,
    tau: Array,
    only: tuple[int, ...] | None = None,
) -> None:
    """Put the log likelihoods of arms that share a control in the place of those of independent rows.

    Parameters
    ----------
    found : (..., k) log likelihoods of the rows as if they were independent, study effects integrated out; changed in
        place.
    trials, model, effects : of the fit.
    mean : (..., k) x_i' beta. tau : (...).
    only : positions of the arms of one trial; all trials if not given.
    """
    for positions in effects.shared if only is None else (only,):
        arms = list(positions)
        if model.likelihood != "normal":
            together = _counted(trials.counts[effects.rows][arms], model, effects, arms, mean[..., arms[0]], tau)
            found[..., arms[1]] = together - found[..., arms[0]]  # the first arm stays as if it were alone
            continue
        found[..., arms] = arms_log_likelihood(
            effects.y[arms], covariance(effects, positions), mean[..., arms], np.asarray(tau), model.arm_correlation
        )


def _counted(counts: Array, model: Model, effects: Effects, arms: list[int], mean: Array, tau: Array) -> Array:
    """(...) log likelihood of a trial with two treated arms of one mean effect; good to about 1e-5."""
    baseline = model.baseline_prior.gaussian or (0.0, 5.0)
    log_p = log_p_of(model.likelihood, ArmCounts.of(counts), baseline, at_control=model.baseline_at == "control")
    m, scale = mean.ravel(), np.broadcast_to(tau, mean.shape).ravel()
    extent = Extent(float(m.min()), float(m.max()), FINEST, REACH * float(scale.max()) + 1.0)
    grid = TwoArmGrid.of(log_p, effects.y[arms], effects.se[arms], model.arm_correlation, extent, PANEL)
    return np.asarray(grid.each(m, scale).reshape(mean.shape))
