"""What every engine returns: one interface to the posterior of a meta-analysis."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bayesmeta.effects import Effects, IndependentRows, independent_rows
from bayesmeta.errors import ModelError
from bayesmeta.likelihoods import Evidence, marginal_log_likelihood
from bayesmeta.model import Design, Model, Setting
from bayesmeta.posterior.absolute import absolute
from bayesmeta.posterior.arms import put_arms
from bayesmeta.posterior.control_arms import new_setting
from bayesmeta.posterior.control_risk import NEW_SETTING, ControlRisk, stated
from bayesmeta.posterior.marginal import Marginal
from bayesmeta.posterior.tables import table_of_baselines, table_of_groups, table_of_studies
from bayesmeta.priors import HeterogeneityPrior, Prior
from bayesmeta.tables import records
from bayesmeta.trials import Trials
from bayesmeta.types import Array, Json

LEVEL = 0.95


class Posterior(ABC):
    """The posterior of a model given trials, as functions; the same from the exact engine and from draws.

    theta_i ~ N(x_i' beta, tau^2); theta_new ~ N(x' beta, tau^2) is the effect in a new setting.

    `posterior["mu"]` is a `Marginal` with mean, sd, pdf, cdf, quantile, interval, draws, probability. `summary()` is
    what to look at first.

    Attributes
    ----------
    engine : "exact" or "nuts".
    trials, model : what it is the posterior of.
    design : the design matrix, with the names of its columns.
    effects : observed effects with standard errors, one for each trial in the model.
    log_marginal_likelihood : log p(y | model), or None where the engine does not know it.
    diagnostics : what the engine says about itself.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> posterior = bm.fit(bm.load("crins2014"), bm.Model("normal"))
    >>> posterior.summary().loc["mu", ["median", "lower", "upper"]].astype(float).round(2).tolist()
    [-1.56, -2.22, -0.92]
    """

    engine: str
    trials: Trials
    model: Model
    design: Design
    effects: Effects
    log_marginal_likelihood: float | None
    diagnostics: Json

    # ---- what an engine provides

    @abstractmethod
    def _tau(self) -> Marginal:
        """The marginal of tau."""

    @abstractmethod
    def _linear(self, row: Array, name: str, *, new: bool = False) -> Marginal:
        """The marginal of x'beta, or with `new` of a study effect there, N(x'beta, tau^2)."""

    @abstractmethod
    def _study(self, position: int) -> Marginal:
        """The marginal of one study's effect."""

    @abstractmethod
    def draws(self, n: int = 4000, seed: int = 20230227) -> dict[str, Array]:
        """Joint draws: beta (n, p), tau (n,), theta (n, k), theta_new (n,)."""

    @abstractmethod
    def _summaries(self, names: Sequence[str]) -> pd.DataFrame:
        """One row a name: mean, sd, median, lower, upper, and the engine's own columns."""

    @abstractmethod
    def _study_summaries(self) -> pd.DataFrame:
        """The same, one row a study."""

    @abstractmethod
    def to_arviz(self) -> Any:
        """An xarray.DataTree with which every ArviZ plot and statistic works."""

    def _outlying(self) -> Array:
        """(k,) probabilities to be an outlier: asked for under mixtures only, which not every engine carries."""
        raise NotImplementedError

    # ---- what follows from it

    def log_likelihood(self, mean: Array, tau: Array) -> Array:
        """Log likelihood of each trial with its effect integrated out: l_i(m_i, tau).

        Parameters
        ----------
        mean : (..., k) means x_i' beta of the random effects. tau : (...).

        Returns
        -------
        (..., k); of a trial with several arms each arm given those before it, so that they add to the trial's.
        """
        gaussian = (None if self.model.exchangeable else self.model.baseline_prior.gaussian) or (0.0, 5.0)
        counts = self.trials.counts[self.effects.rows]
        evidence = Evidence(self.effects.y, self.effects.se, counts, gaussian, self.model.baseline_at)
        found = marginal_log_likelihood(self.model.likelihood, evidence)(mean, tau[..., None])
        put_arms(found, self.trials, self.model, self.effects, mean, tau)
        return found

    @property
    def tau_prior(self) -> HeterogeneityPrior:
        """The prior of tau as it is for these trials: reference priors depend on the standard errors."""
        return self.model.tau_prior.given(self.independent.se)

    @property
    def heterogeneity_priors(self) -> dict[str, Prior]:
        """The prior of each parameter of the heterogeneity, by name; none under a common effect."""
        return {} if self.model.random_effects == "none" else {"tau": self.tau_prior}

    def taus_of_trials(self, n: int = 200) -> Array:
        """(n, 1 or k) values of tau, of each trial where it differs, to average over: equally probable ones."""
        return self["tau"].quantile((np.arange(n) + 0.5) / n)[:, None]

    @cached_property
    def independent(self) -> IndependentRows:
        """The effects with arms that share a control turned into independent rows."""
        return independent_rows(self.effects, self.model.arm_correlation)

    @property
    def label(self) -> str:
        """What tells one fit from another: likelihood, engine, and what is not the plain model."""
        model = self.model
        parts = [model.likelihood, self.engine]
        if model.random_effects != "normal":
            parts.append({"none": "common effect"}.get(model.random_effects, model.random_effects))
        if model.moderators is not None:
            parts.append(model.moderators)
        if model.ties_baselines:
            parts += ["control risk"] * model.control_risk
            parts += ["exchangeable baselines" if model.exchangeable else "independent baselines"]
        return ", ".join(parts)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names that `posterior[...]` knows: the design's columns ("mu" first), "tau", "theta_new"."""
        return (*self.design.columns, "tau", "theta_new")

    @property
    def studies_in_model(self) -> tuple[str, ...]:
        """The studies that entered the likelihood, in the order of the table."""
        return self.effects.studies

    @property
    def number(self) -> int:
        """Number of trials in the model: the arms of a trial, rows that share a control, are one."""
        return len(self.group_of_trials())

    def __getitem__(self, name: str) -> Marginal:
        if name == "tau":
            return self._tau()
        if name == "theta_new":
            return self._linear(self.design.reference, name, new=True)
        if name in self.design.columns:
            return self._linear(np.eye(len(self.design.columns))[self.design.columns.index(name)], name)
        raise KeyError(f"{name!r} is no parameter of this model. Parameters: {', '.join(self.parameters)}.")

    def effect(self, setting: Setting | None = None, *, name: str = "effect") -> Marginal:
        """Mean effect x'beta in a setting.

        Parameters
        ----------
        setting : moderators by name, e.g. {"sensitivity_focused": "yes"}; None for the reference (mu).

        Returns
        -------
        Marginal, on the model's scale.

        Raises
        ------
        ModelError
            A moderator that is missing or unknown, or a category that no trial has.
        """
        return self._linear(self.design.row(setting), name)

    def contrast(self, weights: Sequence[float] | Array | Mapping[str, float], *, name: str = "contrast") -> Marginal:
        """A linear combination of the coefficients: sum_j w_j beta_j.

        Parameters
        ----------
        weights : (p,) in the order of `design.columns`, or a mapping from column to weight (others 0).

        Returns
        -------
        Marginal
        """
        if isinstance(weights, Mapping):
            unknown = [column for column in weights if column not in self.design.columns]
            if unknown:
                raise ModelError(f"contrast: {unknown[0]!r} is no column. Columns: {', '.join(self.design.columns)}.")
            weights = [weights.get(column, 0.0) for column in self.design.columns]
        row = np.asarray(weights, dtype=float)
        if row.shape != (len(self.design.columns),):
            raise ModelError(f"contrast: {row.size} weights for the columns {', '.join(self.design.columns)}.")
        return self._linear(row, name)

    def new_setting(self, setting: Setting | None = None) -> Marginal:
        """Effect in a new setting: theta_new ~ N(x'beta, tau^2).

        Parameters
        ----------
        setting : moderators by name; None for the reference.

        Returns
        -------
        Marginal, on the model's scale.

        References
        ----------
        Higgins, Thompson & Spiegelhalter 2009, J R Stat Soc A 172:137, section 3.
        """
        return self._linear(self.design.row(setting), "theta_new", new=True)

    def study(self, name: str) -> Marginal:
        """The effect theta_i of one study given all data, shrunken towards the others.

        Parameters
        ----------
        name : one of `studies_in_model`; another is a KeyError that lists them.

        Returns
        -------
        Marginal, on the model's scale.
        """
        if name not in self.studies_in_model:
            raise KeyError(f"{name!r} is no study of this model. Studies: {', '.join(self.studies_in_model)}.")
        return self._study(self.studies_in_model.index(name))

    @cached_property
    def _summary(self) -> pd.DataFrame:
        return self._summaries(self.parameters)

    def summary(self) -> pd.DataFrame:
        """Mean, sd, median and central 95% interval of each parameter, on the model's scale.

        Returns
        -------
        DataFrame indexed by parameter; NaN where a moment does not exist. With draws also mcse_mean, ess_bulk, rhat.
        """
        return self._summary.copy()

    @cached_property
    def _studies(self) -> pd.DataFrame:
        found = table_of_studies(self, self._study_summaries())
        return found.assign(outlier=self._outlying()) if self.has_outliers else found

    def studies(self) -> pd.DataFrame:
        """Each trial: observed effect y with its standard error, and the posterior of its own effect theta_i.

        Returns
        -------
        DataFrame: study, y, se, mean, sd, median, lower, upper; with draws also mcse_mean, ess_bulk, rhat; under
        random_effects="mixture(w, c)" also outlier, the probability to be one.
        """
        return self._studies.copy()

    @property
    def has_outliers(self) -> bool:
        """Whether the random effects have an outlying part: "mixture(w, c)"."""
        return self.model.random_effects_parts[0] == "mixture"

    def outliers(self) -> pd.DataFrame:
        """Posterior probability of each trial to be an outlier, under random_effects="mixture(w, c)".

        P(outlier | m, tau) = w L_i(m, c tau) / ((1 - w) L_i(m, tau) + w L_i(m, c tau)), averaged over the posterior.

        Returns
        -------
        DataFrame: study, probability.

        Raises
        ------
        ModelError : random effects without an outlying part.

        Examples
        --------
        >>> import bayesmeta as bm
        >>> posterior = bm.fit(bm.load("crins2014"), bm.Model("normal", random_effects="mixture(0.1, 5)"))
        >>> posterior.outliers()["probability"].between(0.0, 0.2).all()
        np.True_
        """
        if not self.has_outliers:
            raise ModelError(
                f"random effects {self.model.random_effects!r} have no outlying part. Fit with"
                ' random_effects="mixture(0.1, 5)" (--random-effects).'
            )
        return self._studies[["study", "outlier"]].rename(columns={"outlier": "probability"})

    def group_of_trials(self) -> list[str]:
        """The label of each trial's group; the arms of a trial count once."""
        more = {row for positions in self.effects.shared for row in positions[1:]}
        return [label for row, label in enumerate(self.design.group_of()) if row not in more]

    def groups(self) -> pd.DataFrame:
        """Each group of a categorical moderator: mean effect and effect in a new setting of the group.

        Returns
        -------
        DataFrame: group, k, median, lower, upper, new_median, new_lower, new_upper; empty without such a moderator.
        """
        return table_of_groups(self, LEVEL)

    # ---- risks

    def at_risk(self, control_risk: float) -> dict[str, Marginal]:
        """mu and theta_new at a stated risk in the control arm: the same at every risk but in a regression on it."""
        return self.typical()

    def typical(self) -> dict[str, Marginal]:
        """Mean effects and effects in new settings, by name: mu, or the groups where no column is the mean of all."""
        if "mu" in self.design.columns:
            means = {"mu": self["mu"]}
        else:
            means = {label: self.effect(setting) for label, setting in self.design.settings().items()}
        return means | {name: self[name] for name in self.parameters if name.startswith("theta_new")}

    def _baseline(self, position: int) -> Marginal:
        """The posterior of the log odds in one trial's control arm."""
        raise ModelError(
            f"{self.model.likelihood} likelihood: it has no baselines"
            + (" (they are conditioned out with the number of events)" if "hyper" in self.model.likelihood else "")
            + '. Fit with --likelihood binomial (likelihood="binomial"); or ask for the control risk of a new setting,'
            ' posterior.absolute("new_setting"), which comes from the control arms alone.'
        )

    def baselines(self) -> pd.DataFrame:
        """The risk in the control arm of each trial given all data, under the binomial likelihood.

        Returns
        -------
        DataFrame: study, events, total (control arm), mean, sd, median, lower, upper of the risk; NaN for rows that
        have no counts.

        Raises
        ------
        ModelError
            A likelihood without baselines: the hypergeometric one conditions them out, the normal one has none.
        """
        return table_of_baselines(self, LEVEL)

    def control_risk(self, of: str = NEW_SETTING) -> ControlRisk:
        """A control risk with its uncertainty.

        Parameters
        ----------
        of : "new_setting", a setting like those of the trials, from a model of the control arms alone
            (`bayesmeta.posterior.control_arms.new_setting`); the name of a study (binomial likelihood); or a
            distribution as text: see `bayesmeta.posterior.control_risk.stated`.

        Returns
        -------
        ControlRisk
        """
        if of in self.studies_in_model:
            return ControlRisk.of(of, self._baseline(self.studies_in_model.index(of)))
        return new_setting(self.trials.select(self.effects.rows)) if of == NEW_SETTING else stated(of)

    def absolute(self, control_risk: float | str | ControlRisk, level: float = LEVEL) -> pd.DataFrame:
        """Risk differences and numbers needed to treat, of mu and in a new setting, at a control risk.

        Parameters
        ----------
        control_risk : a number; or one with its uncertainty, as `control_risk()` takes and gives it: "new_setting",
            "beta(20, 80)", "0.2 (0.1 to 0.3)", a study.
        level : probability of the intervals.

        Returns
        -------
        DataFrame: see `bayesmeta.posterior.absolute.absolute`.
        """
        known = self.control_risk(control_risk) if isinstance(control_risk, str) else control_risk
        return absolute(self, known, level)

    def to_dict(self) -> Json:
        """The result as plain data: the JSON of `bayesmeta fit --json`; numbers that do not exist are None."""
        return {
            "engine": self.engine,
            "k": self.number,
            "model": self.model.to_dict(),
            "log_marginal_likelihood": self.log_marginal_likelihood,
            "parameters": dict(zip(self.parameters, records(self._summary))),
            "studies": records(self._studies.drop(columns=["y", "se"])),
            "diagnostics": self.diagnostics,
        }
