"""The posterior of tau on its nodes, with everything that is known at each of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from bayesmeta.exact.given_tau import GivenTau, NormalProblem
from bayesmeta.exact.nodes import TauNodes, tau_nodes
from bayesmeta.priors import HeterogeneityPrior
from bayesmeta.priors.tails import posterior_tail
from bayesmeta.types import Array

NOT_HELD = 1e-6  # of a moment may lie beyond the nodes of tau; with more it is not given


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
    nodes : where the nodes came from; None where tau is known.
    density : p(tau | y), vectorised.
    beyond : shares of tau^0, and of the powers of tau whose expectations exist, that lie beyond the nodes.
    """

    given: GivenTau
    weights: Array
    of_nodes: Array
    log_marginal: float
    tail: float
    nodes: TauNodes | None
    density: Callable[[Array], Array]
    beyond: tuple[float, ...] = (0.0,)

    @property
    def moments(self) -> int:
        """How many moments tau has (0, 1 or 2)."""
        return int(moments_with(self.tail, 0.0))

    def largest(self, outside: float) -> float:
        """The node of tau beyond which only so much probability lies."""
        assert self.nodes is not None
        tail = np.cumsum(self.of_nodes[::-1])[::-1]
        return float(self.nodes.tau[np.flatnonzero(tail > outside)[-1]])

    @property
    def held(self) -> int:
        """How many of them the nodes hold."""
        return moments_held(self.beyond, self.moments)


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
    tail = posterior_tail(prior, len(problem.y), int(np.isinf(problem.prior_scale).sum()))

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
    beyond = _beyond(lambda tau: log_density(tau) - log_marginal, nodes, tail, prior, of_nodes)
    return OverTau(given, weight, of_nodes, log_marginal, tail, nodes, density, beyond)


def _beyond(
    log_density: Callable[[Array], Array], nodes: TauNodes, tail: float, prior: HeterogeneityPrior, mass: Array
) -> tuple[float, ...]:
    """Shares of 1, E[tau], E[tau^2], as far as they exist, beyond the nodes, where a power of tau goes on."""
    last, powers = float(nodes.tau[-1]), np.arange(1 + int(moments_with(tail, 0.0)))
    if not np.isfinite(tail) or float(prior.survival(last) if prior.proper else 1.0) == 0.0:
        return (0.0,) * len(powers)
    # In logs: the density at the last node, and the powers of that node, may be beyond the range of floats.
    log_beyond = float(log_density(np.array([last]))[0]) + (1.0 + powers) * np.log(last) - np.log(tail - 1.0 - powers)
    with np.errstate(divide="ignore"):
        log_inside = np.log(nodes.tau[None] ** powers[:, None] @ mass)
    return tuple(expit(log_beyond - log_inside).tolist())


def moments_held(beyond: tuple[float, ...], existing: int) -> int:
    """How many moments (0, 1 or 2) can be given: of those that exist, the ones of which next to nothing lies beyond.

    Parameters
    ----------
    beyond : shares of 1, E[tau] and E[tau^2] that lie beyond the nodes of tau, the last ones where they exist.
    existing : how many moments exist.

    Examples
    --------
    >>> moments_held((1e-12, 1e-9, 0.8), 2), moments_held((0.0, 0.0, 0.0), 2)
    (1, 2)
    """
    lost = [m for m, share in enumerate(beyond) if m > 0 and not share <= NOT_HELD]
    return min(existing, *(m - 1 for m in lost)) if lost else existing


def moments_with(tail: float, gain: Array | float) -> Array:
    """How many moments (0, 1 or 2) there are where a density falls as x^-(tail + gain).

    Examples
    --------
    >>> moments_with(2.5, np.array([0.0, 1.0, np.inf])).tolist()
    [1, 2, 2]
    """
    power = tail + np.asarray(gain, dtype=float)
    return np.asarray((power > 2.0).astype(int) + (power > 3.0))
