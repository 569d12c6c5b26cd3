"""May we believe it? One question a file, each answered by a table and a sentence."""

from bayesmeta.checks.against_pools import AgainstPools, against_pools
from bayesmeta.checks.control_risk import ControlRisk, control_risk
from bayesmeta.checks.convergence import Convergence, convergence
from bayesmeta.checks.prior_predictive import JointPriorPredictive, PriorPredictive, prior_predictive
from bayesmeta.checks.reproduction import Reproduction, reproduction
from bayesmeta.checks.same_posterior import SamePosterior, same_posterior

__all__ = [
    "AgainstPools",
    "ControlRisk",
    "Convergence",
    "JointPriorPredictive",
    "PriorPredictive",
    "Reproduction",
    "SamePosterior",
    "against_pools",
    "control_risk",
    "convergence",
    "prior_predictive",
    "reproduction",
    "same_posterior",
]
