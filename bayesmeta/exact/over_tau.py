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
    given : what is known at each node, for each part of the prior of the coefficients: C * T entries.
    weights : (C * T,) their posterior probabilities; they sum to one.
    of_nodes : (T,) posterior probability of each node.
    log_marginal : log p(y).
    tail : p(tau | y) falls as tau^-tail; inf where faster than any power.
    beyond : posterior probability of tau beyond the nodes.
    nodes : where the nodes came from; None where tau is known.
    density : p(tau | y), vectorised.
    """

    given: GivenTau
    weights: Array
    of_nodes: Array
    log_marginal: float
    tail: float
    nodes: TauNodes | None
    density: Callable[[Array], Array]
    beyond: float = 0.0

    @property
    def moments(self) -> int:
        """How many moments tau has (0, 1 or 2)."""
        return int(moments_with(self.tail, 0.0))

    def largest(self, outside: float) -> float:
        """The node of tau beyond which only so much probability lies."""
        assert self.nodes is not None
        tail = np.cumsum(self.of_nodes[::-1])[::-1]
        return float(self.nodes.tau[np.flatnonzero(tail > outside)[-1]])


def known_tau(problem: NormalProblem, tau: float) -> OverTau:
    """A model whose tau is known, 0 for a common effect: it is the only node."""
    given = problem.given(np.full(1, tau))
    largest = given.log_evidence.max()
    weight = np.exp(given.log_evidence - largest)
    total = weight.sum()
    return OverTau(given, weight / total, np.ones(1), float(largest + np.log(total)), np.inf, None, np.zeros_like)


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
    tail = _tail(prior, problem)

    def log_density(tau: Array) -> Array:
        log_evidence = problem.given(tau).log_evidence.reshape(problem.components, -1)
        return np.asarray(prior.log_density(tau) + np.logaddexp.reduce(log_evidence, axis=0))

    moments = int(moments_with(tail, 0.0))
    nodes = tau_nodes(log_density, float(problem.se.min()), prior.breaks, moments)
    nodes = nodes.finer if finer else nodes
    given = problem.given(nodes.tau)
    of_prior = nodes.log_weight + prior.log_density(nodes.tau)
    log_weight = np.tile(of_prior, problem.components) + given.log_evidence
    largest = log_weight.max()
    weight = np.exp(log_weight - largest)
    total = weight.sum()
    log_marginal = float(largest + np.log(total))

    def density(tau: Array) -> Array:
        return np.exp(log_density(tau.ravel()) - log_marginal).reshape(tau.shape)

    weight = weight / total
    of_nodes = weight.reshape(problem.components, -1).sum(axis=0)
    beyond = _beyond(density, nodes, tail, prior)
    return OverTau(given, weight, of_nodes, log_marginal, tail, nodes, density, beyond)


def _beyond(density: Callable[[Array], Array], nodes: TauNodes, tail: float, prior: HeterogeneityPrior) -> float:
    """Posterior probability of tau beyond the nodes, where a power of tau goes on; 0 where the prior ends there."""
    last = float(nodes.tau[-1])
    if not np.isfinite(tail) or float(prior.survival(last) if prior.proper else 1.0) == 0.0:
        return 0.0
    with np.errstate(over="ignore", under="ignore"):
        return float(min(density(np.array([last]))[0] * last / (tail - 1.0), 1.0))


def moments_with(tail: float, gain: Array | float) -> Array:
    """How many moments (0, 1 or 2) there are where a density falls as x^-(tail + gain).

    Examples
    --------
    >>> moments_with(2.5, np.array([0.0, 1.0, np.inf])).tolist()
    [1, 2, 2]
    """
    power = tail + np.asarray(gain, dtype=float)
    return np.asarray((power > 2.0).astype(int) + (power > 3.0))


def _tail(prior: HeterogeneityPrior, problem: NormalProblem) -> float:
    """The power with which p(tau | y) falls; refuses a posterior that cannot be normalised.

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
    return tail
