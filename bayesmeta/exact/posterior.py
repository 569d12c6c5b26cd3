"""The exact posterior under the normal likelihood: a mixture of Gaussians over the nodes of tau."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayesmeta.effects import Effects
from bayesmeta.exact.given_tau import GivenTau, NormalProblem
from bayesmeta.exact.nodes import TauNodes
from bayesmeta.model import Design, Model
from bayesmeta.posterior import Marginal, NormalMixture, PanelDensity, PointMass, Posterior, mixture_quantiles
from bayesmeta.posterior.arviz import data_tree
from bayesmeta.posterior.posterior import LEVEL
from bayesmeta.trials import Trials
from bayesmeta.types import Array, Json

LEVELS = np.array([0.5, 0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
COLUMNS = ["mean", "sd", "median", "lower", "upper"]


class ExactPosterior(Posterior):
    """Posterior by quadrature over tau, Gaussian given tau: no Monte Carlo error.

    p(x | y) = sum_t w_t N(x; m_t, s_t^2), with w_t the posterior weight of node tau_t.

    References
    ----------
    Roever 2020, J Stat Softw 93(6); Roever & Friede 2017, J Comput Graph Stat 26:217.
    """

    engine = "exact"

    def __init__(
        self,
        trials: Trials,
        model: Model,
        design: Design,
        effects: Effects,
        problem: NormalProblem,
        nodes: TauNodes | None,
        tau_density: Callable[[Array], Array],
        given: GivenTau,
        weights: Array,
        log_marginal_likelihood: float,
        tail: float,
    ) -> None:
        self.trials, self.model, self.design, self.effects = trials, model, design, effects
        self.log_marginal_likelihood = log_marginal_likelihood
        self._problem, self._nodes, self._tau_density = problem, nodes, tau_density
        self._given, self._weights = given, weights
        # p(tau | y) falls as tau^-tail: a power r of tau has an expectation where tail > r + 1
        self._moments = int(tail > 2.0) + int(tail > 3.0)
        self._flat = ~np.isfinite(design.prior_scale)

    @property
    def diagnostics(self) -> Json:  # type: ignore[override]
        """Number of nodes; which moments do not exist, and why."""
        missing = ["sd", "mean"][: 2 - self._moments] if self._moments < 2 else []
        found: Json = {"tau_nodes": len(self._given.tau), "moments_that_do_not_exist": []}
        if missing:
            found["moments_that_do_not_exist"] = [
                f"{moment} of {name}"
                for name in self.parameters
                for moment in reversed(missing)
                if self._moments_of(name) < 2
            ]
        return found

    def _moments_of(self, name: str) -> int:
        if name in self.design.columns and not self._flat[self.design.columns.index(name)]:
            return 2
        return self._moments

    def _tau(self) -> Marginal:
        if self._nodes is None:
            return PointMass("tau", 0.0)
        half = 0.5 * np.diff(self._nodes.edges)[:, None]
        panels = len(half)
        _, quadrature = np.polynomial.legendre.leggauss(len(self._weights) // panels)
        density_u = self._weights.reshape(panels, -1) / (half * quadrature)
        return PanelDensity("tau", self._nodes.edges, self._nodes.scale, density_u, self._tau_density, self._moments)

    def _components(self, rows: Array, new: bool | Array = False) -> tuple[Array, Array]:
        """Conditional means and sds of rows @ beta (plus tau where `new`): (M, T) twice."""
        mean, variance = self._given.linear(rows)
        extra = np.broadcast_to(np.asarray(new, dtype=float), len(rows))[:, None] * self._given.tau**2
        return mean, np.sqrt(variance + extra)

    def _moments_of_row(self, row: Array, new: bool) -> int:
        """A proper prior on every coefficient in it bounds a mean effect, whatever tau; theta_new follows tau."""
        return self._moments if new or np.any(self._flat & (row != 0.0)) else 2

    def _linear(self, row: Array, name: str, *, new: bool = False) -> Marginal:
        mean, sd = self._components(row[None], new)
        return NormalMixture(name, self._weights, mean[0], sd[0], self._moments_of_row(row, new))

    def _study(self, position: int) -> Marginal:
        mean, variance = self._problem.studies(self._given)
        name = self.studies_in_model[position]
        return NormalMixture(name, self._weights, mean[position], np.sqrt(variance[position]))

    def _summaries(self, names: Sequence[str]) -> pd.DataFrame:
        columns = self.design.columns
        rows = np.array([*np.eye(len(columns)), self.design.reference])
        new = np.array([False] * len(columns) + [True])
        table = self._table(*self._components(rows, new))
        moments = [self._moments_of_row(row, bool(n)) for row, n in zip(rows, new, strict=True)]
        table[np.array(moments) < 2, 1] = np.nan
        table[np.array(moments) < 1, 0] = np.nan
        tau = self["tau"]
        by_name = dict(zip([*columns, "theta_new"], table, strict=True))
        moments_of_tau = [np.nan if moment is None else moment for moment in (tau.mean, tau.sd)]
        by_name["tau"] = np.array([*moments_of_tau, *tau.quantile(LEVELS)])
        return pd.DataFrame([by_name[name] for name in names], index=list(names), columns=COLUMNS)

    def _study_summaries(self) -> pd.DataFrame:
        mean, variance = self._problem.studies(self._given)
        return pd.DataFrame(self._table(mean, np.sqrt(variance)), columns=COLUMNS)

    def _table(self, means: Array, sds: Array) -> Array:
        """(M, 5): mean, sd, median, lower, upper of each mixture."""
        mean = means @ self._weights
        sd = np.sqrt((sds**2 + (means - mean[:, None]) ** 2) @ self._weights)
        return np.column_stack([mean, sd, mixture_quantiles(self._weights, means, sds, LEVELS)])

    def draws(self, n: int = 4000, seed: int = 20230227) -> dict[str, Array]:
        """Independent joint draws.

        Parameters
        ----------
        n : how many.
        seed : integer seed.

        Returns
        -------
        dict: beta (n, p), tau (n,), theta (n, k), theta_new (n,).
        """
        rng = np.random.default_rng(seed)
        tau = self["tau"].draws(n, rng)
        given = self._problem.given(tau)
        p, k = len(self.design.columns), len(self.effects.y)
        root = np.linalg.cholesky(given.covariance)
        beta = given.mean + np.einsum("npq,nq->np", root, rng.standard_normal((n, p)))
        shrink = self.effects.se**2 / (self.effects.se**2 + tau[:, None] ** 2)
        centre = (1.0 - shrink) * self.effects.y + shrink * (beta @ self._problem.design.T)
        theta = centre + self.effects.se * np.sqrt(1.0 - shrink) * rng.standard_normal((n, k))
        theta_new = beta @ self.design.reference + tau * rng.standard_normal(n)
        return {"beta": beta, "tau": tau, "theta": theta, "theta_new": theta_new}

    def to_arviz(self, draws: int = 1000, chains: int = 4, seed: int = 20230227) -> Any:
        """Independent draws as an xarray.DataTree for ArviZ: see `bayesmeta.posterior.arviz.data_tree`.

        Parameters
        ----------
        draws, chains : how many draws, in how many (here independent) chains.
        seed : integer seed.
        """
        flat = self.draws(draws * chains, seed)
        shaped = {name: value.reshape(chains, draws, *value.shape[1:]) for name, value in flat.items()}
        return data_tree(self, shaped, seed=seed)
