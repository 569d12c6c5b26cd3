"""The posterior as draws where heterogeneity differs between trials."""

from functools import partial
from typing import Any

import numpy as np

from bayesmeta.model import Heterogeneity
from bayesmeta.nuts.posterior import NutsPosterior
from bayesmeta.posterior import Marginal, PointMass
from bayesmeta.posterior.draws import DrawsMarginal
from bayesmeta.posterior.several_taus import PosteriorOfSeveralTaus
from bayesmeta.types import Array


class NutsPosteriorOfSeveralTaus(PosteriorOfSeveralTaus, NutsPosterior):
    """As `NutsPosterior`, with the parameters of the heterogeneity by their names."""

    def __init__(self, *parts: Any, heterogeneity: Heterogeneity, **others: Any) -> None:
        self.heterogeneity = heterogeneity
        super().__init__(*parts, **others)

    @classmethod
    def of(cls, heterogeneity: Heterogeneity) -> Any:
        """The class for this heterogeneity: a function of what `NutsPosterior` takes."""
        return partial(cls, heterogeneity=heterogeneity)

    def _parameter(self, position: int) -> Marginal:
        name, values = self.heterogeneity.names[position], self._draws["spread"][..., position]
        if not np.ptp(values):
            return PointMass(name, float(values.flat[0]))
        if name in self.heterogeneity.alpha_names:
            return DrawsMarginal(name, values, moments=2)
        return DrawsMarginal(name, values, lower=0.0, moments=self._moments.of_tau)

    def _at(self, spread: Array) -> Array:
        """(chain, draw) tau at a row of the heterogeneity's matrix."""
        return self.heterogeneity.tau(self._draws["spread"], spread[None])[..., 0]

    def _of_trials(self) -> Array:
        return self.heterogeneity.tau(self._draws["spread"])

    def _log_ratio(self, first: Array, second: Array, name: str) -> Marginal:
        # The ratio of taus that may be 0 has no mean.
        moments = 0 if self.heterogeneity.levels else 2
        return DrawsMarginal(name, self._at(first) / self._at(second), lower=0.0, moments=moments)

    def _new(self, row: Array, spread: Array, name: str) -> Marginal:
        value = self._draws["beta"] @ row + self._at(spread) * self._draws["new"]
        return DrawsMarginal(name, value, moments=self._moments.of_new)

    def _linear(self, row: Array, name: str, *, new: bool = False) -> Marginal:
        return self._new(row, self.new_rows[0][1], name) if new else NutsPosterior._linear(self, row, name)

    def to_arviz(self) -> Any:
        """All draws by chain as an xarray.DataTree for ArviZ."""
        return self._tree(self._draws, self._seed, self.statistics)

    def _joint(self) -> dict[str, Array]:
        """By chain: beta (chain, draw, p), spread (chain, draw, A), theta (chain, draw, k), new (chain, draw)."""
        return {name: value for name, value in self._draws.items() if name != "tau"}

    def draws(self, n: int = 4000, seed: int = 20230227) -> dict[str, Array]:
        """Joint draws: beta (n, p), spread (n, A) the parameters of the heterogeneity, theta (n, k), new (n,)."""
        sampled = self._joint()
        total = sampled["new"].size
        rows = np.random.default_rng(seed).choice(total, size=n, replace=n > total)
        return {name: value.reshape(total, *value.shape[2:])[rows] for name, value in sampled.items()}
