"""What is assumed: likelihood, random effects, moderators and priors, as plain data."""

from bayesmeta.model.coding import Setting
from bayesmeta.model.design import Design
from bayesmeta.model.model import BASELINES_AT, LIKELIHOODS, Model
from bayesmeta.model.random_effects import RANDOM_EFFECTS

__all__ = ["BASELINES_AT", "LIKELIHOODS", "RANDOM_EFFECTS", "Design", "Model", "Setting"]
