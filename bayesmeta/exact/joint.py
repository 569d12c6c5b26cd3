"""The exact fit of two outcomes: Gaussian given (tau_1, tau_2, rho), which has nodes."""

from bayesmeta.effects import joint_effects
from bayesmeta.errors import ModelError, PriorError
from bayesmeta.exact.joint_given import JointProblem
from bayesmeta.exact.joint_nodes import joint_nodes
from bayesmeta.exact.joint_posterior import ExactJointPosterior
from bayesmeta.model import JointModel
from bayesmeta.posterior.joint import JointPosterior
from bayesmeta.priors import EffectPrior
from bayesmeta.trials import JointTrials


def fit_joint_exact(trials: JointTrials, model: JointModel, finer: float = 1.0) -> JointPosterior:
    """Posterior of two outcomes by quadrature over tau_1, tau_2 and rho.

    p(tau_1, tau_2, rho | y) ~ p(tau_1) p(tau_2) p(rho) p(y | tau_1, tau_2, rho); mu is Gaussian given the three.

    Parameters
    ----------
    trials : the evidence.
    model : likelihood "normal"; normal or flat priors of mu, any of tau and rho.
    finer : factor on the number of nodes, for the self-check.

    Returns
    -------
    ExactJointPosterior

    Raises
    ------
    ModelError : a likelihood that this engine does not carry.
    PriorError : priors that leave the posterior improper, or a prior of mu that is not normal.

    References
    ----------
    van Houwelingen, Arends & Stijnen 2002, Stat Med 21:589, section 3.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> posterior = fit_joint_exact(bm.load("attachment/classification"), bm.JointModel())
    >>> round(posterior["mu[secure]"].median, 3)
    1.085
    """
    if model.likelihood != "normal":
        raise ModelError(
            f"likelihood {model.likelihood!r}: the exact engine has the normal likelihood for joint outcomes. Fit with"
            ' --engine nuts (engine="nuts").'
        )
    effects = joint_effects(trials, zero_cells=model.zero_cells, within=model.within)
    one, other = model.mu_priors
    problem = JointProblem.of(effects, (_gaussian(one), _gaussian(other)))
    first, second = (prior.given(effects.se[effects.reported[:, j], j]) for j, prior in enumerate(model.tau_priors))
    nodes = joint_nodes(problem, (first, second), model.rho_prior, finer)
    return ExactJointPosterior(trials, model, effects, problem, nodes, finer)


def _gaussian(prior: EffectPrior) -> tuple[float, float]:
    if prior.gaussian is None:
        raise PriorError(
            f"mu prior {prior}: the exact engine needs a normal or flat prior for joint outcomes, such as normal(0, 2)."
            " Or fit with --engine nuts."
        )
    return prior.gaussian
