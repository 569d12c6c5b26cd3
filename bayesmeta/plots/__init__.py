"""Pictures: one a function, each gives a matplotlib Figure whose label names its file.

`forest`, `prior_posterior`, `subgroups`, `new_setting`, `against_pools`; `diagnostics` gives several. `forest_table`
has the numbers of the forest; `save_figure` writes a figure to a file.
"""

from bayesmeta.plots.against_pools import against_pools
from bayesmeta.plots.control_risk import control_risk
from bayesmeta.plots.diagnostics import diagnostics
from bayesmeta.plots.forest import forest
from bayesmeta.plots.forest_rows import forest_table
from bayesmeta.plots.joint_density import joint_density
from bayesmeta.plots.moved_children import moved_children
from bayesmeta.plots.new_setting import new_setting
from bayesmeta.plots.practice import practice
from bayesmeta.plots.prior_posterior import prior_posterior
from bayesmeta.plots.prior_predictive import prior_predictive
from bayesmeta.plots.published_pool import published_pool
from bayesmeta.plots.saving import save_figure
from bayesmeta.plots.sensitivity_bias import sensitivity_bias
from bayesmeta.plots.sensitivity_credibility import sensitivity_credibility
from bayesmeta.plots.sensitivity_joint import sensitivity_joint
from bayesmeta.plots.sensitivity_models import sensitivity_models
from bayesmeta.plots.sensitivity_pictures import sensitivity
from bayesmeta.plots.sensitivity_power import sensitivity_power
from bayesmeta.plots.sensitivity_priors import sensitivity_priors
from bayesmeta.plots.sensitivity_reference import sensitivity_reference
from bayesmeta.plots.sensitivity_tipping import sensitivity_tipping
from bayesmeta.plots.sensitivity_trials import sensitivity_cumulative, sensitivity_leave_one_out
from bayesmeta.plots.subgroups import subgroups
from bayesmeta.plots.unread_trials import unread_trials

__all__ = [
    "against_pools",
    "control_risk",
    "diagnostics",
    "forest",
    "forest_table",
    "joint_density",
    "moved_children",
    "new_setting",
    "practice",
    "prior_posterior",
    "prior_predictive",
    "published_pool",
    "save_figure",
    "sensitivity",
    "sensitivity_bias",
    "sensitivity_credibility",
    "sensitivity_cumulative",
    "sensitivity_joint",
    "sensitivity_leave_one_out",
    "sensitivity_models",
    "sensitivity_power",
    "sensitivity_priors",
    "sensitivity_reference",
    "sensitivity_tipping",
    "subgroups",
    "unread_trials",
]
