"""From what was sampled to what is reported: study effects drawn back, spare trials and columns dropped."""

import numpy as np

from bayesmeta.likelihoods.normal import marginal_log_likelihood
from bayesmeta.model import Design, Model
from bayesmeta.nuts.plan import Plan, outlier_unit
from bayesmeta.nuts.samplers import Sample
from bayesmeta.nuts.selecting import omega_of
from bayesmeta.posterior.predictive import standardised
from bayesmeta.types import Array


def complete(sample: Sample, plan: Plan, model: Model, design: Design, seed: int) -> dict[str, Array]:
    """Joint draws of everything that is reported.

    theta_i = (1 - B_i) y_i + B_i x_i' beta + sqrt(1 - B_i) s_i e_i, B_i = s_i^2 / (s_i^2 + scale_i^2), where e_i ~
    N(0, 1) whatever beta and tau with the normal likelihood, and was sampled with counts. See `bayesmeta.nuts.build`.

    Parameters
    ----------
    sample : from a sampler.
    plan, model, design : what was sampled.
    seed : integer seed of the draws that are added here.

    Returns
    -------
    dict: beta (chain, draw, p), tau (chain, draw), theta (chain, draw, k), new (chain, draw) a standardised random
    effect, with which theta_new = x' beta + tau new in any setting x; with the binomial likelihood gamma (chain, draw,
    k), with a selection omega (chain, draw, J - 1).

    References
    ----------
    Gelman et al. 2013, Bayesian Data Analysis, section 5.4; Roever 2020, J Stat Softw 93(6), equation 16.
    """
    # A stream of its own, apart from the sampler's, which counts from the same seed.
    rng = np.random.default_rng([seed, 1])
    beta = sample.variables["beta"][..., : plan.p]
    known = 0.0 if model.random_effects == "none" else model.tau_prior.point
    tau = sample.variables["tau"] if known is None else np.full(beta.shape[:2], known)
    # Arms that share a control were turned into independent rows; they are turned back at the end.
    rows = plan.rows
    mean = beta @ rows.of(design.matrix).T
    draws = {"beta": beta, "tau": tau}
    if "gamma" in sample.variables:
        draws["gamma"] = sample.variables["gamma"][..., : plan.k]
        if plan.arms is not None:
            draws["gamma"] = draws["gamma"] @ plan.arms[1, : plan.k, : plan.k].T
    if plan.structure.selection is not None:
        sticks = sample.variables.get("stick", np.ones((*tau.shape, 0)))
        draws["omega"] = omega_of(sticks, model, plan.structure.selection)
    e = sample.variables["e"][..., : plan.k] if "e" in sample.variables else rng.standard_normal(mean.shape)
    y, se = plan.table[: plan.k, 0], plan.table[: plan.k, 1]
    scale = _scale(sample, plan, model, mean, tau, rng)
    variance = se**2 + scale**2
    root = se / np.sqrt(variance)  # sqrt(B); scale = 0 leaves theta = x' beta
    z = scale * (y - mean) / variance + root * e
    draws["theta"] = rows.returned(mean + scale * z)
    draws["new"] = standardised(model, tau.shape, rng)
    return draws


def _scale(sample: Sample, plan: Plan, model: Model, mean: Array, tau: Array, rng: np.random.Generator) -> Array:
    """(chain, draw, k or 1) standard deviation of the normal that each study effect comes from, or its coordinates."""
    name, parameters = model.random_effects_parts
    if name == "student_t":
        return np.asarray(tau[..., None] / np.sqrt(sample.variables["precision"][..., : plan.k]))
    if name != "mixture":
        return np.asarray(tau[..., None])
    outliers, factor = parameters
    if "e" in sample.variables:
        return np.asarray(outlier_unit(outliers, factor) * tau[..., None])
    y, se = plan.table[: plan.k, 0], plan.table[: plan.k, 1]
    main, outlying = (marginal_log_likelihood(y, se, mean, c * tau[..., None]) for c in (1.0, factor))
    odds = outliers / (1.0 - outliers) * np.exp(np.minimum(outlying - main, 700.0))
    return np.asarray(np.where(rng.random(mean.shape) * (1.0 + odds) < odds, factor, 1.0) * tau[..., None])
