"""The sampled fit: plan, sample, complete; given out through the gate of convergence."""

from collections.abc import Callable
from typing import Any, Unpack

from bayesmeta.effects import Effects, effect_sizes
from bayesmeta.errors import ModelError
from bayesmeta.model import Model, heterogeneity_of
from bayesmeta.nuts.carried import refuse_arms, refuse_model, refuse_settings
from bayesmeta.nuts.complete import complete
from bayesmeta.nuts.control_risk import fit_control_risk
from bayesmeta.nuts.gate import Sampling, converged
from bayesmeta.nuts.moments import moments_of
from bayesmeta.nuts.plan import plan_of
from bayesmeta.nuts.posterior import NutsPosterior
from bayesmeta.nuts.samplers import Sample
from bayesmeta.nuts.selection_posterior import SelectionNutsPosterior
from bayesmeta.nuts.several_taus import NutsPosteriorOfSeveralTaus
from bayesmeta.trials import Trials

# Models that are sampled in a form of their own: who asks for it, and its fit.
OWN_FORMS: tuple[tuple[Callable[[Model], bool], Callable[..., NutsPosterior]], ...] = (
    (lambda model: model.ties_baselines, fit_control_risk),
)


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
    sampling: Sampling = {
        "sampler": sampler, "seed": int(seed), "draws": int(draws), "tune": int(tune), "chains": int(chains),
        "progress": progress,
    }  # fmt: skip
    own_forms = [own_fit for asked_for, own_fit in OWN_FORMS if asked_for(model)]
    return [*own_forms, _fit][0](trials, model, **sampling)


def _fit(trials: Trials, model: Model, **sampling: Unpack[Sampling]) -> NutsPosterior:
    """The fit of every other model."""
    effects = _effects(trials, model)
    design = model.design(trials.select(effects.rows) if effects.dropped else trials)
    heterogeneity = heterogeneity_of(model, trials.select(effects.rows) if effects.dropped else trials)
    refuse_model(model, design.columns, heterogeneity)
    refuse_arms(trials, model, effects, heterogeneity)
    moments = moments_of(trials, model, design, effects, heterogeneity)
    plan = plan_of(trials, model, design, effects, heterogeneity)
    kind: Any = NutsPosterior if plan.structure.selection is None else SelectionNutsPosterior
    if heterogeneity is not None:
        kind = NutsPosteriorOfSeveralTaus.of(heterogeneity)

    def posterior_of(sample: Sample) -> NutsPosterior:
        joint = complete(sample, plan, model, design, sampling["seed"])
        seed, statistics = sampling["seed"], sample.statistics
        made: NutsPosterior = kind(trials, model, design, effects, joint, statistics, moments, seed, diagnostics={})
        return made

    return converged(plan, posterior_of, **sampling)


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
