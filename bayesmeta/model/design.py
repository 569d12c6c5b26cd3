"""The design matrix with the priors of its columns, and what it says of a new setting."""

from dataclasses import dataclass, field

import numpy as np

from bayesmeta.errors import ModelError
from bayesmeta.model.coding import Coding, Setting
from bayesmeta.priors import EffectPrior
from bayesmeta.types import Array

Z_975 = 1.959963984540054


@dataclass(frozen=True, eq=False)
class Design:
    """Design matrix with the priors of its columns.

    Attributes
    ----------
    matrix : (k, p), full column rank.
    columns : p names; the intercept's column is "mu".
    prior_location, prior_scale : (p,) of the normal priors; a scale of inf is a flat prior. For a prior that is not
        normal they are a guess, of the normal one with its median and its central 95%: see `normal`.
    coding : what the formula made of the table; None without moderators.
    priors : the p priors themselves.
    setting : what the reference row is that of; None for the intercept alone.
    """

    matrix: Array
    columns: tuple[str, ...]
    prior_location: Array
    prior_scale: Array
    coding: Coding | None = field(default=None, repr=False)
    priors: tuple[EffectPrior, ...] = ()
    setting: Setting | None = None

    @property
    def normal(self) -> bool:
        """Whether `prior_location` and `prior_scale` say all: every prior is normal or flat."""
        return all(prior.gaussian is not None for prior in self.priors)

    @property
    def tail_gain(self) -> Array:
        """(p,) by how much faster a coefficient's tail falls than that of tau, as a power: 0 where its prior is flat.

        For a coefficient to be near x, far out, tau must be of that size; the prior p(x) ~ x^-a makes x^-(a - 1) of it.
        """
        if not self.priors:
            return np.where(np.isinf(self.prior_scale), 0.0, np.inf)
        return np.array([max(prior.tail_exponent - 1.0, 0.0) for prior in self.priors])

    @property
    def moderators(self) -> tuple[str, ...]:
        """Names of the table's columns that the formula uses."""
        return () if self.coding is None else self.coding.moderators

    @property
    def reference(self) -> Array:
        """(p,) the row that theta_new speaks of: of the setting; else the intercept, or the mean row without one."""
        if self.setting is not None and self.coding is not None:
            return self.coding.row(self.setting)
        if "mu" in self.columns:
            return np.array([1.0 if name == "mu" else 0.0 for name in self.columns])
        return np.asarray(self.matrix.mean(axis=0))

    def row(self, setting: Setting | None = None) -> Array:
        """Row of the design for a setting: moderators by name; those not named are an error.

        Parameters
        ----------
        setting : mapping such as {"sensitivity_focused": "yes"}; None for the reference row.

        Returns
        -------
        (p,) row of the design matrix.

        Raises
        ------
        ModelError
            A moderator missing or unknown, or a category that no trial has.
        """
        if setting is None:
            return self.reference
        if self.coding is not None:
            return self.coding.row(setting)
        if setting:
            raise ModelError(f"new setting {dict(setting)}: the model has no moderators.")
        return self.reference

    def settings(self) -> dict[str, Setting]:
        """The groups: one setting for each combination of categories that occurs, numeric moderators at their mean.

        Returns
        -------
        dict from a label ("sensitivity_focused = yes") to the setting; empty where no moderator is categorical.
        """
        return {} if self.coding is None else self.coding.settings()

    def group_of(self) -> list[str]:
        """The label of each trial's group, in the order of the trials; "" where there are no groups."""
        if self.coding is None or not self.coding.categorical:
            return [""] * len(self.matrix)
        return self.coding.labels()


def design_of(
    matrix: Array,
    columns: tuple[str, ...],
    priors: tuple[EffectPrior, ...],
    coding: Coding | None = None,
    setting: Setting | None = None,
) -> Design:
    """The design with these priors of its columns."""
    location, scale = np.array([_as_normal(prior) for prior in priors]).T
    return Design(matrix, columns, location, scale, coding, priors, setting)


def _as_normal(prior: EffectPrior) -> tuple[float, float]:
    """Location and scale of a normal prior, or of the one with the same median and central 95%."""
    if prior.gaussian is not None:
        return prior.gaussian
    lower, median, upper = prior.quantile([0.025, 0.5, 0.975])
    return float(median), float(upper - lower) / (2.0 * Z_975)
