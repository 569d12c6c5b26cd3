"""What is sampled: the structure that a compiled model depends on, and the numbers that go into it.

Compiling takes seconds, sampling a fraction of one. So everything that is only a number (trials, design, parameters of
priors) is data of the compiled model, and sizes are rounded up: spare trials have nobody in them, and spare columns of
the design are zero with a coefficient of their own. Neither touches the posterior of anything else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesmeta.effects import Effects, IndependentRows, baselines, independent_rows
from bayesmeta.errors import PriorError
from bayesmeta.model import Design, Heterogeneity, Model
from bayesmeta.nuts.prior_forms import KNOWN, Form, form_of
from bayesmeta.nuts.selecting import Selecting, selecting
from bayesmeta.nuts.ways import log_ways, pairs_of
from bayesmeta.priors import Normal, Prior
from bayesmeta.trials import Trials
from bayesmeta.types import Array, Booleans

if TYPE_CHECKING:
    import pymc as pm

# Rounded up by a rule, never to what happens to be compiled already: a seed must give the same draws in any process.
TRIALS_STEP = 8
COLUMNS_STEP = 2
SPARE_COEFFICIENT = Normal(0, 1)
NO_INFORMATION = 1e6  # the standard error of a spare trial
# Beta also as one variable for each coefficient.
SAMPLED = ("beta", "tau", "e", "gamma", "precision", "stick", "u", "baseline_mean", "baseline_sd")
COUNTS = [2, 0, 3, 1]  # events and totals, the control arm first as in the results

# What stands before the design in the table of trials, by likelihood.
OBSERVED = ("y", "se")
COUNTED = (*OBSERVED, "without counts", "r0", "r1", "n0", "n1")
COLUMNS = {"normal": OBSERVED, "binomial": COUNTED, "hypergeometric": (*COUNTED, "start")}

Family = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Structure:
    """What a compiled model depends on: fits that share it share the compilation.

    Attributes
    ----------
    likelihood : "normal", "binomial" or "hypergeometric".
    coefficients : PyMC family with the names of its parameters, of each column of the design, spare ones included.
    tau : family of its prior; None where there are no random effects.
    baseline : family of the baselines' prior; None but for the binomial likelihood.
    baseline_at : "midpoint" or "control"; "" but for the binomial likelihood.
    trials : number of trials, spare ones included; 0 where any number will do (nothing is sampled for each trial).
    random_effects : "normal", "student_t", "mixture" or "none".
    selection : cut points and priors of the weights; None without selection.
    arms : number of trials with counts whose arms share a control.
    spread : families of the priors of the parameters of heterogeneity that differs; () where tau is one.
    by_level : whether these are a tau for each level; else tau and coefficients of log tau.
    """

    likelihood: str
    coefficients: tuple[Family, ...]
    tau: Family | None
    baseline: Family | None
    baseline_at: str
    trials: int
    random_effects: str = "normal"
    selection: Selecting | None = None
    arms: int = 0
    spread: tuple[Family, ...] = ()
    by_level: bool = False

    @property
    def transformed(self) -> tuple[str, ...]:
        """Names of what is sampled on another scale than its own."""
        names = ("tau", "precision") if self.random_effects == "student_t" else ("tau", "stick")
        if not self.spread:
            return names
        return (*names[1:], *(f"spread_{j}" for j, (family, _) in enumerate(self.spread) if family != KNOWN))

    def model(self) -> "pm.Model":
        """The PyMC model, which loads when it is asked for."""
        from bayesmeta.nuts.build import build

        return build(self)


@dataclass(frozen=True, eq=False)
class Plan:
    """A structure with its numbers.

    Attributes
    ----------
    structure : what to compile.
    table : (trials, columns) y and se, with counts what COLUMNS names, and the design.
    prior_parameters : parameters of the priors of the coefficients, of tau, of the baselines and of the random
        effects, one after the other.
    k, p : number of trials and of columns that are no spare ones.
    rows : the trials as independent rows, which the table holds.
    ways : of the hypergeometric likelihood, see `log_ways`; None but for it.
    pairs : of the hypergeometric likelihood with such arms, see `pairs_of`; None but for it.
    heterogeneity : where it differs between trials; its matrix stands last in the table.
    arms : (3, trials, trials) with counts of arms that share a control, see `_arms`; None but for those.
    """

    structure: Structure
    table: Array
    prior_parameters: Array
    k: int
    p: int
    rows: IndependentRows
    ways: Array | None = None
    arms: Array | None = None
    heterogeneity: Heterogeneity | None = None
    pairs: tuple[Array, Array] | None = None

    @property
    def data(self) -> dict[str, Array]:
        """What goes into the compiled model, by the names that it has there."""
        data = {"trials": self.table, "prior_parameters": self.prior_parameters}
        which, terms = self.pairs or (None, None)
        optional = {"ways": self.ways, "arms": self.arms, "pairs": which, "pair_terms": terms}
        return data | {name: values for name, values in optional.items() if values is not None}

    def variables(self, drawn: Mapping[str, Array]) -> dict[str, Array]:
        """The draws that are kept, spare trials and columns included: as far as sampled.

        Parameters
        ----------
        drawn : of all variables of the PyMC model, (chain, draw, ...).

        Returns
        -------
        dict: beta (chain, draw, columns), tau (chain, draw), e, gamma and precision (chain, draw, trials) and others.
        """
        kept = {name: value for name, value in drawn.items() if name in SAMPLED or name.startswith("spread_")}
        if "beta" not in drawn:
            columns = range(len(self.structure.coefficients))
            kept["beta"] = np.stack([drawn[f"beta_{j}"] for j in columns], axis=-1)
        return kept


def plan_of(
    trials: Trials, model: Model, design: Design, effects: Effects, heterogeneity: Heterogeneity | None = None
) -> Plan:
    """Structure and numbers of a fit.

    Parameters
    ----------
    trials : the evidence.
    model, design : what is assumed, and the design matrix (k, p) that it makes of these trials.
    effects : observed effects; `rows` are the trials in the model.
    heterogeneity : where it differs between trials.

    Returns
    -------
    Plan
    """
    k, p = design.matrix.shape
    spare_columns = -p % COLUMNS_STEP
    coefficients: list[Prior] = [model.prior_of(column) for column in design.columns]
    coefficients += [SPARE_COEFFICIENT] * spare_columns
    rows = independent_rows(effects, model.arm_correlation)
    matrix = np.pad(rows.of(design.matrix), ((0, 0), (0, spare_columns)))
    random_effects, shape = model.random_effects_parts
    tau = None if random_effects == "none" or heterogeneity is not None else model.tau_prior
    spread: list[Prior] = []
    if heterogeneity is not None:
        spread = [*heterogeneity.tau_priors, *heterogeneity.alpha_priors]
        matrix = np.column_stack([matrix, heterogeneity.matrix])
    baseline = model.baseline_prior if model.likelihood == "binomial" else None
    by_trial = model.likelihood != "normal" or random_effects == "student_t"
    observed, ways = _observed(trials, model, effects, rows)
    size = k + -k % TRIALS_STEP if by_trial else k
    table = np.zeros((size, observed.shape[1] + matrix.shape[1]))
    table[:k] = np.column_stack([observed, matrix])
    table[k:, 1] = NO_INFORMATION
    arms = _arms(model, effects, rows, table) if effects.shared and by_trial else None
    of_pairs = arms is not None and model.likelihood == "hypergeometric"
    pairs = pairs_of(trials.counts[effects.rows], effects.shared, size) if of_pairs else None
    priors = [*coefficients, *(prior for prior in (tau, baseline) if prior is not None), *spread]
    structure = Structure(
        likelihood=model.likelihood,
        coefficients=tuple(family_of(prior) for prior in coefficients),
        tau=None if tau is None else family_of(tau),
        baseline=None if baseline is None else family_of(baseline),
        baseline_at=model.baseline_at if baseline is not None else "",
        trials=size if by_trial else 0,
        random_effects=random_effects,
        selection=selecting(trials, model),
        arms=len(effects.shared) if arms is not None else 0,
        spread=tuple(family_of(prior) for prior in spread),
        by_level=heterogeneity is not None and bool(heterogeneity.levels),
    )
    parameters = [value for prior in priors for value in known_form(prior)[1].values()]
    return Plan(structure, table, np.array([*parameters, *shape]), k, p, rows, ways, arms, heterogeneity, pairs)


def _observed(trials: Trials, model: Model, effects: Effects, rows: IndependentRows) -> tuple[Array, Array | None]:
    """The columns of the table before the design, and the ways of the hypergeometric likelihood."""
    observed = np.column_stack([rows.y, rows.se])
    if model.likelihood == "normal":
        return observed, None
    counts = trials.counts[effects.rows]
    without = ~trials.has_counts[effects.rows]
    counts = np.where(without[:, None], 0.0, counts)  # nobody: an estimate stands for them
    columns = [observed, without, counts[:, COUNTS]]
    if model.likelihood == "binomial":
        return np.column_stack(columns), None
    # What says nothing of its effect says nothing of good coordinates either.
    observed[neutral(counts) & ~without] = [0.0, NO_INFORMATION]
    ways, start = log_ways(counts)
    return np.column_stack([*columns, start]), ways


def _arms(model: Model, effects: Effects, rows: IndependentRows, table: Array) -> Array:
    """From independent rows back to effects, from baselines to rows, and the effects' share in the control's log odds.

    The counts of a control arm stay in the first of the rows that share it.
    """
    arms = np.stack([np.eye(len(table)), np.eye(len(table)), np.zeros((len(table), len(table)))])
    own, share = baselines(effects, at_midpoint=model.baseline_at == "midpoint")
    assert rows.back is not None
    arms[:, : effects.k, : effects.k] = np.stack([rows.back, own, share])
    control = [COUNTED.index("r0"), COUNTED.index("n0")]
    every = [COUNTED.index(name) for name in ("r0", "r1", "n0", "n1")]
    for positions in effects.shared:
        if model.likelihood == "hypergeometric":  # the trial has a likelihood of its own
            table[np.ix_(positions, every)] = 0.0
        else:
            table[np.ix_(positions[1:], control)] = 0.0
    return arms


def neutral(counts: Array) -> Booleans:
    """(k,) whether the margins of a 2x2 table (events and total treated, events and total control) allow it alone."""
    treated, total_treated, control, total_control = counts.T
    events = treated + control
    return np.asarray(np.maximum(0.0, events - total_control) == np.minimum(total_treated, events))


def outlier_unit(outliers: Any, factor: Any) -> Any:
    """The scale, in units of tau, of the coordinates under mixture(w, c): the standard deviation of the mixture."""
    return (1.0 - outliers + outliers * factor**2) ** 0.5


def family_of(prior: Prior) -> Family:
    """The family of a prior, with the names of its parameters."""
    name, parameters = known_form(prior)
    return name, tuple(parameters)


def known_form(prior: Prior) -> Form:
    """The same with the parameters' values: see `form_of`."""
    form = form_of(prior)
    if form is None:  # refused before: bayesmeta/nuts/carried.py
        raise PriorError(f"{prior}: PyMC has no such distribution.")
    return form
