"""The exact posterior of a selection model: that of the count models' machinery, and the weights omega."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesmeta.exact.count_posterior import CountPosterior
from bayesmeta.exact.lines import to_chebyshev
from bayesmeta.exact.omega_density import density_of_weight, drawn_sticks
from bayesmeta.exact.published import Ends, Published
from bayesmeta.exact.weights import Weights
from bayesmeta.model import Model
from bayesmeta.posterior import Marginal, PointMass
from bayesmeta.posterior.arviz import data_tree
from bayesmeta.posterior.selected import SelectedPosterior
from bayesmeta.types import Array

if TYPE_CHECKING:
    from bayesmeta.exact.selection import PreparedSelection

NEGLIGIBLE = 1e-14


class SelectionPosterior(SelectedPosterior, CountPosterior):
    """Posterior by quadrature over mu, tau and omega: no Monte Carlo error.

    References
    ----------
    Hedges 1992, Stat Sci 7:246; Maier, Bartos & Wagenmakers 2023, Psychol Methods 28:107.
    """

    def __init__(self, prepared: "PreparedSelection", model: Model, weights: Weights) -> None:
        self.selection = prepared.published.selection
        self.published: Published = prepared.published
        super().__init__(prepared, model, weights)
        self.diagnostics["omega_nodes"] = len(self.published.nodes.omega)

    @cached_property
    def mass_of_omega(self) -> Array:
        """(n, ..., n) posterior probability of each node of the sticks."""
        line = self._predictors.line(np.ones(1))
        points, spacing, value = line.points()
        mass = np.exp(value) * spacing[:, None] * line.of(self._weights.nodes)[:, None]
        # The probabilities of the nodes are smooth in mu: known at the nodes of the line, and interpolated between.
        n = line.series.shape[1]
        basis = np.polynomial.chebyshev.chebvander(np.linspace(-1.0, 1.0, points.shape[1]), n - 1) @ to_chebyshev(n)
        weight = mass @ basis
        chosen = np.abs(weight).sum(axis=1) > NEGLIGIBLE
        tau = np.broadcast_to(self._nodes[line.node, None], weight.shape)[chosen]
        found = self.published.averaged(line.nodes[chosen].ravel(), tau.ravel(), weight[chosen].ravel())
        return (found / found.sum()).reshape(self.published.nodes.shape)

    @property
    def _ends(self) -> Ends:
        return self.published.ends or ((0.0, 1.0),) * len(self.published.nodes.shape)

    def _omega(self, j: int) -> Marginal:
        name = self.selection.names[j]
        if not self.published.nodes.shape:
            return PointMass(name, float(self.published.nodes.omega[0, j + 1]))
        return self._densities[j]

    @cached_property
    def _densities(self) -> list[Marginal]:
        prior = self.published.prior
        sticks = prior.sticks(self.published.free)
        return [
            density_of_weight(name, self.mass_of_omega, self._ends, sticks, j, chained=prior.chained)
            for j, name in enumerate(self.selection.names)
        ]

    def draws(self, n: int = 4000, seed: int = 20230227) -> dict[str, Array]:
        """Independent joint draws.

        Parameters
        ----------
        n : how many.
        seed : integer seed.

        Returns
        -------
        dict: beta (n, 1), tau (n,), theta (n, k), theta_new (n,), omega (n, J - 1).
        """
        rng = np.random.default_rng(seed)
        tau = np.full(n, self._nodes[0]) if self._weights.fine is None else self["tau"].draws(n, rng)
        place = np.ones((n, 1)) if self._panels is None else self._panels.interpolation(tau)
        beta = self._predictors.draws(place, rng)
        variance, between = self.effects.se**2, tau[:, None] ** 2
        keep = between / (variance + between)
        theta = keep * self.effects.y + (1.0 - keep) * beta
        theta = theta + np.sqrt(keep * variance) * rng.standard_normal(theta.shape)
        theta_new = beta[:, 0] + tau * rng.standard_normal(n)
        omega = self._draws_of_omega(beta[:, 0], tau, rng)
        return {"beta": beta, "tau": tau, "theta": theta, "theta_new": theta_new, "omega": omega}

    def _draws_of_omega(self, mean: Array, tau: Array, rng: np.random.Generator) -> Array:
        nodes, free = self.published.nodes, self.published.free
        if not nodes.shape:
            return np.broadcast_to(nodes.omega[0, 1:], (len(mean), free)).copy()
        given = self.published.given(mean, tau).reshape(len(mean), *nodes.shape)
        prior = self.published.prior
        sticks = drawn_sticks(given, self._ends, rng)
        upper = np.array([stick.upper for stick in prior.sticks(free)])
        return prior.weights_of(upper * sticks)

    def log_likelihood(self, mean: Array, tau: Array) -> Array:
        """l_i(m_i, tau) of the model without selection, of means (..., k) and tau (...): weights are not parameters."""
        variance = self.effects.se**2 + tau[..., None] ** 2
        return np.asarray(-0.5 * (np.log(2.0 * np.pi * variance) + (self.effects.y - mean) ** 2 / variance))

    def to_arviz(self, draws: int = 1000, chains: int = 4, seed: int = 20230227) -> Any:
        """Independent draws as an xarray.DataTree for ArviZ, with omega; replicated trials are published ones.

        Parameters
        ----------
        draws, chains : how many draws, in how many (here independent) chains.
        seed : integer seed.
        """
        flat = self.draws(draws * chains, seed)
        shaped = {name: value.reshape(chains, draws, *value.shape[1:]) for name, value in flat.items()}
        return self.with_weights(data_tree(self, shaped, seed=seed), shaped, seed)
