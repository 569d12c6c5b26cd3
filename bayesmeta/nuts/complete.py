"""From what was sampled to what is reported: study effects drawn back, spare trials and columns dropped."""

import numpy as np

from bayesmeta.effects import Effects
from bayesmeta.model import Design, Model
from bayesmeta.nuts.plan import Plan
from bayesmeta.nuts.samplers import Sample
from bayesmeta.types import Array


def complete(sample: Sample, plan: Plan, model: Model, design: Design, effects: Effects, seed: int) -> dict[str, Array]:
    """Joint draws of everything that is reported.

    theta_i = (1 - B_i) y_i + B_i x_i' beta + sqrt(1 - B_i) s_i e_i, B_i = s_i^2 / (s_i^2 + tau^2), where e_i ~ N(0, 1)
    whatever beta and tau with the normal likelihood, and was sampled with the binomial one.

    Parameters
    ----------
    sample : from a sampler.
    plan, model, design, effects : what was sampled.
    seed : integer seed of the draws that are added here.

    Returns
    -------
    dict: beta (chain, draw, p), tau (chain, draw), theta (chain, draw, k), new (chain, draw) standard normal, with
    which theta_new = x' beta + tau new in any setting x; with the binomial likelihood gamma (chain, draw, k).

    References
    ----------
    Gelman et al. 2013, Bayesian Data Analysis, section 5.4; Roever 2020, J Stat Softw 93(6), equation 16.
    """
    # A stream of its own, apart from the sampler's, which counts from the same seed.
    rng = np.random.default_rng([seed, 1])
    beta = sample.variables["beta"][..., : plan.p]
    tau = sample.variables.get("tau", np.zeros(beta.shape[:2]))
    mean = beta @ design.matrix.T
    draws = {"beta": beta, "tau": tau}
    if model.likelihood == "binomial":
        draws["gamma"] = sample.variables["gamma"][..., : plan.k]
    e = sample.variables["e"][..., : plan.k] if "e" in sample.variables else rng.standard_normal(mean.shape)
    variance = effects.se**2 + tau[..., None] ** 2
    root = effects.se / np.sqrt(variance)  # sqrt(B); tau = 0 leaves theta = x' beta
    z = tau[..., None] * (effects.y - mean) / variance + root * e
    draws["theta"] = mean + tau[..., None] * z
    draws["new"] = rng.standard_normal(tau.shape)
    return draws
