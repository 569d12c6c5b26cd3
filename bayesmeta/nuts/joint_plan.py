"""What is sampled of two outcomes: structure and numbers."""

from dataclasses import dataclass

import numpy as np

from bayesmeta.effects import JointEffects, joint_effects
from bayesmeta.errors import ModelError, PriorError
from bayesmeta.model import JointModel
from bayesmeta.nuts.joint_build import COLUMNS, JointStructure
from bayesmeta.nuts.plan import NO_INFORMATION, TRIALS_STEP, Family
from bayesmeta.priors import HeterogeneityPrior, Prior
from bayesmeta.trials import JointTrials
from bayesmeta.types import Array


@dataclass(frozen=True, eq=False)
class JointPlan:
    """A structure with its numbers.

    Attributes
    ----------
    structure : what to compile.
    table : (trials, columns), columns as in `joint_build.COLUMNS`.
    prior_parameters : one after the other.
    k : number of trials that are no spare ones.
    tau : of each outcome, the value where it is known, or the unit of its scale (`joint_build._tau`).
    rho : the correlation where it is known, or low end and width of its support.
    """

    structure: JointStructure
    table: Array
    prior_parameters: Array
    k: int
    tau: tuple[float, float]
    rho: tuple[float, float]


def effects_of(trials: JointTrials, model: JointModel) -> JointEffects:
    """Observed effects; of every trial with the trinomial likelihood, whatever the rule for zeros.

    Raises
    ------
    ModelError : rows without counts, which the trinomial likelihood cannot take.
    """
    if model.likelihood == "normal":
        return joint_effects(trials, zero_cells=model.zero_cells, within=model.within)
    for part in trials.parts:
        if not part.has_counts.all():
            study = part.studies[int(np.flatnonzero(~part.has_counts)[0])]
            raise ModelError(
                f"{trials.name} ({study}): no counts of {part.outcome}. The trinomial likelihood needs events and"
                " totals of both arms. Leave the row out, or fit with --likelihood normal, which takes its estimate."
            )
    return joint_effects(trials, zero_cells="only_zero")


def joint_plan(
    trials: JointTrials, model: JointModel, effects: JointEffects, tau: tuple[HeterogeneityPrior, HeterogeneityPrior]
) -> JointPlan:
    """Structure and numbers of a fit.

    Parameters
    ----------
    trials, model, effects : what is fitted.
    tau : priors of the heterogeneities, standard errors given.

    Raises
    ------
    PriorError : a prior that PyMC does not have, or a baseline prior that is not normal.
    """
    table = TABLES[model.likelihood](trials, effects)
    size = 0 if model.likelihood == "normal" else len(table)
    units = [float(np.median(effects.se[effects.reported[:, j], j])) for j in (0, 1)]
    numbers = [value for prior in model.mu_priors for value in _pymc(prior)[1].values()]
    for prior, unit in zip(tau, units):
        numbers += [*_pymc(prior)[1].values(), unit] if prior.point is None else []
    numbers += [prior.point for prior in tau if prior.point is not None]
    rho = model.rho_prior
    numbers += [rho.low, rho.high - rho.low, rho.eta] if rho.point is None else [rho.point]
    gaussian = model.baseline_prior.gaussian
    if model.likelihood == "trinomial" and (gaussian is None or not np.isfinite(gaussian[1])):
        raise PriorError(
            f"baseline prior {model.baseline_prior}: the trinomial likelihood needs a normal one, such as normal(0, 5)."
        )
    numbers += list(gaussian or (0.0, 5.0))
    structure = JointStructure(
        likelihood=model.likelihood,
        mu=(_family(model.mu_priors[0]), _family(model.mu_priors[1])),
        tau=(_family_of_tau(tau[0]), _family_of_tau(tau[1])),
        through_zero=(_through_zero(tau[0]), _through_zero(tau[1])),
        rho_known=rho.point is not None,
        trials=size,
    )
    known = [unit if prior.point is None else prior.point for prior, unit in zip(tau, units)]
    place = (rho.low, rho.high - rho.low)
    return JointPlan(structure, table, np.array(numbers, dtype=float), effects.k, (known[0], known[1]), place)


def _normal_table(_: JointTrials, effects: JointEffects) -> Array:
    """An outcome that is not reported has an estimate with no information."""
    y = np.where(effects.reported, effects.y, 0.0)
    variance = np.where(effects.reported, effects.se, NO_INFORMATION) ** 2
    return np.column_stack([y, variance, effects.covariance])


def precision(effects: JointEffects) -> Array:
    """(k, 3) entries 11, 12, 22 of the inverse within-trial covariance; 0 for what is not reported."""
    variance = np.where(effects.reported, effects.se, 1.0) ** 2
    share = 1.0 - effects.correlation**2
    found = np.column_stack(
        [
            1.0 / variance[:, 0] / share,
            -effects.covariance / (variance[:, 0] * variance[:, 1]) / share,
            1.0 / variance[:, 1] / share,
        ]
    )
    there = effects.reported
    return found * np.column_stack([there[:, 0], there.all(axis=1), there[:, 1]])


def _trinomial_table(trials: JointTrials, effects: JointEffects) -> Array:
    k = effects.k
    rows = np.zeros((k + -k % TRIALS_STEP, len(COLUMNS["trinomial"])))
    both = trials.classified[effects.rows]
    arms = []
    for arm, column in ((0, 0), (1, 2)):
        first, middle, second = np.nan_to_num(trials.categories[effects.rows, arm]).T
        counts = np.nan_to_num(trials.counts[effects.rows][:, :, column : column + 2])
        events, others = counts[:, :, 0], counts[:, :, 1] - counts[:, :, 0]
        arms += [
            np.where(both, first + middle, events[:, 0]),
            np.where(both, second + middle, events[:, 1]),
            np.where(both, middle, 0.0),
            np.where(both, 0.0, others[:, 0]),
            np.where(both, 0.0, others[:, 1]),
        ]
    y = np.where(effects.reported, effects.y, 0.0)
    rows[:k] = np.column_stack([y, precision(effects), both, *arms])
    return rows


TABLES = {"normal": _normal_table, "trinomial": _trinomial_table}


def _family(prior: Prior) -> Family:
    name, parameters = _pymc(prior)
    return name, tuple(parameters)


def _family_of_tau(prior: HeterogeneityPrior) -> Family | None:
    return None if prior.point is not None else _family(prior)


def _through_zero(prior: HeterogeneityPrior) -> bool:
    """Whether a prior has a density at 0 and no other end."""
    if prior.point is not None or prior.support != (0.0, np.inf) or prior.breaks:
        return False
    with np.errstate(divide="ignore"):
        near = prior.log_density(np.array([1e-12, 1e-6]))
    return bool(np.isfinite(near).all() and np.ptp(near) < 1e-3)


def _pymc(prior: Prior) -> tuple[str, dict[str, float]]:
    if prior.pymc is None:
        raise PriorError(
            f"prior {prior}: PyMC has no such distribution. State one that it has, such as half_normal(0.5) for tau or"
            " normal(0, 2) for mu."
        )
    return prior.pymc
