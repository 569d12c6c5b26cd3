"""Independent draws under the trinomial likelihood: nodes and mu from the quadrature, the trials given those."""

from collections.abc import Callable

import numpy as np

from bayesmeta.exact.joint_nodes import JointNodes
from bayesmeta.exact.joint_studies import gain
from bayesmeta.exact.trinomial_given import TrinomialProblem
from bayesmeta.exact.trinomial_spectra import Surface
from bayesmeta.exact.trinomial_studies import single
from bayesmeta.likelihoods.binomial import log_likelihood_given_baseline
from bayesmeta.posterior import Marginal
from bayesmeta.types import Array, Integers

PROPOSALS = 48  # for each draw of an effect
DEFENCE = 0.25  # of them from the random effects alone, which no likelihood misleads
POINTS = 601  # of a table of a trial with one outcome, and of the baseline of one
BASELINES = 12.0  # standard deviations, at most, that a baseline is looked at about its middle
FINE = 0.5  # of the steps of the sums over baselines: draws are uniform within one
AT_ONCE = 200

LogL = Callable[[Array], Array]


def draw_nodes(
    nodes: JointNodes, marginals: tuple[Marginal, Marginal, Marginal], n: int, rng: np.random.Generator
) -> tuple[Integers, Array, Array]:
    """Components (n,), and tau (2, n) and rho (n,) within the share of their marginal that is the node's.

    Parameters
    ----------
    nodes : components of the posterior.
    marginals : of tau_1, tau_2 and rho.
    """
    weight = np.maximum(nodes.weight, 0.0)
    chosen = rng.choice(len(weight), size=n, p=weight / weight.sum())
    values = []
    for place, mass, marginal in zip(nodes.index, nodes.mass, marginals):
        total = np.append(0.0, np.cumsum(mass))
        share = total[place[chosen]] + mass[place[chosen]] * rng.random(n)
        values.append(marginal.quantile(np.clip(share / total[-1], 1e-12, 1.0 - 1e-12)))
    return chosen, np.stack(values[:2]), values[2]


def draw_means(nodes: JointNodes, chosen: Integers, rng: np.random.Generator) -> Array:
    """mu (2, n) of chosen components."""
    mean, covariance = nodes.given.mean[:, chosen], nodes.given.covariance[:, chosen]
    return mean + correlated(covariance, rng.standard_normal(mean.shape))


def correlated(covariance: Array, noise: Array) -> Array:
    """Bivariate normal noise: covariance (3, ...) and standard normals (2, ...); zero variances allowed."""
    sd = np.sqrt(covariance[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(sd > 0.0, covariance[1] / sd, 0.0)
    rest = np.sqrt(np.maximum(covariance[2] - slope**2, 0.0))
    return np.stack([sd * noise[0], slope * noise[0] + rest * noise[1]])


def draw_effects(
    problem: TrinomialProblem, surfaces: list[Surface], mu: Array, tau: Array, rho: Array, rng: np.random.Generator
) -> Array:
    """Effects of every trial given mu (2, n), tau (2, n) and rho (n,): (n, k, 2).

    One of many proposals by its importance: from what the normal likelihood would say, and some from the random
    effects alone.

    References
    ----------
    Rubin 1988, Bayesian Statistics 3:395 (sampling importance resampling); Hesterberg 1995, Technometrics 37:185.
    """
    n, k = mu.shape[1], problem.effects.k
    between = np.stack([tau[0] ** 2, rho * tau[0] * tau[1], tau[1] ** 2])
    surface_of = dict(zip(problem.classified.tolist(), surfaces))
    theta = np.empty((n, k, 2))
    ours = int(PROPOSALS * (1.0 - DEFENCE))
    for i in range(k):
        log_l = _of_surface(surface_of[i]) if i in surface_of else _of_one(problem, i)
        (g11, g12, g21, g22), residual = gain(problem.rough, i, tau, rho)
        away = problem.rough.y[i][:, None] - mu
        away = np.where(np.isnan(away), 0.0, away)
        mean = mu + np.stack([g11 * away[0] + g12 * away[1], g21 * away[0] + g22 * away[1]])
        noise = rng.standard_normal((2, PROPOSALS, n))
        wide = np.arange(PROPOSALS)[:, None] >= ours
        spread = np.where(wide[None], between[:, None], residual[:, None])
        proposed = np.where(wide[None], mu[:, None], mean[:, None]) + correlated(spread, noise)
        random = _log_density(proposed - mu[:, None], between)
        rough = _log_density(proposed - mean[:, None], residual)
        mixture = np.logaddexp(np.log(1.0 - DEFENCE) + rough, np.log(DEFENCE) + random)
        log_weight = log_l(proposed.reshape(2, -1).T).reshape(PROPOSALS, n) + random - mixture
        # The largest of log weight plus Gumbel noise is a draw with these weights.
        gumbel = -np.log(-np.log(rng.random(log_weight.shape)))
        best = (log_weight + gumbel).argmax(axis=0)
        theta[:, i] = proposed[:, best, np.arange(n)].T
    return theta


def _log_density(away: Array, covariance: Array) -> Array:
    """Of a bivariate normal distribution up to its constant; 0 where it is a point or a line."""
    v_1, c, v_2 = covariance
    determinant = v_1 * v_2 - c * c
    with np.errstate(divide="ignore", invalid="ignore"):
        value = -0.5 * (
            (v_2 * away[0] ** 2 - 2.0 * c * away[0] * away[1] + v_1 * away[1] ** 2) / determinant + np.log(determinant)
        )
    return np.where(determinant > 1e-14 * v_1 * v_2, value, 0.0)


def _of_surface(surface: Surface) -> LogL:
    from scipy.interpolate import RectBivariateSpline

    spline = RectBivariateSpline(surface.t.nodes, surface.d.nodes, surface.log_l)

    def log_l(theta: Array) -> Array:
        return np.asarray(spline.ev(theta[:, 0] + theta[:, 1], theta[:, 0] - theta[:, 1]))

    return log_l


def _of_one(problem: TrinomialProblem, i: int) -> LogL:
    from scipy.interpolate import CubicSpline

    from bayesmeta.likelihoods.values import binomial_log_p

    j, counts = single(problem, i)
    gaussian = problem.model.baseline_prior.gaussian
    assert gaussian is not None
    y, se = problem.effects.y[i, j], problem.effects.se[i, j]
    x = y + 12.0 * max(se, 0.1) * np.linspace(-1.0, 1.0, POINTS)
    spline = CubicSpline(
        x, binomial_log_p(counts, x, location=gaussian[0], scale=gaussian[1], at_control=False), bc_type="natural"
    )
    low, high = float(x[0]), float(x[-1])

    def log_l(theta: Array) -> Array:
        inside = np.clip(theta[:, j], low, high)
        return np.asarray(spline(inside) + spline(inside, 1) * (theta[:, j] - inside))

    return log_l


def draw_baselines(problem: TrinomialProblem, theta: Array, rng: np.random.Generator) -> Array:
    """gamma (n, k, 2) given the effects (n, k, 2); that of an outcome which a trial does not report from its prior."""
    gaussian = problem.model.baseline_prior.gaussian
    assert gaussian is not None
    location, scale = gaussian
    gamma = location + scale * rng.standard_normal(theta.shape)
    parts = dict(zip(problem.classified.tolist(), problem.parts))
    for i in range(theta.shape[1]):
        for start in range(0, len(theta), AT_ONCE):
            here = slice(start, start + AT_ONCE)
            if i in parts:
                gamma[here, i] = _two_baselines(parts[i], theta[here, i], rng)
            else:
                j, counts = single(problem, i)
                gamma[here, i, j] = _baseline(counts, theta[here, i, j], location, scale, rng)
    return gamma


def _two_baselines(part: object, theta: Array, rng: np.random.Generator) -> Array:
    from bayesmeta.likelihoods.trinomial import TrinomialTrial

    assert isinstance(part, TrinomialTrial)
    v, y, value = part.lattice(theta, FINE)
    n, across, along = value.shape
    flat = value.reshape(n, -1)
    chosen = (flat - np.log(-np.log(rng.random(flat.shape)))).argmax(axis=1)
    a, b = np.unravel_index(chosen, (across, along))
    row = np.arange(n)
    steps = v[:, 1, 0] - v[:, 0, 0], y[:, 1] - y[:, 0]
    slope = (v[:, 0, 1] - v[:, 0, 0]) / steps[1]
    moved = steps[1] * (rng.random(n) - 0.5)
    at_y = y[row, b] + moved
    at_v = v[row, a, b] + slope * moved + steps[0] * (rng.random(n) - 0.5)
    together = -np.hypot(np.exp(at_y), 0.5 * theta.sum(axis=1))
    return np.stack([0.5 * together + at_v, 0.5 * together - at_v], axis=1)


def _baseline(counts: Array, theta: Array, location: float, scale: float, rng: np.random.Generator) -> Array:
    r1, n1, r0, n0 = counts
    odds = [np.log((r + 0.5) / (n - r + 0.5)) for r, n in ((r1, n1), (r0, n0))]
    width = min(BASELINES * np.sqrt(sum(1.0 / (r + 0.5) + 1.0 / (n - r + 0.5) for r, n in ((r1, n1), (r0, n0)))), 25.0)
    g = 0.5 * sum(odds) + width * np.linspace(-1.0, 1.0, POINTS)
    value = log_likelihood_given_baseline(counts, theta[:, None], g) - 0.5 * ((g - location) / scale) ** 2
    chosen = (value - np.log(-np.log(rng.random(value.shape)))).argmax(axis=1)
    return np.asarray(g[chosen] + (g[1] - g[0]) * (rng.random(len(theta)) - 0.5))
