"""The posterior where heterogeneity differs between trials: several taus, or log tau linear in moderators."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import cast

import numpy as np
import pandas as pd

from bayesmeta.effects import Effects
from bayesmeta.errors import ModelError
from bayesmeta.likelihoods import Evidence, marginal_log_likelihood
from bayesmeta.model import Heterogeneity, Setting, setting_of
from bayesmeta.posterior.arms import put_arms
from bayesmeta.posterior.arviz import several_taus_tree
from bayesmeta.posterior.marginal import Marginal
from bayesmeta.posterior.posterior import LEVEL, Posterior
from bayesmeta.posterior.tables import GROUPS
from bayesmeta.priors import HeterogeneityPrior, Prior
from bayesmeta.tables import records
from bayesmeta.types import Array, Json


class PosteriorOfSeveralTaus(Posterior):
    """As a `Posterior`, with "tau[level]" and "theta_new[level]", or with "tau", "alpha[column]" and "theta_new".

    Attributes
    ----------
    heterogeneity : how tau_i follows from the parameters.

    References
    ----------
    Viechtbauer & Lopez-Lopez 2022, Res Synth Methods 13:697 (location-scale models).

    Examples
    --------
    >>> import bayesmeta as bm
    >>> posterior = bm.fit(bm.load("bcg"), bm.Model("normal", scale="~ latitude", alpha="normal(0, 0.1)"))
    >>> posterior.parameters
    ('mu', 'tau', 'alpha[latitude]', 'theta_new')
    """

    heterogeneity: Heterogeneity

    # ---- what an engine provides

    @abstractmethod
    def _parameter(self, position: int) -> Marginal:
        """The marginal of one parameter of the heterogeneity."""

    @abstractmethod
    def _log_ratio(self, first: Array, second: Array, name: str) -> Marginal:
        """The marginal of the ratio of tau at two rows of the heterogeneity's matrix."""

    @abstractmethod
    def _new(self, row: Array, spread: Array, name: str) -> Marginal:
        """The effect in a new setting, N(row' beta, tau^2) with tau at a row of the heterogeneity's matrix."""

    # ---- what follows from it

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names that `posterior[...]` knows."""
        return (*self.design.columns, *self.heterogeneity.names, *self.heterogeneity.new_names)

    def __getitem__(self, name: str) -> Marginal:
        description = self.heterogeneity
        if name in description.names:
            return self._parameter(description.names.index(name))
        if name in description.new_names:
            position = description.new_names.index(name)
            return self._new(*self.new_rows[position], name)
        if name in self.design.columns:
            return super().__getitem__(name)
        if name in ("tau", "theta_new"):
            raise ModelError(f"{name}: this model has one for each level: {', '.join(description.names)}.")
        raise KeyError(f"{name!r} is no parameter of this model. Parameters: {', '.join(self.parameters)}.")

    def _tau(self) -> Marginal:
        return self._parameter(0)

    @property
    def tau_priors(self) -> tuple[HeterogeneityPrior, ...]:
        """The prior of each tau as it is for these trials."""
        return self.heterogeneity.priors_given(self.independent.se)

    @property
    def heterogeneity_priors(self) -> dict[str, Prior]:
        """The prior of each parameter of the heterogeneity, by name."""
        priors: tuple[Prior, ...] = (*self.tau_priors, *self.heterogeneity.alpha_priors)
        return dict(zip(self.heterogeneity.names, priors, strict=True))

    def taus_of_trials(self, n: int = 200) -> Array:
        """(10 n, k) values of the tau of each trial, to average over: joint draws."""
        return self.heterogeneity.tau(self.draws(10 * n)["spread"])

    @property
    def asked(self) -> tuple[str, str]:
        """Names of the tau and of the new setting of the model's `setting`, by default those of the first level."""
        description, stated = self.heterogeneity, setting_of(cast(str | None, self.model.setting))
        named = {name: value for name, value in stated.items() if name == description.by}
        position = int(np.argmax(description.row(named))) if named else 0
        return description.tau_names[position], description.new_names[position]

    @property
    def new_rows(self) -> list[tuple[Array, Array]]:
        """Rows of the design and of the heterogeneity's matrix that each of its new settings speaks of."""
        return self.heterogeneity.new_rows(self.design)

    def new_setting(self, setting: Setting | None = None) -> Marginal:
        """Effect in a new setting: theta_new ~ N(x'beta, tau^2), with the tau of that setting.

        Parameters
        ----------
        setting : by name the moderators and what tau depends on; None for the reference, where log tau is linear.
        """
        return self._new(self._design_row(setting), self.heterogeneity.row(setting), "theta_new")

    def groups(self) -> pd.DataFrame:
        """As of any posterior; empty where the groups do not say which tau they have."""
        covered = set(self.heterogeneity.moderators) <= set(self.design.moderators)
        return super().groups() if covered else pd.DataFrame(columns=GROUPS)

    def effect(self, setting: Setting | None = None, *, name: str = "effect") -> Marginal:
        return self._linear(self._design_row(setting), name)

    def _design_row(self, setting: Setting | None) -> Array:
        if setting is None:
            return self.design.row(None)
        known = {*self.design.moderators, *self.heterogeneity.moderators}
        for name in setting:
            if name not in known:
                raise ModelError(f"new setting {dict(setting)}: {name!r} is no moderator of the model.")
        own = {name: value for name, value in setting.items() if name in self.design.moderators}
        return self.design.row(own or None)

    def tau_ratio(self, first: str | Setting, second: str | Setting) -> Marginal:
        """The ratio of tau in two settings; `.probability(above=1)` is P(more heterogeneity in the first).

        Parameters
        ----------
        first, second : levels of `tau_by`, or settings of the columns of `scale`, such as {"dose": 2.0}.

        Returns
        -------
        Marginal

        Raises
        ------
        ModelError : a level or setting that does not exist.

        Examples
        --------
        >>> import bayesmeta as bm
        >>> model = bm.Model("normal", tau_by="sensitivity_focused")
        >>> ratio = bm.fit(bm.load("attachment/secure"), model).tau_ratio("no", "yes")
        >>> 0 < ratio.probability(above=1) < 1
        True
        """
        rows = []
        for one in (first, second):
            setting = one if isinstance(one, Mapping) else {self.heterogeneity.by: one}
            if not self.heterogeneity.levels and not isinstance(one, Mapping):
                raise ModelError(f"tau ratio of {one!r}: expected a setting, such as {{'dose': 2.0}}.")
            rows.append(self.heterogeneity.row(setting))
        return self._log_ratio(rows[0], rows[1], f"tau ratio {_short(first)} / {_short(second)}")

    def tau_ratios(self) -> pd.DataFrame:
        """How heterogeneity differs: tau of each level over that of the first, or over the range of each column.

        Returns
        -------
        DataFrame: ratio (what over what), median, lower, upper, more (probability that it is above 1). A ratio whose
        taus are not both unknown is left out.
        """
        rows = []
        for label, first, second in self._pairs():
            found = self._log_ratio(first, second, label)
            lower, median, upper = found.quantile(np.array([0.5 - LEVEL / 2, 0.5, 0.5 + LEVEL / 2]))
            more = found.probability(above=1.0)
            rows.append({"ratio": label, "median": median, "lower": lower, "upper": upper, "more": more})
        return pd.DataFrame(rows, columns=["ratio", "median", "lower", "upper", "more"])

    def _pairs(self) -> list[tuple[str, Array, Array]]:
        """What is compared, and its rows of the heterogeneity's matrix."""
        description = self.heterogeneity
        units = np.eye(len(description.levels or description.columns))
        if description.levels:
            known = [prior.point is not None for prior in description.tau_priors]
            return [
                (f"{description.tau_names[j]} / {description.tau_names[0]}", units[j], units[0])
                for j in range(1, len(units))
                if not known[0] and not known[j]
            ]
        ends = zip(description.matrix.min(axis=0), description.matrix.max(axis=0), strict=True)
        return [
            (f"tau at {column} = {high:g} / at {low:g}", high * unit, low * unit)
            for column, unit, (low, high) in zip(description.columns, units, ends, strict=True)
        ]

    def to_dict(self) -> Json:
        """The result as plain data: that of any model, and `tau_ratios`."""
        return super().to_dict() | {"tau_ratios": records(self.tau_ratios())}

    def log_likelihood(self, mean: Array, tau: Array) -> Array:
        """Log likelihood of each trial with its effect integrated out: l_i(m_i, tau_i).

        Parameters
        ----------
        mean : (..., k) means x_i' beta. tau : (..., k) of each trial.

        Returns
        -------
        (..., k)
        """
        found = np.empty(mean.shape)
        _, which = np.unique(self.heterogeneity.matrix, axis=0, return_inverse=True)
        for group in np.unique(which):
            rows = np.flatnonzero(np.ravel(which) == group)
            counted = self.trials.has_counts[self.effects.rows][rows] & (self.model.likelihood != "normal")
            for name, some in ((self.model.likelihood, rows[counted]), ("normal", rows[~counted])):
                if not len(some):
                    continue
                evidence = Evidence(
                    self.effects.y[some],
                    self.effects.se[some],
                    self.trials.counts[self.effects.rows][some],
                    self.model.baseline_prior.gaussian or (0.0, 5.0),
                    self.model.baseline_at,
                )
                found[..., some] = marginal_log_likelihood(name, evidence)(mean[..., some], tau[..., some[:1]])
        self._put_arms(found, mean, tau)
        return found

    def _put_arms(self, found: Array, mean: Array, tau: Array) -> None:
        for positions in self.effects.shared:
            put_arms(found, self.trials, self.model, self.effects, mean, tau[..., positions[0]], only=positions)

    @property
    def label(self) -> str:
        how = f"tau by {self.model.tau_by}" if self.model.tau_by else f"log tau {self.model.scale}"
        return f"{super().label}, {how}"

    def _tree(self, draws: Mapping[str, Array], seed: int, statistics: Mapping[str, Array] | None = None) -> object:
        return several_taus_tree(self, draws, seed=seed, sample_stats=statistics)


def refuse_arms_apart(heterogeneity: Heterogeneity, effects: Effects) -> None:
    """Refuse arms of one trial with different taus: their random effects have no joint distribution here.

    Raises
    ------
    ModelError
    """
    for positions in effects.shared:
        if np.ptp(heterogeneity.matrix[list(positions)], axis=0).any():
            names = " and ".join(effects.studies[row] for row in positions)
            raise ModelError(
                f"{names} share a control arm and differ in {', '.join(heterogeneity.moderators)}: arms of one trial"
                " have one tau. Combine the treated arms into one row, or let tau not differ by that column."
            )


def _short(one: str | Setting) -> str:
    return ", ".join(f"{name} = {value}" for name, value in one.items()) if isinstance(one, Mapping) else one
