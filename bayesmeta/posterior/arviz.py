"""Draws as an xarray.DataTree, in the groups and names that ArviZ expects."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesmeta.model import Heterogeneity
from bayesmeta.posterior.before_data import Assumed, prior_groups
from bayesmeta.posterior.predictive import Variables, replicates
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
    observed_data, constant_data; what has an improper prior is not in prior, and then there is no prior_predictive: see
    `bayesmeta.posterior.before_data`.
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
    assumed, columns = assumed_by(posterior), posterior.design.columns
    log_prior = assumed.log_prior(lambda name: tau if name == "tau" else beta[..., columns.index(name)])
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
        **prior_groups(assumed, (chains, n), rng),
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
    if posterior.model.selection_parts is not None:
        values["weight"] = list(posterior.model.selection_parts.names)
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


def assumed_by(posterior: "Posterior", heterogeneity: Heterogeneity | None = None) -> Assumed:
    """What draws before the data depend on."""
    return Assumed(posterior.trials, posterior.model, posterior.design, posterior.effects, heterogeneity)


def constant_data(posterior: "Posterior") -> Variables:
    """What is known of the trials: design, standard errors, events and totals."""
    counts = posterior.trials.counts[posterior.effects.rows]
    return {
        "X": (("study", "column"), posterior.design.matrix),
        "se": (("study",), posterior.effects.se),
        "events": (("study", "arm"), counts[:, [2, 0]]),
        "total": (("study", "arm"), counts[:, [3, 1]]),
    }


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

    Groups: those of `data_tree`.

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
    replicated = replicates(posterior, mean, tau, rng, draws.get("gamma"))
    variables: Variables = {name: (SAMPLE, beta[..., j]) for j, name in enumerate(posterior.design.columns)}
    variables |= {name: (SAMPLE, spread[..., j]) for j, name in enumerate(description.names)}
    for name, (row, of_tau) in zip(description.new_names, posterior.new_rows, strict=True):
        variables[name] = (SAMPLE, beta @ row + description.tau(spread, of_tau[None])[..., 0] * draws["new"])
    variables |= {name: ((*SAMPLE, "study"), draws[name]) for name in ("theta", "gamma") if name in draws}
    assumed = assumed_by(posterior, description)
    log_prior = assumed.log_prior(lambda name: variables[name][1])
    log_likelihood = posterior.log_likelihood(mean, tau)
    groups: dict[str, Variables] = {
        "posterior": variables,
        "posterior_predictive": {"y": replicated["y"]},
        "log_likelihood": {"y": ((*SAMPLE, "study"), log_likelihood)},
        "log_prior": {name: (SAMPLE, value) for name, value in log_prior.items()},
        "sample_stats": {name: (SAMPLE, np.asarray(value)) for name, value in sample_stats.items()}
        if sample_stats is not None
        else _ideal_statistics(log_likelihood, log_prior, len(assumed.priors), rng),
        "observed_data": {"y": (("study",), posterior.effects.y)},
        "constant_data": constant_data(posterior),
        **prior_groups(assumed, (shape[0], shape[1]), rng),
    }
    if "events" in replicated:
        groups["replicated_events"] = {"events": replicated["events"]}
    return tree(posterior, groups, (shape[0], shape[1]), seed)
