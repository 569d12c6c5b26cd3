"""What is sampled of two outcomes: structure and numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.effects import JointEffects
from bayesmeta.errors import PriorError
from bayesmeta.model import JointModel
from bayesmeta.nuts.plan import NO_INFORMATION, TRIALS_STEP, Family
from bayesmeta.priors import HeterogeneityPrior, Prior
from bayesmeta.trials import JointTrials
from bayesmeta.types import Array

if TYPE_CHECKING:
    import pymc as pm


#: Columns of the table of trials. `r`: what multiplies log p_1 + log(1 - p_2) and so on, see `joint_build._trinomial`.
COLUMNS = {
    "normal": ("y_1", "y_2", "variance_1", "variance_2", "covariance"),
    "trinomial": (
        *("y_1", "y_2", "k_11", "k_12", "k_22", "both"),
        *(f"{name}_{arm}" for arm in ("treated", "control") for name in ("a", "b", "middle", "not_a", "not_b")),
    ),
}


@dataclass(frozen=True)
class JointStructure:
    """What a compiled model of two outcomes depends on.

    Attributes
    ----------
    likelihood : "normal" or "trinomial".
    mu : family of the prior of each pooled effect.
    tau : family of the prior of each heterogeneity, None where it is known.
    through_zero : whether it is sampled on the scale that passes through 0: see `joint_build._tau`.
    rho_known : whether the correlation is.
    trials : number of trials, spare ones included; 0 where any number will do.
    """

    likelihood: str
    mu: tuple[Family, Family]
    tau: tuple[Family | None, Family | None]
    through_zero: tuple[bool, bool]
    rho_known: bool
    trials: int

    @property
    def transformed(self) -> tuple[str, ...]:
        """Names of what is sampled on another scale than its own."""
        taus = [f"tau_{j}" for j in (0, 1) if self.tau[j] is not None and not self.through_zero[j]]
        return (*taus, *(() if self.rho_known else ("rho_share",)))

    def model(self) -> "pm.Model":
        """The PyMC model, which loads when it is asked for."""
        from bayesmeta.nuts.joint_build import build_joint

        return build_joint(self)


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

    @property
    def data(self) -> dict[str, Array]:
        """What goes into the compiled model, by the names that it has there."""
        return {"trials": self.table, "prior_parameters": self.prior_parameters}

    def variables(self, drawn: Mapping[str, Array]) -> dict[str, Array]:
        """The draws that are kept, spare trials dropped.

        Parameters
        ----------
        drawn : of all variables of the PyMC model, (chain, draw, ...).

        Returns
        -------
        dict: mu and tau (chain, draw, 2), rho (chain, draw), e and g (chain, draw, k, 2) as far as sampled.
        """
        low, width = self.rho
        rho = low + width * drawn["rho_share"] if "rho_share" in drawn else np.full(drawn["mu_0"].shape, low)
        kept = {
            "mu": np.stack([drawn["mu_0"], drawn["mu_1"]], axis=-1),
            "tau": np.stack([self._tau(drawn, j) for j in (0, 1)], axis=-1),
            "rho": rho,
        }
        return kept | {name: drawn[name][:, :, : self.k] for name in ("e", "g") if name in drawn}

    def _tau(self, drawn: Mapping[str, Array], j: int) -> Array:
        if self.structure.tau[j] is None:
            return np.full(drawn["mu_0"].shape, self.tau[j])
        if self.structure.through_zero[j]:
            return np.asarray(self.tau[j] * np.abs(np.sinh(drawn[f"x_{j}"])))
        return drawn[f"tau_{j}"]


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
    rows[:k] = np.column_stack([y, effects.precision, both, *arms])
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
