"""The frequentist yardstick."""

from bayesmeta.frequentist.methods import METHODS, Method
from bayesmeta.frequentist.pools import Pools, pool
from bayesmeta.frequentist.regression import MetaRegression, metaregression

__all__ = ["METHODS", "MetaRegression", "Method", "Pools", "metaregression", "pool"]
