"""A refusal of what NUTS does not carry: priors that PyMC has no distribution for, and mixtures."""

import numpy as np

from bayesmeta.effects import Effects
from bayesmeta.errors import ModelError, PriorError
from bayesmeta.model import Exchangeable, Heterogeneity, Model
from bayesmeta.model.model import CONTROL_RISK
from bayesmeta.nuts.prior_forms import form_of
from bayesmeta.nuts.samplers import SAMPLERS
from bayesmeta.posterior.several_taus import refuse_arms_apart
from bayesmeta.priors import Mixture, Prior
from bayesmeta.trials import Trials

MOST = 50_000  # tables that a trial with two treated arms may have


def refuse_model(model: Model, columns: tuple[str, ...], heterogeneity: Heterogeneity | None = None) -> None:
    """Refuse a prior that the PyMC model has no form for.

    Parameters
    ----------
    model : what is assumed.
    columns : names of the design's columns.
    heterogeneity : where it differs between trials.

    Raises
    ------
    PriorError
        Naming the prior, and what there is instead.
    """
    if heterogeneity is not None:
        for name, of_tau in zip(heterogeneity.tau_names, heterogeneity.tau_priors, strict=True):
            _refuse_prior(of_tau, name, "half_normal(0.5)")
        for name, of_alpha in zip(heterogeneity.alpha_names, heterogeneity.alpha_priors, strict=True):
            _refuse_prior(of_alpha, name, "normal(0, 1)", only_nuts=True)
    elif model.random_effects != "none":
        _refuse_prior(model.tau_prior, "tau", "half_normal(0.5)", only_nuts=model.ties_baselines)
    # Where tau differs the exact engine takes any prior of mu with levels of counts alone.
    only_nuts = model.ties_baselines or (
        heterogeneity is not None and (model.likelihood == "normal" or not heterogeneity.levels)
    )
    for column in (*columns, CONTROL_RISK) if model.control_risk else columns:
        _refuse_prior(model.prior_of(column), column, "normal(0, 1)", only_nuts=only_nuts)
    if model.exchangeable is not None:
        for prior in (model.exchangeable.mean_prior, model.exchangeable.sd_prior):
            _refuse_prior(prior, "baseline", str(Exchangeable()), only_nuts=True)
    elif model.likelihood == "binomial":
        _refuse_prior(model.baseline_prior, "baseline", "normal(0, 5)", only_nuts=model.ties_baselines)


def refuse_arms(trials: Trials, model: Model, effects: Effects, heterogeneity: Heterogeneity | None = None) -> None:
    """Refuse arms that share a control with what has no form for them.

    Raises
    ------
    ModelError
    """
    if heterogeneity is not None:
        refuse_arms_apart(heterogeneity, effects)
    for positions in effects.shared:
        reason = ""
        if model.random_effects not in ("normal", "none"):
            reason = f"with random effects {model.random_effects} the arms of one trial have no joint distribution here"
        elif model.likelihood != "normal" and not trials.has_counts[effects.rows][list(positions)].all():
            reason = f"the {model.likelihood} likelihood needs the counts of all arms of a trial"
        elif model.likelihood == "binomial" and model.baseline_prior.gaussian is None:
            reason = "its baseline has a normal prior in every engine, such as normal(0, 5)"
        elif model.likelihood != "normal" and len(positions) > 2:
            reason = f"the {model.likelihood} likelihood carries up to two treated arms of one trial"
        elif model.likelihood == "hypergeometric" and np.prod(trials.counts[effects.rows][list(positions), 1]) > MOST:
            reason = "its arms are too large for NUTS, the exact engine carries them (--engine exact)"
        if reason:
            names = " and ".join(effects.studies[row] for row in positions)
            raise ModelError(
                f"{names} share a control arm: {reason}. Fit with --likelihood normal and normal random effects, or"
                " combine the treated arms into one row."
            )


def _refuse_prior(prior: Prior, role: str, offered: str, *, only_nuts: bool = False) -> None:
    if form_of(prior) is None:
        reason = (
            "under a mixture the posterior may have two modes, and NUTS stays in one of them"
            if isinstance(prior, Mixture)
            else "PyMC has no such distribution"
        )
        exact = "" if only_nuts else ", or fit with --engine exact"
        raise PriorError(f"{role} prior {prior}: {reason}. State another, such as {offered}{exact}.")


def refuse_settings(sampler: str, seed: int, draws: int, tune: int, chains: int) -> None:
    """Refuse a sampler that does not exist and settings that are no numbers of draws.

    Raises
    ------
    ModelError
    """
    if sampler not in SAMPLERS:
        raise ModelError(f"sampler {sampler!r}: there is no such. Known: {', '.join(SAMPLERS)}.")
    for name, value, least in (("seed", seed, 0), ("draws", draws, 1), ("tune", tune, 1), ("chains", chains, 1)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ModelError(f"{name} is {value!r}. It must be a whole number, at least {least}.")
