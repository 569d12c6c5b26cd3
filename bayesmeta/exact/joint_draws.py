"""Independent draws of (tau_1, tau_2, rho) from their posterior: a histogram over the nodes, corrected by rejection."""

import numpy as np

from bayesmeta.exact.joint_given import JointProblem
from bayesmeta.exact.joint_nodes import JointNodes, TauAxis
from bayesmeta.exact.nodes import gauss_legendre
from bayesmeta.types import Array

PROPOSALS = 3  # for each draw, at first
ROUNDS = 60


def draw_nodes(problem: JointProblem, nodes: JointNodes, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draws of tau (2, n) and rho (n,).

    A proposal is a node by its weight, then a uniform place in the node's cell (in u_1, u_2, x); it is kept with
    probability proportional to the posterior density over that of the proposal, which is the weight over the volume.

    References
    ----------
    Devroye 1986, Non-Uniform Random Variate Generation, section II.3 (rejection).
    """
    cells = [_tau_cells(axis) for axis in nodes.axes] + [_rho_cells(nodes)]
    free = [cell is not None for cell in cells]
    values = [np.empty(0)] * 3
    ratios = np.empty(0)
    uniform = np.empty(0)
    probability = nodes.weight / nodes.weight.sum()
    for _ in range(ROUNDS):
        size = PROPOSALS * n
        chosen = rng.choice(len(probability), size=size, p=probability)
        place, log_ratio = [], -np.log(probability[chosen])
        for axis, cell in enumerate(cells):
            index = nodes.index[axis][chosen]
            if cell is None:
                place.append(np.full(size, _known(nodes, axis)))
                continue
            left, right = cell
            width = right[index] - left[index]
            point = left[index] + width * rng.random(size)
            value, log_density = _density(nodes, axis, point)
            place.append(value)
            log_ratio = log_ratio + np.log(width) + log_density
        log_ratio = log_ratio + problem.given(*place).log_evidence - nodes.log_marginal
        values = [np.concatenate([old, new]) for old, new in zip(values, place)]
        ratios, uniform = np.concatenate([ratios, np.exp(log_ratio)]), np.concatenate([uniform, rng.random(size)])
        kept = uniform * ratios.max() < ratios if any(free) else np.ones(len(ratios), dtype=bool)
        if kept.sum() >= n:
            break
    found = np.flatnonzero(kept)[:n]
    return np.stack([values[0][found], values[1][found]]), values[2][found]


def _known(nodes: JointNodes, axis: int) -> float:
    return float(nodes.rho_axis.rho[0] if axis == 2 else nodes.axes[axis].tau[0])


def _tau_cells(axis: TauAxis) -> tuple[Array, Array] | None:
    """Cells of u about the nodes: in each panel as wide as the weights of the nodes."""
    if axis.prior.point is not None:
        return None
    panels = len(axis.edges) - 1
    share = gauss_legendre(len(axis.tau) // panels)[1]
    inner = axis.edges[:-1, None] + 0.5 * np.diff(axis.edges)[:, None] * np.append(0.0, np.cumsum(share))
    inner[:, -1] = axis.edges[1:]
    return inner[:, :-1].ravel(), inner[:, 1:].ravel()


def _rho_cells(nodes: JointNodes) -> tuple[Array, Array] | None:
    """Cells of x about the nodes: from midpoint to midpoint."""
    if nodes.rho_axis.prior.point is not None:
        return None
    x = nodes.rho_axis.x
    edges = np.concatenate([[-1.0], 0.5 * (x[1:] + x[:-1]), [1.0]])
    return edges[:-1], edges[1:]


def _density(nodes: JointNodes, axis: int, point: Array) -> tuple[Array, Array]:
    """The parameter at u or x, and the log of its prior density there."""
    if axis == 2:
        rho = nodes.rho_axis.at(point)
        return rho, nodes.rho_axis.prior.log_density(rho) + np.log(nodes.rho_axis.slope(point))
    one = nodes.axes[axis]
    tau = one.scale * np.sinh(point)
    return tau, one.prior.log_density(tau) + np.log(one.scale * np.cosh(point))
