"""Two outcomes under the trinomial likelihood, given tau_1, tau_2 and rho: (mu_1, mu_2) on a lattice of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np

from bayesmeta.effects import JointEffects
from bayesmeta.exact.joint_given import JointGiven, JointProblem
from bayesmeta.exact.prepared import Prepared, prepare
from bayesmeta.exact.trinomial_spectra import REACH, Spectra, Surface, in_effects, in_sums
from bayesmeta.likelihoods.trinomial import TrinomialTrial
from bayesmeta.model import JointModel, Model
from bayesmeta.trials import JointTrials
from bayesmeta.types import Array, Integers

LOOK = (1.0, 5.0, 0.6)  # step and reach of the first look, in standard deviations of a guess, and its resolution
STEP = (0.6, 6.3)  # and of the lattice that counts
ROOM = 9.0  # standard deviations about the means that spectra provide for
CORE = 12.0  # standard deviations of means about a guess, where random effects are narrow
OCTAVE = 2.0  # random effects within such a factor share a spectrum
SMALL = 0.03  # of the largest tau
POINTS = 800  # of a table of the trials with one outcome
NARROWEST = 1e-12


@dataclass(frozen=True, eq=False)
class Frames:
    """Where mu lies at each node, as sum t = mu_1 + mu_2 and difference d = mu_1 - mu_2.

    Attributes
    ----------
    mean : (2, N). covariance : (3, N) var(t), cov, var(d).
    """

    mean: Array
    covariance: Array

    @property
    def sd(self) -> Array:
        """(2, N)"""
        return np.asarray(np.sqrt(self.covariance[[0, 2]]))

    @property
    def slope(self) -> Array:
        """(N,) of d on t."""
        return np.asarray(self.covariance[1] / self.covariance[0])

    @property
    def inner(self) -> Array:
        """(N,) sd of d given t."""
        return np.asarray(np.sqrt(np.maximum(self.covariance[2] - self.covariance[1] * self.slope, NARROWEST)))


@dataclass(frozen=True, eq=False)
class Lattices:
    """p(mu | node, y) at lattices z_a, z_b of whitened steps: t = t_0 + s z_a, d = d_0 + slope (t - t_0) + c z_b.

    Attributes
    ----------
    z : (M,) steps. frames : the coordinates.
    log_evidence : (N,) log p(y | node).
    mass : (N, M, M) that add to one at each node.
    """

    z: Array
    frames: Frames
    log_evidence: Array
    mass: Array

    @cached_property
    def moments(self) -> Frames:
        """Means and covariances of t and d."""
        z, f = self.z, self.frames
        of_a, of_b = self.mass.sum(axis=2), self.mass.sum(axis=1)
        a, b = of_a @ z, of_b @ z
        v_a, v_b = of_a @ z**2 - a**2, of_b @ z**2 - b**2
        c = np.einsum("nab,a,b->n", self.mass, z, z) - a * b
        s, inner = f.sd[0], f.inner
        mean = np.stack([f.mean[0] + s * a, f.mean[1] + f.slope * s * a + inner * b])
        var_t, cov = s * s * v_a, f.slope * s * s * v_a + s * inner * c
        var_d = f.slope**2 * s * s * v_a + inner**2 * v_b + 2.0 * f.slope * s * inner * c
        return Frames(mean, np.stack([var_t, cov, var_d]))

    def line(self, node: int) -> tuple[Array, Array, float]:
        """t_a, d_b where t is the first, and the slope of d on t, at one node."""
        f = self.frames
        t = f.mean[0, node] + f.sd[0, node] * self.z
        slope = float(f.slope[node])
        return t, f.mean[1, node] + slope * (t[0] - f.mean[0, node]) + f.inner[node] * self.z, slope

    @cached_property
    def means(self) -> Array:
        """(2, N, M, M) mu."""
        f, z = self.frames, self.z
        away = (f.sd[0][:, None] * z)[:, :, None]
        t = f.mean[0][:, None, None] + away
        d = f.mean[1][:, None, None] + f.slope[:, None, None] * away + (f.inner[:, None] * z)[:, None, :]
        return 0.5 * np.stack(np.broadcast_arrays(t + d, t - d))

    @cached_property
    def at_edge(self) -> Array:
        """(N,) mass on the outermost points: a ring."""
        z = np.hypot(self.z[:, None], self.z)
        return np.asarray(self.mass[:, z > self.z[-1] - (self.z[1] - self.z[0])].sum(axis=1))

    def chosen(self, rows: Integers) -> "Lattices":
        """Of some nodes."""
        frames = Frames(self.frames.mean[:, rows], self.frames.covariance[:, rows])
        return Lattices(self.z, frames, self.log_evidence[rows], self.mass[rows])


@dataclass(frozen=True, eq=False)
class TrinomialProblem:
    """The trials, and rough normal ones like them.

    Parameters
    ----------
    trials, model, effects : what is fitted.
    rough : the normal likelihood of the same trials: a guess of where to look.
    classified : positions among the effects of the trials with three counts.
    finer : factor on the resolution, for the self-check.
    """

    trials: JointTrials
    model: JointModel
    effects: JointEffects
    rough: JointProblem
    classified: Integers
    finer: float = 1.0

    @cached_property
    def parts(self) -> tuple[TrinomialTrial, ...]:
        """The likelihoods of the trials with three counts."""
        gaussian = self.model.baseline_prior.gaussian
        assert gaussian is not None
        rows = self.effects.rows[self.classified]
        return tuple(TrinomialTrial(self.trials.categories[row], *gaussian) for row in rows)

    @cached_property
    def singles(self) -> tuple[Prepared | None, Prepared | None]:
        """The trials that report one outcome only, under the binomial likelihood."""
        one, other = (self._alone(j) for j in (0, 1))
        return one, other

    def _alone(self, j: int) -> Prepared | None:
        rows = self.trials.rows[self.effects.rows]
        lonely = [int(row[j]) for row in rows if row[j] >= 0 and row[1 - j] < 0]
        if not lonely:
            return None
        part = self.trials.parts[j].select(lonely)
        model = Model(
            "binomial", mu=self.model.mu_priors[j], tau=self.model.tau_priors[j], baseline=self.model.baseline_prior
        )
        found = prepare(part, model)
        return replace(found, resolution=found.resolution.finer) if self.finer > 1.0 else found

    def rough_frames(self, tau: Array, rho: Array) -> Frames:
        """A guess of mu at nodes: tau (2, N), rho (N,)."""
        given = self.rough.given(tau[0], tau[1], rho)
        mean = np.stack([given.mean[0] + given.mean[1], given.mean[0] - given.mean[1]])
        return Frames(mean, in_sums(given.covariance))

    def surfaces(self, box: Array) -> tuple[Surface, ...]:
        """Likelihoods of the trials with three counts on nodes."""
        known = [np.array([prior.point or 0.0]) for prior in self.model.tau_priors]
        narrow = self.rough_frames(np.stack(known), np.zeros(1))
        core = narrow.mean + CORE * narrow.sd * np.array([-1.0, 1.0])
        found = []
        for i, trial in zip(self.classified, self.parts):
            y, se = self.effects.y[i], self.effects.se[i]
            covariance = np.array([se[0] ** 2, self.effects.covariance[i], se[1] ** 2])
            place = np.array([y[0] + y[1], y[0] - y[1]])
            found.append(Surface.of(trial, place, in_sums(covariance), box, core, self.finer))
        return tuple(found)


def box_of(frames: Frames, tau: Array) -> Array:
    """(2, 2) all that means and random effects can reach, for t and d."""
    reach = REACH * (tau[0] + tau[1]).max()
    ends = np.stack(
        [(frames.mean - ROOM * frames.sd).min(axis=1) - reach, (frames.mean + ROOM * frames.sd).max(axis=1) + reach],
        axis=1,
    )
    return np.asarray(ends + np.array([-6.0, 6.0]))


def evaluate(
    problem: TrinomialProblem,
    surfaces: Sequence[Surface],
    tau: Array,
    rho: Array,
    frames: Frames,
    step: float,
    reach: float,
    fine: float = 1.0,
) -> Lattices:
    """p(mu | node, y) on lattices in given frames.

    Parameters
    ----------
    problem, surfaces : the trials.
    tau, rho : (2, N), (N,) nodes.
    frames : of each node.
    step, reach : of the lattices, in standard deviations of the frames.
    fine : factor on the resolution of the spectra.
    """
    n = int(reach / step)
    z = step * np.arange(-n, n + 1.0)
    outside = z[:, None] ** 2 + z**2 > (reach + 1e-9) ** 2  # where spectra would repeat themselves
    singles = [_table(problem, j, tau, frames, reach) for j in (0, 1)]
    log_evidence, mass = np.empty(len(rho)), np.empty((len(rho), len(z), len(z)))
    between = in_sums(np.stack([tau[0] ** 2, rho * tau[0] * tau[1], tau[1] ** 2]))
    priors = problem.model.mu_priors
    places = Lattices(z, frames, log_evidence, mass)
    for nodes in alike(tau):
        spectra = None
        if surfaces:
            spectra = Spectra.around(
                surfaces, frames.mean[:, nodes], frames.sd[:, nodes], between[:, nodes], reach, fine
            )
        for node in nodes:
            t, d, slope = places.line(node)
            means = t[:, None], d + slope * (t - t[0])[:, None]
            mu = 0.5 * (means[0] + means[1]), 0.5 * (means[0] - means[1])
            value = priors[0].log_density(mu[0]) + priors[1].log_density(mu[1])
            if spectra is not None:
                value = value + spectra.log_marginal(between[:, node], t, d, slope).sum(axis=0)
            for j, table in enumerate(singles):
                if table is not None:
                    value = value + table[node](mu[j])
            value[outside] = -np.inf
            top = value.max()
            weight = np.exp(value - top)
            total = weight.sum()
            mass[node] = weight / total
            # d mu_1 d mu_2 = d t d d / 2
            log_evidence[node] = top + np.log(total * 0.5 * (t[1] - t[0]) * (d[1] - d[0]))
    return places


def alike(tau: Array) -> list[Integers]:
    """Nodes whose tau are alike: within a factor of two, or small."""
    largest = np.maximum(tau.max(axis=1, keepdims=True), 1e-300)
    octave = np.ceil(np.log(np.maximum(tau / largest, SMALL)) / np.log(OCTAVE)).astype(int)
    _, group = np.unique(octave, axis=1, return_inverse=True)
    return [np.flatnonzero(group.ravel() == one) for one in range(int(group.max()) + 1)]


def _table(
    problem: TrinomialProblem, j: int, tau: Array, frames: Frames, reach: float
) -> list[Callable[[Array], Array]] | None:
    """For each node, the log likelihood of all trials with outcome j alone as a function of mu_j."""
    alone = problem.singles[j]
    if alone is None:
        return None
    from scipy.interpolate import CubicSpline

    sign = 1.0 if j == 0 else -1.0
    middle = 0.5 * (frames.mean[0] + sign * frames.mean[1])
    # A lattice is sheared: its corners lie farther out than the standard deviation says.
    room = 0.5 * (reach + 0.5) * (np.abs(1.0 + sign * frames.slope) * frames.sd[0] + frames.inner)
    values, where = np.unique(tau[j], return_inverse=True)
    splines = []
    for one, value in enumerate(values):
        here = where == one
        low, high = float((middle - room)[here].min()), float((middle + room)[here].max())
        m = np.linspace(low, high, int(POINTS * problem.finer))
        log_l = alone.convolution.log_marginal(m[None], np.array([value]))[:, 0].sum(axis=0)
        splines.append(CubicSpline(m, log_l))
    return [splines[one] for one in where]


@cache
def sharpening(n: int, step: float) -> Array:
    """(n, n) from a density at even steps to the weights of normal densities there, of variance 1/2, that it is.

    A density of variance 1 in steps of 0.6 is a mixture of such normals to 1e-6. The weights solve for its values at
    the steps.
    """
    z = step * np.arange(n)
    return np.linalg.inv(np.exp(-((z[:, None] - z) ** 2)) / np.sqrt(np.pi))


def as_mixture(lattices: Lattices, weight: Array, left_out: float) -> tuple[Integers, Array, JointGiven]:
    """Nodes (C,), weights (C,) and normal components of (mu_1, mu_2) that the lattices are.

    Parameters
    ----------
    lattices : of N nodes. weight : (N,) of the nodes.
    left_out : of the whole: the lightest components that together hold no more are left out.
    """
    n, z, f = len(lattices.z), lattices.z, lattices.frames
    step = float(z[1] - z[0])
    sharp = sharpening(n, step)
    density = lattices.mass / step**2
    components = weight[:, None, None] * (sharp @ density @ sharp.T)
    size = np.abs(components).ravel()
    order = np.argsort(size)
    kept = np.sort(order[np.cumsum(size[order]) > left_out * size.sum()])
    node, a, b = np.unravel_index(kept, components.shape)
    t = f.mean[0, node] + f.sd[0, node] * z[a]
    d = f.mean[1, node] + f.slope[node] * f.sd[0, node] * z[a] + f.inner[node] * z[b]
    s, inner = f.sd[0] ** 2, f.inner**2
    covariance = in_effects(0.5 * np.stack([s, f.slope * s, f.slope**2 * s + inner]))
    mean = 0.5 * np.stack([t + d, t - d])
    weights = components[node, a, b]
    given = JointGiven(np.zeros(len(node)), mean, covariance[:, node])
    return node, weights / weights.sum(), given
