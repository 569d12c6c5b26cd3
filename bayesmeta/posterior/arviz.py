"""Draws as an xarray.DataTree, in the groups and names that ArviZ expects."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesmeta.posterior.predictive import Variables, replicates
from bayesmeta.priors import Prior
from bayesmeta.types import Array

if TYPE_CHECKING:
    from bayesmeta.posterior.posterior import Posterior
    from bayesmeta.posterior.several_taus import PosteriorOfSeveralTaus

SAMPLE = ("chain", "draw")


def data_tree(
    posterior: "Posterior",
    draws: Mapping[str, Array],
    *,
    seed: int,
    sample_stats: Mapping[str, Array] | None = None,
) -> Any:
    """Joint draws of either engine as an xarray.DataTree.

    Groups: posterior, prior, posterior_predictive, prior_predictive, log_likelihood, log_prior, sample_stats,
    observed_data, constant_data; what has an improper prior is not in prior, and then there is no prior_predictive.
    The log likelihood is marginal, l_i(x_i' beta, tau): leaving out a trial means leaving out its effect too (Merkle,
    Furr & Rabe-Hesketh 2019, Psychometrika 84:802). log_prior holds the top-level parameters only, so that
    power-scaling scales priors and not the random effects (Kallioinen et al. 2024, Stat Comput 34:57). Replicated
    trials have the same sizes and an effect of a new setting, for the same reason; where their events are drawn and not
    only the log odds ratio, these stand in a group of their own, replicated_events (observed ones: constant_data).

    Parameters
    ----------
    posterior : what the draws are of.
    draws : beta (chain, draw, p), tau (chain, draw), theta (chain, draw, k), theta_new (chain, draw), and with the
        binomial likelihood gamma (chain, draw, k).
    seed : integer seed of the predictive and prior draws.
    sample_stats : the sampler's own statistics, each (chain, draw). Without them (independent draws) the energy is that
        of an ideal sampler, minus the log posterior plus the kinetic energy of a fresh momentum: energy plots work.

    Returns
    -------
    xarray.DataTree
    """
    rng = np.random.default_rng(seed)
    beta, tau = draws["beta"], draws["tau"]
    chains, n = tau.shape
    mean = beta @ posterior.design.matrix.T
    log_prior = log_prior_of(posterior, beta, tau)
    log_likelihood = posterior.log_likelihood(mean, tau)
    replicated = replicates(posterior, mean, tau, rng, draws.get("gamma"))
    groups: dict[str, Variables] = {
        "posterior": _parameters(posterior, draws),
        "posterior_predictive": {"y": replicated["y"]},
        "log_likelihood": {"y": ((*SAMPLE, "study"), log_likelihood)},
        "log_prior": {name: (SAMPLE, value) for name, value in log_prior.items()},
        "sample_stats": {name: (SAMPLE, np.asarray(value)) for name, value in sample_stats.items()}
        if sample_stats is not None
        else _ideal_statistics(log_likelihood, log_prior, beta.shape[-1] + 1, rng),
        # One variable of one name in each group: ArviZ pairs data, replicates and likelihoods by it.
        "observed_data": {"y": (("study",), posterior.effects.y)},
        "constant_data": constant_data(posterior),
        **_prior_groups(posterior, (chains, n), rng, with_baselines="gamma" in draws),
    }
    if "events" in replicated:
        groups["replicated_events"] = {"events": replicated["events"]}
    return tree(posterior, groups, (chains, n), seed)


def tree(posterior: "Posterior", groups: Mapping[str, Variables], shape: tuple[int, int], seed: int) -> Any:
    """The groups as a DataTree, each variable with the coordinates of its dimensions."""
    import xarray as xr

    values = {
        "chain": np.arange(shape[0]),
        "draw": np.arange(shape[1]),
        "study": list(posterior.studies_in_model),
        "column": list(posterior.design.columns),
        "arm": ["control", "treated"],
    }
    attributes = {
        "engine": posterior.engine,
        "inference_library": "bayesmeta",
        "model": str(posterior.model.to_dict()),
        "seed": seed,
    }
    sets = {}
    for group, variables in groups.items():
        dims = {dim for names, _ in variables.values() for dim in names}
        coords = {dim: value for dim, value in values.items() if dim in dims}
        sets[group] = xr.Dataset(variables, coords=coords, attrs=attributes if group == "posterior" else {})
    return xr.DataTree.from_dict(sets)


def _parameters(posterior: "Posterior", draws: Mapping[str, Array]) -> Variables:
    variables: Variables = {name: (SAMPLE, draws["beta"][..., j]) for j, name in enumerate(posterior.design.columns)}
    variables |= {name: (SAMPLE, draws[name]) for name in ("tau", "theta_new")}
    return variables | {name: ((*SAMPLE, "study"), draws[name]) for name in ("theta", "gamma") if name in draws}


def _prior_groups(
    posterior: "Posterior", shape: tuple[int, int], rng: np.random.Generator, *, with_baselines: bool
) -> dict[str, Variables]:
    """Draws of what has a proper prior; where everything has, also of a new setting and of replicated trials."""
    columns, model = posterior.design.columns, posterior.model
    priors: dict[str, Prior] = {name: model.prior_of(name) for name in columns}
    if model.random_effects != "none":
        priors["tau"] = posterior.tau_prior
    size = shape[0] * shape[1]
    drawn = {name: prior.draws(size, rng).reshape(shape) for name, prior in priors.items() if prior.proper}
    if model.random_effects == "none":
        drawn["tau"] = np.zeros(shape)
    groups: dict[str, Variables] = {}
    if all(prior.proper for prior in priors.values()):
        beta, tau = np.stack([drawn[name] for name in columns], axis=-1), drawn["tau"]
        drawn["theta_new"] = beta @ posterior.design.reference + tau * rng.standard_normal(shape)
        mean = beta @ posterior.design.matrix.T
        gamma = model.baseline_prior.draws(mean.size, rng).reshape(mean.shape) if with_baselines else None
        groups["prior_predictive"] = {"y": replicates(posterior, mean, tau, rng, gamma)["y"]}
    if drawn:
        groups["prior"] = {name: (SAMPLE, value) for name, value in drawn.items()}
    return groups


def constant_data(posterior: "Posterior") -> Variables:
    """What is known of the trials: design, standard errors, events and totals."""
    counts = posterior.trials.counts[posterior.effects.rows]
    return {
        "X": (("study", "column"), posterior.design.matrix),
        "se": (("study",), posterior.effects.se),
        "events": (("study", "arm"), counts[:, [2, 0]]),
        "total": (("study", "arm"), counts[:, [3, 1]]),
    }


def log_prior_of(posterior: "Posterior", beta: Array, tau: Array) -> dict[str, Array]:
    """Log prior density of each top-level parameter at its draws; flat priors add nothing and are left out."""
    terms = {}
    for j, name in enumerate(posterior.design.columns):
        prior = posterior.model.prior_of(name)
        if prior.proper:
            terms[name] = prior.log_density(beta[..., j])
    if posterior.model.random_effects != "none" and posterior.tau_prior.point is None:
        terms["tau"] = posterior.tau_prior.log_density(tau)
    return terms


def _ideal_statistics(
    log_likelihood: Array, log_prior: Mapping[str, Array], dimension: int, rng: np.random.Generator
) -> Variables:
    lp = log_likelihood.sum(axis=-1) + sum(log_prior.values(), np.zeros(log_likelihood.shape[:2]))
    kinetic = 0.5 * rng.chisquare(dimension, size=lp.shape)
    return {
        "lp": (SAMPLE, lp),
        "energy": (SAMPLE, kinetic - lp),
        "diverging": (SAMPLE, np.zeros(lp.shape, dtype=bool)),
    }


def several_taus_tree(
    posterior: "PosteriorOfSeveralTaus",
    draws: Mapping[str, Array],
    *,
    seed: int,
    sample_stats: Mapping[str, Array] | None = None,
) -> Any:
    """The same where heterogeneity differs between trials: each of its parameters by its name.

    Groups: posterior, prior, posterior_predictive (log odds ratios), log_likelihood, log_prior, sample_stats,
    observed_data, constant_data.

    Parameters
    ----------
    posterior : what the draws are of.
    draws : beta (chain, draw, p), spread (chain, draw, A) the parameters of the heterogeneity, theta (chain, draw, k),
        new (chain, draw), and with the binomial likelihood gamma (chain, draw, k).
    seed, sample_stats : as in `data_tree`.
    """
    rng = np.random.default_rng(seed)
    description, beta, spread = posterior.heterogeneity, draws["beta"], draws["spread"]
    shape = spread.shape[:2]
    tau = description.tau(spread)
    mean = beta @ posterior.design.matrix.T
    rows = posterior.independent
    replicated = mean + rows.returned(np.sqrt(rows.se**2 + tau**2) * rng.standard_normal(mean.shape))
    variables: Variables = {name: (SAMPLE, beta[..., j]) for j, name in enumerate(posterior.design.columns)}
    variables |= {name: (SAMPLE, spread[..., j]) for j, name in enumerate(description.names)}
    for name, (row, of_tau) in zip(description.new_names, posterior.new_rows, strict=True):
        variables[name] = (SAMPLE, beta @ row + description.tau(spread, of_tau[None])[..., 0] * draws["new"])
    variables |= {name: ((*SAMPLE, "study"), draws[name]) for name in ("theta", "gamma") if name in draws}
    priors: dict[str, Prior] = {name: posterior.model.prior_of(name) for name in posterior.design.columns}
    priors |= dict(zip(description.names, (*posterior.tau_priors, *description.alpha_priors), strict=True))
    log_prior = {name: priors[name].log_density(variables[name][1]) for name in priors if priors[name].proper}
    log_likelihood = posterior.log_likelihood(mean, tau)
    size = shape[0] * shape[1]
    groups: dict[str, Variables] = {
        "posterior": variables,
        "posterior_predictive": {"y": ((*SAMPLE, "study"), replicated)},
        "log_likelihood": {"y": ((*SAMPLE, "study"), log_likelihood)},
        "log_prior": {name: (SAMPLE, value) for name, value in log_prior.items()},
        "sample_stats": {name: (SAMPLE, np.asarray(value)) for name, value in sample_stats.items()}
        if sample_stats is not None
        else _ideal_statistics(log_likelihood, log_prior, len(priors), rng),
        "observed_data": {"y": (("study",), posterior.effects.y)},
        "constant_data": constant_data(posterior),
        "prior": {name: (SAMPLE, one.draws(size, rng).reshape(shape)) for name, one in priors.items() if one.proper},
    }
    return tree(posterior, groups, (shape[0], shape[1]), seed)
