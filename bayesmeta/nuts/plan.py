"""What is sampled: the structure that a compiled model depends on, and the numbers that go into it.

Compiling takes seconds, sampling a fraction of one. So everything that is only a number (trials, design, parameters of
priors) is data of the compiled model, and sizes are rounded up: spare trials have nobody in them, and spare columns of
the design are zero with a coefficient of their own. Neither touches the posterior of anything else.
"""

from dataclasses import dataclass

import numpy as np

from bayesmeta.effects import Effects
from bayesmeta.errors import PriorError
from bayesmeta.model import Design, Model
from bayesmeta.priors import Normal, Prior
from bayesmeta.trials import Trials
from bayesmeta.types import Array

# Rounded up by a rule, never to what happens to be compiled already: a seed must give the same draws in any process.
TRIALS_STEP = 8
COLUMNS_STEP = 2
SPARE_COEFFICIENT = Normal(0, 1)
NO_INFORMATION = 1e6  # the standard error of a spare trial
COUNTS = [2, 0, 3, 1]  # events and totals, the control arm first as in the results

Family = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Structure:
    """What a compiled model depends on: fits that share it share the compilation.

    Attributes
    ----------
    likelihood : "normal" or "binomial".
    coefficients : PyMC family with the names of its parameters, of each column of the design, spare ones included.
    tau : family of its prior; None where there are no random effects.
    baseline : family of the baselines' prior; None with the normal likelihood.
    baseline_at : "midpoint" or "control"; "" with the normal likelihood.
    trials : number of trials, spare ones included; 0 where any number will do (nothing is sampled for each trial).
    """

    likelihood: str
    coefficients: tuple[Family, ...]
    tau: Family | None
    baseline: Family | None
    baseline_at: str
    trials: int


@dataclass(frozen=True, eq=False)
class Plan:
    """A structure with its numbers.

    Attributes
    ----------
    structure : what to compile.
    table : (trials, 2 + columns) y, se and the design; or (trials, 6 + columns) y, se, events of control and treated
        arm, totals of both, and the design.
    prior_parameters : parameters of the priors of the coefficients, of tau, of the baselines, one after the other.
    k, p : number of trials and of columns that are no spare ones.
    """

    structure: Structure
    table: Array
    prior_parameters: Array
    k: int
    p: int


def plan_of(trials: Trials, model: Model, design: Design, effects: Effects) -> Plan:
    """Structure and numbers of a fit.

    Parameters
    ----------
    trials : the evidence.
    model, design : what is assumed, and the design matrix (k, p) that it makes of these trials.
    effects : observed effects; `rows` are the trials in the model.

    Returns
    -------
    Plan
    """
    k, p = design.matrix.shape
    spare_columns = -p % COLUMNS_STEP
    coefficients: list[Prior] = [model.prior_of(column) for column in design.columns]
    coefficients += [SPARE_COEFFICIENT] * spare_columns
    matrix = np.pad(design.matrix, ((0, 0), (0, spare_columns)))
    tau = None if model.random_effects == "none" else model.tau_prior
    baseline = model.baseline_prior if model.likelihood == "binomial" else None
    if baseline is None:
        table, size = np.column_stack([effects.y, effects.se, matrix]), 0
    else:
        size = k + -k % TRIALS_STEP
        table = np.zeros((size, 6 + matrix.shape[1]))
        table[:k] = np.column_stack([effects.y, effects.se, trials.counts[effects.rows][:, COUNTS], matrix])
        table[k:, 1] = NO_INFORMATION
    priors = [*coefficients, *(prior for prior in (tau, baseline) if prior is not None)]
    structure = Structure(
        likelihood=model.likelihood,
        coefficients=tuple(_family(prior) for prior in coefficients),
        tau=None if tau is None else _family(tau),
        baseline=None if baseline is None else _family(baseline),
        baseline_at=model.baseline_at if baseline is not None else "",
        trials=size,
    )
    parameters = np.array([value for prior in priors for value in _pymc(prior)[1].values()])
    return Plan(structure, table, parameters, k, p)


def _family(prior: Prior) -> Family:
    name, parameters = _pymc(prior)
    return name, tuple(parameters)


def _pymc(prior: Prior) -> tuple[str, dict[str, float]]:
    if prior.pymc is None:  # refused before: bayesmeta/nuts/carried.py
        raise PriorError(f"{prior}: PyMC has no such distribution.")
    return prior.pymc
