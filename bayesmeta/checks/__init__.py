"""May we believe it? One question a file, each answered by a table and a sentence."""

from bayesmeta.checks.against_pools import AgainstPools, against_pools
from bayesmeta.checks.control_risk import ControlRisk, control_risk
from bayesmeta.checks.convergence import Convergence, convergence
from bayesmeta.checks.reproduction import Reproduction, reproduction
from bayesmeta.checks.same_posterior import SamePosterior, same_posterior

__all__ = [
    "AgainstPools",
    "ControlRisk",
    "Convergence",
    "Reproduction",
    "SamePosterior",
    "against_pools",
    "control_risk",
    "convergence",
    "reproduction",
    "same_posterior",
]
