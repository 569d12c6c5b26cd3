"""The fit of a model in which baselines tell of each other: plan, sample, complete; the gate gives it out."""

from collections.abc import Mapping
from typing import Unpack

import numpy as np

from bayesmeta.effects import effect_sizes
from bayesmeta.errors import ModelError
from bayesmeta.model import Model
from bayesmeta.model.model import CONTROL_RISK
from bayesmeta.nuts.carried import refuse_model
from bayesmeta.nuts.control_risk.plan import TiedPlan, independent, tied_plan
from bayesmeta.nuts.control_risk.posterior import ControlRiskPosterior
from bayesmeta.nuts.gate import Sampling, converged
from bayesmeta.nuts.moments import moments_of
from bayesmeta.nuts.samplers import Sample
from bayesmeta.trials import Trials
from bayesmeta.types import Array


def fit_control_risk(trials: Trials, model: Model, **sampling: Unpack[Sampling]) -> ControlRiskPosterior:
    """Posterior of a binomial model with exchangeable baselines, regression on the control risk, or both.

    Parameters
    ----------
    trials : the evidence, counts in every row.
    model : with `exchangeable` baselines or `control_risk`.
    sampling : sampler, seed, draws, tune, chains, progress.

    Returns
    -------
    ControlRiskPosterior

    Raises
    ------
    ModelError, PriorError
        Rows without counts, random effects or priors that this model does not have.
    ConvergenceError
        Not converged after one retry.

    References
    ----------
    Sharp & Thompson 1997, Stat Med 16:2741; Arends et al. 2000, Stat Med 19:3497.
    """
    _refuse_without_counts(trials)
    if model.random_effects_parts[0] not in ("normal", "none"):
        raise ModelError(
            f'exchangeable baselines with random effects {model.random_effects}: state "normal" or "none"'
            " (--random-effects)."
        )
    if model.selection is not None:
        raise ModelError(
            f"selection {model.selection} is for the normal likelihood, without control_risk or exchangeable baselines."
        )
    if model.tau_differs:
        raise ModelError("control_risk and exchangeable baselines go with one tau. Leave out tau_by and scale.")
    trials.refuse_shared_controls()
    effects = effect_sizes(trials, zero_cells="only_zero")
    design = model.design(trials)
    refuse_model(model, design.columns)
    moments = moments_of(trials, _with_plain_baselines(model), design, effects)
    plan = tied_plan(trials.counts, effects.y, effects.se, model, design)

    def posterior_of(sample: Sample) -> ControlRiskPosterior:
        joint = complete(sample, plan, model, design.matrix, sampling["seed"])
        return ControlRiskPosterior(
            trials, model, design, effects, joint, sample.statistics, moments, sampling["seed"], diagnostics={}
        ).centred(plan.centre)

    return converged(plan, posterior_of, **sampling)


def _refuse_without_counts(trials: Trials) -> None:
    if not trials.has_counts.all():
        row = int(np.flatnonzero(~trials.has_counts)[0])
        raise ModelError(
            f"{trials.origin or trials.name}, row {trials.row_numbers[row]} ({trials.studies[row]}): no counts."
            " Exchangeable baselines and control_risk need events and totals of both arms. Leave the row out, or fit"
            " without them."
        )


def _with_plain_baselines(model: Model) -> Model:
    """The same model with independent baselines and no regression, whose requirements are this one's too."""
    tied = model.exchangeable
    return model.but(control_risk=False, baseline=model.baseline if tied is None else tied.mean)


def complete(sample: Sample, plan: TiedPlan, model: Model, matrix: Array, seed: int) -> dict[str, Array]:
    """Joint draws of everything that is reported, spare trials and columns dropped.

    Parameters
    ----------
    sample, plan, model : what was sampled.
    matrix : (k, p) design.
    seed : integer seed of the draws that are added here.

    Returns
    -------
    dict: beta (chain, draw, p), control_risk, tau, baseline_mean, baseline_sd (chain, draw), gamma and theta (chain,
    draw, k), new (chain, draw) standard normal.
    """
    rng = np.random.default_rng([seed, 1])  # apart from the sampler's stream, which counts from the same seed
    p = matrix.shape[1]
    variables = sample.variables
    beta = variables["beta"][..., :p]
    shape = beta.shape[:2]
    known = 0.0 if model.random_effects == "none" else model.tau_prior.point
    tau = variables["tau"] if known is None else np.full(shape, known)
    m, s = _distribution_of_baselines(variables, model, shape)
    slope = variables["beta"][..., p] if model.control_risk else np.zeros(shape)
    g, v, t, w = plan.table[: plan.k, :4].T
    gamma = m[..., None] + s[..., None] * _standardised(g - m[..., None], v, s, variables["u"][..., : len(g)])
    mean = beta @ matrix.T + slope[..., None] * (gamma - plan.centre)
    theta = mean
    if "e" in variables:
        seen = t - gamma if model.baseline_at == "control" else t
        theta = mean + tau[..., None] * _standardised(seen - mean, w, tau, variables["e"][..., : len(g)])
    draws = {"beta": beta, "tau": tau, "gamma": gamma, "theta": theta, "new": rng.standard_normal(shape)}
    if model.exchangeable is not None:
        draws |= {"baseline_mean": m, "baseline_sd": s}
    return draws | ({CONTROL_RISK: slope} if model.control_risk else {})


def _distribution_of_baselines(
    variables: Mapping[str, Array], model: Model, shape: tuple[int, ...]
) -> tuple[Array, Array]:
    """m and s at each draw: sampled, or known."""
    tied = model.exchangeable
    if tied is None:
        m, s = independent(model)
        return np.full(shape, m), np.full(shape, s)
    spread = tied.sd_prior.point
    return variables["baseline_mean"], variables["baseline_sd"] if spread is None else np.full(shape, spread)


def _standardised(residual: Array, se: Array, scale: Array, coordinate: Array) -> Array:
    variance = se**2 + scale[..., None] ** 2
    return np.asarray(scale[..., None] * residual / variance + se / np.sqrt(variance) * coordinate)
