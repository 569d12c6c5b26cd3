"""The posterior of (tau_1, tau_2, rho) on nodes: a product grid from which the corners without mass are left out."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayesmeta.errors import PriorError
from bayesmeta.exact.given_tau import NormalProblem
from bayesmeta.exact.joint_given import JointGiven, JointProblem
from bayesmeta.exact.nodes import gauss_legendre, tau_nodes
from bayesmeta.exact.rho_nodes import RhoNodes, enough_rho_nodes
from bayesmeta.priors import HeterogeneityPrior
from bayesmeta.priors.correlation import CorrelationPrior
from bayesmeta.types import Array, Integers

PANELS = 4  # of each tau, to begin with
NODES = 10  # in each panel, which 16 resolve to 1e-9: sums over them are good to 1e-11
ALONE = 36.0  # log density below its peak at which a pair of tau is left out, as if the outcomes were independent
KEPT = 1e-16  # of the posterior mass: nodes with less are left out afterwards
OUTER = 0.999  # quantile of tau up to which rho is resolved in full
OF_TAU = np.array([0.05, 0.25, 0.5, 0.75, 0.95, 0.999])  # quantiles at which that is tried


@dataclass(frozen=True, eq=False)
class TauAxis:
    """Nodes of one tau, as its outcome alone needs them.

    Attributes
    ----------
    tau, log_prior : (T,) nodes; log of prior density times quadrature weight.
    log_alone : (T,) log of the posterior mass that the outcome alone gives a node, moments of tau included.
    edges : (P + 1,) of the panels, in u = asinh(tau / scale); none where tau is known.
    scale : the unit of u.
    moments : how many moments tau has (0, 1 or 2).
    prior : of tau.
    """

    tau: Array
    log_prior: Array
    log_alone: Array
    edges: Array
    scale: float
    moments: int
    prior: HeterogeneityPrior


@dataclass(frozen=True, eq=False)
class JointNodes:
    """p(tau_1, tau_2, rho | y) on its nodes.

    Attributes
    ----------
    axes, rho_axis : nodes of each parameter.
    mass : posterior mass of each node of each axis.
    index : (3, N) which node of each axis; nodes with next to no mass are left out here.
    weight : (N,) posterior probability; they sum to one.
    given : what is known at each node.
    log_marginal : log p(y).
    """

    axes: tuple[TauAxis, TauAxis]
    rho_axis: RhoNodes
    mass: tuple[Array, Array, Array]
    index: Integers
    weight: Array
    given: JointGiven
    log_marginal: float

    @cached_property
    def tau(self) -> Array:
        """(2, N)"""
        return np.stack([axis.tau[place] for axis, place in zip(self.axes, self.index)])

    @cached_property
    def rho(self) -> Array:
        """(N,)"""
        return np.asarray(self.rho_axis.rho[self.index[2]])


def joint_nodes(
    problem: JointProblem,
    priors: tuple[HeterogeneityPrior, HeterogeneityPrior],
    rho: CorrelationPrior,
    finer: float = 1.0,
) -> JointNodes:
    """Nodes of (tau_1, tau_2, rho) and their posterior weights.

    Parameters
    ----------
    problem : the trials and the priors of mu.
    priors : of each tau, standard errors given.
    rho : prior of the correlation.
    finer : factor on the number of nodes, for the self-check.

    Returns
    -------
    JointNodes

    Raises
    ------
    PriorError : an improper posterior.
    """
    axes = tuple(tau_axis(problem, j, prior, finer) for j, prior in enumerate(priors))
    one, other = np.nonzero(axes[0].log_alone[:, None] + axes[1].log_alone > -(ALONE + 6.0 * (finer > 1.0)))
    rho_axis = enough_rho_nodes(rho, analytic_beyond(problem, axes), likely(problem, axes), finer)
    size = len(rho_axis.rho)
    pairs, places = np.repeat(np.arange(len(one)), size), np.tile(np.arange(size), len(one))
    index = np.stack([one[pairs], other[pairs], places])
    given = problem.given(axes[0].tau[index[0]], axes[1].tau[index[1]], rho_axis.rho[index[2]])
    log_weight = axes[0].log_prior[index[0]] + axes[1].log_prior[index[1]] + given.log_evidence
    largest = log_weight.max()
    weight = np.exp(log_weight - largest) * rho_axis.weight[index[2]]
    total = weight.sum()
    weight /= total
    first, second, third = (
        np.bincount(places, weights=weight, minlength=size)
        for places, size in zip(index, (len(axes[0].tau), len(axes[1].tau), len(rho_axis.rho)))
    )
    # Far nodes of heavy tails count by what they add to the moments of tau.
    reach = sum(
        (axis.tau[places] / max(axis.tau @ mass, 1e-300)) ** axis.moments
        for axis, places, mass in zip(axes, index, (first, second))
    )
    kept = weight * (1.0 + reach) > KEPT
    given = given.at(kept)
    log_marginal = float(largest + np.log(total))
    mass = (first, second, third)
    return JointNodes((axes[0], axes[1]), rho_axis, mass, index[:, kept], weight[kept], given, log_marginal)


def heaviest(weight: Array, left_out: float) -> Integers:
    """Positions of all weights but the lightest ones, which together hold a share of the mass.

    Examples
    --------
    >>> heaviest(np.array([0.5, 0.001, 0.499]), 0.01).tolist()
    [0, 2]
    """
    order = np.argsort(weight)
    return np.sort(order[np.cumsum(weight[order]) > left_out])


def tau_axis(problem: JointProblem, j: int, prior: HeterogeneityPrior, finer: float) -> TauAxis:
    """Nodes that cover and resolve the posterior of one tau, with the trials of its outcome alone."""
    if prior.point is not None:
        return TauAxis(np.array([prior.point]), np.zeros(1), np.zeros(1), np.empty(0), 1.0, 2, prior)
    moments = moments_of(prior, problem, j)
    log_density, scale = alone(problem, j, prior)
    edges = tau_nodes(log_density, scale, prior.breaks, moments, int(np.ceil(finer * PANELS))).edges
    return axis_on(edges, int(np.ceil(finer * NODES)), prior, log_density, scale, moments)


def alone(problem: JointProblem, j: int, prior: HeterogeneityPrior) -> tuple[Callable[[Array], Array], float]:
    """The log posterior density of one tau with the trials of its outcome alone, and the unit of its nodes."""
    seen = problem.reported[:, j]
    y, se = problem.y[seen, j], problem.se[seen, j]
    place = slice(j, j + 1)
    one = NormalProblem(y, se, np.ones((len(y), 1)), problem.prior_location[place], problem.prior_scale[place])

    def log_density(tau: Array) -> Array:
        return prior.log_density(tau) + one.given(tau).log_evidence

    # What both outcomes say together has its singularities at +-i s sqrt(1 - r^2) at least, s and r of a trial.
    correlation = problem.covariance[seen] / np.prod(np.where(problem.reported, problem.se, 1.0), axis=1)[seen]
    return log_density, float((se * np.sqrt(1.0 - correlation**2)).min())


def axis_on(
    edges: Array,
    n: int,
    prior: HeterogeneityPrior,
    log_density: Callable[[Array], Array],
    scale: float,
    moments: int,
) -> TauAxis:
    """n nodes in each of given panels, and what the outcome alone says there."""
    tau, log_weight = panel_nodes(edges, scale, n)
    log_mass = log_weight + log_density(tau)
    with_moments = np.stack([log_mass, log_mass + moments * np.log(tau)])
    with_moments -= with_moments.max(axis=1, keepdims=True)
    log_prior = log_weight + prior.log_density(tau)
    return TauAxis(tau, log_prior, with_moments.max(axis=0), edges, scale, moments, prior)


def panel_nodes(edges: Array, scale: float, n: int) -> tuple[Array, Array]:
    """Gauss-Legendre nodes of tau in panels of u = asinh(tau / scale), with the logs of their weights d tau."""
    x, w, _ = gauss_legendre(n)
    half = 0.5 * np.diff(edges)[:, None]
    u = (edges[:-1, None] + half * (1.0 + x)).ravel()
    log_slope = np.log(scale) + np.logaddexp(u, -u) - np.log(2.0)
    return scale * np.sinh(u), np.log((half * w).ravel()) + log_slope


def moments_of(prior: HeterogeneityPrior, problem: JointProblem, j: int) -> int:
    """How many moments tau_j has; refuses a posterior that cannot be normalised: see `over_tau`."""
    k, flat = int(problem.reported[:, j].sum()), int(np.isinf(problem.prior_scale[j]))
    tail = prior.tail_exponent + k - flat
    if not tail > 1.0:
        raise PriorError(
            f"tau prior {prior} with {k} trial{'s' if k != 1 else ''} of an outcome and {'a flat' if flat else 'this'}"
            " prior of its pooled effect: the posterior is improper. State a proper prior for mu, such as"
            " odds_ratio_within(250), or a tau prior with a lighter tail, such as half_normal(0.5)."
        )
    return int(tail > 2.0) + int(tail > 3.0)


def likely(problem: JointProblem, axes: tuple[TauAxis, ...]) -> Callable[[Array], Array]:
    """The likelihood of rho, as far as a few pairs of tau show it."""
    places = []
    for axis in axes:
        cumulative = np.cumsum(np.exp(axis.log_alone))
        places.append(axis.tau[np.searchsorted(cumulative / cumulative[-1], OF_TAU)])
    one, other = (part.ravel() for part in np.meshgrid(*places))
    pairs = len(one)

    def likelihood(rho: Array) -> Array:
        given = problem.given(np.tile(one, len(rho)), np.tile(other, len(rho)), np.repeat(rho, pairs))
        value = given.log_evidence.reshape(len(rho), pairs)
        return np.asarray(np.exp(value - value.max()).sum(axis=1))

    return likelihood


def analytic_beyond(problem: JointProblem, axes: tuple[TauAxis, ...]) -> float:
    """How far beyond -1 and 1 the likelihood is analytic in rho, at all but the largest tau."""
    if not problem.both.any():
        return 1.0
    terms = []
    for j, axis in enumerate(axes):
        mass = np.exp(axis.log_alone)
        outer = axis.tau[np.searchsorted(np.cumsum(mass) / mass.sum(), OUTER)]
        terms.append(float(problem.se[problem.both, j].min() / max(outer, 1e-100)) ** 2)
    return min(max(0.5 * sum(terms), 1e-6), 1.0)
