"""Engine 2: the posterior by NUTS. PyMC loads when something is sampled."""

from bayesmeta.nuts.fit import fit_nuts
from bayesmeta.nuts.posterior import NutsPosterior
from bayesmeta.nuts.samplers import SAMPLERS

__all__ = ["SAMPLERS", "NutsPosterior", "fit_nuts"]
