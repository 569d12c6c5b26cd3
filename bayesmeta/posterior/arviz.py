"""Draws as an xarray.DataTree, in the groups and names that ArviZ expects."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesmeta.likelihoods import Evidence, marginal_log_likelihood
from bayesmeta.posterior.predictive import Variables, replicates
from bayesmeta.types import Array

if TYPE_CHECKING:
    from bayesmeta.posterior.posterior import Posterior

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
    observed_data, constant_data. The log likelihood is marginal, l_i(x_i' beta, tau): leaving out a trial means leaving
    out its effect too (Merkle, Furr & Rabe-Hesketh 2019, Psychometrika 84:802). log_prior holds the top-level parameters
    only, so that power-scaling scales priors and not the random effects (Kallioinen et al. 2024, Stat Comput 34:57).
    Replicated trials have the same sizes and an effect of a new setting, for the same reason.

    Parameters
    ----------
    posterior : what the draws are of.
    draws : beta (chain, draw, p), tau (chain, draw), theta (chain, draw, k), theta_new (chain, draw), and with the
        binomial likelihood gamma (chain, draw, k).
    seed : integer seed of the predictive and prior draws.
    sample_stats : the sampler's own statistics, each (chain, draw). Without them (independent draws) the energy is that
        of an ideal sampler: minus the log posterior plus the kinetic energy of a fresh momentum, so that energy plots work.

    Returns
    -------
    xarray.DataTree
    """
    import xarray as xr

    rng = np.random.default_rng(seed)
    beta, tau = draws["beta"], draws["tau"]
    chains, n = tau.shape
    columns, studies = posterior.design.columns, list(posterior.studies_in_model)
    coords = {"chain": np.arange(chains), "draw": np.arange(n), "study": studies}

    def group(variables: Mapping[str, tuple[tuple[str, ...], Array]], **attributes: object) -> Any:
        used = {dim for dims, _ in variables.values() for dim in dims}
        extra = {"arm": ["control", "treated"]} if "arm" in used else {}
        if "column" in used:
            extra["column"] = list(columns)
        kept = {name: value for name, value in (coords | extra).items() if name in used}
        return xr.Dataset(
            {name: (dims, value) for name, (dims, value) in variables.items()}, coords=kept, attrs=dict(attributes)
        )

    parameters = {name: (SAMPLE, beta[..., j]) for j, name in enumerate(columns)}
    parameters |= {"tau": (SAMPLE, tau), "theta_new": (SAMPLE, draws["theta_new"])}
    parameters |= {"theta": ((*SAMPLE, "study"), draws["theta"])}
    if "gamma" in draws:
        parameters["gamma"] = ((*SAMPLE, "study"), draws["gamma"])
    log_prior = _log_prior(posterior, beta, tau)
    mean = beta @ posterior.design.matrix.T
    log_likelihood = marginal_log_likelihood(posterior.model.likelihood, _evidence(posterior))(mean, tau[..., None])
    prior = _prior_draws(posterior, chains, n, rng)
    model = posterior.model
    groups = {
        "posterior": group(
            parameters, engine=posterior.engine, inference_library="bayesmeta", model=str(model.to_dict()), seed=seed
        ),
        "posterior_predictive": group(
            replicates(posterior, mean, tau, rng, draws.get("gamma")),
        ),
        "log_likelihood": group({"y": ((*SAMPLE, "study"), log_likelihood)}),
        "log_prior": group({name: (SAMPLE, value) for name, value in log_prior.items()}),
        "sample_stats": group(
            {name: (SAMPLE, np.asarray(value)) for name, value in sample_stats.items()}
            if sample_stats is not None
            else _ideal_statistics(log_likelihood, log_prior, beta.shape[-1] + 1, rng)
        ),
        "observed_data": group(_observed(posterior)),
        "constant_data": group(
            {
                "X": (("study", "column"), posterior.design.matrix),
                "se": (("study",), posterior.effects.se),
                "observed_effect": (("study",), posterior.effects.y),
            }
        ),
    }
    if prior:
        groups["prior"] = group({name: (SAMPLE, value) for name, value in prior.items()})
        if set(columns) <= set(prior):
            prior_mean = np.stack([prior[name] for name in columns], axis=-1) @ posterior.design.matrix.T
            gamma = _baseline_draws(posterior, prior_mean, rng) if "gamma" in draws else None
            groups["prior_predictive"] = group(replicates(posterior, prior_mean, prior["tau"], rng, gamma))
    return xr.DataTree.from_dict(groups)


def _evidence(posterior: "Posterior") -> Evidence:
    gaussian = posterior.model.baseline_prior.gaussian or (0.0, 5.0)
    counts = posterior.trials.counts[posterior.effects.rows]
    return Evidence(posterior.effects.y, posterior.effects.se, counts, gaussian, posterior.model.baseline_at)


def _observed(posterior: "Posterior") -> Variables:
    observed: Variables = {"y": (("study",), posterior.effects.y)}
    if posterior.model.likelihood == "binomial":
        observed["events"] = (("study", "arm"), posterior.trials.counts[posterior.effects.rows][:, [2, 0]])
    return observed


def _log_prior(posterior: "Posterior", beta: Array, tau: Array) -> dict[str, Array]:
    """Log prior density of each top-level parameter at its draws; flat priors add nothing and are left out."""
    terms = {}
    for j, name in enumerate(posterior.design.columns):
        prior = posterior.model.prior_of(name)
        if prior.proper:
            terms[name] = prior.log_density(beta[..., j])
    if posterior.model.random_effects != "none":
        terms["tau"] = posterior.model.tau_prior.log_density(tau)
    return terms


def _prior_draws(posterior: "Posterior", chains: int, n: int, rng: np.random.Generator) -> dict[str, Array]:
    """Draws of the parameters that have a proper prior."""
    drawn = {}
    for name in posterior.design.columns:
        prior = posterior.model.prior_of(name)
        if prior.proper:
            drawn[name] = prior.draws(chains * n, rng).reshape(chains, n)
    tau = posterior.model.tau_prior
    if posterior.model.random_effects == "none":
        drawn["tau"] = np.zeros((chains, n))
    elif tau.proper:
        drawn["tau"] = tau.draws(chains * n, rng).reshape(chains, n)
    if set(posterior.design.columns) <= set(drawn) and "tau" in drawn:
        mean = np.stack([drawn[name] for name in posterior.design.columns], axis=-1) @ posterior.design.reference
        drawn["theta_new"] = mean + drawn["tau"] * rng.standard_normal((chains, n))
    return drawn


def _baseline_draws(posterior: "Posterior", mean: Array, rng: np.random.Generator) -> Array:
    prior = posterior.model.baseline_prior
    return prior.draws(mean.size, rng).reshape(mean.shape)


def _ideal_statistics(
    log_likelihood: Array, log_prior: Mapping[str, Array], dimension: int, rng: np.random.Generator
) -> dict[str, tuple[tuple[str, ...], Array]]:
    lp = log_likelihood.sum(axis=-1) + sum(log_prior.values(), np.zeros(log_likelihood.shape[:2]))
    kinetic = 0.5 * rng.chisquare(dimension, size=lp.shape)
    return {
        "lp": (SAMPLE, lp),
        "energy": (SAMPLE, kinetic - lp),
        "diverging": (SAMPLE, np.zeros(lp.shape, dtype=bool)),
    }
