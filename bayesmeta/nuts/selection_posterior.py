"""The posterior of a selection model as draws."""

from typing import Any

from bayesmeta.nuts.posterior import NutsPosterior
from bayesmeta.posterior import Marginal, PointMass
from bayesmeta.posterior.arviz import data_tree
from bayesmeta.posterior.draws import DrawsMarginal
from bayesmeta.posterior.selected import SelectedPosterior


class SelectionNutsPosterior(SelectedPosterior, NutsPosterior):
    """Posterior of a selection model by draws of the No-U-Turn sampler."""

    def __init__(self, *parts: Any, **named: Any) -> None:
        super().__init__(*parts, **named)
        selection = self.model.selection_parts
        assert selection is not None
        self.selection = selection.towards(self.trials.direction)

    def _omega(self, j: int) -> Marginal:
        name, values = self.selection.names[j], self._draws["omega"][..., j]
        return PointMass(name, float(values.flat[0])) if not self._sticks else DrawsMarginal(name, values, lower=0.0)

    @property
    def _sticks(self) -> int:
        return len(self.model.omega_prior.sticks(self.selection.intervals - 1))

    def to_arviz(self) -> Any:
        """All draws by chain as an xarray.DataTree for ArviZ, with omega; replicated trials are published ones."""
        joint = self._joint()
        tree = data_tree(self, joint, seed=self._seed, sample_stats=self.statistics)
        return self.with_weights(tree, joint, self._seed)
