"""The posterior of two outcomes as draws."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bayesmeta.effects import JointEffects
from bayesmeta.model import JointModel, Model
from bayesmeta.nuts.fit import fit_nuts
from bayesmeta.nuts.posterior import CHAINS, LEVELS, SUMMARY
from bayesmeta.posterior import Marginal, PointMass, Posterior
from bayesmeta.posterior.bivariate import kernel_density
from bayesmeta.posterior.chains import chain_statistics
from bayesmeta.posterior.draws import DrawsMarginal
from bayesmeta.posterior.joint import JointPosterior
from bayesmeta.posterior.joint_arviz import joint_tree
from bayesmeta.trials import JointTrials
from bayesmeta.types import Array, Json

#: The likelihood of one outcome that goes with a joint one.
ALONE = {"normal": "normal", "trinomial": "binomial"}


class NutsJointPosterior(JointPosterior):
    """Posterior of two outcomes by draws of the No-U-Turn sampler; given out only after its chains have converged.

    Parameters
    ----------
    trials, model, effects : what it is the posterior of.
    draws : from `bayesmeta.nuts.joint.complete_joint`.
    statistics : the sampler's own, each (chain, draw), by the names of ArviZ.
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
        trials: JointTrials,
        model: JointModel,
        effects: JointEffects,
        draws: Mapping[str, Array],
        statistics: Mapping[str, Array],
        seed: int,
        diagnostics: Json,
    ) -> None:
        self.trials, self.model, self.effects = trials, model, effects
        self.diagnostics = diagnostics
        self.statistics = dict(statistics)
        self._draws, self._seed = dict(draws), seed

    # ---- quantities as (chain, draw)

    def _marginal(self, kind: str, j: int) -> Marginal:
        if kind == "rho":
            point = self.model.rho_prior.point
            return PointMass("rho", point) if point is not None else DrawsMarginal("rho", self._draws["rho"])
        name = f"{kind}[{self.outcomes[j]}]"
        known = self.model.tau_priors[j].point
        if kind == "tau" and known is not None:
            return PointMass(name, known)
        flat = not self.model.mu_priors[j].proper
        moments = self._moments(j) if kind != "mu" or flat else 2
        lower = 0.0 if kind == "tau" else -np.inf
        return DrawsMarginal(name, self._draws[kind][..., j], lower=lower, moments=moments)

    def _moments(self, j: int) -> int:
        """How many moments tau_j has: see `bayesmeta.exact.over_tau`."""
        prior, k = self.tau_priors[j], int(self.effects.reported[:, j].sum())
        tail = prior.tail_exponent + k - (not self.model.mu_priors[j].proper)
        return int(tail > 2.0) + int(tail > 3.0)

    def _contrast(self, weights: Array, name: str) -> Marginal:
        return DrawsMarginal(name, self._draws["mu"] @ weights)

    def _study(self, position: int, j: int) -> Marginal:
        return DrawsMarginal(self.studies_in_model[position], self._draws["theta"][..., position, j])

    def _both_wished(self, signs: tuple[int, int], new: bool) -> float:
        effect = self._draws["theta_new" if new else "mu"] * np.array(signs)
        return float((effect > 0.0).all(axis=-1).mean())

    def density(self, x: Array, y: Array) -> Array:
        return kernel_density(x, y, self._draws["mu"].reshape(-1, 2))

    @cached_property
    def quantities(self) -> dict[str, Marginal]:
        """Everything that is reported: the parameters, and each study effect as "theta[study, outcome]"."""
        studies = {
            f"theta[{self.studies_in_model[i]}, {self.outcomes[j]}]": self._study(i, j) for i, j in self._reported
        }
        return {name: self[name] for name in self.parameters} | studies

    @cached_property
    def chain_statistics(self) -> pd.DataFrame:
        """mcse_mean, ess_bulk, ess_tail and rhat of each reported quantity that is not a constant."""
        return chain_statistics({name: q.chains for name, q in self.quantities.items() if isinstance(q, DrawsMarginal)})

    # ---- what JointPosterior asks for

    def _summaries(self) -> pd.DataFrame:
        return self._table(list(self.parameters)).set_axis(list(self.parameters), axis=0)

    def _study_summaries(self, rows: Sequence[tuple[int, int]]) -> pd.DataFrame:
        return self._table([f"theta[{self.studies_in_model[i]}, {self.outcomes[j]}]" for i, j in rows])

    def _table(self, quantities: list[str]) -> pd.DataFrame:
        rows = []
        for name in quantities:
            quantity = self.quantities[name]
            moments = [np.nan if moment is None else moment for moment in (quantity.mean, quantity.sd)]
            rows.append([*moments, *quantity.quantile(LEVELS)])
        table = pd.DataFrame(rows, columns=SUMMARY)
        chains = self.chain_statistics.reindex(quantities)[CHAINS].reset_index(drop=True)
        table = pd.concat([table, chains], axis=1)
        table.loc[table["mean"].isna(), "mcse_mean"] = np.nan
        return table

    def draws(self, n: int = 4000, seed: int = 20230227) -> dict[str, Array]:
        """Joint draws: rows of those that were sampled, each at most once; no more than there are.

        Parameters
        ----------
        n : how many at most.
        seed : integer seed of the choice.

        Returns
        -------
        dict: mu and tau (n, 2), rho (n,), theta (n, k, 2), theta_new (n, 2), and gamma (n, k, 2) (trinomial).
        """
        total = self._draws["rho"].size
        rows = np.random.default_rng(seed).permutation(total)[: min(n, total)]
        return {name: value.reshape(total, *value.shape[2:])[rows] for name, value in self._draws.items()}

    def to_arviz(self) -> Any:
        """All draws by chain as an xarray.DataTree for ArviZ: see `bayesmeta.posterior.joint_arviz.joint_tree`."""
        return joint_tree(self, self._draws, seed=self._seed, sample_stats=self.statistics)

    def _separate(self) -> tuple[Posterior, Posterior]:
        settings = {name: self.diagnostics[name] for name in ("seed", "draws", "tune", "chains", "sampler")}
        one, other = (
            fit_nuts(
                part,
                Model(
                    ALONE[self.model.likelihood],
                    mu=self.model.mu_priors[j],
                    tau=self.model.tau_priors[j],
                    baseline=self.model.baseline_prior,
                    zero_cells=self.model.zero_cells,
                ),
                **settings,
            )
            for j, part in enumerate(self.trials.parts)
        )
        return one, other
