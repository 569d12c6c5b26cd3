"""From counts or printed figures to effect sizes with standard errors."""

from bayesmeta.effects.effect_sizes import Effects, effect_sizes
from bayesmeta.effects.joint import JointEffects, joint_effects
from bayesmeta.effects.measures import MEASURES
from bayesmeta.effects.shared_controls import IndependentRows, baselines, covariance, independent_rows
from bayesmeta.effects.zero_cells import ZERO_CELL_RULES

__all__ = [
    "MEASURES",
    "ZERO_CELL_RULES",
    "Effects",
    "IndependentRows",
    "JointEffects",
    "baselines",
    "covariance",
    "effect_sizes",
    "independent_rows",
    "joint_effects",
]
