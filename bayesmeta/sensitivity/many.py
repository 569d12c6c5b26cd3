"""Many posteriors of one normal model at once: every prior of tau with every prior of mu.

Everything that a prior of tau changes is the weight of the nodes; a normal prior of mu is one observation more of mu.
So the trials are looked at once, on nodes that serve all, and a thousand priors cost little more than one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from bayesmeta.errors import ModelError
from bayesmeta.exact.given_tau import NormalProblem
from bayesmeta.likelihoods.normal import LOG_2PI
from bayesmeta.posterior import Posterior
from bayesmeta.priors import EffectPrior, HeterogeneityPrior
from bayesmeta.sensitivity.mixtures import own_quantiles, shared_quantiles
from bayesmeta.sensitivity.nodes import CommonNodes, common_nodes
from bayesmeta.sensitivity.rows import LEVELS
from bayesmeta.sensitivity.tau_densities import TauPriors
from bayesmeta.types import Array, Integers

ENOUGH = 100  # pairs of priors, of which all are looked at where nodes are placed


@dataclass(frozen=True, eq=False)
class GivenTauAndPrior:
    """At each tau, for each of M priors of mu: log evidence, and mean and variance of the mean effect; (M, T) each."""

    log_evidence: Array
    mean: Array
    variance: Array


@dataclass(frozen=True, eq=False)
class Question:
    """A normal model with the effect in question, x'beta, and the column of the design whose prior is varied.

    Parameters
    ----------
    problem : trials, design, priors of the other columns.
    row : (p,) x, the row of the design that the pooled effect is read at.
    column : position of mu among the columns; None where the design has no intercept.
    """

    problem: NormalProblem
    row: Array
    column: int | None

    @classmethod
    def of(cls, posterior: Posterior, any_mu: bool = False) -> "Question | None":
        """The question that a posterior answers; None where its model is not of this kind.

        With `any_mu` the prior of mu as given may be any, because others take its place.
        """
        model, design = posterior.model, posterior.design
        if model.selection is not None or model.tau_differs:
            return None
        others = [prior for prior, name in zip(design.priors, design.columns) if not (any_mu and name == "mu")]
        if any(prior.gaussian is None for prior in others):
            return None
        if model.likelihood != "normal" or model.random_effects != "normal":
            return None
        problem = NormalProblem.of(posterior.effects, design, model.arm_correlation)
        column = design.columns.index("mu") if "mu" in design.columns else None
        return cls(problem, np.asarray(design.reference, dtype=float), column)

    @classmethod
    def required(cls, posterior: Posterior, what: str) -> "Question":
        """The same, or a refusal that names what needs it."""
        found = cls.of(posterior)
        if found is None:
            model = posterior.model
            raise ModelError(
                f"{what} needs the normal likelihood with normal random effects; this model has the likelihood"
                f" {model.likelihood} with random effects {model.random_effects}."
            )
        return found

    @property
    def scale(self) -> float:
        """The unit of the nodes: the smallest standard error."""
        return float(self.problem.se.min())

    def given(self, tau: Array, location: Array, scale: Array) -> GivenTauAndPrior:
        """Condition on tau for M priors N(location, scale^2) of mu at once; scale inf is flat.

        With the flat prior beta ~ N(b, V) at tau. A prior of mu observes mu: with S = V_mm + scale^2 the mean of
        x'beta moves by x'V_m / S (location - b_m), its variance falls by (x'V_m)^2 / S, and the evidence gains log
        N(location; b_m, S).

        Parameters
        ----------
        tau : (T,).
        location, scale : (M,).
        """
        if self.column is None:
            known = self.problem.given(tau)
            mean, variance = known.linear(self.row[None])
            shape = (len(location), len(tau))
            return GivenTauAndPrior(*(np.broadcast_to(part, shape) for part in (known.log_evidence, mean, variance)))
        unit = np.eye(len(self.row))[self.column]
        free = self.problem.prior_scale.copy()
        free[self.column] = np.inf
        known = replace(self.problem, prior_scale=free).given(tau)
        mean, variance = known.linear(np.stack([self.row, unit, self.row + unit]))
        same = bool(np.array_equal(self.row, unit))
        covariance = variance[1] if same else 0.5 * (variance[2] - variance[0] - variance[1])
        square = (scale * scale)[:, None]
        away = location[:, None] - mean[1]
        total = variance[1] + square
        with np.errstate(invalid="ignore"):
            log_normal = -0.5 * (LOG_2PI + np.log(total) + away * away / total)
            left = variance[1] * np.where(np.isinf(square), 1.0, square / total)
        log_normal = np.where(np.isinf(square), 0.0, log_normal)
        return GivenTauAndPrior(
            known.log_evidence + log_normal,
            mean[0] + covariance / total * away,
            left if same else np.maximum(variance[0] - covariance * covariance / total, 0.0),
        )

    def posteriors(self, tau: Sequence[HeterogeneityPrior], mu: Sequence[EffectPrior]) -> "Many":
        """The posterior under each prior of tau with each prior of mu; all of them must be proper posteriors."""
        priors = TauPriors(tau)
        return self.weighted(priors.log_densities, gaussians(mu), priors.breaks)

    def weighted(
        self, log_priors: Callable[[Array], Array], mu: tuple[Array, Array], breaks: tuple[float, ...] = ()
    ) -> "Many":
        """The same for log prior densities of tau, (T,) to (N, T), and locations and scales of mu, (M,) each."""

        some: Integers | None = None

        def log_densities(values: Array) -> Array:
            evidence = self.given(values, *mu).log_evidence
            both = (log_priors(values)[:, None] + evidence).reshape(-1, len(values))
            return both if some is None else both[some]

        number = len(log_priors(np.array([self.scale])))
        some = _some_pairs(number, np.asarray(mu[1]))
        nodes = common_nodes(log_densities, self.scale, breaks)
        if some is not None:
            some = None
            nodes = nodes.weighing(log_densities(nodes.tau))
        return Many(nodes, self.given(nodes.tau, *mu))


def _some_pairs(number: int, scales: Array) -> Integers | None:
    """Pairs of priors of tau and mu whose nodes serve all: each of tau with the widest of mu and with some other."""
    if number * len(scales) <= ENOUGH:
        return None
    each = np.arange(number) * len(scales)
    return np.unique(np.concatenate([each + int(np.argmax(scales)), each + np.arange(number) % len(scales)]))


def gaussians(priors: Sequence[EffectPrior]) -> tuple[Array, Array]:
    """Locations and scales (M,) of normal priors; a flat one has scale inf."""
    pairs = np.array([prior.gaussian for prior in priors], dtype=float)
    return pairs[:, 0], pairs[:, 1]


@dataclass(frozen=True, eq=False)
class Many:
    """N * M posteriors: weights of the nodes, and what is known at each node under each of M priors of mu."""

    nodes: CommonNodes
    given: GivenTauAndPrior

    @property
    def _by_mu(self) -> Array:
        """(N, M, T) weights."""
        return np.asarray(self.nodes.weights.reshape(-1, *self.given.mean.shape))

    def above(self, value: float = 0.0, *, new: bool = False) -> Array:
        """(N * M,) probability that the mean effect, or the effect in a new setting, exceeds a value."""
        tail = ndtr((self.given.mean - value) / self._sd(new))
        return np.asarray(np.einsum("nmt,mt->nm", self._by_mu, tail).ravel())

    def quantiles(self, *, new: bool = False, levels: Array = LEVELS) -> Array:
        """(N * M, L) quantiles of the mean effect, or of the effect in a new setting."""
        weights, mean, sd = self._by_mu, self.given.mean, self._sd(new)
        n, m, nodes = weights.shape
        if n < m:
            flat = weights.reshape(n * m, nodes)
            return own_quantiles(flat, np.tile(mean, (n, 1)), np.tile(sd, (n, 1)), levels)
        found = [shared_quantiles(weights[:, j], mean[j], sd[j], levels) for j in range(m)]
        return np.stack(found, axis=1).reshape(n * m, len(levels))

    def rows(self) -> dict[str, Array]:
        """The computed columns of `bayesmeta.sensitivity.rows`, (N * M,) each."""
        effect, new, tau = self.quantiles(), self.quantiles(new=True), self.nodes.quantiles(LEVELS)
        names = ("lower", "median", "upper")
        columns = dict(zip(names, effect.T)) | dict(zip((f"new_{name}" for name in names), new.T))
        columns |= dict(zip(("tau_lower", "tau", "tau_upper"), tau.T))
        return columns | {"above": self.above(), "new_above": self.above(new=True)}

    def _sd(self, new: bool) -> Array:
        return np.asarray(np.sqrt(self.given.variance + self.nodes.tau**2 if new else self.given.variance))
