"""Marginal likelihoods of models with and without effect, heterogeneity and bias: the terms of a model average.

Without selection all is Gaussian given tau and the slope of PET or PEESE, so that two nodes' worth of quadrature do.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial import legendre

from bayesmeta.effects import Effects
from bayesmeta.exact.nodes import tau_nodes
from bayesmeta.exact.published import Published
from bayesmeta.exact.selection import PreparedSelection
from bayesmeta.exact.weights import Weights, known, tail_of, weigh
from bayesmeta.likelihoods.normal import LOG_2PI
from bayesmeta.posterior import Marginal, NormalMixture, PointMass
from bayesmeta.priors import HeterogeneityPrior
from bayesmeta.types import Array

SLOPES = 64
SDS = 9.0
FALL = 40.0
TINY = 1e-200


@dataclass(frozen=True, eq=False)
class Solved:
    """One model.

    Attributes
    ----------
    log_marginal : log p(y | model).
    mu : posterior of the effect; a point where the model has none.
    """

    log_marginal: float
    mu: Marginal


@dataclass(frozen=True, eq=False)
class Regressed:
    """Estimates that may grow with their standard errors: y_i ~ N(mu + b x_i, s_i^2 + tau^2), b >= 0 half-Cauchy.

    Parameters
    ----------
    effects : estimates with standard errors.
    mu : location and scale of its normal prior; None for no effect.
    tau : its prior; None for no heterogeneity.
    column : (k,) x; None for no slope.
    scale : of the half-Cauchy prior of b.
    """

    effects: Effects
    mu: tuple[float, float] | None
    tau: HeterogeneityPrior | None
    column: Array | None = None
    scale: float = 1.0

    def solved(self) -> Solved:
        """Its marginal likelihood and the posterior of mu, a mixture of normals over the nodes of tau and b."""
        if self.tau is None:
            nodes, log_weight = np.zeros(1), np.zeros(1)
        else:
            prior = self.tau.given(self.effects.se)
            moments = int(tail_of(prior, self.effects.k, 0) > 2.0)
            found = tau_nodes(
                lambda tau: prior.log_density(tau) + _log_sum(self.given(tau)[0]),
                float(self.effects.se.min()), prior.breaks, moments,
            )  # fmt: skip
            nodes, log_weight = found.tau, found.log_weight + prior.log_density(found.tau)
        log_mass, mean, sd = self.given(nodes)
        log_mass = log_mass + log_weight[:, None]
        total = float(np.logaddexp.reduce(log_mass, axis=None))
        if self.mu is None:
            return Solved(total, PointMass("mu", 0.0))
        weight = np.exp(log_mass - total).ravel()
        kept = weight > 1e-15
        sds = np.broadcast_to(sd, mean.shape).ravel()[kept]
        return Solved(total, NormalMixture("mu", weight[kept] / weight[kept].sum(), mean.ravel()[kept], sds))

    def given(self, tau: Array) -> tuple[Array, Array, Array]:
        """At nodes of b for each tau: log of p(y | tau, b) times weight and prior of b; mean (T, B), sd (T, 1) of mu.

        With mu integrated out y ~ N(m + b x, V), V = diag(s^2 + tau^2) + d^2 1 1', and log p(y | tau, b) is quadratic
        in b: -(b - B / A)^2 A / 2 and a constant, A = x' V^-1 x, B = x' V^-1 (y - m).
        """
        precision = 1.0 / (self.effects.se**2 + tau[:, None] ** 2)  # (T, k)
        location, spread = self.mu if self.mu is not None else (0.0, 0.0)
        residual = self.effects.y - location
        total = precision.sum(axis=1)
        # Sherman-Morrison: V^-1 = W - W 1 1' W / (d^-2 + 1' W 1).
        shrink = spread**2 / (1.0 + spread**2 * total)
        column = np.zeros_like(residual) if self.column is None else self.column

        def inner(u: Array, v: Array) -> Array:
            return np.asarray(precision @ (u * v) - shrink * (precision @ u) * (precision @ v))

        log_determinant = -np.log(precision).sum(axis=1) + np.log1p(spread**2 * total)
        constant = -0.5 * (self.effects.k * LOG_2PI + log_determinant + inner(residual, residual))
        posterior_sd = np.sqrt(shrink)[:, None]
        if self.column is None:
            return constant[:, None], location + (shrink * (precision @ residual))[:, None], posterior_sd
        b, log_weight = self._slopes(inner(column, residual), inner(column, column))
        a, linear = inner(column, column)[:, None], inner(column, residual)[:, None]
        log_mass = constant[:, None] + b * linear - 0.5 * b * b * a + log_weight
        mean = location + shrink[:, None] * ((precision @ residual)[:, None] - b * (precision @ column)[:, None])
        return log_mass, mean, posterior_sd

    def _slopes(self, linear: Array, square: Array) -> tuple[Array, Array]:
        """Nodes of b (T, B) where its likelihood matters, and log of weight and prior: uniform in atan(b / scale)."""
        square = np.maximum(square, TINY)  # at the largest tau nothing is known of b
        centre, sd = linear / square, 1.0 / np.sqrt(square)
        low = np.maximum(centre - SDS * sd, 0.0)
        falling = (linear + np.sqrt(linear**2 + 2.0 * FALL * square)) / square
        high = np.where(centre > 0.0, centre + SDS * sd, falling)
        first, last = np.arctan(low / self.scale), np.arctan(high / self.scale)
        x, w = legendre.leggauss(SLOPES)
        half = 0.5 * (last - first)[:, None]
        b = self.scale * np.tan(first[:, None] + half * (1.0 + x))
        return b, np.log(half * w * 2.0 / np.pi)


def without_effect(prepared: PreparedSelection, tau: HeterogeneityPrior | None) -> Solved:
    """A selection model with mu = 0, from the nodes of tau and of the weights of the one with an effect.

    Parameters
    ----------
    prepared : the model with an effect, with the same heterogeneity.
    tau : prior; None for no heterogeneity.
    """
    effects, nodes = prepared.effects, prepared.tau
    variance = effects.se**2 + nodes[:, None] ** 2
    normal = -0.5 * (LOG_2PI + np.log(variance) + effects.y**2 / variance).sum(axis=1)
    prior = None if tau is None else tau.given(effects.se)

    def weights(published: Published) -> Weights:
        log_evidence = normal + published.log_factor(np.zeros(len(nodes)), nodes)
        if prior is None:
            return known(float(log_evidence[0]))
        return weigh(prepared.tau_panels, log_evidence, prior, tail_of(prior, effects.k, 0))

    def mass_of(published: Published) -> Array:
        found = published.averaged(np.zeros(len(nodes)), nodes, weights(published).nodes)
        return found.reshape(published.nodes.shape)

    published = replace(prepared.published, ends=()).focused(mass_of)
    return Solved(weights(published).log_marginal, PointMass("mu", 0.0))


def _log_sum(log_mass: Array) -> Array:
    return np.asarray(np.logaddexp.reduce(log_mass, axis=1))
