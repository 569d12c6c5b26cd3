"""The frequentist yardstick."""

from bayesmeta.frequentist.methods import METHODS, Method
from bayesmeta.frequentist.pools import Pools, pool
from bayesmeta.frequentist.regression import MetaRegression, metaregression
from bayesmeta.frequentist.small_study import SmallStudyEffects, small_study_effects

__all__ = [
    "METHODS",
    "MetaRegression",
    "Method",
    "Pools",
    "SmallStudyEffects",
    "metaregression",
    "pool",
    "small_study_effects",
]
