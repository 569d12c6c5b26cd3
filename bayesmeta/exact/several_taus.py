"""The normal likelihood with heterogeneity that differs: nodes over all its parameters, Gaussian given them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayesmeta.errors import ModelError, PriorError
from bayesmeta.exact.axes import Axis, LineAxis, TauAxis, marginal_nodes
from bayesmeta.exact.given_tau import GivenTau, NormalProblem
from bayesmeta.likelihoods.normal import LOG_2PI
from bayesmeta.likelihoods.two_arm_grid import log_sum
from bayesmeta.model import Heterogeneity
from bayesmeta.priors import HeterogeneityPrior
from bayesmeta.types import Array

AT_ONCE = 2_000_000  # numbers in an array of nodes and trials
MOST = {"tau": 3, "alpha": 1}
PASSES = 3
KEPT = 1e-17  # of the largest weight
START = 8.5  # standard deviations of the prior of alpha


@dataclass(frozen=True, eq=False)
class SpreadProblem:
    """Trials, design and a description of how tau differs.

    Parameters
    ----------
    problem : of the trials, arms that share a control turned into independent rows.
    heterogeneity : tau_i in terms of its parameters.
    """

    problem: NormalProblem
    heterogeneity: Heterogeneity

    def given(self, parameters: Array) -> GivenTau:
        """Condition on the parameters (N, A) of the heterogeneity; `tau` of the result is (N, k)."""
        parts = np.array_split(parameters, max(1, parameters.shape[0] * len(self.problem.y) // AT_ONCE))
        found = [self._given(part) for part in parts]
        return GivenTau(*(np.concatenate([getattr(one, name) for one in found]) for name in NAMES))

    def _given(self, parameters: Array) -> GivenTau:
        tau = np.minimum(self.heterogeneity.tau(parameters), 1e150)
        return self.problem.at(tau, tau**2)

    def log_prior(self, parameters: Array) -> Array:
        """(N,) log prior density of the parameters (N, A)."""
        description = self.heterogeneity
        taus = len(description.tau_names)
        total = np.zeros(len(parameters))
        for j in range(taus):
            total += self.log_tau_prior(j, parameters[:, j])
        for j, (location, scale) in enumerate(self.alpha_priors):
            away = (parameters[:, taus + j] - location) / scale
            total += -0.5 * away**2 - np.log(scale) - 0.5 * LOG_2PI
        return total

    def log_tau_prior(self, level: int, values: Array) -> Array:
        """Of one tau at values (n,): (n,); 0 where it is known."""
        prior = self.tau_priors[level]
        return np.zeros(len(values)) if prior.point is not None else np.asarray(prior.log_density(values))

    @cached_property
    def tau_priors(self) -> tuple[HeterogeneityPrior, ...]:
        """Of each tau, with the standard errors of its own trials where they depend on such."""
        return self.heterogeneity.priors_given(self.problem.se)

    @cached_property
    def alpha_priors(self) -> list[tuple[float, float]]:
        """Location and scale of each alpha.

        Raises
        ------
        ModelError : a prior that is not normal.
        """
        found = []
        for name, prior in zip(self.heterogeneity.alpha_names, self.heterogeneity.alpha_priors, strict=True):
            if prior.gaussian is None or not np.isfinite(prior.gaussian[1]):
                raise ModelError(
                    f"prior {prior} of {name}: the exact engine needs a normal one, such as normal(0, 1). Fit with"
                    " --engine nuts, which takes any that PyMC has."
                )
            found.append(prior.gaussian)
        return found

    def log_posterior(self, parameters: Array) -> Array:
        """(N,) log p(y, parameters), the coefficients integrated out."""
        return self.log_prior(parameters) + self.given(parameters).log_evidence

    def log_products(self, nodes: list[Array]) -> Array:
        """log p(y, parameters) at all combinations of values of the parameters: (n_1, n_2, ...).

        With tau by level the likelihood of a level enters through a few sums, which are worked out once for each value.

        Parameters
        ----------
        nodes : values of each parameter.
        """
        shape = tuple(len(one) for one in nodes)
        if not self.heterogeneity.levels:
            grid = np.stack([one.ravel() for one in np.meshgrid(*nodes, indexing="ij")], axis=-1)
            return self.log_posterior(grid).reshape(shape)
        axes = len(nodes)
        sums = self.level_sums
        total = sums.of_prior.reshape((1,) * axes + (-1,))
        log_prior = np.zeros((1,) * axes)
        for j, values in enumerate(nodes):
            place = [1] * axes
            place[j] = len(values)
            total = total + sums.of_level(j, values).reshape(*place, -1)
            log_prior = log_prior + self.log_tau_prior(j, values).reshape(place)
        return np.asarray(sums.log_evidence(total) + log_prior)

    def log_along(self, pair: dict[int, Array], rest: list[tuple[Array, Array]]) -> Array:
        """(M,) log p(y, parameters) at values (M,) of two levels, the others integrated over their nodes."""
        sums = self.level_sums
        total = sums.of_prior + sum(sums.of_level(j, values) for j, values in pair.items())
        log_prior = sum(self.log_tau_prior(j, values) for j, values in pair.items())
        if not rest:
            return np.asarray(sums.log_evidence(total) + log_prior)
        (other,) = [j for j in range(len(self.tau_priors)) if j not in pair]
        values, log_weight = rest[0]
        log_weight = log_weight + self.log_tau_prior(other, values)
        every = sums.of_level(other, values)
        parts = np.array_split(total, max(1, len(total) * len(values) * 8 // AT_ONCE))
        found = [log_sum(sums.log_evidence(part[:, None] + every) + log_weight) for part in parts]
        return np.asarray(np.concatenate(found) + log_prior)

    @cached_property
    def level_sums(self) -> "LevelSums":
        return LevelSums.of(self.problem, self.heterogeneity.matrix)

    @cached_property
    def moments(self) -> tuple[int, ...]:
        """How many moments each tau has.

        p(y | tau) falls in tau_g as tau_g^-(k_g - q_g), with k_g trials of the level and q_g flat coefficients that
        only these trials determine.

        Raises
        ------
        PriorError : a posterior that cannot be normalised.
        """
        flat = self.problem.design[:, np.isinf(self.problem.prior_scale)]
        found = []
        for j, (name, prior) in enumerate(zip(self.heterogeneity.tau_names, self.tau_priors, strict=True)):
            own = np.ones(len(flat), dtype=bool)
            if self.heterogeneity.levels:
                own = self.heterogeneity.matrix[:, j] > 0.0
            determined = _rank(flat) - _rank(flat[~own])
            tail = prior.tail_exponent + int(own.sum()) - determined
            if not tail > 1.0:
                raise PriorError(
                    f"tau prior {prior} of {name} with {int(own.sum())} trials: the posterior is improper. State one"
                    " with a lighter tail, such as half_normal(0.5)."
                )
            found.append(int(tail > 2.0) + int(tail > 3.0))
        return tuple(found)

    @cached_property
    def fixed(self) -> dict[int, float]:
        """Positions and values of parameters that the priors fix."""
        return {j: float(prior.point) for j, prior in enumerate(self.tau_priors) if prior.point is not None}


@dataclass(frozen=True, eq=False)
class LevelSums:
    """What the trials of each level say, as sums: of log precisions, of w y^2, of w x y and of w x x'.

    The columns of the design are made orthonormal and y is taken about its least-squares fit, so that nothing cancels.

    Attributes
    ----------
    variance : (k,) sampling variances.
    terms : (k, 1 + p + p^2) y^2, x y and x x' of each trial.
    member : (k, levels).
    of_prior : (2 + p + p^2,) the same sums of the priors.
    constant : of the log evidence.
    """

    variance: Array
    terms: Array
    member: Array
    of_prior: Array
    constant: float

    @classmethod
    def of(cls, problem: NormalProblem, member: Array) -> "LevelSums":
        k, p = problem.design.shape
        weight = 1.0 / (problem.se + np.median(problem.se))
        triangle = np.linalg.qr(problem.design * weight[:, None], mode="r")
        design = np.linalg.solve(triangle.T, problem.design.T).T
        centre = np.linalg.lstsq(design * weight[:, None], problem.y * weight, rcond=None)[0]
        rows = np.column_stack([problem.y - design @ centre, design])
        proper = np.flatnonzero(np.isfinite(problem.prior_scale))
        priors = np.linalg.solve(triangle.T, np.eye(p)[proper].T).T  # beta = triangle^-1 gamma
        priors = np.column_stack([problem.prior_location[proper] - priors @ centre, priors])
        priors = priors / problem.prior_scale[proper, None]
        constant = (k + len(proper) - p) * LOG_2PI + 2.0 * float(np.log(problem.prior_scale[proper]).sum())
        constant += 2.0 * float(np.log(np.abs(np.diagonal(triangle))).sum())
        of_prior = np.concatenate([[0.0], _terms(priors).sum(axis=0)])
        return cls(problem.se**2, _terms(rows), member, of_prior, problem.log_jacobian - 0.5 * constant)

    def of_level(self, level: int, tau: Array) -> Array:
        """(n, 2 + p + p^2) at each tau (n,)."""
        own = self.member[:, level] > 0.0
        precision = 1.0 / (self.variance[own] + np.minimum(tau, 1e150)[:, None] ** 2)
        return np.column_stack([np.log(precision).sum(axis=1), precision @ self.terms[own]])

    def log_evidence(self, sums: Array) -> Array:
        """(...) from sums (..., 2 + p + p^2) of all levels and the priors."""
        p = int(np.sqrt(sums.shape[-1] - 1.75) - 0.5 + 1e-9)
        logs, square, cross = sums[..., 0], sums[..., 1], sums[..., 2 : 2 + p]
        gram = sums[..., 2 + p :]
        if p == 1:
            explained, determinant = cross[..., 0] ** 2 / gram[..., 0], np.log(gram[..., 0])
        else:
            root = _roots(gram.reshape(*sums.shape[:-1], p, p))
            z = np.linalg.solve(root, cross[..., None])[..., 0]
            explained = (z * z).sum(axis=-1)
            determinant = 2.0 * np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum(axis=-1)
        return np.asarray(0.5 * (logs - (square - explained) - determinant) + self.constant)


def _roots(gram: Array) -> Array:
    """Cholesky roots of matrices (..., p, p); infinite ones, of no evidence, where a matrix is singular in doubles.

    That is where trials that alone determine a coefficient with a flat prior have a tau of 10^8 standard errors.
    """
    try:
        return np.linalg.cholesky(gram)
    except np.linalg.LinAlgError:
        p = gram.shape[-1]
        size = np.sqrt(np.diagonal(gram, axis1=-2, axis2=-1))
        smallest = np.linalg.eigvalsh(gram / (size[..., None] * size[..., None, :]))[..., 0]
        good = (smallest > 10.0 * p * np.finfo(float).eps)[..., None, None]
        root = np.linalg.cholesky(np.where(good, gram, np.eye(p)))
        return np.asarray(np.where(good, root, 1e300 * np.eye(p)))


def _terms(rows: Array) -> Array:
    """(n, 1 + p + p^2) y^2, x y and x x' of rows (n, 1 + p) of y and x."""
    y, x = rows[:, :1], rows[:, 1:]
    return np.column_stack([y * y, x * y, (x[:, :, None] * x[:, None, :]).reshape(len(x), x.shape[1] ** 2)])


NAMES = ("tau", "log_evidence", "mean", "root")


def _rank(matrix: Array) -> int:
    return int(np.linalg.matrix_rank(matrix)) if matrix.size else 0


@dataclass(frozen=True, eq=False)
class FixedAxis(Axis):
    """A parameter that is known: one node."""

    @classmethod
    def at(cls, value: float) -> "FixedAxis":
        return cls(np.array([value]))

    def nodes(self, n: int) -> tuple[Array, Array]:
        return self.edges, np.zeros(1)

    def finer(self) -> "FixedAxis":
        return self

    def value(self, coordinate: Array) -> Array:
        return coordinate

    def log_slope(self, coordinate: Array) -> Array:
        return np.zeros_like(coordinate)


@dataclass(frozen=True, eq=False)
class SolvedSpread:
    """The posterior of the parameters of the heterogeneity.

    Attributes
    ----------
    spread : the problem.
    axes : one for each parameter.
    parameters : (N, A) nodes that hold something.
    weights : (N,) their posterior probabilities.
    given : what is known at them.
    log_marginal : log p(y).
    """

    spread: SpreadProblem
    axes: tuple[Axis, ...]
    parameters: Array
    weights: Array
    given: GivenTau
    log_marginal: float

    def log_marginal_density(self, axis: int, values: Array) -> Array:
        """(M,) log p(parameter | y) of one parameter at values (M,)."""
        others = [one.summed for j, one in enumerate(self.axes) if j != axis]
        return log_over_others(self.spread, axis, values, others) - self.log_marginal

    def at_nodes(self, axis: int) -> tuple[Array, Array, Array]:
        """Values at 16 nodes a panel, log weights and log density there."""
        values, log_weight = marginal_nodes(self.axes[axis])
        return values, log_weight, self.log_marginal_density(axis, values)


def solve_spread(spread: SpreadProblem, axes: tuple[Axis, ...] | None = None) -> SolvedSpread:
    """Nodes for all parameters of the heterogeneity, and what is known at each.

    Parameters
    ----------
    spread : the problem.
    axes : of each parameter; placed here where None.

    Raises
    ------
    ModelError : more parameters than are integrated over.
    PriorError : a posterior that cannot be normalised.
    """
    description = spread.heterogeneity
    for kind, names in (("tau", description.tau_names), ("alpha", description.alpha_names)):
        free = len(names) - (len(spread.fixed) if kind == "tau" else 0)
        if free > MOST[kind]:
            raise ModelError(
                f"{len(names)} parameters of the heterogeneity ({', '.join(names)}): the exact engine integrates over"
                f' up to {MOST[kind]} of this kind. Fit with --engine nuts (engine="nuts").'
            )
    axes = axes or tuple(_placed(spread))
    parameters, log_weight = _product([axis.summed for axis in axes])
    log_joint = log_weight + spread.log_products([axis.summed[0] for axis in axes]).ravel()
    largest = float(log_joint.max())
    weight = np.exp(log_joint - largest)
    total = float(weight.sum())
    kept = weight > KEPT * weight.max()
    return SolvedSpread(
        spread,
        axes,
        parameters[kept],
        weight[kept] / weight[kept].sum(),
        spread.given(parameters[kept]),
        largest + float(np.log(total)),
    )


def _placed(spread: SpreadProblem) -> list[Axis]:
    """Each axis for its marginal density, given where the others are; a few times round."""
    description = spread.heterogeneity
    moments, breaks = spread.moments, [prior.breaks for prior in spread.tau_priors]
    scales = [
        float(spread.problem.se[description.matrix[:, j] > 0.0].min()) for j in range(len(description.levels))
    ] or [float(spread.problem.se.min())]
    axes: list[Axis] = [TauAxis(np.linspace(0.0, 4.0, 7), scale) for scale in scales]
    axes += [
        LineAxis(np.linspace(location - START * scale, location + START * scale, 9))
        for location, scale in spread.alpha_priors
    ]
    for j, value in spread.fixed.items():
        axes[j] = FixedAxis.at(value)
    for _ in range(PASSES if len(axes) > 1 else 1):
        for j in range(len(axes)):
            others = [axis.thin for i, axis in enumerate(axes) if i != j]

            def log_density(values: Array, j: int = j, others: list[tuple[Array, Array]] = others) -> Array:
                return log_over_others(spread, j, values, others)

            if j in spread.fixed:
                continue
            if j < len(scales):
                axes[j] = TauAxis.of(log_density, scales[j], breaks[j], moments[j])
            else:
                axes[j] = LineAxis.of(log_density, float(axes[j].edges[0]), float(axes[j].edges[-1]))
    return axes


def log_over_others(spread: SpreadProblem, axis: int, values: Array, others: list[tuple[Array, Array]]) -> Array:
    """(M,) log of the integral of p(y, parameters) over all parameters but one, at values (M,) of that one."""
    rest, log_weight = [value for value, _ in others], _product(others)[1]
    size = len(log_weight) * (len(spread.problem.y) if not spread.heterogeneity.levels else 8)
    found = []
    for part in np.array_split(values, max(1, len(values) * size // AT_ONCE)):
        with np.errstate(invalid="ignore"):
            log_joint = spread.log_products([*rest[:axis], part, *rest[axis:]])
        log_joint = np.moveaxis(log_joint, axis, 0).reshape(len(part), -1) + log_weight
        largest = np.maximum(log_joint.max(axis=1), -1e300)
        with np.errstate(divide="ignore"):
            found.append(largest + np.log(np.exp(log_joint - largest[:, None]).sum(axis=1)))
    return np.concatenate(found)


def _product(nodes: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    """All combinations of nodes: (N, A) and the sums of their log weights (N,); one of no parameters."""
    if not nodes:
        return np.zeros((1, 0)), np.zeros(1)
    values = np.meshgrid(*[value for value, _ in nodes], indexing="ij")
    logs = np.meshgrid(*[log_weight for _, log_weight in nodes], indexing="ij")
    return np.stack([value.ravel() for value in values], axis=-1), np.asarray(sum(log.ravel() for log in logs))
