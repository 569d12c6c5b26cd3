"""Log likelihoods of trials with several arms: of each arm given those before it, so that they add to the trial's."""

import numpy as np

from bayesmeta.effects import Effects, covariance
from bayesmeta.likelihoods.normal import arms_log_likelihood
from bayesmeta.model import Model
from bayesmeta.trials import Trials
from bayesmeta.types import Array


def put_arms(found: Array, trials: Trials, model: Model, effects: Effects, mean: Array, tau: Array) -> None:
    """Put the log likelihoods of arms that share a control in the place of those of independent rows.

    Parameters
    ----------
    found : (..., k) log likelihoods, study effects integrated out; changed in place.
    trials, model, effects : of the fit.
    mean : (..., k) x_i' beta. tau : (...).
    """
    for positions in effects.shared:
        arms = list(positions)
        found[..., arms] = arms_log_likelihood(
            effects.y[arms], covariance(effects, positions), mean[..., arms], np.asarray(tau), model.arm_correlation
        )
