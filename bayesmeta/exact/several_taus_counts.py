"""A tau for each level under any likelihood and random effects: levels are independent given the mean effect.

    p(y | m) = prod_g Z_g(m),   Z_g(m) = integral prod_{i in g} L_i(m, tau_g) p(tau_g) d tau_g

To one level the others are a prior of m. So each level is fitted by itself, with log p(m) + sum_{h != g} log Z_h(m) in
the place of the prior of mu; where every level has a mean of its own, with nothing from the others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayesmeta.errors import ModelError
from bayesmeta.exact.axes import LineAxis
from bayesmeta.exact.count_posterior import CountPosterior
from bayesmeta.exact.evidence import evidence_of
from bayesmeta.exact.nodes import TauNodes
from bayesmeta.exact.predictors import OnePredictor, Predictors
from bayesmeta.exact.prepared import Prepared, prepare
from bayesmeta.exact.weights import weigh
from bayesmeta.likelihoods.series import Panels
from bayesmeta.likelihoods.two_arm_grid import log_sum
from bayesmeta.model import Design, Heterogeneity, Model
from bayesmeta.priors import HeterogeneityPrior
from bayesmeta.trials import Trials
from bayesmeta.types import Array, Integers

OUTSIDE = 12.0  # standard deviations of the mean about its first guess
PROBES = 9  # means for which the nodes of tau serve
FARTHER = 1.5  # of u: a mean that other levels pull away asks for a larger tau


@dataclass(eq=False)
class PreparedAmongOthers(Prepared):
    """One level, with what the others say of the mean effect.

    Attributes
    ----------
    others : from means (...) to log p of the other levels' data.
    guess : mean and sd of the mean effect by all that the others and the prior say.
    """

    others: Callable[[Array], Array] | None = None
    guess: tuple[float, float] = (0.0, np.inf)

    @cached_property
    def predictors(self) -> Predictors:
        parts, given = self.parts_and_guess(self.tau)
        mean, variance = given.linear(np.ones((1, 1)))
        location, sd = self.guess
        precision = 1.0 / variance[0] + sd**-2.0
        guess = (mean[0] / variance[0] + location * sd**-2.0) / precision, precision**-0.5
        return OnePredictor(self.convolution, self.tau, parts, guess, self.resolution, self.others)


@dataclass(frozen=True, eq=False)
class Level:
    """The trials of one level, and Z_g(m).

    Attributes
    ----------
    prepared : its likelihoods.
    prior : of its tau.
    fine : nodes of tau; None where it is known.
    """

    prepared: Prepared
    prior: HeterogeneityPrior
    fine: TauNodes | None

    @classmethod
    def of(cls, trials: Trials, model: Model, low: float, high: float) -> "Level":
        """With nodes of tau that serve means from low to high."""
        prepared = prepare(trials, model)
        prior = model.tau_prior.given(prepared.standard_errors)
        if prepared.known_tau is not None:
            return cls(prepared, prior, None)
        prepared.reach_farther(FARTHER)
        tau = prepared.tau
        means = np.broadcast_to(np.linspace(low, high, PROBES), (len(tau), PROBES))
        together = log_sum(prepared.convolution.log_marginal(means, tau).sum(axis=0))
        found = weigh(prepared.tau_panels, together, prior, prior.tail_exponent + 1.0)
        return cls(prepared, prior, found.fine)

    def at(self, means: Array) -> Array:
        """sum_i l_i(m, tau_t) at the nodes of tau: means (M,) to (T, M)."""
        tau = self.prepared.tau
        return np.asarray(
            self.prepared.convolution.log_marginal(np.broadcast_to(means, (len(tau), len(means))), tau).sum(axis=0)
        )

    def log_p(self, means: Array) -> Array:
        """log Z_g at means (M,)."""
        value = self.at(means)
        if self.fine is None:
            return np.asarray(value[0])
        place = self.prepared.tau_panels.interpolation(self.fine.tau)
        weight = self.fine.log_weight + self.prior.log_density(self.fine.tau)
        return log_sum((place @ value).T + weight)


@dataclass(frozen=True, eq=False)
class LogZ:
    """log Z_g of all levels as polynomials of the mean effect, and what goes on beyond them."""

    panels: Panels
    series: Array  # (levels, P, 16)

    def without(self, level: int) -> Callable[[Array], Array]:
        """The sum over the other levels."""
        series = np.delete(self.series, level, axis=0).sum(axis=0)
        low, high = float(self.panels.edges[0]), float(self.panels.edges[-1])
        ends = self.panels.interpolate(series, np.array([low, low + 1e-3, high - 1e-3, high]))
        slopes = max((ends[1] - ends[0]) * 1e3, 0.0), min((ends[3] - ends[2]) * 1e3, 0.0)

        def function(means: Array) -> Array:
            flat = means.ravel()
            value = self.panels.interpolate(series, flat)
            value = value - slopes[0] * np.maximum(low - flat, 0.0) + slopes[1] * np.maximum(flat - high, 0.0)
            return np.asarray(value.reshape(means.shape))

        return function


@dataclass(frozen=True, eq=False)
class Levels:
    """Each level's posterior, and the mean effect that they share.

    Attributes
    ----------
    posteriors : one for each level.
    rows : positions of each level's trials.
    parts : each level's Z_g; () where every level has a mean of its own.
    axis : of the mean effect; None where every level has its own.
    """

    posteriors: tuple[CountPosterior, ...]
    rows: tuple[Integers, ...]
    parts: tuple[Level, ...] = ()
    axis: LineAxis | None = None

    @property
    def log_marginal(self) -> float:
        logs = [float(one.log_marginal_likelihood or 0.0) for one in self.posteriors]
        return logs[0] if self.axis is not None else sum(logs)


def solve_levels(trials: Trials, model: Model, design: Design, heterogeneity: Heterogeneity) -> Levels:
    """Fit every level.

    Raises
    ------
    ModelError : moderators other than a mean for each level.
    """
    rows = tuple(np.flatnonzero(column > 0.0) for column in heterogeneity.matrix.T)
    plain = model.but(tau_by=None, tau="half_normal(0.5)", moderators=None, beta="normal(0, 1)", setting=None)
    priors = heterogeneity.tau_priors
    if model.moderators is None:
        models = [plain.but(tau=prior) for prior in priors]
        return _around_one_mean(trials, models, rows)
    columns = columns_of_levels(design, heterogeneity)
    models = [plain.but(tau=prior, mu=model.prior_of(design.columns[column])) for prior, column in zip(priors, columns)]
    posteriors = [prepare(trials.select(own), one).posterior() for own, one in zip(rows, models, strict=True)]
    return Levels(tuple(posteriors), rows)


def columns_of_levels(design: Design, heterogeneity: Heterogeneity) -> list[int]:
    """Which column of the design is the mean of each level.

    Raises
    ------
    ModelError : a design of another kind.
    """
    found = []
    for member in heterogeneity.matrix.T:
        same = [j for j, column in enumerate(design.matrix.T) if np.array_equal(column, member)]
        if len(same) != 1 or design.matrix.shape[1] != heterogeneity.matrix.shape[1]:
            raise ModelError(
                "tau differs between trials, and moderators: with this likelihood the exact engine carries one mean"
                f' effect, or one for each level (moderators "~ 0 + {heterogeneity.by}"). State --likelihood normal, or'
                " fit with --engine nuts."
            )
        found.append(same[0])
    return found


def _around_one_mean(trials: Trials, models: list[Model], rows: tuple[Integers, ...]) -> Levels:
    together = prepare(trials, models[0])
    mean, variance = together.rough.given(np.array([0.0, 1.0, 4.0]) * together.scale).linear(np.ones((1, 1)))
    sd = np.sqrt(variance[0])
    low, high = float((mean[0] - OUTSIDE * sd).min()), float((mean[0] + OUTSIDE * sd).max())
    levels = tuple(Level.of(trials.select(own), one, low, high) for own, one in zip(rows, models, strict=True))
    prior_of_mean = together.design.priors[0]

    def log_density(means: Array) -> Array:
        total = sum(level.log_p(means) for level in levels)
        return np.asarray(total + prior_of_mean.log_density(means) if prior_of_mean.proper else total)

    axis = LineAxis.of(log_density, low, high)
    panels = axis.panels
    table = LogZ(panels, panels.series(np.stack([level.log_p(panels.nodes) for level in levels])))
    weight = np.exp(log_density(panels.nodes) - log_density(panels.nodes).max()) * panels.weights
    centre = float(weight @ panels.nodes / weight.sum())
    spread = float(np.sqrt(weight @ (panels.nodes - centre) ** 2 / weight.sum()))
    posteriors = []
    for g, (own, model) in enumerate(zip(rows, models, strict=True)):
        some = trials.select(own)
        effects, parts = evidence_of(some, model)
        prepared = PreparedAmongOthers(
            some, model, model.design(some), effects, parts, others=table.without(g), guess=(centre, spread)
        )
        prepared.__dict__.update(grid=levels[g].prepared.grid, last_u=levels[g].prepared.last_u)
        posteriors.append(prepared.posterior())
    return Levels(tuple(posteriors), rows, levels, axis)
