"""The posterior of (tau_1, tau_2, rho) under the trinomial likelihood: few nodes, placed by the normal one."""

from dataclasses import dataclass

import numpy as np

from bayesmeta.errors import PriorError
from bayesmeta.exact.joint_nodes import (
    JointNodes,
    TauAxis,
    alone,
    analytic_beyond,
    axis_on,
    likely,
    moments_of,
    tau_axis,
)
from bayesmeta.exact.rho_nodes import enough_rho_nodes
from bayesmeta.exact.trinomial_given import (
    LOOK,
    STEP,
    Frames,
    Lattices,
    TrinomialProblem,
    as_mixture,
    box_of,
    evaluate,
)
from bayesmeta.priors import HeterogeneityPrior
from bayesmeta.types import Array, Integers

SIZES = (8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 40, 56, 80)  # nodes of a tau that are tried
INTEGRAL = 1e-7  # error of integrals over tau with them; of polynomials through them it is about the root of that
RHO_SIZES = (6, 8, 10, 12, 14, 18, 24, 32, 42, 56, 76)
RHO_RESOLVED = 1e-4
BEYOND = (1e-9, 1e-8, 1e-7, 1e-6)  # of the mass, as the outcome alone has it: there the nodes of tau end
LARGEST = 10.0  # tau; a heavier tail is cut at the next of the shares
AT_END = 1e-6  # density of u at the last node: above it the nodes go on
FARTHER = 0.5  # of u
ROUNDS = 6
PAIRS = 60.0  # log density below its peak at which a pair of tau is left out, as if the outcomes were independent
LIGHT = 3e-8  # of the heaviest node: lighter ones are looked at once
LEFT_OUT = 3e-6  # of the posterior: the lightest normal components that hold it together
AWAY, TIMES = 2.0, 1.6  # by how much the guess of a lattice may be wrong, in its standard deviations
EDGE = 2e-5  # mass at the edges of the lattices: of a normal density 2e-6
WIDE = 7.5  # reach of lattices where more is there


@dataclass(frozen=True, eq=False)
class TrinomialNodes:
    """What is known after the integration.

    Attributes
    ----------
    nodes : components of (mu_1, mu_2) with the node that each belongs to, as if each were a node of its own.
    lattices : of the nodes that count.
    tau, rho, weight : (2, N), (N,), (N,) of those.
    index : (3, A) places on the axes of all nodes, (A,) log_evidence there.
    log_evidence : of all nodes.
    count : how many nodes there are.
    """

    nodes: JointNodes
    lattices: Lattices
    tau: Array
    rho: Array
    weight: Array
    index: Integers
    log_evidence: Array


def few_tau_nodes(
    problem: TrinomialProblem, j: int, prior: HeterogeneityPrior, finer: float, farther: float
) -> TauAxis:
    """As few nodes as resolve the posterior of one tau with its outcome alone."""
    fine = tau_axis(problem.rough, j, prior, 1.0)
    if prior.point is not None:
        return fine
    moments = moments_of(prior, problem.rough, j)
    log_density, scale = alone(problem.rough, j, prior)
    log_mass = np.nan_to_num(fine.log_prior, neginf=-1e300) + log_density(fine.tau)
    with np.errstate(invalid="ignore"):
        log_mass = np.where(np.isfinite(fine.log_prior), log_mass - prior.log_density(fine.tau), -np.inf)
    mass = np.exp(log_mass - log_mass.max())
    share = np.cumsum(mass) / mass.sum()
    u = np.arcsinh(fine.tau / scale)
    first = int(np.searchsorted(share, BEYOND[0]))
    ends = [float(u[min(int(np.searchsorted(share, 1.0 - beyond)) + 1, len(u) - 1)]) for beyond in BEYOND]
    high = next((end for end in ends if scale * np.sinh(end) <= LARGEST), None)
    if high is None:
        raise PriorError(
            f"tau prior {prior}: with these trials tau may lie above {LARGEST:g}, which the exact engine does not carry"
            " with the trinomial likelihood. State a prior with a lighter tail, such as half_normal(0.5), or fit with"
            ' --engine nuts (engine="nuts").'
        )
    high = min(high + farther, float(np.arcsinh(LARGEST / scale)))
    outside = [point for point in prior.breaks if not np.isfinite(prior.log_density(np.array([1.01 * point])))[0]]
    high = min([high, *(float(np.arcsinh(point / scale)) for point in outside)])
    low = 0.0 if first <= 1 else float(u[first - 1])
    inside = [float(np.arcsinh(point / scale)) for point in prior.breaks]
    edges = np.array([low, *(point for point in sorted(inside) if low < point < high - 1e-9), high])
    wanted = _integrals(axis_on(edges, 200, prior, log_density, scale, moments), log_density)
    for n in SIZES:
        found = _integrals(axis_on(edges, n, prior, log_density, scale, moments), log_density)
        if np.abs(found / wanted - 1.0).max() < INTEGRAL:
            break
    return axis_on(edges, int(np.ceil(finer * n)), prior, log_density, scale, moments)


def _integrals(axis: TauAxis, log_density: object) -> Array:
    """Of the posterior density alone, and of its product with tau^2 / (1 + tau^2)."""
    assert callable(log_density)
    weight = np.exp(axis.log_prior - axis.prior.log_density(axis.tau) + log_density(axis.tau))
    return np.array([weight.sum(), weight @ (axis.tau**2 / (1.0 + axis.tau**2))])


def trinomial_nodes(
    problem: TrinomialProblem, priors: tuple[HeterogeneityPrior, HeterogeneityPrior], finer: float = 1.0
) -> TrinomialNodes:
    """Nodes of (tau_1, tau_2, rho), their posterior weights, and mu at each.

    Parameters
    ----------
    problem : the trials.
    priors : of each tau, standard errors given.
    finer : factor on the number of nodes, for the self-check.

    Raises
    ------
    PriorError : an improper posterior.
    """
    farther = [0.0, 0.0]
    for _ in range(ROUNDS):
        one, other = (few_tau_nodes(problem, j, prior, finer, farther[j]) for j, prior in enumerate(priors))
        found = _on(problem, (one, other), finer)
        short = [_goes_on(axis, mass) for axis, mass in zip((one, other), found.nodes.mass)]
        if not any(short):
            break
        farther = [more + FARTHER * here for more, here in zip(farther, short)]
    return found


def _goes_on(axis: TauAxis, mass: Array) -> bool:
    """Whether there is mass beyond the last node of a tau."""
    if axis.prior.point is not None:
        return False
    with np.errstate(divide="ignore"):
        ends = not np.isfinite(axis.prior.log_density(axis.scale * np.sinh(axis.edges[-1:]) * (1.0 + 1e-9)))[0]
    u = np.arcsinh(axis.tau[-2:] / axis.scale)
    ends |= axis.tau[-1] > 0.95 * LARGEST
    return bool(not ends and mass[-1] / (u[1] - u[0]) > AT_END)


def _on(problem: TrinomialProblem, axes: tuple[TauAxis, TauAxis], finer: float) -> TrinomialNodes:
    rho_axis = enough_rho_nodes(
        problem.model.rho_prior,
        analytic_beyond(problem.rough, axes),
        likely(problem.rough, axes),
        finer,
        RHO_RESOLVED,
        RHO_SIZES,
    )
    one, other = np.nonzero(axes[0].log_alone[:, None] + axes[1].log_alone > -(PAIRS + 4.0 * (finer > 1.0)))
    size = len(rho_axis.rho)
    pairs, places = np.repeat(np.arange(len(one)), size), np.tile(np.arange(size), len(one))
    index = np.stack([one[pairs], other[pairs], places])
    tau = np.stack([axis.tau[place] for axis, place in zip(axes, index)])
    rho = rho_axis.rho[index[2]]
    log_prior = axes[0].log_prior[index[0]] + axes[1].log_prior[index[1]] + np.log(rho_axis.weight[index[2]])
    log_evidence, kept, lattices = _lattices(problem, tau, rho, log_prior)
    log_weight = log_prior + log_evidence
    largest = log_weight.max()
    weight = np.exp(log_weight - largest)
    total = weight.sum()
    weight /= total
    mass = [
        np.bincount(place, weights=weight, minlength=n)
        for place, n in zip(index, (len(axes[0].tau), len(axes[1].tau), size))
    ]
    node, component, given = as_mixture(lattices, weight[kept], LEFT_OUT)
    nodes = JointNodes(
        axes,
        rho_axis,
        (mass[0], mass[1], mass[2]),
        index[:, kept][:, node],
        component,
        given,
        float(largest + np.log(total)),
    )
    return TrinomialNodes(nodes, lattices, tau[:, kept], rho[kept], weight[kept], index, log_evidence)


def _lattices(problem: TrinomialProblem, tau: Array, rho: Array, log_prior: Array) -> tuple[Array, Integers, Lattices]:
    """Log evidence at all nodes, which of them count, and mu there."""
    frames = problem.rough_frames(tau, rho)
    surfaces = problem.surfaces(box_of(frames, tau))
    for _ in range(ROUNDS):
        look = evaluate(problem, surfaces, tau, rho, frames, *LOOK)
        log_weight = log_prior + look.log_evidence
        kept = np.flatnonzero(log_weight > log_weight.max() + np.log(LIGHT))
        moments = look.moments
        away = np.abs(moments.mean - frames.mean) / frames.sd
        ratio = np.abs(np.log(moments.sd / frames.sd))
        frames = moments
        if away[:, kept].max() < AWAY and ratio[:, kept].max() < np.log(TIMES):
            break
    at = tau[:, kept], rho[kept], Frames(frames.mean[:, kept], frames.covariance[:, kept])
    step = STEP[0] / np.sqrt(problem.finer)
    lattices = evaluate(problem, surfaces, *at, step, STEP[1] * problem.finer**0.2, problem.finer)
    weight = np.exp(log_weight[kept] - log_weight.max())
    if weight @ lattices.at_edge > EDGE * weight.sum():
        lattices = evaluate(problem, surfaces, *at, step, WIDE, problem.finer)
    log_evidence = look.log_evidence
    log_evidence[kept] = lattices.log_evidence
    return log_evidence, kept, lattices
