"""The exact posterior of two outcomes: a mixture of bivariate Gaussians over the nodes of (tau_1, tau_2, rho)."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from bayesmeta.effects import JointEffects
from bayesmeta.exact.fit_alone import fit_alone
from bayesmeta.exact.joint_draws import draw_nodes
from bayesmeta.exact.joint_given import JointProblem
from bayesmeta.exact.joint_marginals import rho_marginal, tau_marginal
from bayesmeta.exact.joint_nodes import JointNodes, heaviest, joint_nodes
from bayesmeta.exact.joint_studies import study_components, study_draws
from bayesmeta.exact.many_components import quantiles_of_many
from bayesmeta.exact.posterior import COLUMNS, LEVELS
from bayesmeta.model import JointModel
from bayesmeta.posterior import Marginal, NormalMixture, Posterior
from bayesmeta.posterior.bivariate import both_sides, mixture_density
from bayesmeta.posterior.joint import JointPosterior
from bayesmeta.posterior.joint_arviz import joint_tree
from bayesmeta.trials import JointTrials
from bayesmeta.types import Array, Integers

LEFT_OUT = 1e-13  # of the mass: components of a mixture without which its quantiles are the same
LEFT_OUT_OF_STUDIES = 1e-9  # of the mass: their many quantiles are the same to 1e-8 of a standard deviation
NODES_OF_STUDIES = 0.81  # of the nodes on each axis, likewise
IN_PICTURES = 2000  # components of the density in two dimensions


class ExactJointPosterior(JointPosterior):
    """Posterior of two outcomes by quadrature over (tau_1, tau_2, rho), Gaussian given them: no Monte Carlo error.

    p(mu | y) = sum_n w_n N2(mu; m_n, C_n), with w_n the posterior weight of a node. `joint_probability`, all marginals
    and the log marginal likelihood are exact; `moved_children` and `to_arviz` work on independent exact draws.

    References
    ----------
    van Houwelingen, Arends & Stijnen 2002, Stat Med 21:589.
    """

    engine = "exact"
    finer_by = 1.5  # of the nodes on every axis, for the self-check
    limit = 1e-6  # of a posterior standard deviation, that the self-check may move

    def __init__(
        self,
        trials: JointTrials,
        model: JointModel,
        effects: JointEffects,
        problem: JointProblem,
        nodes: JointNodes,
        finer: float = 1.0,
    ) -> None:
        self.trials, self.model, self.effects = trials, model, effects
        self.log_marginal_likelihood = nodes.log_marginal
        self._problem, self._nodes, self._finer = problem, nodes, finer
        self.diagnostics = {
            "nodes": len(nodes.weight),
            "tau_nodes": [len(axis.tau) for axis in nodes.axes],
            "rho_nodes": len(nodes.rho_axis.rho),
            "moments_that_do_not_exist": [
                f"{moment} of {name}" for name in self.parameters for moment in self._missing_moments(name)
            ],
        }

    def _missing_moments(self, name: str) -> tuple[str, ...]:
        if name == "rho":
            return ()
        kind, _, rest = name.partition("[")
        return ("mean", "sd")[self._moments(kind, self.outcome(rest[:-1])) :]

    def _moments(self, kind: str, j: int) -> int:
        """A proper prior bounds a mean effect, whatever tau; theta_new follows tau."""
        flat = bool(np.isinf(self._problem.prior_scale[j]))
        return self._nodes.axes[j].moments if kind != "mu" or flat else 2

    # ---- marginals

    def _marginal(self, kind: str, j: int) -> Marginal:
        if kind == "rho":
            return rho_marginal(self._nodes)
        if kind == "tau":
            return tau_marginal(self._nodes, j, f"tau[{self.outcomes[j]}]")
        means, sds = self._components(j, kind == "theta_new")
        name = f"{kind}[{self.outcomes[j]}]"
        return NormalMixture(name, self._nodes.weight, means, sds, self._moments(kind, j))

    def _components(self, j: int, new: bool) -> tuple[Array, Array]:
        """Conditional mean and sd of an effect at each node: (N,) twice."""
        given = self._nodes.given
        variance = given.covariance[2 * j] + (self._nodes.tau[j] ** 2 if new else 0.0)
        return given.mean[j], np.sqrt(variance)

    def _contrast(self, weights: Array, name: str) -> Marginal:
        given = self._nodes.given
        squares = np.array([weights[0] ** 2, 2.0 * weights[0] * weights[1], weights[1] ** 2])
        moments = min(self._moments("mu", j) for j in (0, 1) if weights[j] != 0.0) if weights.any() else 2
        sds = np.sqrt(np.maximum(squares @ given.covariance, 1e-300))
        return NormalMixture(name, self._nodes.weight, weights @ given.mean, sds, moments)

    def _study(self, position: int, j: int) -> Marginal:
        mean, variance = study_components(self._problem, self._nodes, position)
        return NormalMixture(self.studies_in_model[position], self._nodes.weight, mean[j], np.sqrt(variance[j]))

    def _both_wished(self, signs: tuple[int, int], new: bool) -> float:
        covariance = self._nodes.given.covariance
        if new:
            one, other = self._nodes.tau
            covariance = covariance + np.stack([one**2, self._nodes.rho * one * other, other**2])
        return float(self._nodes.weight @ both_sides(self._nodes.given.mean, covariance, signs))

    def density(self, x: Array, y: Array) -> Array:
        # Of components this smooth and this many, those at even steps of their cumulative weight give the picture.
        places = (np.arange(IN_PICTURES) + 0.5) / IN_PICTURES
        order = np.argsort(self._nodes.given.mean[0])
        chosen = order[np.searchsorted(np.cumsum(self._nodes.weight[order]), places)]
        given = self._nodes.given
        weight = np.full(IN_PICTURES, 1.0 / IN_PICTURES)
        return mixture_density(x, y, given.mean[:, chosen], given.covariance[:, chosen], weight)

    # ---- tables

    def _summaries(self) -> pd.DataFrame:
        found = {}
        for name in self.parameters:
            marginal = self[name]
            if not isinstance(marginal, NormalMixture):
                two = [np.nan if moment is None else moment for moment in (marginal.mean, marginal.sd)]
                found[name] = [*two, *marginal.quantile(LEVELS)]
        effects = [(kind, j) for kind in ("mu", "theta_new") for j in (0, 1)]
        components = [self._components(j, kind == "theta_new") for kind, j in effects]
        means, sds = (np.stack([pair[part] for pair in components]) for part in (0, 1))
        table = _table(self._nodes.weight, means, sds, heaviest(self._nodes.weight, LEFT_OUT))
        for (kind, j), row in zip(effects, table):
            moments = self._moments(kind, j)
            row[moments:2] = np.nan
            found[f"{kind}[{self.outcomes[j]}]"] = list(row)
        index = pd.Index(list(self.parameters), dtype=object)
        return pd.DataFrame(np.array([found[name] for name in self.parameters]), index=index, columns=COLUMNS)

    def _study_summaries(self, rows: Sequence[tuple[int, int]]) -> pd.DataFrame:
        (first, second), rho = self._nodes.axes, self._nodes.rho_axis
        priors = first.prior, second.prior
        nodes = joint_nodes(self._problem, priors, rho.prior, NODES_OF_STUDIES * self._finer)
        seen = heaviest(nodes.weight, LEFT_OUT_OF_STUDIES)
        tables = []
        for i, pairs in groupby(rows, key=lambda row: row[0]):
            outcomes = [j for _, j in pairs]
            mean, variance = study_components(self._problem, nodes, i)
            tables.append(_table(nodes.weight, mean[outcomes], np.sqrt(variance[outcomes]), seen))
        return pd.DataFrame(np.concatenate(tables), columns=COLUMNS)

    # ---- draws

    def draws(self, n: int = 4000, seed: int = 20230227) -> dict[str, Array]:
        """Independent joint draws.

        Parameters
        ----------
        n : how many.
        seed : integer seed.

        Returns
        -------
        dict: mu (n, 2), tau (n, 2), rho (n,), theta (n, k, 2), theta_new (n, 2).
        """
        rng = np.random.default_rng(seed)
        tau, rho = draw_nodes(self._problem, self._nodes, n, rng)
        given = self._problem.given(tau[0], tau[1], rho)
        mu = given.mean + _correlated(given.covariance, rng.standard_normal((2, n)))
        between = np.stack([tau[0] ** 2, rho * tau[0] * tau[1], tau[1] ** 2])
        new = mu + _correlated(between, rng.standard_normal((2, n)))
        theta = study_draws(self._problem, mu, tau, rho, rng)
        return {"mu": mu.T, "tau": tau.T, "rho": rho, "theta": theta, "theta_new": new.T}

    def to_arviz(self, draws: int = 1000, chains: int = 4, seed: int = 20230227) -> Any:
        """Independent draws as an xarray.DataTree for ArviZ: see `bayesmeta.posterior.joint_arviz.joint_tree`."""
        flat = self.draws(draws * chains, seed)
        return joint_tree(self, {name: v.reshape(chains, draws, *v.shape[1:]) for name, v in flat.items()}, seed=seed)

    def accuracy(self) -> pd.DataFrame:
        """How far each number moves with `finer_by` times the nodes on every axis, in posterior standard deviations.

        Returns
        -------
        DataFrame indexed by parameter and "log_marginal_likelihood" (absolute), column `change`.
        """
        from bayesmeta.exact.joint import fit_joint_exact

        fine = fit_joint_exact(self.trials, self.model, self.finer_by * self._finer)
        one, other = self.summary(), fine.summary()
        change = (one - other).abs().max(axis=1) / other["sd"].where(other["sd"] > 0.0, 1.0)
        assert self.log_marginal_likelihood is not None
        assert fine.log_marginal_likelihood is not None
        change["log_marginal_likelihood"] = abs(self.log_marginal_likelihood - fine.log_marginal_likelihood)
        return change.to_frame("change")

    def _separate(self) -> tuple[Posterior, Posterior]:
        return fit_alone(self.trials, self.model)


def _table(weight: Array, means: Array, sds: Array, seen: Integers) -> Array:
    """(M, 5): mean, sd, median, lower, upper of each mixture; quantiles look at those components only that are seen."""
    mean = means @ weight
    sd = np.sqrt((sds**2 + (means - mean[:, None]) ** 2) @ weight)
    quantiles = quantiles_of_many(weight[seen] / weight[seen].sum(), means[:, seen], sds[:, seen], LEVELS)
    return np.column_stack([mean, sd, quantiles])


def _correlated(covariance: Array, noise: Array) -> Array:
    """Bivariate normal noise: covariance (3, N) and standard normals (2, N) to (2, N); zero variances allowed."""
    sd = np.sqrt(covariance[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(sd > 0.0, covariance[1] / sd, 0.0)
    rest = np.sqrt(np.maximum(covariance[2] - slope**2, 0.0))
    return np.stack([sd * noise[0], slope * noise[0] + rest * noise[1]])
