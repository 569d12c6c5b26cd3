"""The posterior of two outcomes at once, the same from either engine."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bayesmeta.effects import JointEffects
from bayesmeta.errors import ModelError
from bayesmeta.model import JointModel
from bayesmeta.posterior.borrowing import Borrowing, borrowing
from bayesmeta.posterior.joint_before_data import JointAssumed
from bayesmeta.posterior.joint_words import caution, remarks
from bayesmeta.posterior.marginal import Marginal
from bayesmeta.posterior.moved_children import MovedChildren, moved_children
from bayesmeta.posterior.posterior import Posterior
from bayesmeta.priors import HeterogeneityPrior
from bayesmeta.tables import records
from bayesmeta.trials import JointTrials
from bayesmeta.types import Array, Json
from bayesmeta.wording import probability

SIGNS = {"higher": 1, "lower": -1}


class JointPosterior(ABC):
    """The posterior of a model of two outcomes given trials.

    (theta_i1, theta_i2) ~ N2((mu_1, mu_2), T), T_jj = tau_j^2, T_12 = rho tau_1 tau_2.

    `posterior["mu[secure attachment]"]` is a `Marginal`; the outcome may be shortened as long as it is clear which is
    meant: `posterior["mu[secure]"]`. `summary()` is what to look at first.

    Attributes
    ----------
    engine : "exact" or "nuts".
    trials, model : what it is the posterior of.
    effects : observed log odds ratios with standard errors and within-trial correlation.
    log_marginal_likelihood : log p(y | model), or None where the engine does not know it.
    diagnostics : what the engine says about itself.

    References
    ----------
    van Houwelingen, Arends & Stijnen 2002, Stat Med 21:589; Riley 2009, J R Stat Soc A 172:789.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> posterior = bm.fit(bm.load("attachment/classification"), bm.JointModel("normal"))
    >>> posterior.summary().loc["mu[disorganised attachment]", ["median", "lower", "upper"]].round(2).tolist()
    [-1.26, -1.87, -0.66]
    """

    engine: str
    trials: JointTrials
    model: JointModel
    effects: JointEffects
    log_marginal_likelihood: float | None
    diagnostics: Json

    # ---- what an engine provides

    @abstractmethod
    def _marginal(self, kind: str, j: int) -> Marginal:
        """The marginal of "mu", "tau" or "theta_new" of outcome j, or of "rho"."""

    @abstractmethod
    def _contrast(self, weights: Array, name: str) -> Marginal:
        """The marginal of a linear combination of mu."""

    @abstractmethod
    def _study(self, position: int, j: int) -> Marginal:
        """The marginal of one study's effect on outcome j."""

    @abstractmethod
    def _both_wished(self, signs: tuple[int, int], new: bool) -> float:
        """P(sign_1 effect_1 > 0 and sign_2 effect_2 > 0), of mu or in a new setting."""

    @abstractmethod
    def density(self, x: Array, y: Array) -> Array:
        """Density of (mu_1, mu_2) on a grid of log odds ratios with even steps: (len(x), len(y))."""

    @abstractmethod
    def _summaries(self) -> pd.DataFrame:
        """One row a parameter: mean, sd, median, lower, upper, and the engine's own columns."""

    @abstractmethod
    def _study_summaries(self, rows: Sequence[tuple[int, int]]) -> pd.DataFrame:
        """The same, one row for each (study, outcome)."""

    @abstractmethod
    def _separate(self) -> tuple[Posterior, Posterior]:
        """The fit of each outcome by itself, same engine, priors and kind of likelihood."""

    @abstractmethod
    def draws(self, n: int = 4000, seed: int = 20230227) -> dict[str, Array]:
        """Joint draws: mu and tau (n, 2), rho (n,), theta (n, k, 2), theta_new (n, 2)."""

    def pooled_draws(self, n: int, seed: int) -> dict[str, Array]:
        """Joint draws of mu and theta_new (n, 2) alone, where those of the trials cost more."""
        return self.draws(n, seed)

    @abstractmethod
    def to_arviz(self) -> Any:
        """An xarray.DataTree with which every ArviZ plot and statistic works."""

    # ---- what follows from it

    @property
    def outcomes(self) -> tuple[str, str]:
        """What was counted."""
        return self.trials.outcomes

    @property
    def studies_in_model(self) -> tuple[str, ...]:
        """The studies that entered the likelihood."""
        return self.effects.studies

    @property
    def label(self) -> str:
        """What tells one fit from another."""
        return f"joint {self.model.likelihood}, {self.engine}"

    @property
    def assumed(self) -> JointAssumed:
        """What draws before the data depend on."""
        return JointAssumed(self.trials, self.model, self.effects)

    @property
    def tau_priors(self) -> tuple[HeterogeneityPrior, HeterogeneityPrior]:
        """The priors of tau as they are for these trials: reference priors depend on the standard errors."""
        return self.assumed.tau_priors

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names that `posterior[...]` knows, in the order of the tables."""
        named = {kind: [f"{kind}[{outcome}]" for outcome in self.outcomes] for kind in ("mu", "tau", "theta_new")}
        return (*named["mu"], *named["tau"], "rho", *named["theta_new"])

    def __getitem__(self, name: str) -> Marginal:
        if name == "rho":
            return self._marginal("rho", 0)
        kind, _, rest = name.partition("[")
        if kind not in ("mu", "tau", "theta_new") or not rest.endswith("]"):
            raise KeyError(f"{name!r} is no parameter of this model. Parameters: {', '.join(self.parameters)}.")
        return self._marginal(kind, self.outcome(rest[:-1]))

    def outcome(self, name: str) -> int:
        """Which outcome a name means: 0 or 1; it may be shortened to its beginning.

        Raises
        ------
        KeyError : neither, or both.
        """
        asked = name.strip().casefold()
        exact = [j for j, outcome in enumerate(self.outcomes) if outcome.casefold() == asked]
        begun = [j for j, outcome in enumerate(self.outcomes) if asked and outcome.casefold().startswith(asked)]
        if len(found := exact or begun) != 1:
            raise KeyError(f"{name!r} is not one of the outcomes {' and '.join(self.outcomes)}.")
        return found[0]

    def contrast(self, weights: Sequence[float] | Mapping[str, float], *, name: str = "contrast") -> Marginal:
        """A linear combination of the pooled effects: w_1 mu_1 + w_2 mu_2.

        Parameters
        ----------
        weights : two, in the order of the outcomes, or a mapping from outcome to weight (others 0).

        Returns
        -------
        Marginal
        """
        given = {self.outcome(key): value for key, value in weights.items()} if isinstance(weights, Mapping) else None
        row = np.array([given.get(j, 0.0) for j in (0, 1)] if given is not None else weights, dtype=float)
        if row.shape != (2,):
            raise ModelError(f"contrast: {row.size} weights for two outcomes.")
        return self._contrast(row, name)

    def study(self, name: str, outcome: str) -> Marginal:
        """The effect of one study on one outcome, shrunken towards the others; also where it does not report it."""
        if name not in self.studies_in_model:
            raise KeyError(f"{name!r} is no study of this model. Studies: {', '.join(self.studies_in_model)}.")
        return self._study(self.studies_in_model.index(name), self.outcome(outcome))

    def joint_probability(self, *, new_setting: bool = False, directions: tuple[str, str] | None = None) -> float:
        """Probability that both effects lie in the wished directions: more secure *and* less disorganised.

        Parameters
        ----------
        new_setting : of the effects in a new setting, in place of the pooled ones.
        directions : "higher" or "lower" for each outcome; those of the trials by default.

        Returns
        -------
        float

        Raises
        ------
        ModelError : nobody said what is wished.
        """
        wished = directions or self.trials.directions
        if any(direction not in SIGNS for direction in wished):
            raise ModelError(
                f'directions {wished}: expected "higher" or "lower" for {" and ".join(self.outcomes)}. State them in'
                " column direction, or as directions=..."
            )
        return self._both_wished((SIGNS[wished[0]], SIGNS[wished[1]]), new_setting)

    def moved_children(
        self, control: tuple[float, float] | str, *, new_setting: bool = False, draws: int = 20_000
    ) -> MovedChildren:
        """Where people move: the change of the three proportions at stated or "observed" ones of the control arm.

        See `bayesmeta.posterior.moved_children.moved_children`.
        """
        return moved_children(self, control, new_setting=new_setting, draws=draws)

    def borrowing(self) -> Borrowing:
        """What joint modelling adds over the two separate fits, which are made here by the same engine.

        See `bayesmeta.posterior.borrowing.borrowing`.
        """
        return borrowing(self, self.separate)

    @cached_property
    def separate(self) -> tuple[Posterior, Posterior]:
        """The fit of each outcome by itself: same engine, priors and kind of likelihood."""
        return self._separate()

    @cached_property
    def _summary(self) -> pd.DataFrame:
        return self._summaries()

    def summary(self) -> pd.DataFrame:
        """Mean, sd, median and central 95% interval of each parameter, on the model's scale.

        Returns
        -------
        DataFrame indexed by parameter; NaN where a moment does not exist. With draws also mcse_mean, ess_bulk, rhat.
        """
        return self._summary.copy()

    @property
    def table(self) -> pd.DataFrame:
        """The summary with the parameters in a column."""
        return self.summary().reset_index(names="parameter")

    @property
    def _reported(self) -> list[tuple[int, int]]:
        """(study, outcome) of each estimate, study by study."""
        return [(int(i), int(j)) for i, j in np.argwhere(self.effects.reported)]

    @cached_property
    def _studies(self) -> pd.DataFrame:
        rows = self._reported
        frame = self._study_summaries(rows)
        where = tuple(np.array(rows).T)
        frame.insert(0, "study", pd.Series([self.studies_in_model[i] for i, _ in rows], dtype=object))
        frame.insert(1, "outcome", pd.Series([self.outcomes[j] for _, j in rows], dtype=object))
        frame.insert(2, "y", self.effects.y[where])
        frame.insert(3, "se", self.effects.se[where])
        return frame

    def studies(self) -> pd.DataFrame:
        """Each trial and outcome it reports: observed effect y, its standard error, and the posterior of theta.

        Returns
        -------
        DataFrame: study, outcome, y, se, mean, sd, median, lower, upper; with draws also mcse_mean, ess_bulk, rhat.
        """
        return self._studies.copy()

    @property
    def sentence(self) -> str:
        """The finding in words."""
        parts = []
        for j, outcome in enumerate(self.outcomes):
            median, lower, upper = np.exp(self._marginal("mu", j).quantile(np.array([0.5, 0.025, 0.975])))
            parts.append(f"OR {median:.2f} ({lower:.2f} to {upper:.2f}) for {outcome}")
        low, middle, high = self._marginal("rho", 0).quantile(np.array([0.025, 0.5, 0.975]))
        text = f"{self.label}: {', '.join(parts)}; rho {middle:.2f} ({low:.2f} to {high:.2f})."
        if all(direction in SIGNS for direction in self.trials.directions):
            wished = " and ".join(
                f"{'more' if direction == 'higher' else 'less'} {outcome}"
                for direction, outcome in zip(self.trials.directions, self.outcomes)
            )
            both, new = self.joint_probability(), self.joint_probability(new_setting=True)
            text += f" P({wished}) {probability(both)}, in a new setting {probability(new)}."
        return text + caution(self.model, self.effects)

    def remarks(self) -> list[str]:
        """What a reader must know before quoting these numbers."""
        return remarks(self.trials, self.model, self.effects)

    def to_dict(self) -> Json:
        """The result as plain data: the JSON of `bayesmeta fit --joint --json`."""
        directed = all(direction in SIGNS for direction in self.trials.directions)
        return {
            "engine": self.engine,
            "k": len(self.studies_in_model),
            "k_both": int(self.effects.reported.all(axis=1).sum()),
            "outcomes": list(self.outcomes),
            "sentence": self.sentence,
            "model": self.model.to_dict(),
            "log_marginal_likelihood": self.log_marginal_likelihood,
            "parameters": dict(zip(self.parameters, records(self._summary))),
            "joint_probability": self.joint_probability() if directed else None,
            "joint_probability_new_setting": self.joint_probability(new_setting=True) if directed else None,
            "studies": records(self._studies.drop(columns=["y", "se"])),
            "remarks": self.remarks(),
            "diagnostics": self.diagnostics,
        }
