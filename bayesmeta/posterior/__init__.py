"""What every engine returns: marginals, study effects, new settings, probabilities."""

from bayesmeta.posterior.joint import JointPosterior
from bayesmeta.posterior.marginal import Marginal, NormalMixture, PointMass, mixture_quantiles
from bayesmeta.posterior.panels import PanelDensity
from bayesmeta.posterior.posterior import Posterior

__all__ = [
    "JointPosterior",
    "Marginal",
    "NormalMixture",
    "PanelDensity",
    "PointMass",
    "Posterior",
    "mixture_quantiles",
]
