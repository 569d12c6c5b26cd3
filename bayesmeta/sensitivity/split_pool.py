"""A published pool taken apart into the trials that are read and the rest: two taus, integrated exactly."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc, gammaln

from bayesmeta.effects import Effects
from bayesmeta.exact.nodes import TauNodes, gauss_legendre, tau_nodes
from bayesmeta.posterior import Marginal, PanelDensity
from bayesmeta.priors import HeterogeneityPrior
from bayesmeta.types import Array

PANELS, NODES_PER_PANEL = 10, 16  # of the tau in the weights
COARSE = 801  # points on which its range is looked for
FALL = 40.0  # a density e^-40 below its peak holds nothing


class ZeroOrMore(Marginal):
    """A quantity that is exactly zero with some probability, and else has a density: an estimate of tau.

    Parameters
    ----------
    zero : the probability of zero.
    above : the distribution otherwise.
    """

    def __init__(self, zero: float, above: Marginal) -> None:
        self.name, self.zero, self.above = above.name, zero, above

    @property
    def mean(self) -> float | None:
        mean = self.above.mean
        return None if mean is None else (1.0 - self.zero) * mean

    @property
    def sd(self) -> float | None:
        mean, sd = self.above.mean, self.above.sd
        return None if mean is None or sd is None else float(np.sqrt((1 - self.zero) * (sd**2 + self.zero * mean**2)))

    def pdf(self, x: Array | float) -> Array:
        return (1.0 - self.zero) * self.above.pdf(x)

    def cdf(self, x: Array | float) -> Array:
        return np.where(np.asarray(x) < 0.0, 0.0, self.zero + (1.0 - self.zero) * self.above.cdf(x))

    def quantile(self, p: Array | float) -> Array:
        rest = (np.asarray(p, dtype=float) - self.zero) / (1.0 - self.zero)
        return np.where(rest > 0.0, self.above.quantile(np.maximum(rest, 0.0)), 0.0)

    def draws(self, n: int, rng: np.random.Generator | int = 0) -> Array:
        return self.quantile(np.random.default_rng(rng).random(n))

    def _lower_end(self) -> float:
        return 0.0


@dataclass(frozen=True, eq=False)
class Split:
    """Read and unread trials at each tau in the weights of the published pool.

    Attributes
    ----------
    read_precision, read_mean : (T,) sum of the weights of the read trials, and their pooled log odds ratio.
    rest_precision : (S, T) sum of the weights of the unread ones, for each standard error of the pool; 0 where no
        trials fit.
    log_ratio : (S, T) log of their typical sampling variance over that of the read ones; nan where no trials fit.
    log_density : (S, T) log density of the standard error given that tau; -inf where no trials fit.
    """

    read_precision: Array
    read_mean: Array
    rest_precision: Array
    log_ratio: Array
    log_density: Array


@dataclass(frozen=True, eq=False)
class Constraint:
    """Published pool = read + unread trials, by inverse variance.

    With n trials whose weights 1/(s_i^2 + t^2) sum to W at tau = t, their typical sampling variance is n / W - t^2: the
    one with which n equal trials would have the same sum, that is the harmonic mean of s_i^2 + t^2, less t^2. It lies
    between the harmonic mean of s_i^2 (t = 0) and their arithmetic mean (large t).

    Parameters
    ----------
    effects : of the read trials.
    k : number of trials in the published pool.
    se : (S,) its standard error: every value that rounding leaves open.
    log_size : standard deviation of the log ratio of typical sampling variances, unread over read: normal around 0.
    """

    effects: Effects
    k: int
    se: Array
    log_size: float

    @property
    def k_rest(self) -> int:
        """Number of unread trials."""
        return self.k - self.effects.k

    @property
    def total(self) -> Array:
        """(S,) t^2 + v of a typical trial of the pool: k SE^2, whatever t is."""
        return np.asarray(self.k * self.se**2)

    def split(self, used: Array) -> Split:
        """W_rest = 1/SE^2 - sum 1/(s_i^2 + t^2), v_rest = k_rest / W_rest - t^2, and p(SE | t) from a prior of v_rest.

        p(SE | t) = p(log ratio) |d log v_rest / d SE|, and d v_rest / d SE = (k_rest / W_rest^2) (2 / SE^3) at fixed t.

        Parameters
        ----------
        used : (T,) values of t.
        """
        weights = 1.0 / (self.effects.se[:, None] ** 2 + used**2)  # (k_read, T)
        read = weights.sum(axis=0)
        rest = 1.0 / self.se[:, None] ** 2 - read
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = self.k_rest / rest - used**2
            possible = (rest > 0.0) & (variance > 0.0)
            log_ratio = np.log(variance / (self.effects.k / read - used**2))
            z = log_ratio / self.log_size
            jacobian = np.log(2.0 * self.k_rest / variance) - 2.0 * np.log(rest) - 3.0 * np.log(self.se[:, None])
            log_density = jacobian - 0.5 * z * z - np.log(self.log_size * np.sqrt(2.0 * np.pi))
        return Split(
            read,
            self.effects.y @ weights / read,
            np.where(possible, rest, 0.0),
            np.where(possible, log_ratio, np.nan),
            np.where(possible, log_density, -np.inf),
        )

    def log_used(self, used: Array, tau: Array) -> Array:
        """log p(t | tau) for an estimate t > 0 of tau: (S, T, N) for estimates (T,) and true values (N,).

        (k - 1)(t^2 + v) / (tau^2 + v) ~ chi^2 with k - 1 degrees of freedom, exactly so for the DerSimonian-Laird,
        Paule-Mandel and REML estimates of k trials with one sampling variance v; t^2 + v is `total`.
        """
        df, total = self.k - 1.0, self.total[:, None, None]
        true = np.maximum(total - used[:, None] ** 2, 1e-200) + tau**2
        x = df * total / true
        log_chi2 = (0.5 * df - 1.0) * np.log(x) - 0.5 * x - 0.5 * df * np.log(2.0) - gammaln(0.5 * df)
        return np.asarray(log_chi2 + np.log(df / true) + np.log(2.0 * used[:, None]))

    def log_zero(self, tau: Array) -> Array:
        """log P(t = 0 | tau), as above with an estimate that is cut off at zero: (S, 1, N)."""
        df, total = self.k - 1.0, self.total[:, None, None]
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(gammainc(0.5 * df, 0.5 * df * total / (tau**2 + total))))


@dataclass(frozen=True, eq=False)
class Solved:
    """p(t, tau, SE | published) on nodes.

    Attributes
    ----------
    split : the pool taken apart at each t: at its nodes, and at 0 in the last place, for an estimate that was zero.
    used : (T,) those t.
    nodes : of tau, (N,).
    weight : (S, T, N) posterior probability of each combination; sums to one.
    tau, tau_used : marginals of tau and of t.
    """

    split: Split
    used: Array
    nodes: TauNodes
    weight: Array
    tau: Marginal
    tau_used: ZeroOrMore


def solve(constraint: Constraint, share: Array, prior: HeterogeneityPrior) -> Solved:
    """Integrate over t, tau and what rounding leaves open, on panels of Gauss-Legendre nodes.

    p(t, tau, SE | published) ~ p(tau) p(t | tau) p(SE | t) for each SE that rounds to the published figures.

    Parameters
    ----------
    constraint : the pool.
    share : (S,) probability of each standard error by rounding alone.
    prior : of tau.
    """
    scale = float(constraint.effects.se.min())
    edges = _edges(constraint, scale)
    x, quadrature, _ = gauss_legendre(NODES_PER_PANEL)
    half = 0.5 * np.diff(edges)[:, None]
    u = (edges[:-1, None] + half * (1.0 + x)).ravel()
    positive = scale * np.sinh(u)
    used = np.append(positive, 0.0)
    split = constraint.split(used)
    # An estimate has a density above zero and a probability of being zero: both enter one sum.
    log_step = np.append(np.log((half * quadrature).ravel() * scale * np.cosh(u)), 0.0)
    log_inner = np.log(share)[:, None] + split.log_density + log_step  # (S, T)

    def log_joint(tau: Array) -> Array:
        given_tau = np.concatenate([constraint.log_used(positive, tau), constraint.log_zero(tau)], axis=1)
        return np.asarray(given_tau + log_inner[:, :, None])

    def log_density(tau: Array) -> Array:
        return np.asarray(prior.log_density(tau) + _log_sum(log_joint(tau)))

    # p(t | tau) falls as tau^-(k - 1), a prior as tau^-a: see bayesmeta.exact.over_tau on moments.
    tail = prior.tail_exponent + constraint.k - 1.0
    moments = int(tail > 2.0) + int(tail > 3.0)
    nodes = tau_nodes(log_density, scale, prior.breaks, moments)
    log_outer = nodes.log_weight + prior.log_density(nodes.tau)
    log_weight = log_joint(nodes.tau) + log_outer
    largest = log_weight.max()
    weight = np.exp(log_weight - largest)
    log_total = float(largest + np.log(weight.sum()))
    weight /= weight.sum()

    def of_tau(tau: Array) -> Array:
        return np.asarray(np.exp(log_density(tau.ravel()) - log_total).reshape(tau.shape))

    def of_used(points: Array) -> Array:
        flat = np.maximum(points.ravel(), 1e-150)
        log_left = np.log(share)[:, None] + constraint.split(flat).log_density
        joint = constraint.log_used(flat, nodes.tau) + log_left[:, :, None] + log_outer
        return np.asarray(np.exp(_log_sum(joint.transpose(0, 2, 1)) - log_total).reshape(points.shape) / (1.0 - zero))

    zero = float(weight[:, -1].sum())
    mass_used = weight[:, :-1].sum(axis=(0, 2)).reshape(PANELS, -1) / (1.0 - zero)
    above = PanelDensity("tau_used", edges, scale, mass_used / (half * quadrature), of_used)
    half_tau = 0.5 * np.diff(nodes.edges)[:, None]
    mass_tau = weight.sum(axis=(0, 1)).reshape(len(half_tau), -1)
    density_tau = mass_tau / (half_tau * gauss_legendre(mass_tau.shape[1])[1])
    tau = PanelDensity("tau", nodes.edges, nodes.scale, density_tau, of_tau, moments)
    return Solved(split, used, nodes, weight, tau, ZeroOrMore(zero, above))


def _edges(constraint: Constraint, scale: float) -> Array:
    """Panel edges in u = asinh(t / scale) over every t at which the read trials and some rest make up the pool."""
    last = float(np.arcsinh(np.sqrt(constraint.total.max()) / scale))
    u = np.linspace(0.0, last, COARSE)
    height = constraint.split(scale * np.sinh(u)).log_density.max(axis=0)
    seen = np.flatnonzero(height > height.max() - FALL)
    return np.linspace(u[max(seen[0] - 1, 0)], u[min(seen[-1] + 1, COARSE - 1)], PANELS + 1)


def _log_sum(log_terms: Array) -> Array:
    """log of the sum of exp over all axes but the last; -inf where there is nothing."""
    axes = tuple(range(log_terms.ndim - 1))
    largest = log_terms.max(axis=axes)
    largest = np.where(np.isfinite(largest), largest, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(largest + np.log(np.exp(log_terms - largest).sum(axis=axes)))
