"""What is assumed: likelihood, random effects, moderators and priors, as plain data."""

from bayesmeta.model.baselines import Exchangeable
from bayesmeta.model.by_column import ByColumn
from bayesmeta.model.coding import Setting
from bayesmeta.model.design import Design
from bayesmeta.model.heterogeneity import Heterogeneity, heterogeneity_of
from bayesmeta.model.joint import JOINT_LIKELIHOODS, JointModel
from bayesmeta.model.model import AUTO, BASELINES_AT, LIKELIHOODS, OF_COUNTS, OF_ESTIMATES, ZERO_CELLS, Model
from bayesmeta.model.omega import OMEGA_PRIORS, OmegaPrior
from bayesmeta.model.random_effects import RANDOM_EFFECTS
from bayesmeta.model.selection import Selection
from bayesmeta.model.setting import read_setting, setting_of

__all__ = [
    "AUTO",
    "BASELINES_AT",
    "JOINT_LIKELIHOODS",
    "LIKELIHOODS",
    "OF_COUNTS",
    "OF_ESTIMATES",
    "OMEGA_PRIORS",
    "RANDOM_EFFECTS",
    "ZERO_CELLS",
    "ByColumn",
    "Design",
    "Exchangeable",
    "Heterogeneity",
    "JointModel",
    "Model",
    "OmegaPrior",
    "Selection",
    "Setting",
    "heterogeneity_of",
    "read_setting",
    "setting_of",
]
