"""Bayesian meta-analysis of trials: exact where others wait for MCMC, sampled and checked beside it.

In the order of an analysis:

- Evidence: `load` a data set that comes with the package (`dataset_names`), or `read_trials` from a file: `Trials`.
  Two outcomes of the same trials: `join`, `read_joint`.
  What was published: `published_pools`. Effects with standard errors: `effect_sizes`.
- Yardstick: `pool`, `metaregression`, `small_study_effects`.
- Model: `Model`, with a prior for each parameter: `OddsRatioWithin`, `Normal`, `StudentT` ... for effects,
  `HalfNormal`, `HalfCauchy`, `LogNormal`, `Turner` ... for heterogeneity; `bayesmeta priors` lists all. `parse_prior`
  reads one, `describe` says what it means, `elicit` finds one from quantiles.
- Posterior: `fit`, by either engine, gives a `Posterior`.
- May we believe it? `checks`. What if? `sensitivity`. Is what services use what works? `practice`. Pictures and
  text: `plots`, `report`. A whole analysis as a script: `script`.

Examples
--------
>>> import bayesmeta as bm
>>> trials = bm.load("bcg")
>>> posterior = bm.fit(trials, bm.Model(tau=bm.HalfNormal(0.5)))
>>> bool(posterior["mu"].probability(below=0) > 0.99)
True
"""

from typing import TYPE_CHECKING

import lazy_loader as lazy

from bayesmeta.effects import effect_sizes
from bayesmeta.errors import BayesmetaError, BayesmetaWarning, ConvergenceError, DataError, ModelError, PriorError
from bayesmeta.fit import fit
from bayesmeta.frequentist import metaregression, pool, small_study_effects
from bayesmeta.model import Exchangeable, JointModel, Model
from bayesmeta.posterior import JointPosterior, Posterior
from bayesmeta.priors import (
    I2,
    Bartos,
    Bartos2021,
    Bartos2021Effect,
    BartosEffect,
    BergerDeely,
    Conventional,
    DuMouchel,
    Enthusiastic,
    Exponential,
    Fixed,
    Flat,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfT,
    ImproperUniform,
    InverseGamma,
    Jeffreys,
    LogNormal,
    LogT,
    Mixture,
    Normal,
    OddsRatioWithin,
    OverallJeffreys,
    Rhodes,
    Sceptical,
    Sqrt,
    StudentT,
    Turner,
    Uniform,
    UniformShrinkage,
    UnitInformation,
    describe,
    elicit,
    parse_prior,
)
from bayesmeta.trials import JointTrials, Trials, dataset_names, join, load, published_pools, read_joint, read_trials
from bayesmeta.version import __version__

# These load ArviZ, Matplotlib and more, so only when they are asked for.
if TYPE_CHECKING:
    from bayesmeta import checks, plots, practice, report, sensitivity
    from bayesmeta.workflow import script
else:
    __getattr__ = lazy.attach(
        __name__, ["checks", "plots", "practice", "report", "sensitivity"], {"workflow": ["script"]}
    )[0]

__all__ = [
    "I2",
    "Bartos",
    "Bartos2021",
    "Bartos2021Effect",
    "BartosEffect",
    "BayesmetaError",
    "BayesmetaWarning",
    "BergerDeely",
    "Conventional",
    "ConvergenceError",
    "DataError",
    "DuMouchel",
    "Enthusiastic",
    "Exchangeable",
    "Exponential",
    "Fixed",
    "Flat",
    "Gamma",
    "HalfCauchy",
    "HalfNormal",
    "HalfT",
    "ImproperUniform",
    "InverseGamma",
    "Jeffreys",
    "JointModel",
    "JointPosterior",
    "JointTrials",
    "LogNormal",
    "LogT",
    "Mixture",
    "Model",
    "ModelError",
    "Normal",
    "OddsRatioWithin",
    "OverallJeffreys",
    "Posterior",
    "PriorError",
    "Rhodes",
    "Sceptical",
    "Sqrt",
    "StudentT",
    "Trials",
    "Turner",
    "Uniform",
    "UniformShrinkage",
    "UnitInformation",
    "__version__",
    "checks",
    "dataset_names",
    "describe",
    "effect_sizes",
    "elicit",
    "fit",
    "join",
    "load",
    "metaregression",
    "parse_prior",
    "plots",
    "pool",
    "practice",
    "published_pools",
    "read_joint",
    "read_trials",
    "report",
    "script",
    "sensitivity",
    "small_study_effects",
]

__dir__ = __all__.copy
