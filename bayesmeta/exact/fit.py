"""The exact fit: nodes of tau, conditional Gaussians there, posterior weights."""

import numpy as np

from bayesmeta.effects import effect_sizes
from bayesmeta.errors import ModelError, PriorError
from bayesmeta.exact.given_tau import NormalProblem
from bayesmeta.exact.nodes import tau_nodes
from bayesmeta.exact.posterior import ExactPosterior
from bayesmeta.model import Design, Model
from bayesmeta.priors import HeterogeneityPrior
from bayesmeta.trials import Trials
from bayesmeta.types import Array


def fit_exact(trials: Trials, model: Model) -> ExactPosterior:
    """Posterior of the normal likelihood by quadrature over tau.

    p(tau | y) ~ p(tau) p(y | tau), with p(y | tau) and p(beta | tau, y) in closed form.

    Parameters
    ----------
    trials : the evidence.
    model : likelihood "normal"; random effects "normal" or "none"; any proper prior of tau; normal or flat beta.

    Returns
    -------
    ExactPosterior

    Raises
    ------
    ModelError
        A likelihood that this engine does not carry, or a design that the trials do not determine.
    PriorError
        Priors that leave the posterior improper.

    References
    ----------
    Roever 2020, J Stat Softw 93(6), section 2.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> round(fit_exact(bm.load("crins2014"), bm.Model("normal", mu=bm.Normal(0, 4)))["tau"].median, 3)
    0.345
    """
    if model.likelihood != "normal":
        raise ModelError(
            f"likelihood {model.likelihood!r}: the exact engine has the normal likelihood. Fit with --engine nuts"
            ' (engine="nuts"), or with --likelihood normal.'
        )
    effects = effect_sizes(trials, zero_cells=model.zero_cells)
    design = model.design(trials.select(effects.rows) if effects.dropped else trials)
    problem = NormalProblem(effects.y, effects.se, design.matrix, design.prior_location, design.prior_scale)
    if model.random_effects == "none":
        given = problem.given(np.zeros(1))
        return ExactPosterior(
            trials,
            model,
            design,
            effects,
            problem,
            None,
            np.zeros_like,
            given,
            np.ones(1),
            float(given.log_evidence[0]),
            np.inf,
        )
    prior = model.tau_prior
    tail = _tail(prior, design, len(effects.y))

    def log_density(tau: Array) -> Array:
        return prior.log_density(tau) + problem.given(tau).log_evidence

    nodes = tau_nodes(log_density, float(effects.se.min()), prior.breaks, moments=int(tail > 2.0) + int(tail > 3.0))
    given = problem.given(nodes.tau)
    log_weight = nodes.log_weight + prior.log_density(nodes.tau) + given.log_evidence
    largest = log_weight.max()
    weight = np.exp(log_weight - largest)
    total = weight.sum()
    log_marginal = float(largest + np.log(total))

    def density(tau: Array) -> Array:
        shape = np.shape(tau)
        return np.exp(log_density(np.atleast_1d(tau).ravel()) - log_marginal).reshape(shape)

    return ExactPosterior(
        trials, model, design, effects, problem, nodes, density, given, weight / total, log_marginal, tail
    )


def _tail(prior: HeterogeneityPrior, design: Design, k: int) -> float:
    """The power with which p(tau | y) falls for large tau; refuses a posterior that cannot be normalised.

    p(y | tau) falls as tau^-(k - q) with q flat coefficients, a prior as tau^-a (a infinite for light tails).
    """
    flat = int(np.sum(~np.isfinite(design.prior_scale)))
    if flat and np.linalg.matrix_rank(design.matrix[:, ~np.isfinite(design.prior_scale)]) < flat:
        raise ModelError("A flat prior on coefficients that the trials do not determine: the posterior is improper.")
    tail = prior.tail_exponent + k - flat
    if not tail > 1.0:
        raise PriorError(
            f"tau prior {prior} with {k} trial{'s' if k != 1 else ''} and {flat} flat coefficient{'s' if flat != 1 else ''}:"
            " the posterior is improper. State a proper prior for mu, such as odds_ratio_within(250), or a tau prior with a"
            " lighter tail, such as half_normal(0.5)."
        )
    return tail
