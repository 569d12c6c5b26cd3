"""Independent draws of a posterior with the logs of its likelihood and of its top-level priors, to be weighted."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesmeta.posterior import Posterior
from bayesmeta.posterior.selected import SelectedPosterior
from bayesmeta.posterior.several_taus import PosteriorOfSeveralTaus
from bayesmeta.priors import EffectPrior, HeterogeneityPrior
from bayesmeta.types import Array


@dataclass(frozen=True, eq=False)
class ScaledDraws:
    """n draws.

    Attributes
    ----------
    values : (n,) of each parameter.
    likelihood : (n,) log likelihood, study effects integrated out.
    coefficients, tau, weights : (n,) log priors of the coefficients, of tau (with alpha), of the weights of a
        selection; 0 where there is no such, or where it is improper.
    """

    values: dict[str, Array]
    likelihood: Array
    coefficients: Array
    tau: Array
    weights: Array


def scaled_draws(given: Posterior, draws: int) -> ScaledDraws:
    """Draw from a posterior.

    Parameters
    ----------
    given : of the exact engine.
    draws : how many.
    """
    sample = given.draws(draws)
    beta = sample["beta"]
    mean, columns = beta @ given.design.matrix.T, given.design.columns
    values = dict(zip(columns, beta.T, strict=True))
    coefficients = _log_prior([(values[name], given.model.prior_of(name)) for name in columns], draws)
    none = np.zeros(draws)
    if isinstance(given, PosteriorOfSeveralTaus):
        more, of_tau, likelihood = _several(given, sample, mean)
        return ScaledDraws(values | more, likelihood, coefficients, of_tau, none)
    tau, model = sample["tau"], given.model
    known = model.random_effects == "none" or model.tau_prior.point is not None
    of_tau = none if known else _log_prior([(tau, given.tau_prior)], draws)
    values |= {"tau": tau, "theta_new": sample["theta_new"]}
    if not isinstance(given, SelectedPosterior):
        return ScaledDraws(values, given.log_likelihood(mean, tau).sum(axis=-1), coefficients, of_tau, none)
    omega, prior = sample["omega"], model.omega_prior
    free = prior.sticks(omega.shape[-1])
    values |= dict(zip(given.selection.names, omega.T, strict=True)) if free else {}
    of_omega = prior.log_density(omega) if free else none
    likelihood = given.log_likelihood_of(mean, tau, omega).sum(axis=-1)
    return ScaledDraws(values, likelihood, coefficients, of_tau, of_omega)


def _several(
    given: PosteriorOfSeveralTaus, sample: dict[str, Array], mean: Array
) -> tuple[dict[str, Array], Array, Array]:
    """Of a model with several taus: its other parameters, the log prior of the heterogeneity, the log likelihood."""
    description, spread = given.heterogeneity, sample["spread"]
    of_taus = [*zip(spread.T, given.tau_priors)]
    of_alpha = [*zip(spread.T[len(of_taus) :], description.alpha_priors)]
    values = dict(zip(description.names, spread.T, strict=True))
    for (row, at), name in zip(given.new_rows, description.new_names, strict=True):
        tau = description.tau(spread, at[None])[:, 0]
        values[name] = sample["beta"] @ row + tau * sample["new"]
    likelihood = given.log_likelihood(mean, description.tau(spread)).sum(axis=-1)
    return values, _log_prior([*of_taus, *of_alpha], len(spread)), likelihood


def _log_prior(
    pairs: list[tuple[Array, EffectPrior]] | list[tuple[Array, HeterogeneityPrior]] | list[Any], n: int
) -> Array:
    """The sum of the log densities of the proper priors whose parameter is not known."""
    found = [prior.log_density(values) for values, prior in pairs if prior.proper and _unknown(prior)]
    return np.asarray(sum(found, np.zeros(n)))


def _unknown(prior: Any) -> bool:
    return getattr(prior, "point", None) is None
