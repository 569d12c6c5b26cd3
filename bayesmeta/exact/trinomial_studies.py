"""Study effects of two outcomes under the trinomial likelihood.

With N(y; theta, S) a normal likelihood like a trial's own where its effects are, and R = L / N the rest of that,

    p(theta | node) ~ R(theta) integral p(mu | node) N(y; mu, S + T) / l(mu, T) N(theta; mu + G (y - mu), T - G T) d mu,

G = T (S + T)^-1. The bracket decays as p(mu) does and is a mixture of normal densities on the same lattice; so is the
integral, of which one density is made for all nodes before R multiplies it.
"""

from dataclasses import replace

import numpy as np

from bayesmeta.exact.convolution import local_polynomial
from bayesmeta.exact.joint_given import JointProblem
from bayesmeta.exact.joint_studies import gain
from bayesmeta.exact.trinomial_given import Lattices, TrinomialProblem, alike, as_mixture
from bayesmeta.exact.trinomial_nodes import TrinomialNodes
from bayesmeta.exact.trinomial_spectra import Spectra, Surface, in_sums
from bayesmeta.likelihoods.normal import LOG_2PI
from bayesmeta.likelihoods.series import Panels
from bayesmeta.likelihoods.trinomial import TrinomialTrial
from bayesmeta.likelihoods.values import binomial_log_p
from bayesmeta.posterior import Marginal
from bayesmeta.posterior.bivariate import mixture_density
from bayesmeta.posterior.line import LineDensity
from bayesmeta.types import Array, Integers

WIDER = (
    1.2  # variance of the normal likelihood over that of the estimate: it should not be narrower than the trial's own
)
LARGEST = 200.0  # exponent of a factor: their product is well within what a double holds
LEFT_OUT = 3e-6  # of the posterior: nodes that study effects do without
NEWTON = 12
STENCIL, NARROW_STENCIL = 0.3, 0.05  # steps over which slopes are taken
LEAST_BEND, LEAST_SPREAD = 0.02, 1e-4
SURE = 1e-5  # of the highest density
DEEP = 16.0  # below its highest value at a node, in logs, where a blurred likelihood is still known well
COMPONENT = 1e-6  # and so much of the components
HALF, REACH = 18, 6.3  # points of a density on either side of the middle, and the standard deviations that they span
POINTS = 600  # of the table of a trial with one outcome
PANELS = 10
LEAST = 1e-10  # of its highest value: what a density is taken for where it is less


def study_densities(
    problem: TrinomialProblem, found: TrinomialNodes, surface: Surface | None, i: int
) -> list[Marginal]:
    """The marginals of both effects of trial i; `surface` where it has three counts."""
    order = np.argsort(found.weight)
    kept = np.sort(order[np.cumsum(found.weight[order]) > LEFT_OUT])
    lattices, tau, rho = found.lattices.chosen(kept), found.tau[:, kept], found.rho[kept]
    rough = _near(problem, found, i)
    mu = lattices.means
    one = replace(problem, rough=rough)
    own = _own_marginal(problem, lattices, tau, rho, surface, i)
    log_ratio = _rough_marginal(one, i, tau, rho, mu) - own
    # Where next to nothing of mu is, neither may the ratio be known: it is not let above what it is elsewhere.
    sure = lattices.mass > SURE * lattices.mass.max(axis=(1, 2), keepdims=True)
    sure &= own > own.max(axis=(1, 2), keepdims=True) - DEEP
    log_ratio -= np.where(sure, log_ratio, -np.inf).max()
    changed = lattices.mass * np.exp(
        np.minimum(log_ratio, np.where(sure, log_ratio, -np.inf).max(axis=(1, 2))[:, None, None])
    )
    node, weight, given = as_mixture(replace(lattices, mass=changed), found.weight[kept], COMPONENT)
    (g11, g12, g21, g22), residual = gain(rough, i, tau[:, node], rho[node])
    y = np.nan_to_num(rough.y[i])
    away = (y - given.mean.T).T
    mean = given.mean + np.stack([g11 * away[0] + g12 * away[1], g21 * away[0] + g22 * away[1]])
    b11, b12, b21, b22 = 1.0 - g11, -g12, -g21, 1.0 - g22
    c11, c12, c22 = given.covariance
    spread = residual + np.stack(
        [
            b11 * b11 * c11 + 2.0 * b11 * b12 * c12 + b12 * b12 * c22,
            b11 * b21 * c11 + (b11 * b22 + b12 * b21) * c12 + b12 * b22 * c22,
            b21 * b21 * c11 + 2.0 * b21 * b22 * c12 + b22 * b22 * c22,
        ]
    )
    starts = np.flatnonzero(np.diff(node, prepend=-1))
    return _marginals(one, i, weight, mean, spread, starts)


def _near(problem: TrinomialProblem, found: TrinomialNodes, i: int) -> JointProblem:
    """The rough problem with the likelihood of trial i as a normal one where its effects are: slope and bend there."""
    rough, weight = problem.rough, found.weight
    moments = found.lattices.means, found.lattices.mass
    mean = np.einsum("jnab,nab,n->j", *moments, weight)
    spread = np.einsum("jnab,knab,nab,n->jk", moments[0], moments[0], moments[1], weight) - np.outer(mean, mean)
    tau, rho = found.tau, found.rho
    c = float(weight @ (rho * tau[0] * tau[1]))
    between = spread + np.array([[weight @ tau[0] ** 2, c], [c, weight @ tau[1] ** 2]]) + LEAST_SPREAD * np.eye(2)
    reported = rough.reported[i]
    place, inverse = mean.copy(), np.linalg.inv(between)
    for _ in range(NEWTON):
        slope, bend = _bent(problem, i, place, NARROW_STENCIL)
        step = np.linalg.solve(bend + inverse, slope - inverse @ (place - mean))
        place = place + step * min(1.0, 1.0 / max(np.abs(step).max(), 1e-300))
    slope, bend = _bent(problem, i, place, STENCIL)
    y, se, covariance = rough.y.copy(), rough.se.copy(), rough.covariance.copy()
    if reported.all():
        inside = np.linalg.inv(bend)
        y[i] = place + inside @ slope
        se[i] = np.sqrt(WIDER * np.diag(inside))
        covariance[i] = WIDER * inside[0, 1]
    else:
        j = int(np.flatnonzero(reported)[0])
        y[i, j], se[i, j] = place[j] + slope[j] / bend[j, j], np.sqrt(WIDER / bend[j, j])
    return replace(rough, y=y, se=se, covariance=covariance)


def _bent(problem: TrinomialProblem, i: int, place: Array, h: float) -> tuple[Array, Array]:
    """Slope (2,) of a trial's log likelihood and minus its second derivatives (2, 2), these made positive definite."""
    a, b = h * np.eye(2)
    points = np.array([0 * a, a, -a, b, -b, a + b, a - b, b - a, -a - b]) + place
    value = _log_own(problem, i, points)
    slope = np.array([value[1] - value[2], value[3] - value[4]]) / (2.0 * h)
    mixed = (value[5] - value[6] - value[7] + value[8]) / (4.0 * h * h)
    one, other = ((value[m] + value[m + 1] - 2.0 * value[0]) / h**2 for m in (1, 3))
    size, axes = np.linalg.eigh(-np.array([[one, mixed], [mixed, other]]))
    return slope, (axes * np.maximum(size, LEAST_BEND)) @ axes.T


def _marginals(
    problem: TrinomialProblem, i: int, weight: Array, mean: Array, spread: Array, starts: Integers
) -> list[Marginal]:
    """The mixture times R on a grid, which is moved to where the product lies."""
    centre = mean @ weight
    sd = np.sqrt((spread[[0, 2]] + (mean - centre[:, None]) ** 2) @ weight)
    steps = np.arange(-HALF, HALF + 1.0) / HALF
    for _ in range(2):
        x, y = (m + REACH * s * steps for m, s in zip(centre, sd))
        density = _on_grid(x, y, mean, spread, weight, starts)
        theta = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
        log_rest = _log_rest(problem, i, theta).reshape(density.shape)
        density = np.maximum(density, 0.0) * np.exp(log_rest - log_rest[density > 1e-9 * density.max()].max())
        density /= density.sum()
        sides = density.sum(axis=1), density.sum(axis=0)
        new = np.array([side @ points for side, points in zip(sides, (x, y))])
        new_sd = np.sqrt(np.array([side @ (points - m) ** 2 for side, points, m in zip(sides, (x, y), new)]))
        moved = np.abs(new - centre).max() > 0.3 * sd.min() or np.abs(np.log(new_sd / sd)).max() > 0.15
        centre, sd = new, new_sd
        if not moved:
            break
    name = problem.effects.studies[i]
    return [_line(name, points, side) for points, side in zip((x, y), sides)]


def _on_grid(x: Array, y: Array, mean: Array, spread: Array, weight: Array, starts: Integers) -> Array:
    """The density of a mixture whose components share their covariance from each start to the next.

    With one covariance exp(-(x, y) quadratic) is a product of a function of x, one of y, and one of both that is the
    same for all components: a matrix product for each node.
    """
    density = np.zeros((len(x), len(y)))
    for first, last in zip(starts, np.append(starts[1:], len(weight))):
        part = slice(first, last)
        v_1, c, v_2 = spread[:, first]
        determinant = v_1 * v_2 - c * c
        centre = mean[:, part].mean(axis=1)
        one, other = x - centre[0], y - centre[1]
        m, n = mean[:, part] - centre[:, None]
        p_11, p_12, p_22 = v_2 / determinant, -c / determinant, v_1 / determinant
        reach = abs(p_12) * max(np.abs(one).max(), np.abs(m).max()) * max(np.abs(other).max(), np.abs(n).max())
        if reach > LARGEST:
            density += mixture_density(x, y, mean[:, part], spread[:, part], weight[part])
            continue
        of_x = np.exp(-0.5 * p_11 * (one[:, None] - m) ** 2 + p_12 * (one[:, None] - m) * n)
        of_y = np.exp(-0.5 * p_22 * (other - n[:, None]) ** 2 + p_12 * other * m[:, None])
        scale = weight[part] / (2.0 * np.pi * np.sqrt(determinant))
        density += np.exp(-p_12 * np.outer(one, other)) * ((of_x * scale) @ of_y)
    return density


def _line(name: str, x: Array, density: Array) -> Marginal:
    panels = Panels(np.linspace(x[0], x[-1], PANELS + 1))
    log_density = np.log(np.maximum(density, LEAST * density.max()))
    mean = float(density @ x)
    known = mean, float(np.sqrt(density @ (x - mean) ** 2))
    return LineDensity(name, panels, np.exp(local_polynomial(x, log_density[None], panels.nodes)[0]), 2, known)


def _log_rest(problem: TrinomialProblem, i: int, theta: Array) -> Array:
    """log R, up to a constant, at effects (N, 2)."""
    rough, own = problem.rough, _log_own(problem, i, theta)
    if i not in problem.classified:
        j, _ = single(problem, i)
        return np.asarray(own + 0.5 * ((theta[:, j] - rough.y[i, j]) / rough.se[i, j]) ** 2)
    away = theta - rough.y[i]
    (v_1, v_2), c = rough.se[i] ** 2, rough.covariance[i]
    form = v_2 * away[:, 0] ** 2 - 2.0 * c * away[:, 0] * away[:, 1] + v_1 * away[:, 1] ** 2
    return np.asarray(own + 0.5 * form / (v_1 * v_2 - c * c))


def _log_own(problem: TrinomialProblem, i: int, theta: Array) -> Array:
    """log L at effects (N, 2)."""
    gaussian = problem.model.baseline_prior.gaussian
    assert gaussian is not None
    if i in problem.classified:
        row = problem.effects.rows[i]
        return TrinomialTrial(problem.trials.categories[row], *gaussian).log_likelihood(theta)
    j, counts = single(problem, i)
    values, where = np.unique(theta[:, j], return_inverse=True)
    return binomial_log_p(counts, values, location=gaussian[0], scale=gaussian[1], at_control=False)[where]


def _rough_marginal(problem: TrinomialProblem, i: int, tau: Array, rho: Array, mu: Array) -> Array:
    """log N(y; mu, S + T) at lattices mu (2, N, M, M): (N, M, M)."""
    rough = problem.rough
    t = np.stack([tau[0] ** 2, rho * tau[0] * tau[1], tau[1] ** 2])[:, :, None, None]
    reported = rough.reported[i]
    if not reported.all():
        j = int(np.flatnonzero(reported)[0])
        variance = rough.se[i, j] ** 2 + t[2 * j]
        return np.asarray(-0.5 * ((rough.y[i, j] - mu[j]) ** 2 / variance + np.log(variance) + LOG_2PI))
    v_1, c, v_2 = rough.se[i, 0] ** 2 + t[0], rough.covariance[i] + t[1], rough.se[i, 1] ** 2 + t[2]
    one, other = rough.y[i, 0] - mu[0], rough.y[i, 1] - mu[1]
    determinant = v_1 * v_2 - c * c
    form = (v_2 * one**2 - 2.0 * c * one * other + v_1 * other**2) / determinant
    return np.asarray(-0.5 * (form + np.log(determinant)) - LOG_2PI)


def _own_marginal(
    problem: TrinomialProblem, lattices: Lattices, tau: Array, rho: Array, surface: Surface | None, i: int
) -> Array:
    """log l of the trial at the lattices: (N, M, M)."""
    if surface is None:
        return _of_one(problem, lattices, tau, i)
    frames, z = lattices.frames, lattices.z
    between = in_sums(np.stack([tau[0] ** 2, rho * tau[0] * tau[1], tau[1] ** 2]))
    found = np.empty(lattices.mass.shape)
    for nodes in alike(tau):
        spectra = Spectra.around(
            [surface], frames.mean[:, nodes], frames.sd[:, nodes], between[:, nodes], z[-1], problem.finer
        )
        for node in nodes:
            found[node] = spectra.log_marginal(between[:, node], *lattices.line(node))[0]
    return found


def _of_one(problem: TrinomialProblem, lattices: Lattices, tau: Array, i: int) -> Array:
    from scipy.interpolate import CubicSpline

    j, _ = single(problem, i)
    alone = problem.singles[j]
    assert alone is not None
    row = np.array([alone.trials.studies.index(problem.effects.studies[i])])
    mu = lattices.means[j]
    found = np.empty(mu.shape)
    for value in np.unique(tau[j]):
        here = np.flatnonzero(tau[j] == value)
        m = np.linspace(float(mu[here].min()), float(mu[here].max()), POINTS)
        found[here] = CubicSpline(m, alone.convolution.log_marginal(m[None], np.array([value]), row)[0, 0])(mu[here])
    return found


def single(problem: TrinomialProblem, i: int) -> tuple[int, Array]:
    """Which outcome a trial with one reports, and its counts (4,)."""
    row = problem.effects.rows[i]
    j = int(np.flatnonzero(problem.trials.rows[row] >= 0)[0])
    return j, problem.trials.counts[row, j]
