"""Posteriors of many subsets of the trials at once: without moderators a subset enters through four sums."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from bayesmeta.exact.given_tau import NormalProblem
from bayesmeta.posterior import Posterior
from bayesmeta.priors import HeterogeneityPrior
from bayesmeta.sensitivity.many import Question
from bayesmeta.sensitivity.mixtures import own_quantiles
from bayesmeta.sensitivity.nodes import CommonNodes, common_nodes
from bayesmeta.sensitivity.rows import COMPUTED, LEVELS, Row
from bayesmeta.types import Array

SAMPLED = 40  # subsets whose nodes of tau serve a whole block


@dataclass(frozen=True, eq=False)
class Subsets:
    """A normal model without moderators whose trials are taken in and out.

    Parameters
    ----------
    problem : all trials.
    prior : of tau.
    """

    problem: NormalProblem
    prior: HeterogeneityPrior

    @classmethod
    def of(cls, posterior: Posterior) -> "Subsets | None":
        """Of a posterior's trials; None where its model is not of this kind, or its prior changes with the trials."""
        question, prior = Question.of(posterior), posterior.model.tau_prior
        if question is None or posterior.model.moderators is not None or prior.needs_standard_errors:
            return None
        if posterior.effects.shared:  # the sums of a subset know nothing of a control that rows have in common
            return None
        return cls(question.problem, prior)

    @classmethod
    def like(cls, posterior: Posterior) -> "Subsets | None":
        """The normal model of the same effects: a good guess of which trials matter to one of counts."""
        prior, design, effects = posterior.model.tau_prior, posterior.design, posterior.effects
        if not hasattr(posterior, "prepared") or posterior.model.moderators is not None:
            return None
        if prior.needs_standard_errors or prior.point is not None or posterior.model.random_effects == "none":
            return None
        if effects.shared:
            return None
        problem = NormalProblem(effects.y, effects.se, design.matrix, design.prior_location, design.prior_scale)
        return cls(problem, prior)

    @property
    def least(self) -> int:
        """The fewest trials with which the posterior is proper."""
        return self.prior.least_k(int(np.isinf(self.problem.prior_scale[0])))

    def given(self, kept: Array, tau: Array) -> tuple[Array, Array, Array]:
        """Log evidence up to a constant of each subset, mean of mu and its variance, (n, T) each.

        Parameters
        ----------
        kept : (n, k) 1 where a trial is in, 0 where it is not.
        tau : (T,).
        """
        problem = self.problem
        location, scale = float(problem.prior_location[0]), float(problem.prior_scale[0])
        centre = float(np.average(problem.y, weights=problem.se**-2.0))  # sums about it do not cancel
        y, offset = problem.y - centre, location - centre
        precision = 1.0 / (problem.se**2 + tau[:, None] ** 2)  # (T, k)
        total, first = kept @ precision.T, kept @ (precision * y).T
        second, logs = kept @ (precision * y * y).T, kept @ np.log(precision).T
        own = 0.0 if np.isinf(scale) else scale**-2.0
        mean = (first + own * offset) / (total + own)
        distance = second - 2.0 * mean * first + mean * mean * total + own * (mean - offset) ** 2
        return 0.5 * (logs - distance - np.log(total + own)), mean + centre, 1.0 / (total + own)

    def nodes(self, kept: Array) -> CommonNodes:
        """Nodes of tau that serve each of these subsets."""

        def log_densities(tau: Array) -> Array:
            return self.given(kept, tau)[0] + self.prior.log_density(tau)

        return common_nodes(log_densities, float(self.problem.se.min()), self.prior.breaks)

    def rows(self, kept: Array) -> list[Row]:
        """The computed columns of each subset."""
        nodes = self.nodes(kept)
        _, mean, variance = self.given(kept, nodes.tau)
        sd, new = np.sqrt(variance), np.sqrt(variance + nodes.tau**2)
        quantiles = [own_quantiles(nodes.weights, mean, spread, LEVELS) for spread in (sd, new)]
        above = [np.einsum("nt,nt->n", nodes.weights, ndtr(mean / spread)) for spread in (sd, new)]
        columns = np.column_stack([*quantiles, nodes.quantiles(LEVELS), *above])
        return [dict(zip(COMPUTED, row)) for row in columns.tolist()]

    def above(self, kept: Array) -> Array:
        """(n,) P(mu > 0) of each subset; many subsets share the nodes of some of them."""
        nodes = self.nodes(kept[:: max(len(kept) // SAMPLED, 1)])
        evidence, mean, variance = self.given(kept, nodes.tau)
        log_weight = evidence + self.prior.log_density(nodes.tau) + nodes.log_measure
        weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
        return np.asarray(np.einsum("nt,nt->n", weight, ndtr(mean / np.sqrt(variance))) / weight.sum(axis=1))
