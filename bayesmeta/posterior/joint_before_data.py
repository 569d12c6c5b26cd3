"""Two outcomes before the data: what a joint model assumes of trials, and draws of what has a prior."""

from dataclasses import dataclass

import numpy as np

from bayesmeta.effects import JointEffects, joint_effects
from bayesmeta.errors import ModelError
from bayesmeta.model import JointModel
from bayesmeta.posterior.joint_predictive import new_effects
from bayesmeta.priors import HeterogeneityPrior
from bayesmeta.trials import JointTrials
from bayesmeta.types import Array


@dataclass(frozen=True, eq=False)
class JointAssumed:
    """All that draws before the data depend on: the model, and what is known of the trials but their outcomes.

    Attributes
    ----------
    trials, model, effects : of a fit.
    """

    trials: JointTrials
    model: JointModel
    effects: JointEffects

    @classmethod
    def of(cls, trials: JointTrials, model: JointModel) -> "JointAssumed":
        """What a fit of the model would assume, without the fit.

        With the trinomial likelihood every trial enters, whatever the rule for zeros.

        Raises
        ------
        ModelError : rows without counts, which the trinomial likelihood cannot take.
        """
        if model.likelihood == "normal":
            return cls(trials, model, joint_effects(trials, zero_cells=model.zero_cells, within=model.within))
        for part in trials.parts:
            if not part.has_counts.all():
                study = part.studies[int(np.flatnonzero(~part.has_counts)[0])]
                raise ModelError(
                    f"{trials.name} ({study}): no counts of {part.outcome}. The trinomial likelihood needs events and"
                    " totals of both arms. Leave the row out, or fit with --likelihood normal, which takes its"
                    " estimate."
                )
        return cls(trials, model, joint_effects(trials, zero_cells="only_zero"))

    @property
    def tau_priors(self) -> tuple[HeterogeneityPrior, HeterogeneityPrior]:
        """The priors of tau as they are for these trials: reference priors depend on the standard errors."""
        one, other = (
            prior.given(self.effects.se[self.effects.reported[:, j], j])
            for j, prior in enumerate(self.model.tau_priors)
        )
        return one, other

    @property
    def improper(self) -> tuple[str, ...]:
        """Names of the parameters that have no proper prior: then nothing is expected of the trials."""
        pairs = {"mu": self.model.mu_priors, "tau": self.tau_priors}
        found = [
            f"{name}[{outcome}]"
            for name, priors in pairs.items()
            for outcome, prior in zip(self.trials.outcomes, priors, strict=True)
            if not prior.proper
        ]
        counts = self.model.likelihood == "trinomial" and not self.model.baseline_prior.proper
        return (*found, "baseline") if counts else tuple(found)


def joint_prior_draws(assumed: JointAssumed, shape: tuple[int, ...], rng: np.random.Generator) -> dict[str, Array]:
    """Draws of what has a proper prior; where everything has, also of a new setting.

    Parameters
    ----------
    assumed : model and trials.
    shape : of the draws, such as (chains, draws).
    rng : generator.

    Returns
    -------
    mu, tau and theta_new (*shape, 2), rho (*shape).
    """
    model, size = assumed.model, int(np.prod(shape))
    found: dict[str, Array] = {}
    for name, priors in (("mu", model.mu_priors), ("tau", assumed.tau_priors)):
        if all(prior.proper for prior in priors):
            found[name] = np.stack([prior.draws(size, rng).reshape(shape) for prior in priors], axis=-1)
    point = model.rho_prior.point
    found["rho"] = np.full(shape, point) if point is not None else model.rho_prior.draws(size, rng).reshape(shape)
    if "mu" in found and "tau" in found:
        found["theta_new"] = new_effects(1, found, rng)[..., 0, :]
    return found
