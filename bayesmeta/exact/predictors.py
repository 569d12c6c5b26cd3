"""Linear predictors given tau, integrated over the coefficients: one column by itself, several by `regression.py`.

S(beta, tau) = sum_i l_i(x_i' beta, tau) + log p(beta); p(y | tau) = integral e^S d beta.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bayesmeta.exact.convolution import Convolution
from bayesmeta.exact.lines import Line, solve
from bayesmeta.exact.prior_parts import PriorParts
from bayesmeta.likelihoods.theta_grid import Resolution
from bayesmeta.types import Array, Integers


@dataclass(frozen=True, eq=False)
class RowLine:
    """The predictor of one distinct row of the design, with the trials that have it.

    Attributes
    ----------
    positions : of its trials.
    line : p(v | tau, y).
    log_marginal : (n_trials, R, n) l_i at the nodes of the line.
    """

    positions: Integers
    line: Line
    log_marginal: Array


class Predictors(ABC):
    """The coefficients given tau, at the nodes of tau.

    Attributes
    ----------
    log_evidence : (T,) log p(y | tau).
    outside, unresolved : (T,) at each tau the probability of the coefficients that the numerical integral leaves out,
        and of those that it does not resolve.
    error : (T,) about that of their log density.
    """

    log_evidence: Array
    outside: Array
    unresolved: Array
    error: Array

    @abstractmethod
    def line(self, row: Array) -> Line:
        """p(row' beta | tau, y) of a row (p,)."""

    @abstractmethod
    def row_lines(self) -> list[RowLine]:
        """One for each distinct row of the design."""

    @abstractmethod
    def draws(self, place: Array, rng: np.random.Generator) -> Array:
        """beta (n, p) at tau given by an interpolation matrix place (n, T)."""


class OnePredictor(Predictors):
    """A pooled effect: every trial has the same predictor.

    Parameters
    ----------
    convolution : the likelihoods and random effects.
    tau : (T,) nodes.
    prior : of the effect, in R parts, each for a node of tau.
    guess : (R,) mean and sd of the effect for each part.
    resolution : how finely.
    others : from effects to what other data say of them, a log density; None where there are none.
    """

    def __init__(
        self,
        convolution: Convolution,
        tau: Array,
        prior: PriorParts,
        guess: tuple[Array, Array],
        resolution: Resolution,
        others: Callable[[Array], Array] | None = None,
    ) -> None:
        self._convolution, self._tau, self._resolution = convolution, tau, resolution
        # The last values at each window: mostly those at the nodes that the line is made of.
        rows, nodes = len(convolution.grid.log_p), resolution.mu_nodes
        at, by_row = np.full((len(guess[0]), nodes), np.nan), np.empty((rows, len(guess[0]), nodes))

        def log_posterior(v: Array, which: Integers) -> Array:
            found = convolution.log_marginal(v, tau[prior.node[which]])
            if v.shape[1] == nodes:
                at[which], by_row[:, which] = v, found
            total = found.sum(axis=0) + prior.log_density(v[..., None], which)
            return np.asarray(total if others is None else total + others(v))

        solved = solve(log_posterior, *guess, nodes=resolution.mu_nodes, fall=resolution.fall)
        line, self.log_evidence = solved.by_node(prior.node)
        self._line = line.without_negligible()
        self.outside, self.unresolved, self.error = self._line.doubts()
        self._log_marginal = by_row if np.array_equal(at, self._line.nodes) else None

    def line(self, row: Array) -> Line:
        return self._line.times(float(row[0]))

    def row_lines(self) -> list[RowLine]:
        positions = np.arange(len(self._convolution.grid.log_p))
        if self._log_marginal is None:
            self._log_marginal = self._convolution.log_marginal(self._line.nodes, self._tau[self._line.node])
        return [RowLine(positions, self._line, self._log_marginal)]

    def draws(self, place: Array, rng: np.random.Generator) -> Array:
        panels = self._line.panels(self._resolution.panel)
        density = np.maximum(place @ self._line.density(panels.nodes), 0.0)
        return panels.quantiles(density, rng.random((len(place), 1)))
