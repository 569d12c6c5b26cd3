"""The posterior as draws."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bayesmeta.effects import Effects
from bayesmeta.model import Design, Model
from bayesmeta.nuts.marginal import marginal_log_likelihood
from bayesmeta.nuts.moments import Moments
from bayesmeta.posterior import Marginal, PointMass, Posterior
from bayesmeta.posterior.arviz import data_tree
from bayesmeta.posterior.chains import chain_statistics
from bayesmeta.posterior.draws import DrawsMarginal
from bayesmeta.posterior.posterior import LEVEL
from bayesmeta.trials import Trials
from bayesmeta.types import Array, Json

LEVELS = np.array([0.5, 0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
SUMMARY = ["mean", "sd", "median", "lower", "upper"]
CHAINS = ["mcse_mean", "ess_bulk", "rhat"]


class NutsPosterior(Posterior):
    """Posterior by draws of the No-U-Turn sampler; given out only after its chains have converged.

    Parameters
    ----------
    trials, model, design, effects : what it is the posterior of.
    draws : from `bayesmeta.nuts.complete.complete`.
    statistics : the sampler's own, each (chain, draw), by the names of ArviZ.
    moments : which moments exist.
    seed : integer seed of the fit.
    diagnostics : sampler, versions, settings, and how well the chains have mixed.

    References
    ----------
    Hoffman & Gelman 2014, J Mach Learn Res 15:1593.
    """

    engine = "nuts"
    log_marginal_likelihood = None

    def __init__(
        self,
        trials: Trials,
        model: Model,
        design: Design,
        effects: Effects,
        draws: Mapping[str, Array],
        statistics: Mapping[str, Array],
        moments: Moments,
        seed: int,
        diagnostics: Json,
    ) -> None:
        self.trials, self.model, self.design, self.effects = trials, model, design, effects
        self.diagnostics = diagnostics
        self.statistics = dict(statistics)
        self._draws, self._moments, self._seed = dict(draws), moments, seed

    # ---- quantities as (chain, draw)

    def _tau(self) -> Marginal:
        known = 0.0 if self.model.random_effects == "none" else self.model.tau_prior.point
        if known is not None:
            return PointMass("tau", known)
        return DrawsMarginal("tau", self._draws["tau"], lower=0.0, moments=self._moments.of_tau)

    def _linear(self, row: Array, name: str, *, new: bool = False) -> Marginal:
        value = self._draws["beta"] @ row
        if new:
            value = value + self._draws["tau"] * self._draws["new"]
        flat = bool(np.any(self._moments.flat & (row != 0.0)))
        return DrawsMarginal(name, value, moments=self._moments.of_new if new else self._moments.of_tau if flat else 2)

    def _study(self, position: int) -> DrawsMarginal:
        name, values = self.studies_in_model[position], self._draws["theta"][..., position]
        return DrawsMarginal(name, values, moments=self._moments.of_study(position))

    def _baseline(self, position: int) -> Marginal:
        if "gamma" not in self._draws:
            return super()._baseline(position)
        below = 0.5 if self.model.baseline_at == "midpoint" else 0.0
        log_odds = self._draws["gamma"][..., position] - below * self._draws["theta"][..., position]
        return DrawsMarginal(self.studies_in_model[position], log_odds)

    @cached_property
    def quantities(self) -> dict[str, Marginal]:
        """Everything that is reported: the parameters, and each study effect as "theta[study]"."""
        studies = {f"theta[{name}]": self._study(i) for i, name in enumerate(self.studies_in_model)}
        return {name: self[name] for name in self.parameters} | studies

    @cached_property
    def chain_statistics(self) -> pd.DataFrame:
        """mcse_mean, ess_bulk, ess_tail and rhat of each reported quantity that is not a constant."""
        drawn = {name: q.chains for name, q in self.quantities.items() if isinstance(q, DrawsMarginal)}
        return chain_statistics(drawn)

    # ---- what Posterior asks for

    def _summaries(self, names: Sequence[str]) -> pd.DataFrame:
        return self._table(list(names), list(names))

    def _study_summaries(self) -> pd.DataFrame:
        return self._table([f"theta[{name}]" for name in self.studies_in_model], None)

    def _table(self, quantities: list[str], index: list[str] | None) -> pd.DataFrame:
        rows = []
        for name in quantities:
            quantity = self.quantities[name]
            moments = [np.nan if moment is None else moment for moment in (quantity.mean, quantity.sd)]
            rows.append([*moments, *quantity.quantile(LEVELS)])
        table = pd.DataFrame(rows, columns=SUMMARY)
        chains = self.chain_statistics.reindex(quantities)[CHAINS].reset_index(drop=True)
        table = pd.concat([table, chains], axis=1)
        table.loc[table["mean"].isna(), "mcse_mean"] = np.nan
        return table if index is None else table.set_axis(index, axis=0)

    def log_likelihood(self, mean: Array, tau: Array) -> Array:
        """l_i(m_i, tau), study effects integrated out: means (..., k) and tau (...) to (..., k)."""
        return marginal_log_likelihood(self.trials, self.model, self.effects, mean, tau)

    def _outlying(self) -> Array:
        """Given theta: w N(theta; m, (c tau)^2) / ((1 - w) N(theta; m, tau^2) + w N(theta; m, (c tau)^2)), averaged."""
        outliers, factor = self.model.random_effects_parts[1]
        mean = self._draws["beta"] @ self.design.matrix.T
        z = (self._draws["theta"] - mean) / np.maximum(self._of_trials(), np.finfo(float).tiny)
        rest = (1.0 - outliers) * factor * np.exp(-0.5 * z**2 * (1.0 - factor**-2.0))
        probability = outliers / (outliers + rest) if outliers else np.zeros_like(z)
        return np.asarray(probability.mean(axis=(0, 1)))

    def _of_trials(self) -> Array:
        """(chain, draw, k or 1) the tau of each trial."""
        return self._draws["tau"][..., None]

    def draws(self, n: int = 4000, seed: int = 20230227) -> dict[str, Array]:
        """Joint draws: rows of those that were sampled, each at most once as long as there are enough.

        Parameters
        ----------
        n : how many.
        seed : integer seed of the choice.

        Returns
        -------
        dict: beta (n, p), tau (n,), theta (n, k), theta_new (n,), and gamma (n, k) with the binomial likelihood.
        """
        sampled = self._joint()
        total = sampled["tau"].size
        rows = np.random.default_rng(seed).choice(total, size=n, replace=n > total)
        return {name: value.reshape(total, *value.shape[2:])[rows] for name, value in sampled.items()}

    def to_arviz(self) -> Any:
        """All draws by chain as an xarray.DataTree for ArviZ: see `bayesmeta.posterior.arviz.data_tree`."""
        return data_tree(self, self._joint(), seed=self._seed, sample_stats=self.statistics)

    def _joint(self) -> dict[str, Array]:
        """By chain: beta (chain, draw, p), tau and theta_new (chain, draw), theta and gamma (chain, draw, k)."""
        joint = {name: value for name, value in self._draws.items() if name != "new"}
        joint["theta_new"] = joint["beta"] @ self.design.reference + joint["tau"] * self._draws["new"]
        return joint
