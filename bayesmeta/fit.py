"""Fit a model to trials by either engine."""

from collections.abc import Callable
from typing import Any

from bayesmeta.errors import ModelError
from bayesmeta.model import Model
from bayesmeta.posterior import Posterior
from bayesmeta.trials import Trials

SEED = 20230227  # the review's issue of Health Technol Assess, 27 February 2023


def _exact(trials: Trials, model: Model, **_: Any) -> Posterior:
    from bayesmeta.exact import fit_exact

    return fit_exact(trials, model)


def _nuts(trials: Trials, model: Model, **sampling: Any) -> Posterior:
    from bayesmeta.nuts import fit_nuts

    return fit_nuts(trials, model, **sampling)


# Each engine is loaded when it is first asked for: PyMC costs seconds.
ENGINES: dict[str, Callable[..., Posterior]] = {"exact": _exact, "nuts": _nuts}


def fit(
    trials: Trials,
    model: Model | None = None,
    engine: str = "exact",
    *,
    seed: int = SEED,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    sampler: str = "nutpie",
    progress: bool = False,
) -> Posterior:
    """Posterior of a random-effects model given trials.

    p(beta, tau, theta | y) ~ p(beta) p(tau) prod_i p(y_i | theta_i) N(theta_i; x_i' beta, tau^2)

    Parameters
    ----------
    trials : from `read_trials` or `load`.
    model : `Model`; None for the default model, whose likelihood is hypergeometric where any trial has counts and
        normal where all are estimates.
    engine : "exact" (quadrature, no Monte Carlo error) or "nuts" (PyMC; the arguments below are for it).
    seed : integer seed; the same seed gives the same draws.
    draws, tune, chains : draws kept and warm-up draws in each chain, and the number of chains.
    sampler : "nutpie" or "pymc".
    progress : show the sampler's progress on standard error.

    Returns
    -------
    Posterior

    Raises
    ------
    DataError
        A control arm that would be counted twice.
    ModelError, PriorError
        A model that these trials cannot carry.
    ConvergenceError
        NUTS did not converge, after one retry with a higher target_accept.

    References
    ----------
    Higgins, Thompson & Spiegelhalter 2009, J R Stat Soc A 172:137.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> posterior = bm.fit(bm.load("bcg"), bm.Model(tau=bm.HalfNormal(0.5)))
    >>> posterior["mu"].probability(below=0) > 0.99
    True
    """
    if engine not in ENGINES:
        raise ModelError(f"engine {engine!r}: there is no such. Known: {', '.join(ENGINES)}.")
    trials.refuse_shared_controls()
    sampling = {"seed": seed, "draws": draws, "tune": tune, "chains": chains, "sampler": sampler, "progress": progress}
    return ENGINES[engine](trials, (model if model is not None else Model()).for_trials(trials), **sampling)
