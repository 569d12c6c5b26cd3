"""The posterior of tau on its nodes, with everything that is known at each of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bayesmeta.errors import PriorError
from bayesmeta.exact.given_tau import GivenTau, NormalProblem
from bayesmeta.exact.nodes import TauNodes, tau_nodes
from bayesmeta.priors import HeterogeneityPrior
from bayesmeta.types import Array


@dataclass(frozen=True, eq=False)
class OverTau:
    """p(tau | y) at the nodes.

    Attributes
    ----------
    given : what is known at each node.
    weights : (T,) posterior probability of each node; they sum to one.
    log_marginal : log p(y).
    moments : how many moments tau has (0, 1 or 2).
    nodes : where the nodes came from; None where tau is known.
    density : p(tau | y), vectorised.
    """

    given: GivenTau
    weights: Array
    log_marginal: float
    moments: int
    nodes: TauNodes | None
    density: Callable[[Array], Array]


def known_tau(problem: NormalProblem, tau: float) -> OverTau:
    """A model whose tau is known, 0 for a common effect: it is the only node."""
    given = problem.given(np.full(1, tau))
    return OverTau(given, np.ones(1), float(given.log_evidence[0]), 2, None, np.zeros_like)


def over_tau(problem: NormalProblem, prior: HeterogeneityPrior, *, finer: bool = False) -> OverTau:
    """Nodes of tau and their posterior weights: p(tau | y) ~ p(tau) p(y | tau).

    Parameters
    ----------
    problem : the trials, the design and the priors of its coefficients.
    prior : of tau.
    finer : at more nodes, for the self-check.

    Returns
    -------
    OverTau

    Raises
    ------
    PriorError
        Where p(tau | y) cannot be normalised.
    """
    prior = prior.given(problem.se)
    if prior.point is not None:
        return known_tau(problem, prior.point)
    moments = _moments(prior, problem)

    def log_density(tau: Array) -> Array:
        return prior.log_density(tau) + problem.given(tau).log_evidence

    nodes = tau_nodes(log_density, float(problem.se.min()), prior.breaks, moments)
    nodes = nodes.finer if finer else nodes
    given = problem.given(nodes.tau)
    log_weight = nodes.log_weight + prior.log_density(nodes.tau) + given.log_evidence
    largest = log_weight.max()
    weight = np.exp(log_weight - largest)
    total = weight.sum()
    log_marginal = float(largest + np.log(total))

    def density(tau: Array) -> Array:
        return np.exp(log_density(tau.ravel()) - log_marginal).reshape(tau.shape)

    return OverTau(given, weight / total, log_marginal, moments, nodes, density)


def _moments(prior: HeterogeneityPrior, problem: NormalProblem) -> int:
    """How many moments p(tau | y) has; refuses a posterior that cannot be normalised.

    p(y | tau) falls as tau^-(k - q) with q flat coefficients, a prior as tau^-a (a infinite for light tails), and tau^r
    has an expectation where the sum of both exceeds r + 1.
    """
    k, flat = len(problem.y), int(np.isinf(problem.prior_scale).sum())
    tail = prior.tail_exponent + k - flat
    if not tail > 1.0:
        raise PriorError(
            f"tau prior {prior} with {k} trial{'s' if k != 1 else ''} and {flat} flat coefficient"
            f"{'s' if flat != 1 else ''}: the posterior is improper. State a proper prior for mu, such as"
            " odds_ratio_within(250), or a tau prior with a lighter tail, such as half_normal(0.5)."
        )
    return int(tail > 2.0) + int(tail > 3.0)
