"""The exact posterior under any likelihood and random effects: densities on panels, averaged over the nodes of tau."""

from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd

from bayesmeta.exact.baselines import baseline
from bayesmeta.exact.convolution import Convolution
from bayesmeta.exact.many_means import tau_density
from bayesmeta.exact.outside import BEYOND, missing_moments, refuse_unresolved, warn_of_studies
from bayesmeta.exact.posterior import COLUMNS, LEVELS
from bayesmeta.exact.prepared import Prepared
from bayesmeta.exact.study_effects import NewEffects, StudyEffects
from bayesmeta.exact.weights import Weights
from bayesmeta.likelihoods.series import Panels
from bayesmeta.model import Model
from bayesmeta.posterior import Marginal, PointMass, Posterior
from bayesmeta.posterior.arviz import data_tree
from bayesmeta.posterior.line import LineDensity
from bayesmeta.types import Array


class CountPosterior(Posterior):
    """Posterior by quadrature over tau and the coefficients, study effects integrated out: no Monte Carlo error.

    p(v | y) = sum_t W_t p(v | tau_t, y), with W_t from the prior of tau (`Prepared`).

    References
    ----------
    Stijnen, Hamza & Oezdemir 2010, Stat Med 29:3046 (the hypergeometric-normal and binomial-normal models).
    """

    engine = "exact"

    def __init__(self, prepared: Prepared, model: Model, weights: Weights) -> None:
        self.trials, self.model, self.design = prepared.trials, model, prepared.design
        self.effects = prepared.effects
        self.log_marginal_likelihood = weights.log_marginal
        self.prepared, self._weights = prepared, weights
        # The nodes that are there now: `prepared` may get more of them under another prior.
        self._predictors, self._nodes, self._panels = prepared.predictors, prepared.tau, None
        if prepared.known_tau is None:
            self._panels = prepared.tau_panels
        refuse_unresolved(float(np.abs(weights.nodes) @ self._predictors.unresolved))
        self.diagnostics = {
            "tau_nodes": len(self._nodes),
            "theta_nodes": len(prepared.grid.panels.nodes),
            "double_zero": list(self.effects.double_zero),
            "neutral": [name for name, out in zip(self.effects.studies, prepared.neutral) if out],
            **dict(zip(BEYOND, weights.shares)),
            "beyond_the_windows": float(np.abs(weights.nodes) @ self._predictors.outside),
            "error_of_the_log_density": float(np.abs(weights.nodes) @ self._predictors.error),
            "beyond_the_theta_nodes": prepared.beyond_theta,
            **missing_moments(self.parameters, partial(self._moments_of, of_tau=weights.moments), self._moments_of),
        }

    # ---- marginals

    def _moments_of(self, name: str, of_tau: int | None = None) -> int:
        """How many moments are given; how many exist, where all those of tau are taken."""
        of_tau = self._weights.held if of_tau is None else of_tau
        columns = self.design.columns
        if name in columns:
            return self._moments_of_mean(np.eye(len(columns))[columns.index(name)], of_tau)
        return self._moments_of_new(self.design.reference, of_tau) if name == "theta_new" else of_tau

    def _moments_of_mean(self, row: Array, of_tau: int) -> int:
        found = self.prepared.moments_of(row, self._weights.tail)
        follows_tau = self.design.tail_gain[row != 0.0].min(initial=np.inf) == 0.0
        return min(found, of_tau) if follows_tau else found

    def _moments_of_new(self, row: Array, of_tau: int) -> int:
        return min(self._moments_of_mean(row, of_tau), of_tau, self.prepared.kernel.moments)

    def _tau(self) -> Marginal:
        if self._weights.fine is None:
            return PointMass("tau", float(self._nodes[0]))
        return tau_density(self._weights)

    def _linear(self, row: Array, name: str, *, new: bool = False) -> Marginal:
        if not np.any(row):
            return PointMass(name, 0.0) if not new else self._new(row, name)
        if new:
            return self._new(row, name)
        panels, density = self._given_tau(row)
        moments = self._moments_of_mean(row, self._weights.held)
        return LineDensity(name, panels, self._weights.nodes @ density, moments)

    def _given_tau(self, row: Array) -> tuple[Panels, Array]:
        """Panels, and p(row' beta | tau_t, y) at their nodes (T, M): the same for every prior of tau."""
        kept = self._predictors.__dict__.setdefault("densities", {})
        key = row.tobytes()
        if key not in kept:
            line = self._predictors.line(row)
            panels = line.panels(self.prepared.resolution.panel)
            kept[key] = panels, line.density(panels.nodes)
        found: tuple[Panels, Array] = kept[key]
        return found

    def _new(self, row: Array, name: str) -> Marginal:
        largest = float(self._nodes[0]) if self._weights.fine is None else self._weights.largest(1e-13)
        found = self._new_given_tau(row, largest)
        moments = self._moments_of_new(row, self._weights.held)
        known = self._moments_given(row, moments) if moments and np.any(row) else None
        return LineDensity(name, found.panels, self._weights.nodes @ found.density, moments, known)

    def _moments_given(self, row: Array, moments: int) -> tuple[float, float]:
        """Mean and sd of the effect in a new setting from those of row' beta and of tau, however heavy their tails."""
        mean, tau = self._linear(row, "mean"), self._tau()
        assert mean.mean is not None
        if moments < 2:
            return mean.mean, np.nan
        assert mean.sd is not None
        assert tau.mean is not None
        assert tau.sd is not None
        kernel = self.prepared.kernel
        variance = float(kernel.weight @ kernel.scale**2) * (tau.sd**2 + tau.mean**2)
        return mean.mean, float(np.sqrt(mean.sd**2 + variance))

    def _new_given_tau(self, row: Array, largest: float) -> NewEffects:
        """The effect in a new setting at each node of tau, with room for tau up to `largest`."""
        kept = self._predictors.__dict__.setdefault("new", {})
        key = row.tobytes()
        if key not in kept or kept[key].reach < largest:
            line, panel = self._predictors.line(row), self.prepared.resolution.panel
            # A little more than is needed, for the next prior.
            kept[key] = NewEffects.of(self.prepared.kernel, line, self._nodes, 1.5 * largest, panel)
        found: NewEffects = kept[key]
        return found

    def under(self, weights: Array, name: str, largest: float = 0.0) -> tuple[Array, Array]:
        """Under other weights of the nodes of tau, (Q, T): mean, sd and quantiles (Q, 5), and P(> 0) (Q,)."""
        row = self.design.reference
        if name == "theta_new":
            found = self._new_given_tau(row, largest)
            panels, given_tau = found.panels, found.density
        else:
            panels, given_tau = self._given_tau(row)
        density = np.maximum(weights @ given_tau, 0.0)
        share = density * panels.weights
        share /= share.sum(axis=1, keepdims=True)
        mean = share @ panels.nodes
        sd = np.sqrt((share * (panels.nodes - mean[:, None]) ** 2).sum(axis=1))
        if name == "theta_new" and self.prepared.kernel.moments < 2:
            sd = np.full_like(sd, np.nan)
            mean = mean if self.prepared.kernel.moments else np.full_like(mean, np.nan)
        above = 1.0 - panels.cdf(density, np.zeros(1))[:, 0]
        return np.column_stack([mean, sd, panels.quantiles(density, LEVELS)]), above

    @cached_property
    def _effects_of_studies(self) -> StudyEffects:
        found = StudyEffects.of(self.prepared, self._predictors, self._nodes, self._weights)
        warn_of_studies(dict(zip(self.studies_in_model, found.closure.tolist(), strict=True)), self.model)
        return found

    def _study(self, position: int) -> Marginal:
        found = self._effects_of_studies
        name = self.studies_in_model[position]
        return LineDensity(name, found.panels, found.density[position], int(found.moments[position]))

    def _baseline(self, position: int) -> Marginal:
        if self.model.likelihood != "binomial":
            return super()._baseline(position)
        return baseline(self.prepared, self._effects_of_studies, position)

    def _summaries(self, names: Sequence[str]) -> pd.DataFrame:
        rows = []
        for name in names:
            marginal = self[name]
            moments = [np.nan if moment is None else moment for moment in (marginal.mean, marginal.sd)]
            rows.append([*moments, *marginal.quantile(LEVELS)])
        return pd.DataFrame(np.array(rows), index=pd.Index(list(names), dtype=object), columns=COLUMNS)

    def _study_summaries(self) -> pd.DataFrame:
        return pd.DataFrame(self._effects_of_studies.table(LEVELS), columns=COLUMNS)

    def _outlying(self) -> Array:
        return self._effects_of_studies.outlying(self.prepared, self._predictors, self._nodes, self._weights)

    # ---- draws

    def log_likelihood(self, mean: Array, tau: Array) -> Array:
        """l_i(m_i, tau), study effects integrated out: means (..., k) and tau (...) to (..., k).

        Of arms that share a control the first as if it were alone, the other given it: they add to the trial's.
        """
        flat = mean.reshape(-1, mean.shape[-1])
        scale = np.broadcast_to(tau, mean.shape[:-1]).ravel()
        found = np.empty(flat.shape)
        for rows in self._rows_alike():
            found[:, rows] = self.prepared.convolution.log_marginal(flat[:, rows[:1]], scale, rows)[:, :, 0].T
        for first, second in self.effects.shared if self.model.likelihood != "normal" else ():
            row, convolution = np.array([first]), self.prepared.convolution
            own = Convolution.log_marginal(convolution, flat[:, row], scale, row)[0, :, 0]
            found[:, first], found[:, second] = own, found[:, first] - own
        return found.reshape(mean.shape)

    def _rows_alike(self) -> list[Any]:
        _, which = np.unique(self.design.matrix, axis=0, return_inverse=True)
        which = np.ravel(which)
        return [np.flatnonzero(which == row) for row in range(which.max() + 1)]

    def draws(self, n: int = 4000, seed: int = 20230227) -> dict[str, Array]:
        """Independent joint draws.

        Parameters
        ----------
        n : how many.
        seed : integer seed.

        Returns
        -------
        dict: beta (n, p), tau (n,), theta (n, k), theta_new (n,), and gamma (n, k) with the binomial likelihood.
        """
        from bayesmeta.exact.baseline_draws import draws_of_baselines
        from bayesmeta.exact.count_draws import draws_of_effects, standardised

        rng = np.random.default_rng(seed)
        tau = np.full(n, self._nodes[0]) if self._weights.fine is None else self["tau"].draws(n, rng)
        place = np.ones((n, 1)) if self._panels is None else self._panels.interpolation(tau)
        beta = self._predictors.draws(place, rng)
        theta = draws_of_effects(self.prepared, beta @ self.design.matrix.T, tau, rng)
        z = standardised(self.prepared.kernel, n, rng)
        drawn = {"beta": beta, "tau": tau, "theta": theta, "theta_new": beta @ self.design.reference + tau * z}
        gamma = draws_of_baselines(self.trials, self.model, self.effects, theta, rng)
        return drawn if gamma is None else drawn | {"gamma": gamma}

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
        """Self-check: the same fit at one and a half times the nodes, and how far each quantity moves.

        Returns
        -------
        DataFrame indexed by parameter and study: `change`, the largest change of mean, median or interval in posterior
        standard deviations (of sd: relative), and in the row "log_marginal_likelihood" the absolute change.
        """
        from bayesmeta.exact.accuracy import compare

        return compare(self, self.prepared.refined().posterior(tau=self.model.tau_prior))
