"""Linear predictors given tau, integrated over the coefficients: one column by itself, several by `regression.py`.

S(beta, tau) = sum_i l_i(x_i' beta, tau) + log p(beta); p(y | tau) = integral e^S d beta.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bayesmeta.exact.convolution import Convolution
from bayesmeta.exact.lines import Line, solve
from bayesmeta.likelihoods.normal import LOG_2PI
from bayesmeta.likelihoods.theta_grid import Resolution
from bayesmeta.types import Array, Integers


@dataclass(frozen=True, eq=False)
class RowLine:
    """The predictor of one distinct row of the design, with the trials that have it.

    Attributes
    ----------
    positions : of its trials.
    line : p(v | tau, y).
    log_marginal : (n_trials, T, n) l_i at the nodes of the line.
    """

    positions: Integers
    line: Line
    log_marginal: Array


class Predictors(ABC):
    """The coefficients given tau, at the nodes of tau.

    Attributes
    ----------
    log_evidence : (T,) log p(y | tau).
    """

    log_evidence: Array

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
    """A pooled effect: every trial has the same predictor; `others` is what other data say of it."""

    def __init__(
        self,
        convolution: Convolution,
        tau: Array,
        prior: tuple[float, float],
        guess: tuple[Array, Array],
        resolution: Resolution,
        others: Callable[[Array], Array] | None = None,
    ) -> None:
        location, scale = prior
        self._convolution, self._tau, self._resolution = convolution, tau, resolution

        def log_posterior(v: Array, which: Integers) -> Array:
            total = convolution.log_marginal(v, tau[which]).sum(axis=0)
            if np.isfinite(scale):
                total = total - 0.5 * ((v - location) / scale) ** 2 - np.log(scale) - 0.5 * LOG_2PI
            return np.asarray(total if others is None else total + others(v))

        low, high, series, self.log_evidence = solve(
            log_posterior, *guess, nodes=resolution.mu_nodes, fall=resolution.fall
        )
        series[:, 0] -= self.log_evidence
        self._line = Line(low, high, series)

    def line(self, row: Array) -> Line:
        return self._line.times(float(row[0]))

    def row_lines(self) -> list[RowLine]:
        positions = np.arange(len(self._convolution.grid.log_p))
        return [RowLine(positions, self._line, self._convolution.log_marginal(self._line.nodes, self._tau))]

    def draws(self, place: Array, rng: np.random.Generator) -> Array:
        panels = self._line.panels(self._resolution.panel)
        density = np.maximum(place @ self._line.density(panels.nodes), 0.0)
        return panels.quantiles(density, rng.random((len(place), 1)))
