"""Draws of a model in which baselines tell of each other, in the groups that ArviZ expects."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesmeta.model.model import CONTROL_RISK
from bayesmeta.posterior.arviz import SAMPLE, constant_data, tree
from bayesmeta.posterior.predictive import Variables, replicates
from bayesmeta.priors import Prior
from bayesmeta.types import Array

if TYPE_CHECKING:
    from bayesmeta.nuts.control_risk.posterior import ControlRiskPosterior

BY_STUDY = (*SAMPLE, "study")


def tree_of(posterior: "ControlRiskPosterior", draws: Mapping[str, Array], *, seed: int) -> Any:
    """All groups: posterior, prior, both predictive ones, log_likelihood, log_prior, sample_stats and data.

    The log likelihood has effects and baselines integrated out. Replicated trials keep their own baseline and have the
    effect of a new setting with that control risk; those of the prior have a baseline of their own, too.

    Parameters
    ----------
    posterior : of the draws.
    draws : by chain: beta, tau, theta_new, gamma, theta, and control_risk, baseline_mean, baseline_sd if sampled.
    seed : integer seed of the predictive and prior draws.
    """
    rng = np.random.default_rng(seed)
    mean = draws["beta"] @ posterior.design.matrix.T
    _, _, slope = posterior.baseline_draws()
    at_baseline = mean + slope[..., None] * (draws["gamma"] - posterior.centre)
    priors = _priors(posterior)
    replicated = replicates(posterior, at_baseline, draws["tau"], rng, draws["gamma"])
    groups: dict[str, Variables] = {
        "posterior": _variables(posterior, draws),
        "posterior_predictive": {"y": replicated["y"]},
        "replicated_events": {"events": replicated["events"]},
        "log_likelihood": {"y": (BY_STUDY, posterior.trial_log_likelihood())},
        "log_prior": {
            name: (SAMPLE, prior.log_density(_draws_of(posterior, draws, name)))
            for name, prior in priors.items()
            if prior.proper
        },
        "sample_stats": {name: (SAMPLE, np.asarray(value)) for name, value in posterior.statistics.items()},
        "observed_data": {"y": (("study",), posterior.effects.y)},
        "constant_data": constant_data(posterior),
        **_prior_groups(posterior, priors, draws["tau"].shape, rng),
    }
    return tree(posterior, groups, draws["tau"].shape, seed)


def _priors(posterior: "ControlRiskPosterior") -> dict[str, Prior]:
    """Priors of the top-level parameters that are not known, by name."""
    model = posterior.model
    found: dict[str, Prior] = {name: model.prior_of(name) for name in posterior.design.columns}
    if model.control_risk:
        found[CONTROL_RISK] = model.prior_of(CONTROL_RISK)
    if model.random_effects != "none" and posterior.tau_prior.point is None:
        found["tau"] = posterior.tau_prior
    if model.exchangeable is not None:
        found["baseline_mean"] = model.exchangeable.mean_prior
        if model.exchangeable.sd_prior.point is None:
            found["baseline_sd"] = model.exchangeable.sd_prior
    return found


def _draws_of(posterior: "ControlRiskPosterior", draws: Mapping[str, Array], name: str) -> Array:
    columns = posterior.design.columns
    return np.asarray(draws["beta"][..., columns.index(name)] if name in columns else draws[name])


def _variables(posterior: "ControlRiskPosterior", draws: Mapping[str, Array]) -> Variables:
    variables: Variables = {name: (SAMPLE, _draws_of(posterior, draws, name)) for name in posterior.parameters}
    return variables | {name: (BY_STUDY, draws[name]) for name in ("theta", "gamma")}


def _prior_groups(
    posterior: "ControlRiskPosterior", priors: Mapping[str, Prior], shape: tuple[int, ...], rng: np.random.Generator
) -> dict[str, Variables]:
    """Draws of what has a proper prior; where everything has, also of a new setting and of replicated trials."""
    size = int(np.prod(shape))
    drawn = {name: prior.draws(size, rng).reshape(shape) for name, prior in priors.items() if prior.proper}
    groups: dict[str, Variables] = {}
    if len(drawn) == len(priors):
        beta = np.stack([drawn[name] for name in posterior.design.columns], axis=-1)
        tau = drawn.setdefault("tau", np.full(shape, float(posterior["tau"].median)))
        drawn["theta_new"] = beta @ posterior.design.reference + tau * rng.standard_normal(shape)
        mean = beta @ posterior.design.matrix.T
        m, s, _ = posterior.baseline_draws()
        m, s = drawn.get("baseline_mean", m), drawn.get("baseline_sd", s)  # as drawn, or known
        gamma = m[..., None] + s[..., None] * rng.standard_normal(mean.shape)
        if CONTROL_RISK in drawn:
            mean = mean + drawn[CONTROL_RISK][..., None] * (gamma - posterior.centre)
        groups["prior_predictive"] = {"y": replicates(posterior, mean, tau, rng, gamma)["y"]}
    groups["prior"] = {name: (SAMPLE, value) for name, value in drawn.items()}
    return groups
