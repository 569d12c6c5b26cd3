"""Marginals of tau_1, tau_2 and rho from the mass of their nodes: the likelihood is interpolated, the prior is not."""

import numpy as np

from bayesmeta.exact.joint_nodes import JointNodes, panel_nodes
from bayesmeta.exact.nodes import gauss_legendre
from bayesmeta.exact.rho_nodes import lagrange
from bayesmeta.posterior import Marginal, PanelDensity, PointMass
from bayesmeta.posterior.correlation import CorrelationDensity

FINE = 16  # nodes in a panel of a marginal
RHO_PANELS = 8
GRADED = 0.5 ** np.arange(1, 12)  # edges towards the ends where the prior is not analytic there


def tau_marginal(nodes: JointNodes, j: int, name: str, split: int = 1) -> Marginal:
    """The posterior of one tau.

    In each panel the mass of a node over its prior weight is the likelihood there; its logarithm is carried to 16 nodes
    of each of `split` parts of the panel by the polynomial through the nodes, and multiplied by the prior density.
    """
    axis = nodes.axes[j]
    if axis.prior.point is not None:
        return PointMass(name, axis.prior.point)
    panels = len(axis.edges) - 1
    mass = nodes.mass[j].reshape(panels, -1)
    n = mass.shape[1]
    shares = np.linspace(0.0, 1.0, split + 1)
    edges = np.append((axis.edges[:-1, None] + np.diff(axis.edges)[:, None] * shares[:-1]).ravel(), axis.edges[-1])
    places = (2.0 * shares[:-1, None] - 1.0 + (1.0 + gauss_legendre(FINE)[0]) / split).ravel()
    carry = lagrange(gauss_legendre(n)[0], places)
    tau, log_weight = panel_nodes(edges, axis.scale, FINE)
    half = 0.5 * np.diff(edges)[:, None]
    # Density of u under the prior: its weight over the weight of u.
    log_prior = (axis.prior.log_density(tau) + log_weight).reshape(-1, FINE) - np.log(half * gauss_legendre(FINE)[1])
    log_prior = log_prior.reshape(panels, -1)
    density = np.zeros((panels, split * FINE))
    whole = (mass > 0.0).all(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_likelihood = np.log(mass) - axis.log_prior.reshape(panels, -1)
    density[whole] = np.exp(log_likelihood[whole] @ carry.T + log_prior[whole])
    # Panels of which nodes were left out hold next to nothing.
    plain = mass / (0.5 * np.diff(axis.edges)[:, None] * gauss_legendre(n)[1])
    density[~whole] = np.maximum(plain[~whole] @ carry.T, 0.0)
    density = density.reshape(-1, FINE)
    density /= (density * half * gauss_legendre(FINE)[1]).sum()
    return PanelDensity(name, edges, axis.scale, density, None, axis.moments)


def rho_marginal(nodes: JointNodes) -> Marginal:
    """The posterior of rho, likewise."""
    axis = nodes.rho_axis
    if axis.prior.point is not None:
        return PointMass("rho", axis.prior.point)
    edges = np.linspace(-1.0, 1.0, RHO_PANELS + 1)
    if axis.prior.eta % 1.0:
        edges = np.union1d(edges, np.concatenate([GRADED - 1.0, 1.0 - GRADED]))
    half = 0.5 * np.diff(edges)[:, None]
    nodes_x, weights_x, _ = gauss_legendre(FINE)
    x = edges[:-1, None] + half * (1.0 + nodes_x)
    carried = (lagrange(axis.x, x.ravel()) @ (nodes.mass[2] / axis.weight)).reshape(x.shape)
    density = np.maximum(carried, 0.0) * np.exp(axis.prior.log_density(axis.at(x))) * axis.slope(x)
    density /= (density * half * weights_x).sum()
    return CorrelationDensity("rho", edges, density, axis.prior.low, axis.prior.high, axis.stretch)
