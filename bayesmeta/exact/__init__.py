"""Engine 1: the posterior by quadrature, without Monte Carlo error."""

from bayesmeta.exact.accuracy import self_checked
from bayesmeta.exact.count_posterior import CountPosterior
from bayesmeta.exact.fit import fit_exact
from bayesmeta.exact.joint import fit_joint_exact
from bayesmeta.exact.joint_posterior import ExactJointPosterior
from bayesmeta.exact.posterior import ExactPosterior
from bayesmeta.exact.prepared import Prepared, prepare

__all__ = [
    "CountPosterior",
    "ExactJointPosterior",
    "ExactPosterior",
    "Prepared",
    "fit_exact",
    "fit_joint_exact",
    "prepare",
    "self_checked",
]
