"""Draws of two outcomes as an xarray.DataTree, in the groups and names that ArviZ expects."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from bayesmeta.likelihoods.normal import LOG_2PI
from bayesmeta.types import Array

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

    Groups as in `bayesmeta.posterior.arviz.data_tree`; mu, tau and theta_new have a dimension `outcome`, theta has
    study and outcome. Observed and replicated y have a dimension `estimate`, one for each outcome that a study reports.
    The log likelihood is that of the log odds ratios with study effects integrated out; for the trinomial likelihood
    there is no closed form, and no such group.

    Parameters
    ----------
    posterior : what the draws are of.
    draws : mu and tau (chain, draw, 2), rho (chain, draw), theta (chain, draw, k, 2), theta_new (chain, draw, 2), and
        with the trinomial likelihood gamma (chain, draw, k, 2).
    seed : integer seed of the predictive and prior draws.
    sample_stats : the sampler's own statistics; without them (independent draws) those of an ideal sampler.

    Returns
    -------
    xarray.DataTree
    """
    rng = np.random.default_rng(seed)
    shape = draws["rho"].shape
    log_prior = _log_prior(posterior, draws)
    groups: dict[str, Variables] = {
        "posterior": _parameters(draws),
        "posterior_predictive": {"y": ((*SAMPLE, "estimate"), replicates(posterior, draws, rng))},
        "log_prior": log_prior,
        "observed_data": {"y": (("estimate",), posterior.effects.y[posterior.effects.reported])},
        "constant_data": {
            "se": (("estimate",), posterior.effects.se[posterior.effects.reported]),
            "covariance": (("study",), posterior.effects.covariance),
        },
    }
    if posterior.model.likelihood == "normal":
        groups["log_likelihood"] = {"y": ((*SAMPLE, "study"), log_likelihood(posterior, draws))}
    groups["sample_stats"] = (
        {name: (SAMPLE, np.asarray(value)) for name, value in sample_stats.items()}
        if sample_stats is not None
        else _ideal(groups, rng)
    )
    prior = _prior(posterior, shape, rng)
    if prior is not None:
        groups["prior"] = _parameters(prior)
        if posterior.model.likelihood == "normal":
            groups["prior_predictive"] = {"y": ((*SAMPLE, "estimate"), replicates(posterior, prior, rng))}
    return _tree(posterior, groups, shape, seed)


def _tree(posterior: "JointPosterior", groups: Mapping[str, Variables], shape: tuple[int, ...], seed: int) -> Any:
    """The groups as a DataTree, each variable with the coordinates of its dimensions."""
    import xarray as xr

    reported = np.argwhere(posterior.effects.reported)
    coords = {
        "chain": np.arange(shape[0]),
        "draw": np.arange(shape[1]),
        "study": list(posterior.studies_in_model),
        "outcome": list(posterior.outcomes),
        "estimate": [f"{posterior.studies_in_model[i]}: {posterior.outcomes[j]}" for i, j in reported],
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


def log_likelihood(posterior: "JointPosterior", draws: Mapping[str, Array]) -> Array:
    """log N2(y_i; mu, S_i + T) of each study, or of the one outcome that it reports: (chain, draw, k)."""
    effects = posterior.effects
    tau, rho = draws["tau"][..., None, :], draws["rho"][..., None]
    variance = np.where(effects.reported, effects.se, 1.0) ** 2 + tau**2
    between = np.where(effects.reported.all(axis=1), effects.covariance + rho * tau[..., 0] * tau[..., 1], 0.0)
    away = effects.y - draws["mu"][..., None, :]
    each = np.where(effects.reported, -0.5 * (away**2 / variance + np.log(variance) + LOG_2PI), 0.0)
    alone = each.sum(axis=-1)
    determinant = variance[..., 0] * variance[..., 1] - between**2
    square = (
        away[..., 0] ** 2 * variance[..., 1]
        - 2.0 * away[..., 0] * away[..., 1] * between
        + away[..., 1] ** 2 * variance[..., 0]
    ) / determinant
    together = -0.5 * (square + np.log(determinant)) - LOG_2PI
    return np.where(effects.reported.all(axis=1), together, alone)


def replicates(posterior: "JointPosterior", draws: Mapping[str, Array], rng: np.random.Generator) -> Array:
    """Replicated estimates (chain, draw, estimate).

    Normal: effects of a new setting, and errors with the trial's covariance. Trinomial: counts of both arms at the
    trial's own effects and baselines, which belong together, and their log odds ratios (1/2 added where a cell is 0).
    """
    effects = posterior.effects
    if "gamma" in draws:
        return _replicated_counts(posterior, draws, rng)
    tau, rho, mu = draws["tau"][..., None, :], draws["rho"][..., None], draws["mu"][..., None, :]
    se = np.where(effects.reported, effects.se, 1.0)
    first = se[:, 0] ** 2 + tau[..., 0] ** 2
    second = se[:, 1] ** 2 + tau[..., 1] ** 2
    between = effects.covariance + rho * tau[..., 0] * tau[..., 1]
    noise = rng.standard_normal((2, *first.shape))
    one = mu[..., 0] + np.sqrt(first) * noise[0]
    slope = between / np.sqrt(first)
    other = mu[..., 1] + slope * noise[0] + np.sqrt(np.maximum(second - slope**2, 0.0)) * noise[1]
    return np.stack([one, other], axis=-1)[..., effects.reported]


def _replicated_counts(posterior: "JointPosterior", draws: Mapping[str, Array], rng: np.random.Generator) -> Array:
    effects, trials = posterior.effects, posterior.trials
    counts = trials.counts[effects.rows]
    both = trials.classified[effects.rows]
    events = []
    for side, column in ((0.5, 1), (-0.5, 3)):
        p = expit(draws["gamma"] + side * draws["theta"])
        totals = np.where(np.isnan(counts[:, :, column]), 0.0, counts[:, :, column]).astype(int)
        first = rng.binomial(totals[:, 0], p[..., 0])
        # Of those who are not in the first category; in trials with one outcome the second is drawn by itself.
        given = np.where(both, np.minimum(p[..., 1] / (1.0 - p[..., 0]), 1.0), p[..., 1])
        second = rng.binomial(np.where(both, totals[:, 1] - first, totals[:, 1]), given)
        events.append((np.stack([first, second], axis=-1).astype(float), totals))
    (treated, of_treated), (control, of_control) = events
    cells = np.stack([treated, of_treated - treated, control, of_control - control])
    cells = cells + 0.5 * (cells == 0.0).any(axis=0)
    return np.asarray(np.log(cells[0] * cells[3] / (cells[1] * cells[2]))[..., effects.reported])


def _log_prior(posterior: "JointPosterior", draws: Mapping[str, Array]) -> Variables:
    """Log prior density of each top-level parameter at its draws; flat and point priors are left out."""
    model, found = posterior.model, {}
    for j, outcome in enumerate(posterior.outcomes):
        if model.mu_priors[j].proper:
            found[f"mu[{outcome}]"] = model.mu_priors[j].log_density(draws["mu"][..., j])
        if posterior.tau_priors[j].point is None:
            found[f"tau[{outcome}]"] = posterior.tau_priors[j].log_density(draws["tau"][..., j])
    if model.rho_prior.point is None:
        found["rho"] = model.rho_prior.log_density(draws["rho"])
    return {name: (SAMPLE, value) for name, value in found.items()}


def _prior(posterior: "JointPosterior", shape: tuple[int, ...], rng: np.random.Generator) -> dict[str, Array] | None:
    """Draws of the prior, None where a part of it is improper."""
    model, size = posterior.model, int(np.prod(shape))
    if not all(prior.proper for prior in (*model.mu_priors, *posterior.tau_priors)):
        return None
    mu = np.stack([prior.draws(size, rng).reshape(shape) for prior in model.mu_priors], axis=-1)
    tau = np.stack(
        [
            np.full(shape, prior.point) if prior.point is not None else prior.draws(size, rng).reshape(shape)
            for prior in posterior.tau_priors
        ],
        axis=-1,
    )
    point = model.rho_prior.point
    rho = np.full(shape, point) if point is not None else model.rho_prior.draws(size, rng).reshape(shape)
    noise = rng.standard_normal((2, *shape))
    second = rho * noise[0] + np.sqrt(1.0 - rho**2) * noise[1]
    new = mu + tau * np.stack([noise[0], second], axis=-1)
    return {"mu": mu, "tau": tau, "rho": rho, "theta_new": new}


def _ideal(groups: Mapping[str, Variables], rng: np.random.Generator) -> Variables:
    """Statistics of a sampler that draws independently: see `bayesmeta.posterior.arviz`."""
    parts = [value for _, value in groups["log_prior"].values()]
    lp = groups["log_likelihood"]["y"][1].sum(axis=-1) + sum(parts, np.zeros(()))
    kinetic = 0.5 * rng.chisquare(5, size=lp.shape)
    return {"lp": (SAMPLE, lp), "energy": (SAMPLE, kinetic - lp), "diverging": (SAMPLE, np.zeros(lp.shape, dtype=bool))}
