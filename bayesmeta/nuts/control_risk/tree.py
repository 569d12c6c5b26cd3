"""Draws of a model in which baselines tell of each other, in the groups that ArviZ expects."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesmeta.posterior.arviz import SAMPLE, assumed_by, constant_data, tree
from bayesmeta.posterior.before_data import prior_groups
from bayesmeta.posterior.predictive import Variables, replicates
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
    assumed = assumed_by(posterior)
    log_prior = assumed.log_prior(lambda name: _draws_of(posterior, draws, name))
    replicated = replicates(posterior, at_baseline, draws["tau"], rng, draws["gamma"])
    groups: dict[str, Variables] = {
        "posterior": _variables(posterior, draws),
        "posterior_predictive": {"y": replicated["y"]},
        "replicated_events": {"events": replicated["events"]},
        "log_likelihood": {"y": (BY_STUDY, posterior.trial_log_likelihood())},
        "log_prior": {name: (SAMPLE, value) for name, value in log_prior.items()},
        "sample_stats": {name: (SAMPLE, np.asarray(value)) for name, value in posterior.statistics.items()},
        "observed_data": {"y": (("study",), posterior.effects.y)},
        "constant_data": constant_data(posterior),
        **prior_groups(assumed, (len(draws["tau"]), draws["tau"].shape[1]), rng),
    }
    return tree(posterior, groups, draws["tau"].shape, seed)


def _draws_of(posterior: "ControlRiskPosterior", draws: Mapping[str, Array], name: str) -> Array:
    columns = posterior.design.columns
    return np.asarray(draws["beta"][..., columns.index(name)] if name in columns else draws[name])


def _variables(posterior: "ControlRiskPosterior", draws: Mapping[str, Array]) -> Variables:
    variables: Variables = {name: (SAMPLE, _draws_of(posterior, draws, name)) for name in posterior.parameters}
    return variables | {name: (BY_STUDY, draws[name]) for name in ("theta", "gamma")}
