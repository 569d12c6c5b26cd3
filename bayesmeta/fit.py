"""Fit a model to trials by either engine."""

from collections.abc import Callable
from typing import Any, overload

from bayesmeta.errors import ModelError
from bayesmeta.model import JointModel, Model
from bayesmeta.posterior import JointPosterior, Posterior
from bayesmeta.trials import JointTrials, Trials

SEED = 20230227  # the review's issue of Health Technol Assess, 27 February 2023


def _exact(trials: Trials, model: Model, accuracy: bool, **_: Any) -> Posterior:
    from bayesmeta.exact import fit_exact, self_checked

    posterior = fit_exact(trials, model)
    return self_checked(posterior) if accuracy else posterior


def _nuts(trials: Trials, model: Model, accuracy: bool, **sampling: Any) -> Posterior:
    _refuse_accuracy(accuracy)
    from bayesmeta.nuts import fit_nuts

    return fit_nuts(trials, model, **sampling)


def _refuse_accuracy(asked: bool) -> None:
    if asked:
        raise ModelError(
            "--accuracy (accuracy=True) is the self-check of the exact engine, which repeats a fit at more nodes. NUTS"
            " has convergence diagnostics in its place: R-hat, effective sample sizes and Monte Carlo errors in the"
            " summary, and bayesmeta.checks.convergence(posterior). Leave it out, or fit with --engine exact."
        )


def _joint_exact(trials: JointTrials, model: JointModel, accuracy: bool, **_: Any) -> JointPosterior:
    from bayesmeta.exact import fit_joint_exact, self_checked

    posterior = fit_joint_exact(trials, model)
    return self_checked(posterior) if accuracy else posterior


def _joint_nuts(trials: JointTrials, model: JointModel, accuracy: bool, **sampling: Any) -> JointPosterior:
    _refuse_accuracy(accuracy)
    from bayesmeta.nuts import fit_joint_nuts

    return fit_joint_nuts(trials, model, **sampling)


# Each engine is loaded when it is first asked for: PyMC costs seconds.
ENGINES: dict[str, Callable[..., Posterior]] = {"exact": _exact, "nuts": _nuts}
JOINT_ENGINES: dict[str, Callable[..., JointPosterior]] = {"exact": _joint_exact, "nuts": _joint_nuts}


@overload
def fit(
    trials: JointTrials,
    model: JointModel | None = ...,
    engine: str = ...,
    *,
    accuracy: bool = ...,
    seed: int = ...,
    draws: int = ...,
    tune: int = ...,
    chains: int = ...,
    sampler: str = ...,
    progress: bool = ...,
) -> JointPosterior: ...
@overload
def fit(
    trials: Trials,
    model: Model | None = ...,
    engine: str = ...,
    *,
    accuracy: bool = ...,
    seed: int = ...,
    draws: int = ...,
    tune: int = ...,
    chains: int = ...,
    sampler: str = ...,
    progress: bool = ...,
) -> Posterior: ...
def fit(
    trials: Trials | JointTrials,
    model: Model | JointModel | None = None,
    engine: str = "exact",
    *,
    accuracy: bool = False,
    seed: int = SEED,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    sampler: str = "nutpie",
    progress: bool = False,
) -> Posterior | JointPosterior:
    """Posterior of a random-effects model given trials.

    p(beta, tau, theta | y) ~ p(beta) p(tau) prod_i p(y_i | theta_i) N(theta_i; x_i' beta, tau^2)

    Parameters
    ----------
    trials : from `read_trials` or `load`; two outcomes at once from `join` or `read_joint`.
    model : `Model`; None for the default model, whose likelihood is hypergeometric where any trial has counts and
        normal where all are estimates. For two outcomes `JointModel`.
    engine : "exact" (quadrature, no Monte Carlo error) or "nuts" (PyMC).
    accuracy : exact engine: repeat the fit at more nodes, store what moves in `diagnostics["accuracy"]`, and warn
        where that is more than 1e-6 of a posterior standard deviation.
    seed, draws, tune, chains, sampler, progress : NUTS: integer seed, draws kept and warm-up draws in each chain,
        number of chains, "nutpie" or "pymc", and whether to show progress on standard error.

    Returns
    -------
    Posterior; JointPosterior for two outcomes.

    Raises
    ------
    DataError : what is no trials; a control arm that rows share and whose variance is not known.
    ModelError, PriorError : a model that these trials cannot carry.
    ConvergenceError : NUTS did not converge, after one retry with a higher target_accept.

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
    sampling = {"seed": seed, "draws": draws, "tune": tune, "chains": chains, "sampler": sampler, "progress": progress}
    if isinstance(trials, JointTrials):
        trials.refuse_shared_controls()
        joint = _of_kind(model, JointModel, "two outcomes")
        return JOINT_ENGINES[engine](trials, joint, accuracy=accuracy, **sampling)
    one = _of_kind(model, Model, "one outcome").for_trials(trials)
    if one.selection is not None:
        trials.refuse_shared_controls()
    return ENGINES[engine](trials, one, accuracy=accuracy, **sampling)


def _of_kind[M: (Model, JointModel)](model: object, kind: type[M], what: str) -> M:
    """The model, or the default one of the kind that these trials take."""
    if model is None:
        return kind()
    if not isinstance(model, kind):
        raise ModelError(f"{what}: expected a {kind.__name__}, not a {type(model).__name__}.")
    return model
