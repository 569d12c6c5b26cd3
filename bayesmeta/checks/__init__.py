"""May we believe it? One question a file, each answered by a table and a sentence."""

from bayesmeta.checks.against_pools import AgainstPools, against_pools
from bayesmeta.checks.convergence import Convergence, convergence
from bayesmeta.checks.reproduction import Reproduction, reproduction
from bayesmeta.checks.same_posterior import SamePosterior, same_posterior

__all__ = [
    "AgainstPools",
    "Convergence",
    "Reproduction",
    "SamePosterior",
    "against_pools",
    "convergence",
    "reproduction",
    "same_posterior",
]
