"""The exact posterior under the normal likelihood: a mixture of Gaussians over the nodes of tau."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from bayesmeta.effects import Effects
from bayesmeta.exact.given_tau import NormalProblem
from bayesmeta.exact.nodes import gauss_legendre
from bayesmeta.exact.outside import BEYOND, missing_moments
from bayesmeta.exact.over_tau import OverTau, moments_with, over_tau
from bayesmeta.model import Design, Model
from bayesmeta.posterior import Marginal, NormalMixture, PanelDensity, PointMass, Posterior, mixture_quantiles
from bayesmeta.posterior.arviz import data_tree
from bayesmeta.posterior.posterior import LEVEL
from bayesmeta.trials import Trials
from bayesmeta.types import Array

LEVELS = np.array([0.5, 0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
COLUMNS = pd.Index(["mean", "sd", "median", "lower", "upper"], dtype=object)


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
        solved: OverTau,
    ) -> None:
        self.trials, self.model, self.design, self.effects = trials, model, design, effects
        self.log_marginal_likelihood = solved.log_marginal
        self._problem, self._solved = problem, solved
        self._given, self._weights = solved.given, solved.weights
        self.diagnostics = {
            "tau_nodes": len(solved.of_nodes),
            **dict(zip(BEYOND, solved.beyond)),
            **missing_moments(self.parameters, partial(self._moments_of, of_tau=solved.moments), self._moments_of),
        }

    def _moments_of(self, name: str, of_tau: int | None = None) -> int:
        """How many moments are given; how many exist, where all those of tau are taken."""
        of_tau = self._solved.held if of_tau is None else of_tau
        columns = self.design.columns
        if name in columns:
            return self._moments_of_row(np.eye(len(columns))[columns.index(name)], of_tau)
        return self._moments_of_row(self.design.reference, of_tau, new=True) if name == "theta_new" else of_tau

    def _tau(self) -> Marginal:
        nodes = self._solved.nodes
        if nodes is None:
            return PointMass("tau", float(self._solved.given.tau[0]))
        half = 0.5 * np.diff(nodes.edges)[:, None]
        weights = self._solved.of_nodes
        _, quadrature, _ = gauss_legendre(len(weights) // len(half))
        density_u = weights.reshape(len(half), -1) / (half * quadrature)
        return PanelDensity("tau", nodes.edges, nodes.scale, density_u, self._solved.density, self._solved.held)

    def _components(self, rows: Array, new: bool | Array = False) -> tuple[Array, Array]:
        """Conditional means and sds of rows @ beta (plus tau where `new`): (M, T) twice."""
        mean, variance = self._given.linear(rows)
        extra = np.broadcast_to(np.asarray(new, dtype=float), len(rows))[:, None] * self._given.tau**2
        return mean, np.sqrt(variance + extra)

    def _moments_of_row(self, row: Array, of_tau: int, *, new: bool = False) -> int:
        """Priors that fall faster than any power bound a mean effect, whatever tau; theta_new follows tau as well."""
        gain = self.design.tail_gain[row != 0.0].min(initial=np.inf)
        mean = int(moments_with(self._solved.tail, gain))
        return min(mean, of_tau) if new or gain == 0.0 else mean

    def _linear(self, row: Array, name: str, *, new: bool = False) -> Marginal:
        mean, sd = self._components(row[None], new)
        return NormalMixture(name, self._weights, mean[0], sd[0], self._moments_of_row(row, self._solved.held, new=new))

    def _study(self, position: int) -> Marginal:
        mean, variance = self._problem.studies(self._given)
        name = self.studies_in_model[position]
        return NormalMixture(name, self._weights, mean[position], np.sqrt(variance[position]))

    def _summaries(self, names: Sequence[str]) -> pd.DataFrame:
        columns = self.design.columns
        rows = np.array([*np.eye(len(columns)), self.design.reference])
        new = np.array([*[0.0] * len(columns), 1.0])
        held = self._solved.held
        moments = np.array([self._moments_of_row(row, held, new=bool(added)) for row, added in zip(rows, new)])
        table = self._table(*self._components(rows, new))
        table[moments < 2, 1] = np.nan
        table[moments < 1, 0] = np.nan
        tau = self["tau"]
        of_tau = [*(np.nan if moment is None else moment for moment in (tau.mean, tau.sd)), *tau.quantile(LEVELS)]
        by_name = dict(zip([*columns, "theta_new", "tau"], [*table, of_tau]))
        return pd.DataFrame(
            np.array([by_name[name] for name in names]), index=pd.Index(list(names), dtype=object), columns=COLUMNS
        )

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
        row = np.arange(n)
        if self._problem.components > 1:
            share = given.log_evidence.reshape(-1, n)
            share = np.cumsum(np.exp(share - share.max(axis=0)), axis=0)
            row = row + n * (share < rng.random(n) * share[-1]).sum(axis=0)
        mean, root = given.mean[row], given.root[row]
        beta = mean + np.einsum("npq,nq->np", root, rng.standard_normal(mean.shape))
        theta = self._problem.effects(beta, tau, rng)
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

    def accuracy(self) -> pd.DataFrame:
        """Self-check: the same fit at twice the nodes of tau and beyond them, and how far each quantity moves.

        Returns
        -------
        DataFrame indexed by parameter and study: `change`, the largest change of mean, sd, median or limits in
        posterior standard deviations, and in the row "log_marginal_likelihood" the absolute change.
        """
        from bayesmeta.exact.accuracy import compare

        known = self._solved.nodes is None
        solved = self._solved if known else over_tau(self._problem, self.model.tau_prior, finer=True)
        return compare(self, ExactPosterior(self.trials, self.model, self.design, self.effects, self._problem, solved))
