"""Study effects of two outcomes under the normal likelihood: shrunken towards (mu_1, mu_2) by 2 x 2 matrices."""

import numpy as np

from bayesmeta.exact.joint_given import JointProblem
from bayesmeta.exact.joint_nodes import JointNodes
from bayesmeta.types import Array

BLOCK = 16000  # nodes at a time: what fits into the cache of a core


def study_components(problem: JointProblem, nodes: JointNodes, position: int) -> tuple[Array, Array]:
    """Mean and variance of both effects of one study at each node: (2, N) twice.

    theta | mu, y ~ N(mu + G (y - mu), T - G T), G = T W on the outcomes that the study reports, W their (S + T)^-1;
    mu | y ~ N(m, C) adds (I - G) C (I - G)'.

    References
    ----------
    van Houwelingen, Arends & Stijnen 2002, Stat Med 21:589, section 3.3 (empirical Bayes estimates).
    """
    tau, rho, given = nodes.tau, nodes.rho, nodes.given
    mean, variance = np.empty((2, len(rho))), np.empty((2, len(rho)))
    for start in range(0, len(rho), BLOCK):
        part = slice(start, start + BLOCK)
        (g11, g12, g21, g22), residual = gain(problem, position, tau[:, part], rho[part])
        away = problem.y[position][:, None] - given.mean[:, part]
        away = np.where(np.isnan(away), 0.0, away)
        mean[0, part] = given.mean[0, part] + g11 * away[0] + g12 * away[1]
        mean[1, part] = given.mean[1, part] + g21 * away[0] + g22 * away[1]
        c11, c12, c22 = given.covariance[:, part]
        for j, (a, b) in enumerate(((1.0 - g11, -g12), (-g21, 1.0 - g22))):
            variance[j, part] = a * a * c11 + 2.0 * a * b * c12 + b * b * c22 + residual[2 * j]
    return mean, variance


def gain(problem: JointProblem, position: int, tau: Array, rho: Array) -> tuple[Array, Array]:
    """G = T W (4, N) and the residual covariance T - G T (3, N) of a study's effects given mu.

    With both outcomes W = (S + T)^-1; then T - G T = S W T = S - S W S, in the form that does not cancel.
    """
    one, other = tau
    t11, t12, t22 = one**2, rho * one * other, other**2
    zero = np.zeros_like(t11)
    reported = problem.reported[position]
    if reported.all():
        s11, s22 = problem.se[position] ** 2
        s12 = problem.covariance[position]
        v11, v12, v22 = s11 + t11, s12 + t12, s22 + t22
        determinant = v11 * v22 - v12**2
        w11, w12, w22 = v22 / determinant, -v12 / determinant, v11 / determinant
        g = np.stack([t11 * w11 + t12 * w12, t11 * w12 + t12 * w22, t12 * w11 + t22 * w12, t12 * w12 + t22 * w22])
        # S W T, by its entries.
        k11, k12 = s11 * w11 + s12 * w12, s11 * w12 + s12 * w22
        k21, k22 = s12 * w11 + s22 * w12, s12 * w12 + s22 * w22
        residual = np.stack([k11 * t11 + k12 * t12, k11 * t12 + k12 * t22, k21 * t12 + k22 * t22])
        return g, np.maximum(residual, [[0.0], [-np.inf], [0.0]])
    j = int(np.flatnonzero(reported)[0])
    variance = problem.se[position, j] ** 2
    own = (t11, t22)[j]
    total = variance + own
    columns = (np.stack([t11 / total, zero, t12 / total, zero]), np.stack([zero, t12 / total, zero, t22 / total]))
    shrink = variance / total
    # The other outcome keeps what rho does not explain of it, and the explained part is shrunken alike.
    rest = (t22, t11)[j] * (1.0 - rho**2) + (t22, t11)[j] * rho**2 * shrink
    diagonal = (own * shrink, rest) if j == 0 else (rest, own * shrink)
    return columns[j], np.stack([diagonal[0], t12 * shrink, diagonal[1]])


def study_draws(problem: JointProblem, mu: Array, tau: Array, rho: Array, rng: np.random.Generator) -> Array:
    """Effects of every study given mu (2, n), tau (2, n) and rho (n,): (n, k, 2)."""
    k = len(problem.y)
    theta = np.empty((mu.shape[1], k, 2))
    for i in range(k):
        (g11, g12, g21, g22), residual = gain(problem, i, tau, rho)
        away = problem.y[i][:, None] - mu
        away = np.where(np.isnan(away), 0.0, away)
        noise = rng.standard_normal(mu.shape)
        sd = np.sqrt(residual[0])
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where(sd > 0.0, residual[1] / sd, 0.0)
        rest = np.sqrt(np.maximum(residual[2] - slope**2, 0.0))
        theta[:, i, 0] = mu[0] + g11 * away[0] + g12 * away[1] + sd * noise[0]
        theta[:, i, 1] = mu[1] + g21 * away[0] + g22 * away[1] + slope * noise[0] + rest * noise[1]
    return theta
