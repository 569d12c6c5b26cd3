"""The design matrix: what the formula makes of these trials, and of a new setting."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bayesmeta.errors import ModelError
from bayesmeta.model.formula import Formula
from bayesmeta.trials import Trials
from bayesmeta.types import Array

Setting = Mapping[str, object]


@dataclass(frozen=True)
class Design:
    """Design matrix with the priors of its columns.

    Attributes
    ----------
    matrix : (k, p), full column rank.
    columns : p names; the intercept's column is "mu".
    prior_location, prior_scale : (p,) of the Gaussian priors; a scale of inf is a flat prior.
    moderators : names of the table's columns that the formula uses.
    """

    matrix: Array
    columns: tuple[str, ...]
    prior_location: Array
    prior_scale: Array
    moderators: tuple[str, ...] = ()
    _frame: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    _spec: Any = field(default=None, repr=False)

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
        if setting is None or (not setting and not self.moderators):
            return self.reference
        unknown = [name for name in setting if name not in self.moderators]
        missing = [name for name in self.moderators if name not in setting]
        if unknown or missing:
            raise ModelError(
                f"new setting {dict(setting)}: "
                + (
                    f"{unknown[0]!r} is not a moderator of the model"
                    if unknown
                    else f"the moderator {missing[0]!r} is not given"
                )
                + f". It needs {', '.join(self.moderators) or 'none: the model has no moderators'}."
            )
        for name, value in setting.items():
            seen = self._frame[name]
            if not pd.api.types.is_numeric_dtype(seen) and value not in set(seen):
                raise ModelError(
                    f"new setting: {name} is {value!r}, which no trial has. Levels: {', '.join(sorted(map(str, set(seen))))}."
                )
            if pd.api.types.is_numeric_dtype(seen) and (
                not isinstance(value, int | float | np.number) or not np.isfinite(float(value))
            ):
                raise ModelError(f"new setting: {name} is {value!r}. It must be a number, as in the table.")
        frame = pd.DataFrame(
            {name: pd.Series([value], dtype=self._frame[name].dtype) for name, value in setting.items()}
        )
        return np.asarray(self._spec.get_model_matrix(frame, context={}), dtype=float)[0]

    def settings(self) -> dict[str, Setting]:
        """The groups: one setting for each combination of categories that occurs, numeric moderators at their mean.

        Returns
        -------
        dict from a label ("sensitivity_focused = yes") to the setting; empty where no moderator is categorical.
        """
        categorical = [name for name in self.moderators if not pd.api.types.is_numeric_dtype(self._frame[name])]
        if not categorical:
            return {}
        numeric = {name: float(self._frame[name].mean()) for name in self.moderators if name not in categorical}
        combinations = self._frame[categorical].drop_duplicates().sort_values(categorical).to_dict("records")
        return {
            ", ".join(f"{name} = {value}" for name, value in combination.items()): {**combination, **numeric}
            for combination in combinations
        }

    def group_of(self) -> list[str]:
        """The label of each trial's group, in the order of the trials; "" where there are no groups."""
        categorical = [name for name in self.moderators if not pd.api.types.is_numeric_dtype(self._frame[name])]
        return [
            ", ".join(f"{name} = {row[name]}" for name in categorical) for row in self._frame.to_dict("records")
        ] or [""] * len(self.matrix)


def intercept_only(k: int, location: float, scale: float) -> Design:
    """The design without moderators: one column of ones."""
    return Design(np.ones((k, 1)), ("mu",), np.array([location]), np.array([scale]))


def design_of(formula: Formula, trials: Trials) -> tuple[Array, tuple[str, ...], Any, pd.DataFrame]:
    """Matrix, columns, specification and the used part of the table; refuses a singular design.

    Raises
    ------
    ModelError
        Where a column is a combination of the others, or there are more columns than trials.
    """
    where = trials.origin or trials.name
    matrix, names, spec = formula.matrix(trials.table, where)
    columns = tuple("mu" if name == "Intercept" else name for name in names)
    rank = 0
    for j in range(matrix.shape[1]):
        larger = int(np.linalg.matrix_rank(matrix[:, : j + 1]))
        if larger == rank:
            raise ModelError(
                f'{where}: moderators "{formula.text}": with these {len(matrix)} trials the column {columns[j]!r} is a'
                f" combination of {', '.join(columns[:j]) or 'nothing: it is zero'}. Leave it out, or join categories."
            )
        rank = larger
    return matrix, columns, spec, trials.table[sorted(formula.variables)]
