"""Before the data: draws of what has a prior, and of trials like those at hand that the priors expect."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayesmeta.effects import Effects, IndependentRows, baselines, effect_sizes, independent_rows
from bayesmeta.likelihoods.arms import log_odds
from bayesmeta.model import Design, Heterogeneity, Model, heterogeneity_of
from bayesmeta.model.model import CONTROL_RISK
from bayesmeta.posterior.predictive import Variables, replicates, standardised
from bayesmeta.posterior.published import published_effects
from bayesmeta.priors import Prior
from bayesmeta.trials import Trials
from bayesmeta.types import Array

MEAN, SD = "baseline_mean", "baseline_sd"
LARGEST_TAU = 1e100  # log tau may be linear with a coefficient that is anything


@dataclass(frozen=True, eq=False)
class Assumed:
    """All that draws before the data depend on: the model, and what is known of the trials but their outcome.

    Attributes
    ----------
    trials, model, design, effects, heterogeneity : of a fit.
    """

    trials: Trials
    model: Model
    design: Design
    effects: Effects
    heterogeneity: Heterogeneity | None = None

    @classmethod
    def of(cls, trials: Trials, model: Model) -> "Assumed":
        """What a fit of the model would assume, without the fit.

        Raises
        ------
        ModelError : a column that the table does not have, or a design that the trials do not determine.
        """
        model = model.for_trials(trials)
        effects = effect_sizes(trials, zero_cells=model.zero_cells if model.likelihood == "normal" else "only_zero")
        kept = trials.select(effects.rows) if effects.dropped else trials
        return cls(trials, model, model.design(kept), effects, heterogeneity_of(model, kept))

    @cached_property
    def independent(self) -> IndependentRows:
        """The effects with arms that share a control turned into independent rows."""
        return independent_rows(self.effects, self.model.arm_correlation)

    @property
    def studies(self) -> tuple[str, ...]:
        """Names of the trials in the model."""
        return self.effects.studies

    @cached_property
    def centre(self) -> float:
        """Log odds of the control arm about which a regression on the control risk is centred."""
        return float(log_odds(self.trials.counts[:, 2], self.trials.counts[:, 3])[0].mean())

    @cached_property
    def priors(self) -> dict[str, Prior]:
        """The prior of each top-level parameter, as it is for these trials; not of tau where there is none."""
        model, se = self.model, self.independent.se
        found: dict[str, Prior] = {name: model.prior_of(name) for name in self.design.columns}
        if model.control_risk:
            found[CONTROL_RISK] = model.prior_of(CONTROL_RISK)
        if self.heterogeneity is not None:
            taus = self.heterogeneity.priors_given(se)
            found |= dict(zip(self.heterogeneity.names, (*taus, *self.heterogeneity.alpha_priors), strict=True))
        elif model.random_effects != "none":
            found["tau"] = model.tau_prior.given(se)
        if self._ties and model.exchangeable is not None:
            found |= {MEAN: model.exchangeable.mean_prior, SD: model.exchangeable.sd_prior}
        return found

    @property
    def improper(self) -> tuple[str, ...]:
        """Names of the parameters that have no proper prior: then nothing is expected of the trials."""
        own = tuple(name for name, prior in self.priors.items() if not prior.proper)
        alone = self.model.likelihood == "binomial" and self.model.exchangeable is None
        return own if not alone or self.model.baseline_prior.proper else (*own, "baseline")

    def log_prior(self, values: Callable[[str], Array]) -> dict[str, Array]:
        """Log prior density of each top-level parameter at its values; not of what is flat, or known."""
        unknown = {name: prior for name, prior in self.priors.items() if getattr(prior, "point", None) is None}
        return {name: prior.log_density(values(name)) for name, prior in unknown.items() if prior.proper}

    @property
    def _ties(self) -> bool:
        return self.model.ties_baselines


@dataclass(frozen=True, eq=False)
class BeforeData:
    """Draws before the data.

    Attributes
    ----------
    parameters : each (chain, draw): what has a proper prior, tau also where it is 0; and, where all have one, the
        effects in new settings.
    omega : (chain, draw, J - 1) weights of a selection; None without one.
    trials : "y" (chain, draw, study) log odds ratios of trials like these and, where events are drawn, "events"
        (chain, draw, study, arm), as of `replicates`; none where a prior is improper.
    """

    parameters: Mapping[str, Array]
    omega: Array | None
    trials: Variables


def before_data(assumed: Assumed, shape: tuple[int, int], rng: np.random.Generator) -> BeforeData:
    """Draw parameters from their priors, then study effects, baselines and trials of the same sizes.

    Of a selection model the trials are published ones: see `published_effects`.

    Parameters
    ----------
    assumed : model and trials.
    shape : chains and draws.
    rng : generator.

    Returns
    -------
    BeforeData

    Examples
    --------
    >>> import bayesmeta as bm
    >>> assumed = Assumed.of(bm.load("crins2014"), bm.Model("binomial"))
    >>> drawn = before_data(assumed, (1, 50), np.random.default_rng(1))
    >>> sorted(drawn.parameters), drawn.trials["events"][1].shape
    (['mu', 'tau', 'theta_new'], (1, 50, 6, 2))
    """
    size, model = shape[0] * shape[1], assumed.model
    drawn = {name: prior.draws(size, rng).reshape(shape) for name, prior in assumed.priors.items() if prior.proper}
    if model.random_effects == "none":
        drawn["tau"] = np.zeros(shape)
    selection, omega = model.selection_parts, None
    if selection is not None:
        selection = selection.towards(assumed.trials.direction)
        omega = model.omega_prior.draws(selection.intervals - 1, size, rng).reshape(*shape, -1)
    if assumed.improper:
        return BeforeData(drawn, omega, {})
    beta = np.stack([drawn[name] for name in assumed.design.columns], axis=-1)
    mean = beta @ assumed.design.matrix.T
    tau, new = _taus(assumed, drawn, beta, rng)
    if selection is not None and omega is not None:
        y = published_effects(selection, assumed.effects.se, mean, tau, omega, rng)
        return BeforeData(drawn | new, omega, {"y": (("chain", "draw", "study"), y)})
    gamma = _baselines(assumed, drawn, mean.shape, rng)
    if CONTROL_RISK in drawn and gamma is not None:
        mean = mean + drawn[CONTROL_RISK][..., None] * (gamma - assumed.centre)
    return BeforeData(drawn | new, omega, replicates(assumed, mean, tau, rng, gamma))


def _taus(
    assumed: Assumed, drawn: Mapping[str, Array], beta: Array, rng: np.random.Generator
) -> tuple[Array, dict[str, Array]]:
    """tau (chain, draw), or of each trial (chain, draw, k); and the effects in new settings."""
    z, description = standardised(assumed.model, beta.shape[:2], rng), assumed.heterogeneity
    if description is None:
        return drawn["tau"], {"theta_new": beta @ assumed.design.reference + drawn["tau"] * z}
    spread = np.stack([drawn[name] for name in description.names], axis=-1)
    new = {}
    for name, (row, of_tau) in zip(description.new_names, description.new_rows(assumed.design), strict=True):
        new[name] = beta @ row + np.minimum(description.tau(spread, of_tau[None])[..., 0], LARGEST_TAU) * z
    return np.minimum(description.tau(spread), LARGEST_TAU), new


def _baselines(
    assumed: Assumed, drawn: Mapping[str, Array], shape: tuple[int, ...], rng: np.random.Generator
) -> Array | None:
    """(chain, draw, k) baselines of the binomial likelihood; arms that share a control have one."""
    model = assumed.model
    if model.likelihood != "binomial":
        return None
    if model.exchangeable is not None:
        gamma = drawn[MEAN][..., None] + drawn[SD][..., None] * rng.standard_normal(shape)
    else:
        gamma = model.baseline_prior.draws(int(np.prod(shape)), rng).reshape(shape)
    own, _ = baselines(assumed.effects, at_midpoint=model.baseline_at == "midpoint")
    return np.asarray(gamma @ own.T)


def prior_groups(assumed: Assumed, shape: tuple[int, int], rng: np.random.Generator) -> dict[str, Variables]:
    """The same as groups of a data tree: "prior" and, where every prior is proper, "prior_predictive".

    Events that were drawn stand in a group of their own, "prior_replicated_events", as those after the data do.
    """
    found = before_data(assumed, shape, rng)
    prior: Variables = {name: (("chain", "draw"), value) for name, value in found.parameters.items()}
    if found.omega is not None:
        prior["omega"] = (("chain", "draw", "weight"), found.omega)
    groups = {"prior": prior} if prior else {}
    if found.trials:
        groups["prior_predictive"] = {"y": found.trials["y"]}
    if "events" in found.trials:
        groups["prior_replicated_events"] = {"events": found.trials["events"]}
    return groups
