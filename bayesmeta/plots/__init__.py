"""Pictures: one a function, each gives a matplotlib Figure whose label names its file.

`forest`, `prior_posterior`, `subgroups`, `new_setting`, `against_pools`; `diagnostics` gives several. `forest_table`
has the numbers of the forest; `save_figure` writes a figure to a file.
"""

from bayesmeta.plots.against_pools import against_pools
from bayesmeta.plots.diagnostics import diagnostics
from bayesmeta.plots.forest import forest
from bayesmeta.plots.forest_rows import forest_table
from bayesmeta.plots.new_setting import new_setting
from bayesmeta.plots.prior_posterior import prior_posterior
from bayesmeta.plots.saving import save_figure
from bayesmeta.plots.subgroups import subgroups
from bayesmeta.plots.unread_trials import unread_trials

__all__ = [
    "against_pools",
    "diagnostics",
    "forest",
    "forest_table",
    "new_setting",
    "prior_posterior",
    "save_figure",
    "subgroups",
    "unread_trials",
]
