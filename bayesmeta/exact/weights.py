"""A prior of tau on what the likelihood says at the nodes of tau: weights, with which all else is a sum."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bayesmeta.exact.nodes import TauNodes, tau_nodes
from bayesmeta.exact.over_tau import moments_held, moments_with
from bayesmeta.exact.tau_panels import TauPanels
from bayesmeta.priors import HeterogeneityPrior
from bayesmeta.priors.tails import posterior_tail
from bayesmeta.types import Array

BEYOND = 1e-12  # of the posterior mass may lie beyond the nodes of the likelihood


class TauDensity(Protocol):
    """What is asked of a prior of tau here."""

    @property
    def breaks(self) -> tuple[float, ...]:
        """Where the density is not smooth."""
        ...

    def log_density(self, tau: Array, /) -> Array:
        """(T,) to (T,)."""
        ...


@dataclass(frozen=True, eq=False)
class Weights:
    """The posterior of tau.

    Attributes
    ----------
    nodes : (T,) weight of each node of the likelihood: E[f(tau) | y] = sum_t nodes_t f(tau_t). They sum to one; single
        ones may be negative.
    log_marginal : log p(y).
    tail : p(tau | y) falls as tau^-tail; inf where faster than any power.
    fine : nodes of the posterior of tau itself; None where tau is known.
    mass : (F,) posterior probability of the fine nodes.
    density : p(tau | y), vectorised.
    shares : of 1, and of the powers of tau whose expectations exist, beyond the nodes of the likelihood.
    """

    nodes: Array
    log_marginal: float
    tail: float
    fine: TauNodes | None
    mass: Array
    density: Callable[[Array], Array]
    shares: tuple[float, ...] = (0.0,)

    @property
    def beyond(self) -> float:
        """Posterior probability of tau, or share of its highest moment, beyond the nodes of the likelihood."""
        return self.shares[-1]

    @property
    def moments(self) -> int:
        """How many moments tau has (0, 1 or 2)."""
        return int(moments_with(self.tail, 0.0))

    @property
    def held(self) -> int:
        """How many of them the nodes hold."""
        return moments_held(self.shares, self.moments)

    def largest(self, outside: float = 1e-12) -> float:
        """A tau beyond which only so much probability lies."""
        if self.fine is None:
            return 0.0
        tail = np.cumsum(self.mass[::-1])[::-1]
        return float(self.fine.tau[np.flatnonzero(tail > outside)[-1]])

    def reach(self, outside: float) -> float:
        """The same of the moments that exist, which is how `beyond` is counted."""
        if self.fine is None:
            return 0.0
        share = self.mass * np.maximum(self.fine.tau, 1.0) ** self.moments
        tail = np.cumsum(share[::-1])[::-1]
        return float(self.fine.tau[np.flatnonzero(tail > outside * tail[0])[-1]])


def known(log_evidence: float) -> Weights:
    """Tau is not uncertain."""
    return Weights(np.ones(1), log_evidence, np.inf, None, np.ones(1), np.zeros_like)


def weigh(panels: TauPanels, log_evidence: Array, prior: TauDensity, tail: float) -> Weights:
    """Weights of the nodes under a prior.

    log p(y | tau) is interpolated between the nodes, the prior is not: it may be steep, heavy or have jumps.

    Parameters
    ----------
    panels : nodes of the likelihood.
    log_evidence : (T,) log p(y | tau).
    prior : of tau.
    tail : p(tau | y) falls as tau^-tail.

    Returns
    -------
    Weights
    """
    moments = int(moments_with(tail, 0.0))
    last = panels.edges[-1]
    end = panels.interpolation(panels.scale * np.sinh(np.array([last - 0.05, last]))) @ log_evidence
    # Beyond the last node a power of tau goes on, so that the range of tau that matters is found there too.
    slope = min(float(end[1] - end[0]) / 0.05, 0.0)
    offset = float(log_evidence.max())
    between = panels.between(log_evidence - offset)

    def log_likelihood(tau: Array) -> Array:
        return np.asarray(between(tau) + slope * np.maximum(np.arcsinh(tau / panels.scale) - last, 0.0))

    def log_density(tau: Array) -> Array:
        return np.asarray(prior.log_density(tau) + log_likelihood(tau))

    fine = tau_nodes(log_density, panels.scale, prior.breaks, moments)
    place = panels.interpolation(fine.tau)
    beyond = fine.tau > panels.scale * np.sinh(last)
    log_weight = fine.log_weight + log_density(fine.tau)
    largest = float(log_weight.max())
    mass = np.exp(log_weight - largest)
    total = float(mass.sum())
    mass = mass / total
    log_marginal = largest + float(np.log(total))

    def density(tau: Array) -> Array:
        flat = np.atleast_1d(np.asarray(tau, dtype=float)).ravel()
        return np.asarray(np.exp(log_density(flat) - log_marginal).reshape(np.shape(tau)))

    of_powers = [mass * np.maximum(fine.tau, 1.0) ** m for m in range(moments + 1)]
    shares = tuple(float(one[beyond].sum() / one.sum()) for one in of_powers)
    return Weights(mass @ place, log_marginal + offset, tail, fine, mass, density, shares)


def tail_of(prior: HeterogeneityPrior, bounding: int, flat: int) -> float:
    """The power with which p(tau | y) falls, with so many trials that bound their effect, and flat coefficients.

    Raises
    ------
    PriorError : it does not fall fast enough to be a distribution.
    """
    return posterior_tail(prior, bounding, flat, "whose data bound their effect on both sides")
