"""The exact posterior with a tau for each level, for likelihoods of counts and random effects of any kind."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayesmeta.effects import Effects, effect_sizes
from bayesmeta.errors import ModelError
from bayesmeta.exact.axes import FEW, LineAxis, TauAxis
from bayesmeta.exact.baseline_draws import draws_of_baselines
from bayesmeta.exact.count_draws import draws_of_effects, standardised
from bayesmeta.exact.posterior import COLUMNS, LEVELS
from bayesmeta.exact.several_taus_counts import Level, Levels, columns_of_levels, solve_levels
from bayesmeta.likelihoods.series import Panels
from bayesmeta.likelihoods.two_arm_grid import log_sum
from bayesmeta.model import Design, Heterogeneity, Model, heterogeneity_of
from bayesmeta.posterior import Marginal, PanelDensity, PointMass
from bayesmeta.posterior.exponential import Exponential
from bayesmeta.posterior.line import LineDensity
from bayesmeta.posterior.several_taus import PosteriorOfSeveralTaus, refuse_arms_apart
from bayesmeta.trials import Trials
from bayesmeta.types import Array

WIDEST = 10.0  # log ratio of taus that is looked at first
AT_ONCE = 2_000_000
SUMS = 60  # panels of the difference of two means

LogDensity = Callable[[Array], Array]


class CountPosteriorOfSeveralTaus(PosteriorOfSeveralTaus):
    """Posterior by quadrature level by level: no Monte Carlo error. See `several_taus_counts`."""

    engine = "exact"

    def __init__(
        self,
        trials: Trials,
        model: Model,
        design: Design,
        effects: Effects,
        heterogeneity: Heterogeneity,
        levels: Levels,
    ) -> None:
        self.trials, self.model, self.design, self.effects = trials, model, design, effects
        self.heterogeneity, self._levels = heterogeneity, levels
        self.log_marginal_likelihood = levels.log_marginal
        self._own = None if levels.axis is not None else columns_of_levels(design, heterogeneity)
        self.diagnostics = {
            name: {level: one.diagnostics[name] for level, one in zip(heterogeneity.levels, levels.posteriors)}
            for name in ("tau_nodes", "theta_nodes", "beyond_the_nodes")
        }

    # ---- marginals

    def _parameter(self, position: int) -> Marginal:
        found = self._levels.posteriors[position]["tau"]
        found.name = self.heterogeneity.names[position]
        return found

    def _linear(self, row: Array, name: str, *, new: bool = False) -> Marginal:
        if new:
            return self._new(row, self.new_rows[0][1], name)
        if self._own is None:
            return self._levels.posteriors[0]._linear(row, name)
        used = [g for g, column in enumerate(self._own) if row[column] != 0.0]
        if not used:
            return PointMass(name, 0.0)
        parts = [self._levels.posteriors[g]._linear(row[[self._own[g]]], name) for g in used]
        found = parts[0]
        for part in parts[1:]:
            found = _sum_of(found, part, name)
        return found

    def _new(self, row: Array, spread: Array, name: str) -> Marginal:
        level = int(np.argmax(spread))
        own = row if self._own is None else row[[self._own[level]]]
        if self._own is not None and np.count_nonzero(row) > np.count_nonzero(own):
            raise ModelError(f"{name}: a setting of one level with the mean of another. Give one level.")
        return self._levels.posteriors[level]._linear(own, name, new=True)

    def _study(self, position: int) -> Marginal:
        (level,) = np.flatnonzero(self.heterogeneity.matrix[position])
        place = int(np.flatnonzero(self._levels.rows[level] == position)[0])
        return self._levels.posteriors[level]._study(place)

    def _log_ratio(self, first: Array, second: Array, name: str) -> Marginal:
        pair = int(np.argmax(first)), int(np.argmax(second))
        if pair[0] == pair[1]:
            return PointMass(name, 1.0)
        taus = [self._levels.posteriors[g]["tau"] for g in pair]
        for g, tau in zip(pair, taus, strict=True):
            if not isinstance(tau, PanelDensity):
                raise ModelError(f"{self.heterogeneity.names[g]} is known: its ratio to another follows from that one.")
        axes = [TauAxis(tau.edges, tau.scale) for tau in taus if isinstance(tau, PanelDensity)]
        scale = min(axis.scale for axis in axes)
        edges = np.unique(np.concatenate([np.arcsinh(axis.value(axis.edges) / scale) for axis in axes]))
        larger, log_weight = TauAxis(edges[np.append(True, np.diff(edges) > 1e-9)], scale).nodes(FEW + 4)
        log_means, densities = self._given_mean(pair)

        def log_density(x: Array) -> Array:
            found = []
            for part in np.array_split(x, max(1, len(x) * len(larger) * len(log_means) // AT_ONCE)):
                smaller = np.exp(-np.abs(part))[:, None] * larger  # (M, J)
                up = (part > 0.0)[:, None]
                pairs = np.where(up, larger, smaller), np.where(up, smaller, larger)
                joint = sum(one(tau.ravel()).reshape(*tau.shape, -1) for one, tau in zip(densities, pairs))
                with np.errstate(divide="ignore"):
                    terms = joint + (log_weight + np.log(smaller))[..., None] + log_means
                found.append(log_sum(terms.reshape(len(part), -1)))
            return np.concatenate(found)

        axis = LineAxis.of(log_density, -WIDEST, WIDEST)
        return Exponential(name, LineDensity(name, axis.panels, np.exp(log_density(axis.panels.nodes))))

    def _given_mean(self, pair: tuple[int, int]) -> tuple[Array, list[LogDensity]]:
        """Logs of the weights of nodes of the mean effect (M,); log p(tau, y | m) of both levels, (N,) to (N, M)."""
        if self._levels.axis is None:
            return np.zeros(1), [self._alone(g) for g in pair]
        nodes, log_weight = self._levels.axis.summed
        with np.errstate(divide="ignore"):
            log_means = np.log(self["mu"].pdf(nodes)) + log_weight
        parts = [self._levels.parts[g] for g in pair]
        log_means = log_means - sum(part.log_p(nodes) for part in parts)
        kept = log_means > log_means.max() - 45.0
        return log_means[kept], [_of_level(part, nodes[kept]) for part in parts]

    def _alone(self, level: int) -> LogDensity:
        density = self._levels.posteriors[level]["tau"].pdf

        def function(tau: Array) -> Array:
            with np.errstate(divide="ignore"):
                return np.asarray(np.log(density(tau)))[:, None]

        return function

    # ---- tables

    def _summaries(self, names: Sequence[str]) -> pd.DataFrame:
        rows = []
        for name in names:
            marginal = self[name]
            moments = [np.nan if moment is None else moment for moment in (marginal.mean, marginal.sd)]
            rows.append([*moments, *marginal.quantile(LEVELS)])
        return pd.DataFrame(np.array(rows), index=pd.Index(list(names), dtype=object), columns=COLUMNS)

    def _study_summaries(self) -> pd.DataFrame:
        table = np.empty((len(self.effects.y), len(COLUMNS)))
        for rows, posterior in zip(self._levels.rows, self._levels.posteriors, strict=True):
            table[rows] = posterior._study_summaries().to_numpy()
        return pd.DataFrame(table, columns=COLUMNS)

    def _outlying(self) -> Array:
        found = np.empty(len(self.effects.y))
        for rows, posterior in zip(self._levels.rows, self._levels.posteriors, strict=True):
            found[rows] = posterior._outlying()
        return found

    # ---- draws

    def draws(self, n: int = 4000, seed: int = 20230227) -> dict[str, Array]:
        """Joint draws.

        Parameters
        ----------
        n : how many.
        seed : integer seed.

        Returns
        -------
        dict: beta (n, p), spread (n, levels) the taus, theta (n, k), new (n,) standardised random effects, and gamma
        (n, k) with the binomial likelihood.
        """
        rng = np.random.default_rng(seed)
        kernel = self._levels.posteriors[0].prepared.kernel
        beta, spread = np.empty((n, len(self.design.columns))), np.empty((n, len(self._levels.rows)))
        theta = np.empty((n, len(self.effects.y)))
        mu = self["mu"].draws(n, rng) if self._levels.axis is not None else np.empty(0)
        for g, (rows, posterior) in enumerate(zip(self._levels.rows, self._levels.posteriors, strict=True)):
            if self._own is not None:
                alone = posterior.draws(n, seed + 1 + g)
                beta[:, self._own[g]], spread[:, g], theta[:, rows] = alone["beta"][:, 0], alone["tau"], alone["theta"]
                continue
            beta[:, 0] = mu
            spread[:, g] = self._tau_given_mean(self._levels.parts[g], mu, rng)
            means = np.repeat(mu[:, None], len(rows), axis=1)
            theta[:, rows] = draws_of_effects(posterior.prepared, means, spread[:, g], rng)
        drawn = {"beta": beta, "spread": spread, "theta": theta, "new": standardised(kernel, n, rng)}
        gamma = draws_of_baselines(self.trials, self.model, self.effects, theta, rng)
        return drawn if gamma is None else drawn | {"gamma": gamma}

    def _tau_given_mean(self, level: Level, means: Array, rng: np.random.Generator) -> Array:
        """Draws from p(tau | m, y): by the cdf at the nodes of tau, drawn straight between them."""
        if level.fine is None:
            return np.full(len(means), level.prepared.tau[0])
        assert self._levels.axis is not None
        panels = self._levels.axis.panels
        at = panels.interpolate(panels.series(level.at(panels.nodes)), means)  # (T, n)
        place = level.prepared.tau_panels.interpolation(level.fine.tau)
        log_mass = place @ at + (level.fine.log_weight + level.prior.log_density(level.fine.tau))[:, None]
        mass = np.exp(log_mass - log_mass.max(axis=0))
        cdf = np.cumsum(mass, axis=0) - 0.5 * mass
        target = rng.random(len(means)) * mass.sum(axis=0)
        return np.array([np.interp(target[i], cdf[:, i], level.fine.tau) for i in range(len(means))])

    def to_arviz(self, draws: int = 1000, chains: int = 4, seed: int = 20230227) -> Any:
        """Draws as an xarray.DataTree for ArviZ.

        Parameters
        ----------
        draws, chains : how many draws, in how many (here independent) chains.
        seed : integer seed.
        """
        flat = self.draws(draws * chains, seed)
        return self._tree({name: value.reshape(chains, draws, *value.shape[1:]) for name, value in flat.items()}, seed)

    def accuracy(self) -> pd.DataFrame:
        """Self-check of every level at more nodes: see `CountPosterior.accuracy`."""
        found = []
        for level, one in zip(self.heterogeneity.levels, self._levels.posteriors, strict=True):
            table = one.accuracy()
            found.append(table.rename(index={name: f"{name}[{level}]" for name in ("tau", "theta_new")}))
        together = pd.concat(found)
        return together.groupby(level=0, sort=False).max()


def _of_level(level: Level, means: Array) -> LogDensity:
    """log p(tau) + sum_i l_i(m, tau) at means (M,): from tau (N,) to (N, M)."""
    value = level.at(means)

    def function(tau: Array) -> Array:
        return np.asarray(level.prepared.tau_panels.interpolation(tau) @ value + level.prior.log_density(tau)[:, None])

    return function


def _sum_of(one: Marginal, other: Marginal, name: str) -> LineDensity:
    """The sum of two independent quantities."""
    ends = np.array([1e-12, 1.0 - 1e-12])
    low, high = (one.quantile(ends) + other.quantile(ends)).tolist()
    (inner_low, inner_high), panels = one.quantile(ends), Panels(np.linspace(low, high, SUMS))
    inner = Panels(np.linspace(float(inner_low), float(inner_high), SUMS))
    density = other.pdf(panels.nodes[:, None] - inner.nodes) @ (one.pdf(inner.nodes) * inner.weights)
    return LineDensity(name, panels, density)


def fit_levels(trials: Trials, model: Model) -> CountPosteriorOfSeveralTaus:
    """Posterior of a model with a tau for each level, where it is not Gaussian given the taus.

    Raises
    ------
    ModelError : log tau linear in moderators, or a design that is not carried.
    """
    if model.tau_by is None:
        raise ModelError(
            "log tau linear in moderators (scale): the exact engine carries that with the normal likelihood and normal"
            f" random effects, not with {model.likelihood} and {model.random_effects}. State --likelihood normal, or"
            " fit with --engine nuts."
        )
    exact = model.likelihood != "normal"
    effects = effect_sizes(trials, zero_cells="only_zero" if exact else model.zero_cells)
    kept = trials.select(effects.rows) if effects.dropped else trials
    design, heterogeneity = model.design(kept), heterogeneity_of(model, kept)
    assert heterogeneity is not None
    refuse_arms_apart(heterogeneity, effects)
    return CountPosteriorOfSeveralTaus(
        trials, model, design, effects, heterogeneity, solve_levels(kept, model, design, heterogeneity)
    )
