"""All of a fit that does not depend on the prior of tau, kept for the next prior."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayesmeta.effects import Effects
from bayesmeta.errors import ModelError, PriorError
from bayesmeta.exact.arms import ConvolutionWithArms, arm_grids, refuse_arms
from bayesmeta.exact.convolution import Convolution
from bayesmeta.exact.evidence import evidence_of
from bayesmeta.exact.given_tau import GivenTau, NormalProblem
from bayesmeta.exact.over_tau import OverTau, moments_with, over_tau
from bayesmeta.exact.plane_variations import PlaneVariations
from bayesmeta.exact.predictors import OnePredictor, Predictors
from bayesmeta.exact.prior_parts import VAGUE, NormalParts, PriorParts
from bayesmeta.exact.proper import refuse_unbounded, unbounded_direction
from bayesmeta.exact.random_effects import KERNELS, Kernel
from bayesmeta.exact.regression import SeveralPredictors, refuse_columns
from bayesmeta.exact.tau_panels import TauPanels
from bayesmeta.exact.variations import Variations
from bayesmeta.exact.weights import BEYOND, Weights, known, tail_of, weigh
from bayesmeta.likelihoods.rows import Rows
from bayesmeta.likelihoods.theta_grid import Core, Resolution, ThetaGrid, theta_grid
from bayesmeta.likelihoods.two_arm_grid import TwoArmGrid
from bayesmeta.model import Design, Model
from bayesmeta.priors import HeterogeneityPrior
from bayesmeta.trials import Trials
from bayesmeta.types import Array, Booleans, Integers

if TYPE_CHECKING:
    from bayesmeta.exact.count_posterior import CountPosterior

FARTHEST_U = 60.0
STRIDE = 12.0
WIDER = 4.0  # variance of a predictor, over that for which the nodes were made
ACCURACY = 1e-8  # relative, of a prior's density as a sum of normal ones
NARROWEST = 0.03  # of the smallest standard error: a prior so narrow is as good as a known effect
LIGHT = 4.0  # a first guess of the largest tau


@dataclass(eq=False)
class Prepared:
    """Trials and model, integrated over everything but tau; a new prior of tau only reweights.

    Attributes
    ----------
    trials, model, design, effects : as in a `Posterior`.
    parts : positions and rows of each likelihood in the table.
    resolution : how finely the integrals are resolved.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> prepared = prepare(bm.load("crins2014"), bm.Model("hypergeometric"))
    >>> [round(prepared.posterior(tau=prior)["tau"].median, 3) for prior in ("half_normal(0.5)", "half_cauchy(0.5)")]
    [0.348, 0.358]
    """

    trials: Trials
    model: Model
    design: Design
    effects: Effects
    parts: tuple[tuple[Integers, Rows], ...]
    resolution: Resolution = field(default_factory=Resolution)

    def posterior(
        self, tau: HeterogeneityPrior | str | None = None, mu: object = None, beta: object = None
    ) -> "CountPosterior":
        """The posterior, with other priors where they are given.

        A prior of tau costs a matrix product; one of mu or beta costs the integral over the coefficients, but the
        likelihoods are kept.

        Parameters
        ----------
        tau, mu, beta : priors, or their text; those of the model where None.

        Returns
        -------
        CountPosterior
        """
        changes = {name: prior for name, prior in (("tau", tau), ("mu", mu), ("beta", beta)) if prior is not None}
        model = self.model.but(**changes) if changes else self.model
        if mu is None and beta is None and self._known(model) == self.known_tau:
            return self.answer(model, self.weights(model.tau_prior))
        other = replace(self, model=model, design=model.design(self.trials))
        if other.known_tau == self.known_tau and self._covers(other):
            other.__dict__.update(grid=self.grid, _grid_for=self._grid_for, arms_kept=self.arms_kept)
        return other.answer(model, other.weights(model.tau_prior))

    def answer(self, model: Model, weights: Weights) -> "CountPosterior":
        """The posterior on these nodes with these weights."""
        from bayesmeta.exact.count_posterior import CountPosterior

        return CountPosterior(self, model, weights)

    def under(self, priors: Sequence[HeterogeneityPrior | str]) -> pd.DataFrame:
        """Summaries of mu, tau and theta_new under many priors of tau: see `many_priors.under_priors`."""
        from bayesmeta.exact.many_priors import under_priors

        return under_priors(self, priors)

    def _covers(self, other: "Prepared") -> bool:
        """Whether the theta nodes at hand also resolve and hold another's posterior."""
        if not other.design.normal:
            return False
        rows = np.unique(other.design.matrix, axis=0)
        tau = np.array([self.known_tau or 0.0])
        (mean, variance), (mean_of_other, variance_of_other) = (
            problem.given(tau).linear(rows) for problem in (self._grid_for, other.rough)
        )
        near = np.abs(mean - mean_of_other) < 3.0 * np.sqrt(variance)
        alike = (variance_of_other > 0.7 * variance) & (variance_of_other < WIDER * variance)
        return bool(near.all() and alike.all())

    def without(self, study: str) -> "Prepared":
        """The same without one trial: the other trials' likelihoods are kept, where their nodes are wide enough."""
        if study not in self.effects.studies:
            raise KeyError(f"{study!r} is no study of this model. Studies: {', '.join(self.effects.studies)}.")
        kept = np.array([name != study for name in self.effects.studies])
        trials = self.trials.select(kept)
        effects, parts = evidence_of(trials, self.model)
        other = replace(self, trials=trials, design=self.model.design(trials), effects=effects, parts=parts)
        if self._covers(other):
            grid = self.grid
            of_kept = {name: getattr(grid, name)[kept] for name in ("log_p", "peak", "flat_from", "neutral")}
            other.__dict__.update(grid=replace(grid, **of_kept), _grid_for=self._grid_for, last_u=self.last_u)
            other.__dict__["arms_kept"] = self.arms_kept
        return other

    @cached_property
    def variations(self) -> Variations | None:
        """Trials left out and powers of likelihood and priors, many at once; None where the model does not allow it."""
        return next((kind(self) for kind in (Variations, PlaneVariations) if kind.possible(self)), None)

    def refined(self) -> "Prepared":
        """The same at a finer resolution, for the self-check."""
        other = replace(self, resolution=self.resolution.finer)
        other.__dict__["last_u"] = self.last_u + 1.0
        return other

    # ---- the prior of tau

    def weights(self, prior: HeterogeneityPrior) -> Weights:
        """The posterior of tau on the nodes of the likelihood; nodes are added until they hold all of it."""
        if self.known_tau is not None:
            refuse_unbounded(self.design, self.bounded, self.kernel.order)
            return known(float(self.predictors.log_evidence[0]))
        prior = prior.given(self.standard_errors)
        flat = int(np.isinf(self.design.prior_scale).sum())
        refuse_unbounded(self.design, self.bounded, self.kernel.order)
        tail = tail_of(prior, int(self.bounding.sum()), flat)
        while True:
            found = weigh(self.tau_panels, self.predictors.log_evidence, prior, tail)
            if found.beyond <= BEYOND or self.last_u >= FARTHEST_U:
                return found
            assert found.fine is not None
            # What lies beyond the nodes is a guess, so not all the way at once.
            needed = float(np.arcsinh(found.reach(0.1 * BEYOND) / self.tau_panels.scale)) + 0.3
            self._reach(min(max(self.last_u + 2.0, min(needed, self.last_u + STRIDE)), FARTHEST_U))

    def _reach(self, last: float) -> None:
        """Nodes of tau farther out."""
        self.__dict__["last_u"] = last
        for name in ("tau_panels", "predictors", "convolution"):
            self.__dict__.pop(name, None)

    def reach_farther(self, more: float) -> None:
        """Nodes of tau so much farther out, in u, than the trials and the prior of tau ask for."""
        self._reach(self.last_u + more)

    @cached_property
    def kernel(self) -> Kernel:
        """The distribution of the random effects."""
        name, parameters = self.model.random_effects_parts
        return KERNELS[name](*parameters)

    @cached_property
    def known_tau(self) -> float | None:
        """Tau where the model fixes it."""
        return self._known(self.model)

    @staticmethod
    def _known(model: Model) -> float | None:
        point = 0.0 if model.random_effects == "none" else model.tau_prior.point
        return None if point is None else float(point)

    @cached_property
    def bounded(self) -> Booleans:
        """(k, 2) whether a trial's likelihood falls to zero to the left, and to the right."""
        bounded = np.empty((len(self.effects.y), 2), dtype=bool)
        for positions, rows in self.parts:
            bounded[positions] = np.isinf(rows.flat_from) & ~rows.neutral[:, None]
        return bounded

    @property
    def bounding(self) -> Booleans:
        """(k,) trials whose data bound their effect on both sides."""
        return np.asarray(self.bounded.all(axis=1))

    def moments_of(self, row: Array, tail: float) -> int:
        """How many moments row' beta has, where p(tau | y) falls as tau^-tail."""
        gain = float(self.design.tail_gain[row != 0.0].min(initial=np.inf))
        found = int(moments_with(tail, gain))
        loose = ~np.array([prior.gaussian is not None for prior in self.design.priors]) & np.isfinite(gain)
        if loose.any() and unbounded_direction(self.design.matrix[:, loose], self.bounded) is not None:
            found = min(found, int(gain > 1.0) + int(gain > 2.0))  # the prior alone bounds it, at any tau
        return found

    @cached_property
    def neutral(self) -> Booleans:
        """(k,) trials whose likelihood does not depend on their effect."""
        found = np.empty(len(self.effects.y), dtype=bool)
        for positions, rows in self.parts:
            found[positions] = rows.neutral
        return found

    @cached_property
    def rough(self) -> NormalProblem:
        """The normal likelihood of the same trials: a guess of where to look."""
        if self.effects.shared:
            scale = np.minimum(self.design.prior_scale, VAGUE)
            return replace(NormalProblem.of(self.effects, self.design, self.model.arm_correlation), prior_scale=scale)
        seen = ~self.neutral if not self.neutral.all() else np.ones(len(self.neutral), dtype=bool)
        scale = np.minimum(self.design.prior_scale, VAGUE)
        effects, matrix = self.effects, self.design.matrix
        return NormalProblem(effects.y[seen], effects.se[seen], matrix[seen], self.design.prior_location, scale)

    @cached_property
    def _grid_for(self) -> NormalProblem:
        """The trials, roughly, for whose posterior the theta nodes were made."""
        return self.rough

    @cached_property
    def normal_parts(self) -> NormalParts:
        """The priors of the coefficients as sums of normal ones."""
        bounded = self.design.normal or unbounded_direction(self.design.matrix, self.bounded) is None
        return NormalParts.of(self.design, self.rough, ACCURACY, bounded)

    def parts_and_guess(self, tau: Array) -> tuple[PriorParts, GivenTau]:
        """The priors in parts that are integrated one by one, each for a node of tau, and a guess of the answers."""
        rough, p = self.rough, len(self.design.columns)
        alone = replace(rough, prior_scale=np.full(p, VAGUE)).given(tau)
        parts = self.normal_parts.by_node(np.sqrt(alone.linear(np.eye(p))[1]).T)
        if parts is None:
            names = [name for name, prior in zip(self.design.columns, self.design.priors) if prior.gaussian is None]
            raise ModelError(
                f"the priors of {', '.join(names)} are not normal: so many together are too much for the exact engine."
                ' Give some of them normal priors, or fit with --engine nuts (engine="nuts").'
            )
        return parts, parts.guessed(rough, tau)

    @cached_property
    def last_u(self) -> float:
        """Where the nodes of tau end, in u; priors that reach farther move it."""
        return self.own_last_u

    @cached_property
    def rough_tau(self) -> OverTau | None:
        """The posterior of tau by the normal likelihood; None where tau is known, or that posterior is improper."""
        if self.known_tau is not None:
            return None
        try:
            return over_tau(self.rough, self.model.tau_prior.given(self.standard_errors))
        except PriorError:
            return None

    @cached_property
    def own_last_u(self) -> float:
        """Where the nodes of tau end for the model's own prior of tau, roughly, in u."""
        if self.rough_tau is None or not self.model.tau_prior.given(self.standard_errors).proper:
            return float(np.arcsinh((self.known_tau or LIGHT) / self.scale))
        return min(float(np.arcsinh(self.rough_tau.largest(BEYOND) / self.scale)) + 0.3, FARTHEST_U)

    @property
    def scale(self) -> float:
        """The unit of tau with the priors at hand: see `unit_with`."""
        return self.unit_with(min(float(scale.min()) for _, _, scale in self.normal_parts.columns))

    def unit_with(self, narrowest: float) -> float:
        """The unit of tau: the smallest standard error, over the factor of outliers, who see a larger tau.

        Or the scale s of a narrower prior, where the variance of theta_new is about s^2 + tau^2.
        """
        factor = float(self.kernel.scale.max()) if len(self.kernel.scale) <= 2 else 1.0
        smallest = float(self.standard_errors.min())
        return min(smallest, max(narrowest, NARROWEST * smallest)) / factor

    @property
    def standard_errors(self) -> Array:
        """(k,) standard errors; of arms that share a control, of the independent rows made of them."""
        return self.rough.se if self.effects.shared else self.effects.se

    @property
    def least_sd(self) -> float:
        """The smallest standard deviation of a linear predictor at tau = 0, roughly: that of an effect there."""
        _, variance = self.rough.given(np.zeros(1)).linear(np.unique(self.design.matrix, axis=0))
        return max(float(np.sqrt(variance.min())), NARROWEST * self.scale)

    @cached_property
    def tau_panels(self) -> TauPanels:
        """Nodes of tau."""
        width, largest = self.resolution.tau_width, float(self.standard_errors.max())
        panels = TauPanels.to(self.last_u, self.scale, width, largest, self.least_sd, self.kernel.order)
        return panels if self.rough_tau is None else panels.for_posterior(self.rough_tau, width)

    @property
    def tau(self) -> Array:
        """(T,) nodes of tau; one where it is known."""
        return self.tau_panels.tau if self.known_tau is None else np.array([self.known_tau])

    @cached_property
    def grid(self) -> ThetaGrid:
        """All likelihoods at nodes of theta."""
        scale = np.append(0.0, self.scale * np.sinh(np.linspace(0.1, 6.0, 20)))
        if self.known_tau is not None:
            scale = np.array([self.known_tau])
        _, given = self.parts_and_guess(scale)
        rows = np.unique(self.design.matrix, axis=0)
        mean, variance = given.linear(rows)
        sd = np.sqrt(variance)
        core = Core(
            mean.ravel(), sd.ravel(), np.broadcast_to(given.tau, mean.shape).ravel(), 8.0 if len(rows) == 1 else 14.0
        )
        return theta_grid(self.parts, core, self.resolution)

    @property
    def beyond_theta(self) -> float:
        """How much of its peak a likelihood still is where the nodes of theta end and it is not flat."""
        ends = np.exp(self.grid.log_p[:, [0, -1]] - self.grid.peak[:, None])
        return float(np.where(self.bounded, ends, 0.0).max())

    @cached_property
    def convolution(self) -> Convolution:
        return self._convolution(float(self.tau[-1]))

    def convolution_to(self, tau: float) -> Convolution:
        """The same, good up to some tau."""
        if not self.effects.shared or tau <= self.tau[-1]:
            return self.convolution
        return self._convolution(tau)

    def _convolution(self, tau: float) -> Convolution:
        if self.effects.shared:
            return ConvolutionWithArms(self.grid, self.kernel, arm_grids(self, tau))
        return Convolution(self.grid, self.kernel)

    @cached_property
    def arms_kept(self) -> dict[tuple[str, str], tuple[float, TwoArmGrid]]:
        """Grids of trials with two treated arms by study, each with the largest tau that it serves."""
        return {}

    @cached_property
    def predictors(self) -> Predictors:
        """The coefficients given tau."""
        design = self.design
        refuse_columns(design.columns)
        parts, given = self.parts_and_guess(self.tau)
        if len(design.columns) == 1 and np.all(design.matrix == 1.0):
            mean, variance = given.linear(np.ones((1, 1)))
            return OnePredictor(self.convolution, self.tau, parts, (mean[0], np.sqrt(variance[0])), self.resolution)
        return SeveralPredictors(self.convolution, self.tau, design.matrix, parts, given, self.resolution)


def prepare(trials: Trials, model: Model, resolution: Resolution | None = None) -> Prepared:
    """Everything of an exact fit that does not depend on the prior of tau.

    Parameters
    ----------
    trials : the evidence.
    model : any likelihood and random effects.
    resolution : how finely the integrals are resolved.

    Returns
    -------
    Prepared

    Raises
    ------
    ModelError : rows without what the likelihood reads, or too many columns in the design.
    """
    model = model.for_trials(trials)
    effects, parts = evidence_of(trials, model)
    prepared = Prepared(
        trials if not effects.dropped else trials.select(effects.rows),
        model,
        model.design(trials.select(effects.rows) if effects.dropped else trials),
        effects,
        parts,
        resolution or Resolution(),
    )
    refuse_arms(prepared)
    return prepared
