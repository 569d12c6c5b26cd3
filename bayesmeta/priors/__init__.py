"""Priors: one file a family, from text and in words."""

from bayesmeta.priors.base import EffectPrior, HeterogeneityPrior, Prior
from bayesmeta.priors.describe import describe
from bayesmeta.priors.exponential import Exponential
from bayesmeta.priors.flat import Flat
from bayesmeta.priors.half_cauchy import HalfCauchy
from bayesmeta.priors.half_normal import HalfNormal
from bayesmeta.priors.half_t import HalfT
from bayesmeta.priors.lognormal import LogNormal
from bayesmeta.priors.normal import Normal
from bayesmeta.priors.odds_ratio_within import OddsRatioWithin
from bayesmeta.priors.parse import catalogue, parse_prior, prior_names
from bayesmeta.priors.uniform import Uniform

__all__ = [
    "EffectPrior",
    "Exponential",
    "Flat",
    "HalfCauchy",
    "HalfNormal",
    "HalfT",
    "HeterogeneityPrior",
    "LogNormal",
    "Normal",
    "OddsRatioWithin",
    "Prior",
    "Uniform",
    "catalogue",
    "describe",
    "parse_prior",
    "prior_names",
]
