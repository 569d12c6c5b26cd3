"""Draws of two outcomes as an xarray.DataTree, in the groups and names that ArviZ expects."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesmeta.posterior.joint_before_data import joint_prior_draws
from bayesmeta.posterior.joint_likelihood import log_likelihood
from bayesmeta.posterior.joint_predictive import observed_people, prior_replicates, replicates
from bayesmeta.types import Array, Booleans

if TYPE_CHECKING:
    from bayesmeta.posterior.joint import JointPosterior

SAMPLE = ("chain", "draw")
Variables = dict[str, tuple[tuple[str, ...], Array]]


def joint_tree(
    posterior: "JointPosterior",
    draws: Mapping[str, Array],
    *,
    seed: int,
    sample_stats: Mapping[str, Array] | None = None,
) -> Any:
    """Joint draws of either engine as an xarray.DataTree.

    Groups as in `bayesmeta.posterior.arviz.data_tree`: posterior, prior, posterior_predictive, prior_predictive,
    log_likelihood, log_prior, sample_stats, observed_data, constant_data; where a prior is improper, what it is of is
    not in prior, and there is no prior_predictive. mu, tau and theta_new have a dimension `outcome`, theta has study
    and outcome. Observed and replicated y have a dimension `estimate`, one for each outcome that a study reports. With
    the trinomial likelihood people are observed and replicated too: dimension `cell`, one for each category that a
    study reports of an arm. The log likelihood is that of a study with its effects integrated out, log_prior holds the
    top-level parameters, and replicated trials have effects of a new setting.

    Parameters
    ----------
    posterior : what the draws are of.
    draws : mu and tau (chain, draw, 2), rho (chain, draw), theta (chain, draw, k, 2), theta_new (chain, draw, 2), and
        with the trinomial likelihood gamma (chain, draw, k, 2), without which no people are replicated.
    seed : integer seed of the predictive and prior draws.
    sample_stats : the sampler's own statistics; without them (independent draws) those of an ideal sampler.

    Returns
    -------
    xarray.DataTree
    """
    rng = np.random.default_rng(seed)
    effects = posterior.effects
    groups: dict[str, Variables] = {
        "posterior": _parameters(draws),
        "posterior_predictive": _replicated(posterior, replicates(posterior, draws, rng)),
        "log_likelihood": {"y": ((*SAMPLE, "study"), log_likelihood(posterior, draws))},
        "log_prior": _log_prior(posterior, draws),
        "observed_data": {"y": (("estimate",), effects.y[effects.reported])},
        "constant_data": {
            "se": (("estimate",), effects.se[effects.reported]),
            "covariance": (("study",), effects.covariance),
        },
    }
    if posterior.model.likelihood == "trinomial":
        counts = posterior.trials.counts[effects.rows]
        totals = np.repeat(np.nanmax(counts[:, :, [1, 3]], axis=1)[:, :, None], 3, axis=2)
        groups["observed_data"]["people"] = ("cell",), observed_people(posterior)[_cells(posterior)]
        groups["constant_data"]["total"] = ("cell",), totals[_cells(posterior)]
    groups["sample_stats"] = (
        {name: (SAMPLE, np.asarray(value)) for name, value in sample_stats.items()}
        if sample_stats is not None
        else _ideal(groups, rng)
    )
    prior = joint_prior_draws(posterior.assumed, draws["rho"].shape, rng)
    groups["prior"] = _parameters(prior)
    if "theta_new" in prior:
        groups["prior_predictive"] = _replicated(posterior, prior_replicates(posterior.assumed, prior, rng))
    return _tree(posterior, groups, draws["rho"].shape, seed)


def _replicated(posterior: "JointPosterior", found: Mapping[str, Array]) -> Variables:
    """Replicated estimates, and people where they are drawn, by the cells that studies report."""
    variables: Variables = {"y": ((*SAMPLE, "estimate"), found["y"])}
    if "people" in found:
        variables["people"] = (*SAMPLE, "cell"), found["people"][..., _cells(posterior)]
    return variables


def _cells(posterior: "JointPosterior") -> Booleans:
    """(k, arm, category) whether a study reports a category."""
    return np.asarray(~np.isnan(observed_people(posterior)))


def _tree(posterior: "JointPosterior", groups: Mapping[str, Variables], shape: tuple[int, ...], seed: int) -> Any:
    """The groups as a DataTree, each variable with the coordinates of its dimensions."""
    import xarray as xr

    reported = np.argwhere(posterior.effects.reported)
    studies, arms = posterior.studies_in_model, ("treated", "control")
    categories = posterior.trials.category_names
    coords = {
        "chain": np.arange(shape[0]),
        "draw": np.arange(shape[1]),
        "study": list(studies),
        "outcome": list(posterior.outcomes),
        "estimate": [f"{studies[i]}: {posterior.outcomes[j]}" for i, j in reported],
        "cell": [f"{studies[i]}, {arms[arm]}: {categories[c]}" for i, arm, c in np.argwhere(_cells(posterior))],
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
        here = {dim: value for dim, value in coords.items() if dim in dims}
        sets[group] = xr.Dataset(variables, coords=here, attrs=attributes if group == "posterior" else {})
    return xr.DataTree.from_dict(sets)


def _parameters(draws: Mapping[str, Array]) -> Variables:
    dims = {
        "mu": ("outcome",),
        "tau": ("outcome",),
        "rho": (),
        "theta": ("study", "outcome"),
        "theta_new": ("outcome",),
        "gamma": ("study", "outcome"),
    }
    return {name: ((*SAMPLE, *names), draws[name]) for name, names in dims.items() if name in draws}


def _log_prior(posterior: "JointPosterior", draws: Mapping[str, Array]) -> Variables:
    """Log prior density of each top-level parameter at its draws; flat and point priors add nothing."""
    model = posterior.model
    found: Variables = {}
    free = {
        "mu": [prior.proper for prior in model.mu_priors],
        "tau": [prior.point is None for prior in posterior.tau_priors],
    }
    for name, priors in (("mu", model.mu_priors), ("tau", posterior.tau_priors)):
        counted = free[name]
        terms = [
            prior.log_density(draws[name][..., j]) if counts else np.zeros(draws["rho"].shape)
            for j, (prior, counts) in enumerate(zip(priors, counted))
        ]
        if any(counted):
            found[name] = (*SAMPLE, "outcome"), np.stack(terms, axis=-1)
    if model.rho_prior.point is None:
        found["rho"] = SAMPLE, model.rho_prior.log_density(draws["rho"])
    return found


def _ideal(groups: Mapping[str, Variables], rng: np.random.Generator) -> Variables:
    """Statistics of a sampler that draws independently: see `bayesmeta.posterior.arviz`."""
    lp = groups["log_likelihood"]["y"][1].sum(axis=-1)
    for dims, value in groups["log_prior"].values():
        lp = lp + (value.sum(axis=-1) if "outcome" in dims else value)
    kinetic = 0.5 * rng.chisquare(5, size=lp.shape)
    return {"lp": (SAMPLE, lp), "energy": (SAMPLE, kinetic - lp), "diverging": (SAMPLE, np.zeros(lp.shape, dtype=bool))}
