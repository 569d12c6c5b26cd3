"""The sampled fit: plan, sample, complete, judge; once more with smaller steps, then refuse."""

from typing import Any

from bayesmeta.effects import Effects, effect_sizes
from bayesmeta.errors import ConvergenceError, ModelError
from bayesmeta.model import Design, Model, heterogeneity_of
from bayesmeta.nuts.carried import refuse_arms, refuse_model, refuse_settings
from bayesmeta.nuts.complete import complete
from bayesmeta.nuts.moments import Moments, moments_of
from bayesmeta.nuts.plan import Plan, plan_of
from bayesmeta.nuts.posterior import NutsPosterior
from bayesmeta.nuts.refusal import refusal
from bayesmeta.nuts.samplers import SAMPLERS, Settings, versions
from bayesmeta.nuts.selection_posterior import SelectionNutsPosterior
from bayesmeta.nuts.several_taus import NutsPosteriorOfSeveralTaus
from bayesmeta.posterior.chains import bfmi, shortcomings
from bayesmeta.trials import Trials

TARGET_ACCEPT = 0.95  # measured: docs/decisions/nuts-defaults.md
TARGET_ACCEPT_RETRY = 0.99


def fit_nuts(
    trials: Trials,
    model: Model,
    *,
    seed: int = 20230227,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    sampler: str = "nutpie",
    progress: bool = False,
) -> NutsPosterior:
    """Posterior by the No-U-Turn sampler, given out only if it has converged.

    Study effects are integrated out where the likelihood is normal, and drawn back afterwards; else they are sampled.

    Parameters
    ----------
    trials : the evidence.
    model : any likelihood and random effects; priors that PyMC has too, a fixed tau.
    seed : integer seed; the same seed gives the same draws.
    draws, tune, chains : draws kept and warm-up draws in each chain, and the number of chains.
    sampler : "nutpie" or "pymc".
    progress : show the sampler's progress on standard error.

    Returns
    -------
    NutsPosterior

    Raises
    ------
    ModelError, PriorError : a model that these trials cannot carry, or settings that are no numbers of draws.
    ConvergenceError : not converged after one retry at target_accept 0.99.

    References
    ----------
    Hoffman & Gelman 2014, J Mach Learn Res 15:1593; Vehtari et al. 2021, Bayesian Analysis 16:667 (limits).

    Examples
    --------
    >>> import bayesmeta as bm
    >>> posterior = fit_nuts(bm.load("crins2014"), bm.Model("normal"))  # doctest: +SKIP
    >>> posterior.summary().loc["mu", "rhat"] < 1.01  # doctest: +SKIP
    True
    """
    refuse_settings(sampler, seed, draws, tune, chains)
    model = model.for_trials(trials)
    effects = _effects(trials, model)
    design = model.design(trials.select(effects.rows) if effects.dropped else trials)
    heterogeneity = heterogeneity_of(model, trials.select(effects.rows) if effects.dropped else trials)
    refuse_model(model, design.columns, heterogeneity)
    refuse_arms(trials, model, effects, heterogeneity)
    moments = moments_of(trials, model, design, effects, heterogeneity)
    plan = plan_of(trials, model, design, effects, heterogeneity)
    found: list[str] = []
    for target_accept in (TARGET_ACCEPT, TARGET_ACCEPT_RETRY):
        settings = Settings(int(seed), int(draws), int(tune), int(chains), target_accept, progress)
        posterior, found = _attempt(trials, model, design, effects, moments, plan, settings, sampler, found)
        if not found:
            return posterior
    raise ConvergenceError(refusal(found, posterior, settings.draws))


def _effects(trials: Trials, model: Model) -> Effects:
    """Observed effects; likelihoods of counts keep every trial, whatever the rule for zeros."""
    if model.likelihood == "normal":
        return effect_sizes(trials, zero_cells=model.zero_cells)
    if not trials.has_counts.any():
        raise ModelError(
            f"{trials.origin or trials.name}: no row has counts, which the {model.likelihood} likelihood reads. Fit"
            " with --likelihood normal, which takes estimates."
        )
    return effect_sizes(trials, zero_cells="only_zero")


def _attempt(
    trials: Trials,
    model: Model,
    design: Design,
    effects: Effects,
    moments: Moments,
    plan: Plan,
    settings: Settings,
    sampler: str,
    first: list[str],
) -> tuple[NutsPosterior, list[str]]:
    """Sample once: the posterior, and what the limits find wrong with it."""
    sample = SAMPLERS[sampler](plan, settings)
    draws = complete(sample, plan, model, design, settings.seed)
    divergences = int(sample.statistics["diverging"].sum())
    bfmi_of_chains = bfmi(sample.statistics["energy"])
    kind: Any = NutsPosterior if plan.structure.selection is None else SelectionNutsPosterior
    if plan.heterogeneity is not None:
        kind = NutsPosteriorOfSeveralTaus.of(plan.heterogeneity)
    posterior = kind(trials, model, design, effects, draws, sample.statistics, moments, settings.seed, diagnostics={})
    table = posterior.chain_statistics
    posterior.diagnostics = {
        "sampler": sampler,
        "versions": versions(sampler),
        "seed": settings.seed,
        "chains": settings.chains,
        "draws": settings.draws,
        "tune": settings.tune,
        "target_accept": settings.target_accept,
        "retried_because": first,
        "divergences": divergences,
        "max_rhat": float(table["rhat"].max()),
        "min_ess_bulk": float(table["ess_bulk"].min()),
        "min_ess_tail": float(table["ess_tail"].min()),
        "bfmi": bfmi_of_chains.tolist(),
    }
    return posterior, shortcomings(table, divergences, bfmi_of_chains)
