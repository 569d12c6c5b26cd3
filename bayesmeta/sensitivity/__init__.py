"""What if? Every conclusion with its priors, likelihoods, zero-cell rules and trials varied.

`all` runs every part; each part is one question with a table, a sentence and plain data: `prior_grid`, `model_grid`,
`leave_one_out`, `cumulative`, `power_scaling`, `tipping_point`, `reference`, `bias`; `credibility` asks it of a
published interval, and `joint` of two outcomes at once. `verdict` says it all in one sentence. `bayesmeta.plots` has a
picture for each.
"""

from bayesmeta.sensitivity.bias import Bias, bias
from bayesmeta.sensitivity.credibility import Credibility, credibility
from bayesmeta.sensitivity.cumulative import Cumulative, cumulative
from bayesmeta.sensitivity.everything import PARTS, Sensitivity
from bayesmeta.sensitivity.everything import everything as all
from bayesmeta.sensitivity.joint import JointSensitivity, joint
from bayesmeta.sensitivity.leave_one_out import LeaveOneOut, leave_one_out
from bayesmeta.sensitivity.model_grid import ModelGrid, model_grid
from bayesmeta.sensitivity.part import Part
from bayesmeta.sensitivity.power_scaling import PowerScaling, power_scaling
from bayesmeta.sensitivity.prior_grid import PriorGrid, prior_grid
from bayesmeta.sensitivity.published_pool import ReanalysedPool, published_pool
from bayesmeta.sensitivity.reference import Reference, reference
from bayesmeta.sensitivity.tipping_point import TippingPoint, tipping_point
from bayesmeta.sensitivity.unread_trials import UnreadTrials, unread_trials
from bayesmeta.sensitivity.verdict import verdict

__all__ = [
    "PARTS",
    "Bias",
    "Credibility",
    "Cumulative",
    "JointSensitivity",
    "LeaveOneOut",
    "ModelGrid",
    "Part",
    "PowerScaling",
    "PriorGrid",
    "ReanalysedPool",
    "Reference",
    "Sensitivity",
    "TippingPoint",
    "UnreadTrials",
    "all",
    "bias",
    "credibility",
    "cumulative",
    "joint",
    "leave_one_out",
    "model_grid",
    "power_scaling",
    "prior_grid",
    "published_pool",
    "reference",
    "tipping_point",
    "unread_trials",
    "verdict",
]
