"""What a formula makes of a table: columns of numbers, and the same coding for settings that no trial has."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayesmeta.errors import ModelError
from bayesmeta.model.formula import Formula
from bayesmeta.tables import records
from bayesmeta.trials import Trials
from bayesmeta.types import Array

Setting = Mapping[str, object]

# Names that the parameters of every model, and their dimensions, have already.
TAKEN = {"mu", "tau", "theta", "theta_new", "gamma", "chain", "draw", "study", "arm", "column"}


@dataclass(frozen=True, eq=False)
class Coding:
    """A formula applied to the trials.

    Attributes
    ----------
    matrix : (k, p), full column rank.
    columns : p names; the intercept's column is "mu".
    moderators : names of the table's columns that the formula uses.
    categorical : those among them that hold categories.
    """

    matrix: Array
    columns: tuple[str, ...]
    moderators: tuple[str, ...]
    categorical: tuple[str, ...]
    frame: pd.DataFrame
    specification: Any

    def row(self, setting: Setting) -> Array:
        """(p,) the row of a setting, every moderator given by name.

        Raises
        ------
        ModelError
            A moderator missing or unknown, a category that no trial has, or a number where none can be computed.
        """
        self._check(setting)
        frame = pd.DataFrame(
            {
                name: pd.Series([setting[name]], dtype=self.frame[name].dtype if name in self.categorical else float)
                for name in self.moderators
            }
        )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                row = np.asarray(self.specification.get_model_matrix(frame, context={}), dtype=float)[0]
        except Exception as error:
            raise ModelError(f"new setting {dict(setting)}: cannot be coded: {error}") from None
        if not np.isfinite(row).all():
            column = self.columns[int(np.argmin(np.isfinite(row)))]
            raise ModelError(f"new setting {dict(setting)}: {column} is not a finite number there.")
        return np.asarray(row)

    def settings(self) -> dict[str, Setting]:
        """A setting for each combination of categories that occurs, by its label; numeric moderators at their mean."""
        if not self.categorical:
            return {}
        numeric = {
            name: float(self.frame[name].astype(float).mean())
            for name in self.moderators
            if name not in self.categorical
        }
        chosen = list(self.categorical)
        combinations = records(self.frame[chosen].drop_duplicates().sort_values(chosen))
        return {_label(combination): {**combination, **numeric} for combination in combinations}

    def labels(self) -> list[str]:
        """The label of each trial's combination of categories."""
        return [_label(row) for row in records(self.frame[list(self.categorical)])]

    def _check(self, setting: Setting) -> None:
        needs = f" It needs {', '.join(self.moderators)}."
        for name in setting:
            if name not in self.moderators:
                raise ModelError(f"new setting {dict(setting)}: {name!r} is not a moderator of the model.{needs}")
        for name in self.moderators:
            if name not in setting:
                raise ModelError(f"new setting {dict(setting)}: the moderator {name!r} is not given.{needs}")
            value = setting[name]
            if name in self.categorical:
                levels = sorted(set(self.frame[name]), key=str)
                if not any(level == value for level in levels):
                    raise ModelError(
                        f"new setting: {name} is {value!r}, which no trial has. Levels: {', '.join(map(str, levels))}."
                    )
            elif not isinstance(value, int | float | np.number) or not np.isfinite(float(value)):
                raise ModelError(f"new setting: {name} is {value!r}. It must be a number, as in the table.")


def _label(combination: Mapping[str, object]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in combination.items())


def coded_by(formula: Formula, trials: Trials) -> Coding:
    """Apply a formula to trials.

    Raises
    ------
    ModelError
        A column that is a combination of the others or has a name that is taken, a category with one level only, or
        more columns than trials.
    """
    where = trials.origin or trials.name
    matrix, names, specification = formula.matrix(trials.table, where)
    refusal = f'{where}: moderators "{formula.text}": '
    frame = trials.table[sorted(formula.variables)]
    categorical = tuple(str(name) for name in frame if name in formula.categories or _holds_categories(frame[name]))
    for name in categorical:
        if frame[name].nunique() < 2:
            level = frame[name].iloc[0]
            raise ModelError(f"{refusal}{name} is {level!r} in every trial: nothing to compare. Leave it out.")
    for name in names:
        if name in TAKEN:
            raise ModelError(
                f"{refusal}the name {name!r} is taken by the model itself. Rename the column of the table."
            )
    columns = tuple("mu" if name == "Intercept" else name for name in names)
    scaled = matrix / np.maximum(np.abs(matrix).max(axis=0), np.finfo(float).tiny)
    rank = 0
    for j, column in enumerate(columns):
        larger = int(np.linalg.matrix_rank(scaled[:, : j + 1]))
        if larger == rank:
            raise ModelError(
                f"{refusal}with these {len(matrix)} trials the column {column!r} is a combination of"
                f" {', '.join(columns[:j]) or 'nothing: it is zero'}. Leave it out, or join categories."
            )
        rank = larger
    return Coding(matrix, columns, tuple(frame.columns), categorical, frame, specification)


def _holds_categories(values: "pd.Series[Any]") -> bool:
    return bool(pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values))
