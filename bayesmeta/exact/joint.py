"""The exact fit of two outcomes: Gaussian given (tau_1, tau_2, rho), which has nodes."""

import numpy as np

from bayesmeta.errors import PriorError
from bayesmeta.exact.joint_given import JointProblem
from bayesmeta.exact.joint_nodes import joint_nodes
from bayesmeta.exact.joint_posterior import ExactJointPosterior
from bayesmeta.exact.trinomial_given import TrinomialProblem
from bayesmeta.exact.trinomial_nodes import trinomial_nodes
from bayesmeta.exact.trinomial_posterior import ExactTrinomialPosterior
from bayesmeta.model import JointModel
from bayesmeta.posterior.joint import JointPosterior
from bayesmeta.posterior.joint_before_data import JointAssumed
from bayesmeta.priors import EffectPrior
from bayesmeta.trials import JointTrials


def fit_joint_exact(trials: JointTrials, model: JointModel, finer: float = 1.0) -> JointPosterior:
    """Posterior of two outcomes by quadrature over tau_1, tau_2 and rho.

    p(tau_1, tau_2, rho | y) ~ p(tau_1) p(tau_2) p(rho) p(y | tau_1, tau_2, rho); mu is Gaussian given the three
    under the normal likelihood, and on a lattice at each node under the trinomial one.

    Parameters
    ----------
    trials : the evidence.
    model : either likelihood; normal or flat priors of mu, any of tau and rho.
    finer : factor on the number of nodes, for the self-check.

    Returns
    -------
    ExactJointPosterior

    Raises
    ------
    ModelError : rows without counts (trinomial).
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
    if model.likelihood == "trinomial":
        return _trinomial(trials, model, finer)
    assumed = JointAssumed.of(trials, model)
    effects, (first, second) = assumed.effects, assumed.tau_priors
    one, other = model.mu_priors
    problem = JointProblem.of(effects, (_gaussian(one), _gaussian(other)))
    nodes = joint_nodes(problem, (first, second), model.rho_prior, finer)
    return ExactJointPosterior(trials, model, effects, problem, nodes, finer)


def _trinomial(trials: JointTrials, model: JointModel, finer: float) -> JointPosterior:
    """The same on counts: mu is on a lattice at each node."""
    assumed = JointAssumed.of(trials, model)
    effects, (first, second) = assumed.effects, assumed.tau_priors
    gaussian = model.baseline_prior.gaussian
    if gaussian is None or not np.isfinite(gaussian[1]):
        raise PriorError(
            f"baseline prior {model.baseline_prior}: the trinomial likelihood needs a normal one, such as normal(0, 5)."
        )
    one, other = model.mu_priors
    rough = JointProblem.of(effects, (_gaussian(one), _gaussian(other)))
    both = np.flatnonzero(trials.classified[effects.rows])
    problem = TrinomialProblem(trials, model, effects, rough, both, finer)
    return ExactTrinomialPosterior(problem, trinomial_nodes(problem, (first, second), finer))


def _gaussian(prior: EffectPrior) -> tuple[float, float]:
    if prior.gaussian is None:
        raise PriorError(
            f"mu prior {prior}: the exact engine needs a normal or flat prior for joint outcomes, such as normal(0, 2)."
            " Or fit with --engine nuts."
        )
    return prior.gaussian
