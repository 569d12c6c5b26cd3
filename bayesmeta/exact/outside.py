"""Whether the grids hold the posterior: what lies beyond the nodes of tau, the windows of mu, the nodes of theta."""

import warnings
from collections.abc import Callable

from bayesmeta.errors import BayesmetaWarning, ConvergenceError
from bayesmeta.model import Model
from bayesmeta.posterior import Posterior

OUTSIDE = 1e-8  # of the posterior mass, of a moment, or of log p
# Of the posterior mass, before the engine gives up: by brute sums, a tail that the trials leave open errs by 1e-2 of
# that in probability.
UNRESOLVED = 1e-3
LIGHTER = "State a prior with a lighter tail, such as half_normal(0.5)."
CLOSED = 1e-6  # how far from one the integral of a study effect's density may be

#: Entries of the diagnostics: shares of 1, E[tau] and E[tau^2] beyond the largest tau that is integrated over.
BEYOND = ("beyond_the_nodes", "mean_beyond_the_nodes", "square_beyond_the_nodes")

#: By the entry of the diagnostics that holds the mass: what to say of it.
MESSAGES: dict[str, Callable[[Model, str], str]] = {
    "beyond_the_nodes": lambda model, mass: (
        f"tau prior {model.tau}: {mass} of the posterior mass lies beyond the largest tau that is integrated over."
        f" {LIGHTER}"
    ),
    "mean_beyond_the_nodes": lambda model, mass: (
        f"tau prior {model.tau}: {mass} of the posterior mean of tau lies beyond the largest tau that is integrated"
        f" over, though hardly any probability does: quantiles hold, means and sds that follow tau do not. {LIGHTER}"
    ),
    "square_beyond_the_nodes": lambda model, mass: (
        f"tau prior {model.tau}: {mass} of the posterior expectation of tau^2 lies beyond the largest tau that is"
        " integrated over, though hardly any probability does: quantiles and means hold, sds that follow tau do not."
        f" {LIGHTER}"
    ),
    "beyond_the_windows": lambda model, mass: (
        f"mu prior {model.mu}: {mass} of the posterior mass of the coefficients lies beyond what is integrated over."
        " State a narrower prior, such as odds_ratio_within(250), or fit with --engine nuts."
    ),
    "error_of_the_log_density": lambda model, error: (
        f"random effects {model.random_effects}: the log posterior density of the coefficients is followed to {error}"
        " only: it has a narrow peak and long tails, as where large trials disagree with small ones or a prior is very"
        " wide. Take random effects or priors with lighter tails, or fit with --engine nuts to check."
    ),
    "beyond_the_theta_nodes": lambda model, mass: (
        f"{model.likelihood} likelihood: {mass} of a trial's likelihood lies beyond the effects that are integrated"
        " over. Look at the trials with the largest standard errors; fit with --engine nuts to check."
    ),
}


def warn_of_mass_outside(posterior: Posterior) -> Posterior:
    """The posterior, with a warning where its grids leave out more than 1e-8 of it."""
    of_tau = False  # said once: where probability lies beyond, so does more of every moment
    for entry, message in MESSAGES.items():
        mass = float(posterior.diagnostics.get(entry, 0.0))
        if not mass <= OUTSIDE and not (of_tau and entry in BEYOND):
            warnings.warn(message(posterior.model, f"{mass:.1g}"), BayesmetaWarning, stacklevel=4)
            of_tau = of_tau or entry in BEYOND
    return posterior


def missing_moments(
    names: tuple[str, ...], existing: Callable[[str], int], given: Callable[[str], int]
) -> dict[str, list[str]]:
    """For the diagnostics: which means and sds do not exist, and which do but are not held by the nodes of tau.

    Parameters
    ----------
    names : the parameters.
    existing, given : by the name of a parameter, how many moments (0, 1 or 2) exist and how many are given.
    """
    moments = ("mean", "sd")
    return {
        "moments_that_do_not_exist": [f"{one} of {name}" for name in names for one in moments[existing(name) :]],
        "moments_beyond_the_nodes": [
            f"{one} of {name}" for name in names for one in moments[given(name) : existing(name)]
        ],
    }


def refuse_unresolved(mass: float) -> None:
    """Refuse a posterior of which so much mass is not resolved.

    Raises
    ------
    ConvergenceError : more than 1e-3.
    """
    if not mass <= UNRESOLVED:
        raise ConvergenceError(
            "the posterior of the coefficients is too uneven for the exact engine: the trials leave one of them open on"
            " one side, and its prior or the random effects have heavy tails. State a lighter prior, such as"
            " odds_ratio_within(250) for mu, or fit with --engine nuts."
        )


def warn_of_studies(closure: dict[str, float], model: Model) -> None:
    """A warning where a study effect's density, which theory says integrates to one, does not."""
    study, worst = max(closure.items(), key=lambda item: abs(item[1] - 1.0))
    if not abs(worst - 1.0) <= CLOSED:
        baseline = f" and baselines {model.baseline}" if model.likelihood == "binomial" else ""
        warnings.warn(
            f"effect of {study}, {model.likelihood} likelihood{baseline}: its density integrates to {worst:.7g} and not"
            " to 1, so the nodes of theta do not resolve it. State narrower priors, or fit with --engine nuts.",
            BayesmetaWarning,
            stacklevel=4,
        )
