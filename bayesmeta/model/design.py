"""The design matrix with the priors of its columns, and what it says of a new setting."""

from dataclasses import dataclass, field

import numpy as np

from bayesmeta.errors import ModelError
from bayesmeta.model.coding import Coding, Setting
from bayesmeta.types import Array


@dataclass(frozen=True, eq=False)
class Design:
    """Design matrix with the priors of its columns.

    Attributes
    ----------
    matrix : (k, p), full column rank.
    columns : p names; the intercept's column is "mu".
    prior_location, prior_scale : (p,) of the Gaussian priors; a scale of inf is a flat prior.
    coding : what the formula made of the table; None without moderators.
    """

    matrix: Array
    columns: tuple[str, ...]
    prior_location: Array
    prior_scale: Array
    coding: Coding | None = field(default=None, repr=False)

    @property
    def moderators(self) -> tuple[str, ...]:
        """Names of the table's columns that the formula uses."""
        return () if self.coding is None else self.coding.moderators

    @property
    def reference(self) -> Array:
        """(p,) the row that theta_new speaks of: the intercept alone, or the mean row where there is none."""
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


def intercept_only(k: int, location: float, scale: float) -> Design:
    """The design without moderators: one column of ones."""
    return Design(np.ones((k, 1)), ("mu",), np.array([location]), np.array([scale]))
