"""The exact posterior where heterogeneity differs: a mixture of Gaussians over the nodes of all its parameters."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayesmeta.effects import Effects, effect_sizes
from bayesmeta.errors import ModelError, PriorError
from bayesmeta.exact.axes import FEW, LineAxis, TauAxis
from bayesmeta.exact.given_tau import NormalProblem
from bayesmeta.exact.posterior import COLUMNS, LEVELS
from bayesmeta.exact.several_taus import MOST, FixedAxis, SolvedSpread, SpreadProblem, solve_spread
from bayesmeta.exact.several_taus_counts_posterior import fit_levels
from bayesmeta.likelihoods.two_arm_grid import log_sum
from bayesmeta.model import Design, Heterogeneity, Model, heterogeneity_of
from bayesmeta.posterior import Marginal, NormalMixture, PanelDensity, PointMass, mixture_quantiles
from bayesmeta.posterior.exponential import Exponential
from bayesmeta.posterior.line import LineDensity
from bayesmeta.posterior.several_taus import PosteriorOfSeveralTaus, refuse_arms_apart
from bayesmeta.trials import Trials
from bayesmeta.types import Array

STEPS = 40  # of Metropolis, by which draws leave the nodes
WIDEST = 10.0  # log ratio of taus that is looked at first


class ExactPosteriorOfSeveralTaus(PosteriorOfSeveralTaus):
    """Posterior by quadrature over the parameters of the heterogeneity, Gaussian given them: no Monte Carlo error.

    p(x | y) = sum_n w_n N(x; m_n, s_n^2), w_n the posterior weight of node n of (tau_1, tau_2, ...) or (tau, alpha).
    """

    engine = "exact"

    def __init__(
        self,
        trials: Trials,
        model: Model,
        design: Design,
        effects: Effects,
        heterogeneity: Heterogeneity,
        solved: SolvedSpread,
    ) -> None:
        self.trials, self.model, self.design, self.effects = trials, model, design, effects
        self.heterogeneity = heterogeneity
        self.log_marginal_likelihood = solved.log_marginal
        self._solved, self._given, self._weights = solved, solved.given, solved.weights
        self._flat = np.isinf(design.prior_scale)
        self.diagnostics = {
            "nodes": len(solved.weights),
            "moments_that_do_not_exist": [
                f"{moment} of {name}" for name in self.parameters for moment in ("mean", "sd")[self._moments_of(name) :]
            ],
        }

    # ---- marginals

    def _moments_of(self, name: str) -> int:
        """A proper prior on every coefficient bounds a mean effect, whatever tau; theta_new follows tau."""
        description, of_tau = self.heterogeneity, self._solved.spread.moments
        if name in description.tau_names:
            return of_tau[description.tau_names.index(name)]
        if name in description.new_names:
            return of_tau[description.new_names.index(name)]
        if name in description.alpha_names:
            return 2
        return min(of_tau) if self._flat[self.design.columns.index(name)] else 2

    def _parameter(self, position: int) -> Marginal:
        axis, name = self._solved.axes[position], self.heterogeneity.names[position]
        if isinstance(axis, FixedAxis):
            return PointMass(name, float(axis.edges[0]))
        values, log_weight, log_density = self._solved.at_nodes(position)
        if isinstance(axis, LineAxis):
            return LineDensity(name, axis.panels, np.exp(log_density))
        assert isinstance(axis, TauAxis)
        panels = len(axis.edges) - 1
        coordinate = np.arcsinh(values / axis.scale)
        density = np.exp(log_density + axis.log_slope(coordinate)).reshape(panels, -1)
        mass = float(np.exp(log_density + log_weight).sum())

        def pdf(tau: Array) -> Array:
            return np.exp(self._solved.log_marginal_density(position, tau.ravel())).reshape(tau.shape) / mass

        moments = self._solved.spread.moments[position]
        return PanelDensity(name, axis.edges, axis.scale, density / mass, pdf, moments)

    def _linear(self, row: Array, name: str, *, new: bool = False) -> Marginal:
        if new:
            return self._new(row, self.new_rows[0][1], name)
        mean, variance = self._given.linear(row[None])
        moments = min(self._solved.spread.moments) if np.any(self._flat & (row != 0.0)) else 2
        if not np.any(row):
            return PointMass(name, 0.0)
        return NormalMixture(name, self._weights, mean[0], np.sqrt(variance[0]), moments)

    def _new(self, row: Array, spread: Array, name: str) -> Marginal:
        mean, variance = self._given.linear(row[None])
        tau = self.heterogeneity.tau(self._solved.parameters, spread[None])[:, 0]
        moments = min(self._solved.spread.moments)
        return NormalMixture(name, self._weights, mean[0], np.sqrt(variance[0] + tau**2), moments)

    def _study(self, position: int) -> Marginal:
        mean, variance = self._solved.spread.problem.studies(self._given)
        name = self.studies_in_model[position]
        return NormalMixture(name, self._weights, mean[position], np.sqrt(variance[position]))

    # ---- ratios of tau

    def _log_ratio(self, first: Array, second: Array, name: str) -> Marginal:
        if np.array_equal(first, second):
            return PointMass(name, 1.0)
        if self.heterogeneity.levels:
            return self._ratio_of_levels(int(np.argmax(first)), int(np.argmax(second)), name)
        factor = first - second
        line = self._parameter(1)
        assert isinstance(line, LineDensity)
        return Exponential(name, line.times(float(factor[0])), *self._powers(factor))

    def _powers(self, factor: Array) -> tuple[float, float]:
        ratio = np.exp(self._solved.parameters[:, 1:] @ factor)
        return float(self._weights @ ratio), float(self._weights @ ratio**2)

    def _ratio_of_levels(self, first: int, second: int, name: str) -> Marginal:
        """log(tau_a / tau_b): its density is an integral along the line on which the ratio is constant."""
        solved = self._solved
        for j in (first, second):
            if isinstance(solved.axes[j], FixedAxis):
                raise ModelError(f"{self.heterogeneity.names[j]} is known: its ratio to another follows from that one.")
        larger, log_weight = _common_nodes(solved.axes[first], solved.axes[second])
        rest = [axis.summed for j, axis in enumerate(solved.axes) if j not in (first, second)]

        def log_density(x: Array) -> Array:
            """Integrated over the larger of both taus."""
            smaller = np.exp(-np.abs(x))[:, None] * larger  # (M, J)
            greater = np.broadcast_to(larger, smaller.shape)
            up = (x > 0.0)[:, None]
            pair = {first: np.where(up, greater, smaller).ravel(), second: np.where(up, smaller, greater).ravel()}
            with np.errstate(divide="ignore"):
                terms = solved.spread.log_along(pair, rest).reshape(smaller.shape) + log_weight + np.log(smaller)
            return log_sum(terms)

        axis = LineAxis.of(log_density, -WIDEST, WIDEST)
        density = np.exp(log_density(axis.panels.nodes) - solved.log_marginal)
        return Exponential(name, LineDensity(name, axis.panels, density))

    # ---- tables

    def _summaries(self, names: Sequence[str]) -> pd.DataFrame:
        rows = []
        for name in names:
            marginal = self[name]
            moments = [np.nan if moment is None else moment for moment in (marginal.mean, marginal.sd)]
            rows.append([*moments, *marginal.quantile(LEVELS)])
        return pd.DataFrame(np.array(rows), index=pd.Index(list(names), dtype=object), columns=COLUMNS)

    def _study_summaries(self) -> pd.DataFrame:
        means, variance = self._solved.spread.problem.studies(self._given)
        mean = means @ self._weights
        sd = np.sqrt((variance + (means - mean[:, None]) ** 2) @ self._weights)
        quantiles = np.concatenate(
            [
                mixture_quantiles(self._weights, means[i : i + 1], np.sqrt(variance[i : i + 1]), LEVELS)
                for i in range(len(means))
            ]
        )
        return pd.DataFrame(np.column_stack([mean, sd, quantiles]), columns=COLUMNS)

    # ---- draws

    def draws(self, n: int = 4000, seed: int = 20230227) -> dict[str, Array]:
        """Joint draws: a node by its weight, moved off it by steps of Metropolis; then all else is Gaussian.

        Parameters
        ----------
        n : how many.
        seed : integer seed.

        Returns
        -------
        dict: beta (n, p), spread (n, A) the parameters of the heterogeneity, theta (n, k), new (n,) standard normal.
        """
        rng = np.random.default_rng(seed)
        solved = self._solved
        node = rng.choice(len(self._weights), size=n, p=self._weights)
        now = self._coordinates(solved.parameters[node])
        step = 0.6 * now.std(axis=0)
        value = self._log_density_of(now)
        for _ in range(STEPS):
            trial = now + step * rng.standard_normal(now.shape)
            for j, axis in enumerate(solved.axes):
                if isinstance(axis, TauAxis):  # u is symmetric about 0
                    trial[:, j] = np.abs(trial[:, j])
            other = self._log_density_of(trial)
            taken = np.log(rng.random(n)) < other - value
            now[taken], value[taken] = trial[taken], other[taken]
        parameters = self._values(now)
        given = solved.spread.given(parameters)
        beta = given.mean + np.einsum("npq,nq->np", given.root, rng.standard_normal(given.mean.shape))
        theta = solved.spread.problem.effects(beta, given.tau, rng)
        return {"beta": beta, "spread": parameters, "theta": theta, "new": rng.standard_normal(n)}

    def _coordinates(self, parameters: Array) -> Array:
        columns = [
            np.arcsinh(values / axis.scale) if isinstance(axis, TauAxis) else values
            for axis, values in zip(self._solved.axes, parameters.T, strict=True)
        ]
        return np.stack(columns, axis=-1)

    def _values(self, coordinates: Array) -> Array:
        columns = [axis.value(values) for axis, values in zip(self._solved.axes, coordinates.T, strict=True)]
        return np.stack(columns, axis=-1)

    def _log_density_of(self, coordinates: Array) -> Array:
        slopes = [axis.log_slope(values) for axis, values in zip(self._solved.axes, coordinates.T, strict=True)]
        with np.errstate(invalid="ignore"):
            value = self._solved.spread.log_posterior(self._values(coordinates)) + sum(slopes)
        return np.where(np.isnan(value), -np.inf, value)

    def accuracy(self) -> pd.DataFrame:
        """Self-check: the same fit at twice the panels of each axis, and how far each quantity moves.

        Returns
        -------
        DataFrame indexed by parameter and study: `change`; see `bayesmeta.exact.accuracy.compare`.
        """
        from bayesmeta.exact.accuracy import compare

        return compare(self, _finer(self, self._solved))

    def to_arviz(self, draws: int = 1000, chains: int = 4, seed: int = 20230227) -> Any:
        """Draws as an xarray.DataTree for ArviZ.

        Parameters
        ----------
        draws, chains : how many draws, in how many (here independent) chains.
        seed : integer seed.
        """
        flat = self.draws(draws * chains, seed)
        return self._tree({name: value.reshape(chains, draws, *value.shape[1:]) for name, value in flat.items()}, seed)


def _finer(posterior: ExactPosteriorOfSeveralTaus, solved: SolvedSpread) -> ExactPosteriorOfSeveralTaus:
    axes = tuple(axis.finer() for axis in solved.axes)
    parts = (posterior.trials, posterior.model, posterior.design, posterior.effects, posterior.heterogeneity)
    return ExactPosteriorOfSeveralTaus(*parts, solve_spread(solved.spread, axes))


def _common_nodes(one: Any, other: Any) -> tuple[Array, Array]:
    """Nodes of tau that resolve functions of both axes, and logs of their weights."""
    scale = min(one.scale, other.scale)
    edges = np.unique(np.concatenate([np.arcsinh(axis.value(axis.edges) / scale) for axis in (one, other)]))
    edges = edges[np.append(True, np.diff(edges) > 1e-9)]
    return TauAxis(edges, scale).nodes(FEW + 4)


def fit_several_taus(trials: Trials, model: Model) -> PosteriorOfSeveralTaus:
    """Posterior of a model with heterogeneity that differs between trials.

    Raises
    ------
    ModelError, PriorError : a likelihood, random effects, number of parameters or prior that are not integrated here.
    """
    effects = effect_sizes(trials, zero_cells=model.zero_cells)
    kept = trials.select(effects.rows) if effects.dropped else trials
    design, heterogeneity = model.design(kept), heterogeneity_of(model, kept)
    assert heterogeneity is not None
    if len(heterogeneity.levels) > MOST["tau"] and model.moderators is None:
        return fit_levels(trials, model)
    refuse_arms_apart(heterogeneity, effects)
    if not design.normal:
        names = [name for name, prior in zip(design.columns, design.priors, strict=True) if prior.gaussian is None]
        raise PriorError(
            f"priors of {', '.join(names)} that are not normal, and a tau that differs between trials: the exact engine"
            " takes normal or flat ones here, such as normal(0, 2). Or fit with --engine nuts."
        )
    problem = NormalProblem.of(effects, design, model.arm_correlation)
    solved = solve_spread(SpreadProblem(problem, heterogeneity))
    return ExactPosteriorOfSeveralTaus(trials, model, design, effects, heterogeneity, solved)
