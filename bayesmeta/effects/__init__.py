"""From counts or printed figures to effect sizes with standard errors."""

from bayesmeta.effects.effect_sizes import Effects, effect_sizes
from bayesmeta.effects.joint import JointEffects, joint_effects
from bayesmeta.effects.measures import MEASURES
from bayesmeta.effects.zero_cells import ZERO_CELL_RULES

__all__ = ["MEASURES", "ZERO_CELL_RULES", "Effects", "JointEffects", "effect_sizes", "joint_effects"]
