"""The exact posterior of two outcomes under the trinomial likelihood."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bayesmeta.exact.joint_marginals import rho_marginal, tau_marginal
from bayesmeta.exact.joint_posterior import ExactJointPosterior
from bayesmeta.exact.posterior import COLUMNS, LEVELS
from bayesmeta.exact.trinomial_draws import correlated, draw_baselines, draw_effects, draw_means, draw_nodes
from bayesmeta.exact.trinomial_given import TrinomialProblem, box_of
from bayesmeta.exact.trinomial_nodes import TrinomialNodes
from bayesmeta.exact.trinomial_studies import study_densities
from bayesmeta.likelihoods.series import Panels
from bayesmeta.posterior import Marginal
from bayesmeta.posterior.bivariate import mixture_density
from bayesmeta.posterior.joint_arviz import joint_tree
from bayesmeta.posterior.line import LineDensity
from bayesmeta.types import Array, Integers

REACH = 6.5  # standard deviations of a component that a marginal covers
SPLIT = 8  # parts of a panel of tau, of which there is one where its prior has no breaks
SEEN = 1e-9  # weight of a component whose all is covered
PANEL = 2.2  # of a marginal, in standard deviations of its narrow components
GROWTH = 0.35  # of panels, with the distance from the middle
AT_ONCE = 4_000_000
IN_PICTURES = 6000


class ExactTrinomialPosterior(ExactJointPosterior):
    """Posterior of two outcomes on counts, by quadrature over (tau_1, tau_2, rho) and mu.

    mu given a node is a mixture of normal distributions on a lattice, so mu, theta_new and all that is asked of them
    are as under the normal likelihood; so are study effects, but for the likelihood of the study itself.

    References
    ----------
    Trikalinos, Hoaglin & Schmid 2014, Stat Med 33:1441.
    """

    finer_by = 1.25
    limit = 1e-4

    def __init__(self, problem: TrinomialProblem, found: TrinomialNodes) -> None:
        super().__init__(problem.trials, problem.model, problem.effects, problem.rough, found.nodes, problem.finer)
        self._trinomial, self._found = problem, found
        self.diagnostics["nodes"] = len(found.log_evidence)

    # ---- marginals

    def _marginal(self, kind: str, j: int) -> Marginal:
        if kind == "tau":
            return tau_marginal(self._nodes, j, f"tau[{self.outcomes[j]}]", SPLIT)
        if kind == "rho":
            return rho_marginal(self._nodes)
        name = f"{kind}[{self.outcomes[j]}]"
        if name not in self._lines:
            self._lines[name] = line_of(
                name, self._nodes.weight, *self._components(j, kind == "theta_new"), self._moments(kind, j)
            )
        return self._lines[name]

    @cached_property
    def _lines(self) -> dict[str, Marginal]:
        return {}

    def _contrast(self, weights: Array, name: str) -> Marginal:
        given = self._nodes.given
        squares = np.array([weights[0] ** 2, 2.0 * weights[0] * weights[1], weights[1] ** 2])
        moments = min(self._moments("mu", j) for j in (0, 1) if weights[j] != 0.0) if weights.any() else 2
        sds = np.sqrt(np.maximum(squares @ given.covariance, 1e-300))
        return line_of(name, self._nodes.weight, weights @ given.mean, sds, moments)

    def _summaries(self) -> pd.DataFrame:
        rows = [self._row(self[name]) for name in self.parameters]
        return pd.DataFrame(rows, index=pd.Index(list(self.parameters), dtype=object), columns=COLUMNS)

    def density(self, x: Array, y: Array) -> Array:
        weight = np.maximum(self._nodes.weight, 0.0)
        order = np.lexsort([self._nodes.given.mean[1], np.round(self._nodes.given.mean[0], 1)])
        places = (np.arange(IN_PICTURES) + 0.5) / IN_PICTURES
        cumulative = np.cumsum(weight[order])
        chosen = order[np.searchsorted(cumulative / cumulative[-1], places)]
        given = self._nodes.given
        share = np.full(IN_PICTURES, 1.0 / IN_PICTURES)
        return mixture_density(x, y, given.mean[:, chosen], given.covariance[:, chosen], share)

    # ---- draws and study effects

    def draws(self, n: int = 4000, seed: int = 20230227) -> dict[str, Array]:
        """Independent joint draws.

        Parameters
        ----------
        n : how many.
        seed : integer seed.

        Returns
        -------
        dict: mu (n, 2), tau (n, 2), rho (n,), theta (n, k, 2), theta_new (n, 2), gamma (n, k, 2).
        """
        rng = np.random.default_rng(seed)
        found = self._with_effects(n, rng)
        return found | {"gamma": draw_baselines(self._trinomial, found["theta"], rng)}

    def pooled_draws(self, n: int, seed: int) -> dict[str, Array]:
        """Joint draws of mu and theta_new (n, 2) alone."""
        return self._pooled(n, np.random.default_rng(seed))[1]

    def _pooled(self, n: int, rng: np.random.Generator) -> tuple[Integers, dict[str, Array]]:
        """Components, and all that is no study's."""
        nodes = self._nodes
        marginals = tau_marginal(nodes, 0, "", SPLIT), tau_marginal(nodes, 1, "", SPLIT), rho_marginal(nodes)
        chosen, tau, rho = draw_nodes(nodes, marginals, n, rng)
        mu = draw_means(nodes, chosen, rng)
        new = mu + correlated(np.stack([tau[0] ** 2, rho * tau[0] * tau[1], tau[1] ** 2]), rng.standard_normal((2, n)))
        return chosen, {"mu": mu.T, "tau": tau.T, "rho": rho, "theta_new": new.T}

    def _with_effects(self, n: int, rng: np.random.Generator) -> dict[str, Array]:
        """All but the baselines. Effects of the trials are drawn at the node itself, to which mu belongs."""
        chosen, found = self._pooled(n, rng)
        at_node = self._nodes.tau[:, chosen], self._nodes.rho[chosen]
        return found | {"theta": draw_effects(self._trinomial, self._surfaces, found["mu"].T, *at_node, rng)}

    @cached_property
    def _surfaces(self) -> list[Any]:
        found = self._found
        frames = self._trinomial.rough_frames(found.tau, found.rho)
        return list(self._trinomial.surfaces(box_of(frames, found.tau)))

    def _study(self, position: int, j: int) -> Marginal:
        if position not in self._of_studies:
            classified = self._trinomial.classified.tolist()
            surface = self._surfaces[classified.index(position)] if position in classified else None
            self._of_studies[position] = study_densities(self._trinomial, self._found, surface, position)
        return self._of_studies[position][j]

    @cached_property
    def _of_studies(self) -> dict[int, list[Marginal]]:
        return {}

    def _study_summaries(self, rows: Sequence[tuple[int, int]]) -> pd.DataFrame:
        return pd.DataFrame([self._row(self._study(i, j)) for i, j in rows], columns=COLUMNS)

    @staticmethod
    def _row(marginal: Marginal) -> list[float]:
        two = [np.nan if moment is None else moment for moment in (marginal.mean, marginal.sd)]
        return [*two, *marginal.quantile(LEVELS).tolist()]

    def to_arviz(self, draws: int = 1000, chains: int = 4, seed: int = 20230227) -> Any:
        """Independent draws as an xarray.DataTree for ArviZ: see `bayesmeta.posterior.joint_arviz.joint_tree`."""
        flat = self.draws(draws * chains, seed)
        shaped = {name: v.reshape(chains, draws, *v.shape[1:]) for name, v in flat.items()}
        return joint_tree(self, shaped, seed=seed)


def line_of(name: str, weight: Array, mean: Array, sd: Array, moments: int) -> Marginal:
    """A normal mixture of very many components as a density on panels; weights may be negative here and there."""
    centre = float(weight @ mean)
    spread = float(np.sqrt(weight @ (sd**2 + (mean - centre) ** 2)))
    seen = np.abs(weight) > SEEN
    low, high = float((mean - REACH * sd)[seen].min()), float((mean + REACH * sd)[seen].max())
    narrow = PANEL * float(np.quantile(sd[seen], 0.02))
    edges = [centre]
    for side, end in ((1.0, high), (-1.0, low)):
        reached = centre
        while side * (end - reached) > 0.0:
            reached += side * max(narrow, GROWTH * (abs(reached - centre) - 2.0 * spread))
            edges.append(reached)
    panels = Panels(np.array(sorted(edges)))
    density = np.zeros(len(panels.nodes))
    for part in np.array_split(np.arange(len(weight)), max(1, len(weight) * len(density) // AT_ONCE)):
        z = (panels.nodes[:, None] - mean[part]) / sd[part]
        density += np.exp(-0.5 * z * z) @ (weight[part] / sd[part])
    return LineDensity(name, panels, density, moments, (centre, spread))
