"""The sampled fit of two outcomes: plan, sample, complete; given out through the gate of convergence."""

import numpy as np

from bayesmeta.effects import JointEffects
from bayesmeta.likelihoods.whitened import whitened
from bayesmeta.model import JointModel
from bayesmeta.nuts.carried import refuse_settings
from bayesmeta.nuts.gate import Sampling, converged
from bayesmeta.nuts.joint_plan import joint_plan
from bayesmeta.nuts.joint_posterior import NutsJointPosterior
from bayesmeta.nuts.samplers import Sample
from bayesmeta.posterior.joint_before_data import JointAssumed
from bayesmeta.trials import JointTrials
from bayesmeta.types import Array, Booleans


def fit_joint_nuts(
    trials: JointTrials,
    model: JointModel,
    *,
    seed: int = 20230227,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    sampler: str = "nutpie",
    progress: bool = False,
) -> NutsJointPosterior:
    """Posterior of two outcomes by the No-U-Turn sampler, given out only if it has converged.

    Parameters
    ----------
    trials : the evidence.
    model : either likelihood; priors that PyMC has.
    seed, draws, tune, chains, sampler, progress : as for `bayesmeta.fit`.

    Returns
    -------
    NutsJointPosterior

    Raises
    ------
    ModelError, PriorError : a model that these trials cannot carry, or settings that are no numbers of draws.
    ConvergenceError : not converged after one retry at target_accept 0.99.

    References
    ----------
    Hoffman & Gelman 2014, J Mach Learn Res 15:1593; Vehtari et al. 2021, Bayesian Analysis 16:667 (limits).
    """
    refuse_settings(sampler, seed, draws, tune, chains)
    sampling: Sampling = {
        "sampler": sampler, "seed": int(seed), "draws": int(draws), "tune": int(tune), "chains": int(chains),
        "progress": progress,
    }  # fmt: skip
    effects = JointAssumed.of(trials, model).effects
    one, other = (prior.given(effects.se[effects.reported[:, j], j]) for j, prior in enumerate(model.tau_priors))
    plan = joint_plan(trials, model, effects, (one, other))

    def posterior_of(sample: Sample) -> NutsJointPosterior:
        joint = complete_joint(sample, effects, trials, sampling["seed"])
        return NutsJointPosterior(trials, model, effects, joint, sample.statistics, sampling["seed"], diagnostics={})

    return converged(plan, posterior_of, **sampling)


def complete_joint(sample: Sample, effects: JointEffects, trials: JointTrials, seed: int) -> dict[str, Array]:
    """Joint draws of everything that is reported: study effects drawn back or worked out, effects in a new setting.

    Parameters
    ----------
    sample : from a sampler.
    effects, trials : what was sampled.
    seed : integer seed of the draws that are added here.

    Returns
    -------
    dict: mu and tau (chain, draw, 2), rho (chain, draw), theta (chain, draw, k, 2), theta_new (chain, draw, 2); with
    the trinomial likelihood gamma (chain, draw, k, 2), the baseline log odds midway between the arms.

    References
    ----------
    Gelman et al. 2013, Bayesian Data Analysis, section 5.4.
    """
    # A stream of its own, apart from the sampler's, which counts from the same seed.
    rng = np.random.default_rng([seed, 1])
    mu, tau, rho = (sample.variables[name] for name in ("mu", "tau", "rho"))
    one, other = tau[..., None, 0], tau[..., None, 1]
    correlation = rho[..., None]
    root = one, correlation * other, other * np.sqrt(1.0 - correlation**2)
    shape = (*rho.shape, effects.k, 2)
    e = sample.variables["e"] if "e" in sample.variables else rng.standard_normal(shape)
    k11, k12, k22 = effects.precision.T
    y = np.where(effects.reported, effects.y, 0.0)
    away = y[:, 0] - mu[..., None, 0], y[:, 1] - mu[..., None, 1]
    z, _ = whitened((k11, k12, k22), root, away, (e[..., 0], e[..., 1]))
    theta = np.stack([mu[..., None, 0] + root[0] * z[0], mu[..., None, 1] + root[1] * z[0] + root[2] * z[1]], axis=-1)
    noise = rng.standard_normal((2, *rho.shape))
    second = rho * noise[0] + np.sqrt(1.0 - rho**2) * noise[1]
    new = mu + tau * np.stack([noise[0], second], axis=-1)
    draws = {"mu": mu, "tau": tau, "rho": rho, "theta": theta, "theta_new": new}
    if "g" in sample.variables:
        draws["gamma"] = _baselines(sample.variables["g"], theta, trials.classified[effects.rows])
    return draws


def _baselines(g: Array, theta: Array, both: Booleans) -> Array:
    """gamma from what was sampled: see `joint_build._trinomial`."""
    half = 0.5 * theta.sum(axis=-1)
    together = -np.sqrt(np.exp(2.0 * np.where(both, g[..., 1], 0.0)) + half**2)
    return np.stack([g[..., 0], np.where(both, together - g[..., 0], g[..., 1])], axis=-1)
