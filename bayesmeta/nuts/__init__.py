"""Engine 2: the posterior by NUTS. PyMC loads when something is sampled."""

from bayesmeta.nuts.fit import fit_nuts
from bayesmeta.nuts.joint import fit_joint_nuts
from bayesmeta.nuts.joint_posterior import NutsJointPosterior
from bayesmeta.nuts.posterior import NutsPosterior
from bayesmeta.nuts.samplers import SAMPLERS

__all__ = ["SAMPLERS", "NutsJointPosterior", "NutsPosterior", "fit_joint_nuts", "fit_nuts"]
