"""Heterogeneity that differs between trials: a tau for each level of a column, or log tau linear in moderators."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import numpy as np

from bayesmeta.errors import ModelError
from bayesmeta.model.coding import Coding, Setting, coded_by
from bayesmeta.model.design import Design
from bayesmeta.model.formula import Formula
from bayesmeta.model.setting import read_setting
from bayesmeta.priors import EffectPrior, HeterogeneityPrior
from bayesmeta.trials import Trials
from bayesmeta.types import Array

if TYPE_CHECKING:
    from bayesmeta.model.model import Model


@dataclass(frozen=True, eq=False)
class Heterogeneity:
    """tau_i of each trial in terms of few parameters: the taus of the levels, or tau and alpha.

    With `tau_by`:  tau_i = tau[level of i].
    With `scale`:   log tau_i = log tau + z_i' alpha.

    Attributes
    ----------
    by : the column whose levels have a tau each; "" with `scale`.
    levels : its levels as text; () with `scale`.
    matrix : (k, levels) 1 where a trial is of a level; or (k, q) z, without the intercept.
    columns : q names of the columns of z; () with `tau_by`.
    tau_priors : of each tau: one for each level, or one.
    alpha_priors : of each alpha.
    coding : what the formula of `scale` made of the table; None with `tau_by`.
    setting : of the columns of `scale`, which theta_new speaks of; None for z = 0.
    """

    by: str
    levels: tuple[str, ...]
    matrix: Array
    columns: tuple[str, ...]
    tau_priors: tuple[HeterogeneityPrior, ...]
    alpha_priors: tuple[EffectPrior, ...]
    coding: Coding | None = field(default=None, repr=False)
    setting: Setting | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters: tau[level], or tau and alpha[column]."""
        return self.tau_names + self.alpha_names

    @property
    def tau_names(self) -> tuple[str, ...]:
        return tuple(f"tau[{level}]" for level in self.levels) or ("tau",)

    def level_of(self, name: str) -> str:
        """The level that a tau is of, by its name."""
        return self.levels[self.tau_names.index(name)]

    @property
    def alpha_names(self) -> tuple[str, ...]:
        return tuple(f"alpha[{column}]" for column in self.columns)

    @property
    def new_names(self) -> tuple[str, ...]:
        """Names of the effects in new settings."""
        return tuple(f"theta_new[{level}]" for level in self.levels) or ("theta_new",)

    def tau(self, parameters: Array, rows: Array | None = None) -> Array:
        """tau_i at parameters (..., names): (..., k), or at rows (M, .) like those of the matrix: (..., M)."""
        matrix = self.matrix if rows is None else rows
        if self.levels:
            return np.asarray(parameters @ matrix.T)
        with np.errstate(over="ignore"):
            return np.asarray(parameters[..., :1] * np.exp(parameters[..., 1:] @ matrix.T))

    def row(self, setting: Setting | None) -> Array:
        """The row of the matrix in a setting; the settings not named are an error, None is z = 0.

        Raises
        ------
        ModelError : a level that no trial has, a column that is missing, or no setting where tau differs by level.
        """
        if self.levels:
            level = str((setting or {}).get(self.by, ""))
            if level not in self.levels:
                raise ModelError(
                    f"new setting {dict(setting or {})}: tau differs by {self.by}, so {self.by} must be one of"
                    f" {', '.join(self.levels)}."
                )
            return np.array([1.0 if level == one else 0.0 for one in self.levels])
        if setting is None or self.coding is None:
            return np.zeros(len(self.columns))
        own = self.coding.row({name: value for name, value in setting.items() if name in self.coding.moderators})
        return own[[column != "mu" for column in self.coding.columns]]

    def priors_given(self, se: Array) -> tuple[HeterogeneityPrior, ...]:
        """The prior of each tau as it is for trials of standard errors (k,); of a level, for those of its trials."""
        own = self.matrix.T > 0.0 if self.levels else np.ones((1, len(se)), dtype=bool)
        return tuple(prior.given(se[rows]) for prior, rows in zip(self.tau_priors, own, strict=True))

    def new_rows(self, design: Design) -> list[tuple[Array, Array]]:
        """Rows of the design and of the matrix that each of its new settings speaks of.

        Of a level: the design's row for that level where it is the only moderator, the reference where it is none, the
        mean row of the level's trials otherwise.
        """
        if not self.levels:
            return [(design.reference, self.row(self.setting))]
        rows = []
        for j, unit in enumerate(np.eye(len(self.levels))):
            own = design.matrix[self.matrix[:, j] > 0.0]
            rows.append((design.reference if self.by not in design.moderators else own.mean(axis=0), unit))
        return rows

    @property
    def moderators(self) -> tuple[str, ...]:
        """Columns of the table that tau depends on."""
        return (self.by,) if self.levels else () if self.coding is None else self.coding.moderators


def heterogeneity_of(model: "Model", trials: Trials) -> Heterogeneity | None:
    """How tau differs in a model, for these trials; None where all have the same.

    Raises
    ------
    ModelError : a column that the table does not have or that is blank somewhere, priors for levels that do not exist,
        both ways at once, or no random effects.
    """
    if not model.tau_differs:
        return None
    if model.tau_by is not None:
        return _by_level(model, trials, model.tau_by)
    assert model.scale is not None
    coded = coded_by(Formula(model.scale), trials)
    kept = [column != "mu" for column in coded.columns]
    columns = tuple(column for column in coded.columns if column != "mu")
    for name in model.alpha if isinstance(model.alpha, Mapping) else ():
        if name not in columns:
            raise ModelError(f"alpha has a prior for {name!r}, which is no column of scale: {', '.join(columns)}.")
    priors = tuple(model.alpha_prior(column) for column in columns)
    setting = read_setting(cast(str | None, model.setting), coded)
    return Heterogeneity("", (), coded.matrix[:, kept], columns, (model.tau_prior,), priors, coded, setting)


def _by_level(model: "Model", trials: Trials, column: str) -> Heterogeneity:
    where = trials.origin or trials.name
    if column not in trials.columns:
        raise ModelError(f"{where}: tau by {column!r}: no such column. It has {', '.join(trials.columns)}.")
    values = trials.table[column]
    text = values.astype(str).str.strip()
    blank = (values.isna() | (text == "")).to_numpy()
    if blank.any():
        raise ModelError(
            f"{where}: tau by {column!r}: {trials.studies[int(np.argmax(blank))]} has no entry there. Fill it in, or"
            " leave the trial out."
        )
    levels = tuple(str(level) for level in sorted(set(text)))
    for name in model.tau if isinstance(model.tau, Mapping) else ():
        if name not in levels:
            raise ModelError(f"tau has a prior for {name!r}, which is no level of {column}: {', '.join(levels)}.")
    matrix = (text.to_numpy()[:, None] == np.array(levels)).astype(float)
    return Heterogeneity(column, levels, matrix, (), tuple(model.tau_prior_of(level) for level in levels), ())
