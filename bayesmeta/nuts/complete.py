"""From what was sampled to what is reported: study effects drawn back, spare trials and columns dropped."""

import numpy as np

from bayesmeta.likelihoods.normal import marginal_log_likelihood
from bayesmeta.model import Design, Model
from bayesmeta.nuts.plan import Plan, outlier_unit
from bayesmeta.nuts.samplers import Sample
from bayesmeta.nuts.selecting import omega_of
from bayesmeta.posterior.predictive import standardised
from bayesmeta.priors import HeterogeneityPrior
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
    dict: beta (chain, draw, p), tau (chain, draw), or where it differs spread (chain, draw, A), theta (chain, draw, k),
    new (chain, draw) a standardised random effect, with which theta_new = x' beta + tau new in any setting x; with the
    binomial likelihood gamma (chain, draw, k), with a selection omega (chain, draw, J - 1).

    References
    ----------
    Gelman et al. 2013, Bayesian Data Analysis, section 5.4; Roever 2020, J Stat Softw 93(6), equation 16.
    """
    # A stream of its own, apart from the sampler's, which counts from the same seed.
    rng = np.random.default_rng([seed, 1])
    beta = sample.variables["beta"][..., : plan.p]
    spread = _spread(sample, plan, beta.shape[:2])
    known = 0.0 if model.random_effects == "none" else model.tau_prior.point
    if spread is not None:
        tau = spread[..., 0]
    else:
        tau = sample.variables["tau"] if known is None else np.full(beta.shape[:2], known)
    # Arms that share a control were turned into independent rows; they are turned back at the end.
    rows = plan.rows
    mean = beta @ rows.of(design.matrix).T
    draws = {"beta": beta, "tau": tau} | ({} if spread is None else {"spread": spread})
    if "gamma" in sample.variables:
        draws["gamma"] = sample.variables["gamma"][..., : plan.k]
        if plan.arms is not None:
            draws["gamma"] = draws["gamma"] @ plan.arms[1, : plan.k, : plan.k].T
    if plan.structure.selection is not None:
        sticks = sample.variables.get("stick", np.ones((*tau.shape, 0)))
        draws["omega"] = omega_of(sticks, model, plan.structure.selection)
    e = sample.variables["e"][..., : plan.k] if "e" in sample.variables else rng.standard_normal(mean.shape)
    y, se = plan.table[: plan.k, 0], plan.table[: plan.k, 1]
    of_trials = tau[..., None]
    if spread is not None and plan.heterogeneity is not None:
        of_trials = plan.heterogeneity.tau(spread)
    scale = _scale(sample, plan, model, mean, of_trials, rng)
    variance = se**2 + scale**2
    root = se / np.sqrt(variance)  # sqrt(B); scale = 0 leaves theta = x' beta
    z = scale * (y - mean) / variance + root * e
    draws["theta"] = rows.returned(mean + scale * z)
    draws["new"] = standardised(model, tau.shape, rng)
    return draws


def _spread(sample: Sample, plan: Plan, shape: tuple[int, ...]) -> Array | None:
    """(chain, draw, A) parameters of heterogeneity that differs between trials."""
    description = plan.heterogeneity
    if description is None:
        return None
    found = []
    for j, prior in enumerate((*description.tau_priors, *description.alpha_priors)):
        point = prior.point if isinstance(prior, HeterogeneityPrior) else None
        found.append(sample.variables[f"spread_{j}"] if point is None else np.full(shape, point))
    return np.stack(found, axis=-1)


def _scale(sample: Sample, plan: Plan, model: Model, mean: Array, tau: Array, rng: np.random.Generator) -> Array:
    """(chain, draw, k or 1) standard deviation of the normal that each study effect comes from, or its coordinates."""
    name, parameters = model.random_effects_parts
    if name == "student_t":
        return np.asarray(tau / np.sqrt(sample.variables["precision"][..., : plan.k]))
    if name != "mixture":
        return tau
    outliers, factor = parameters
    if "e" in sample.variables:
        return np.asarray(outlier_unit(outliers, factor) * tau)
    y, se = plan.table[: plan.k, 0], plan.table[: plan.k, 1]
    main, outlying = (marginal_log_likelihood(y, se, mean, c * tau) for c in (1.0, factor))
    odds = outliers / (1.0 - outliers) * np.exp(np.minimum(outlying - main, 700.0))
    return np.asarray(np.where(rng.random(mean.shape) * (1.0 + odds) < odds, factor, 1.0) * tau)
