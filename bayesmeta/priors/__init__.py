"""Priors: one file a family, from text and in words."""

from bayesmeta.priors.bartos import Bartos
from bayesmeta.priors.bartos_2021 import Bartos2021
from bayesmeta.priors.bartos_2021_effect import Bartos2021Effect
from bayesmeta.priors.bartos_effect import BartosEffect
from bayesmeta.priors.base import EffectPrior, HeterogeneityPrior, Prior
from bayesmeta.priors.berger_deely import BergerDeely
from bayesmeta.priors.conventional import Conventional
from bayesmeta.priors.describe import describe
from bayesmeta.priors.dumouchel import DuMouchel
from bayesmeta.priors.elicit import elicit
from bayesmeta.priors.enthusiastic import Enthusiastic
from bayesmeta.priors.exponential import Exponential
from bayesmeta.priors.fixed import Fixed
from bayesmeta.priors.flat import Flat
from bayesmeta.priors.gamma import Gamma
from bayesmeta.priors.half_cauchy import HalfCauchy
from bayesmeta.priors.half_normal import HalfNormal
from bayesmeta.priors.half_t import HalfT
from bayesmeta.priors.i2 import I2
from bayesmeta.priors.improper_uniform import ImproperUniform
from bayesmeta.priors.inverse_gamma import InverseGamma
from bayesmeta.priors.jeffreys import Jeffreys
from bayesmeta.priors.log_t import LogT
from bayesmeta.priors.lognormal import LogNormal
from bayesmeta.priors.mixture import Mixture
from bayesmeta.priors.normal import Normal
from bayesmeta.priors.odds_ratio_within import OddsRatioWithin
from bayesmeta.priors.overall_jeffreys import OverallJeffreys
from bayesmeta.priors.parse import catalogue, parse_prior, prior_names
from bayesmeta.priors.rhodes import Rhodes
from bayesmeta.priors.sceptical import Sceptical
from bayesmeta.priors.sqrt import Sqrt
from bayesmeta.priors.student_t import StudentT
from bayesmeta.priors.turner import Turner
from bayesmeta.priors.uniform import Uniform
from bayesmeta.priors.uniform_shrinkage import UniformShrinkage
from bayesmeta.priors.unit_information import UnitInformation

__all__ = [
    "I2",
    "Bartos",
    "Bartos2021",
    "Bartos2021Effect",
    "BartosEffect",
    "BergerDeely",
    "Conventional",
    "DuMouchel",
    "EffectPrior",
    "Enthusiastic",
    "Exponential",
    "Fixed",
    "Flat",
    "Gamma",
    "HalfCauchy",
    "HalfNormal",
    "HalfT",
    "HeterogeneityPrior",
    "ImproperUniform",
    "InverseGamma",
    "Jeffreys",
    "LogNormal",
    "LogT",
    "Mixture",
    "Normal",
    "OddsRatioWithin",
    "OverallJeffreys",
    "Prior",
    "Rhodes",
    "Sceptical",
    "Sqrt",
    "StudentT",
    "Turner",
    "Uniform",
    "UniformShrinkage",
    "UnitInformation",
    "catalogue",
    "describe",
    "elicit",
    "parse_prior",
    "prior_names",
]
