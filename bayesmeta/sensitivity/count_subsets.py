"""Posteriors of many subsets of the trials of a model of counts: the trials are integrated over once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesmeta.errors import BayesmetaError
from bayesmeta.exact.many_means import ManyMeans
from bayesmeta.exact.variations import Powers, Variations
from bayesmeta.posterior import Posterior
from bayesmeta.priors import HeterogeneityPrior
from bayesmeta.sensitivity.rows import COMPUTED, LEVELS, Row
from bayesmeta.types import Array, Integers

ALIKE = 2.0  # the widest of what is done together, over the narrowest
LOOSELY_ALIKE = 6.0
HALVED = 2


def rows_of(many: ManyMeans) -> list[Row]:
    """The computed columns of each posterior."""
    effect, new = many.effect, many.new
    tau = np.stack([many.heterogeneity(s).quantile(LEVELS) for s in range(len(many.weights))])
    columns = [effect.quantiles(LEVELS), new.quantiles(LEVELS), tau, effect.above(0.0), new.above(0.0)]
    return [dict(zip(COMPUTED, values)) for values in np.column_stack(columns).tolist()]


def table_under(posterior: Any, priors: Sequence[HeterogeneityPrior]) -> tuple[Array, Array]:
    """The computed columns (n, columns) and log marginal likelihoods (n,) under priors of tau, all at once."""
    table = posterior.prepared.under(priors)
    limits = [(name, limit) for name in ("mu", "theta_new", "tau") for limit in ("lower", "median", "upper")]
    rows = table[[*limits, ("mu", "above"), ("theta_new", "above")]].to_numpy(dtype=float)
    return rows, table["", "log_marginal_likelihood"].to_numpy(dtype=float)


def rows_under(posterior: Posterior, priors: Sequence[HeterogeneityPrior]) -> list[Row]:
    """The computed columns as rows."""
    return [dict(zip(COMPUTED, row)) for row in table_under(posterior, priors)[0].tolist()]


@dataclass(frozen=True, eq=False)
class CountSubsets:
    """A model of a pooled effect by quadrature whose trials are taken in and out.

    Parameters
    ----------
    variations : what the engine keeps.
    prior : of tau.
    se : (k,) standard errors.
    """

    variations: Variations
    prior: HeterogeneityPrior
    se: Array

    @classmethod
    def of(cls, posterior: Posterior) -> "CountSubsets | None":
        """Of a posterior's trials; None where its model is not of this kind."""
        prepared = getattr(posterior, "prepared", None)
        if prepared is None or prepared.variations is None:
            return None
        if posterior.effects.shared and posterior.model.tau_prior.needs_standard_errors:
            return None  # those of arms that share a control are not row by row
        return cls(prepared.variations, posterior.model.tau_prior, posterior.effects.se)

    def rows(self, kept: Array) -> list[Row | None]:
        """The computed columns of each subset (n, k); None where it has to be fitted by itself, or holds no trial."""
        found: list[Row | None] = [None] * len(kept)
        for chosen, many in self._together(
            lambda some: Powers.leaving(kept[some], self.prior, self.se), self._alike(kept)
        ):
            for position, row in zip(chosen, rows_of(many), strict=True):
                found[position] = row
        return found

    def sceptical(self, scales: Array) -> list[Row | None]:
        """The computed columns under each prior N(0, s^2) of mu; None where it has to be fitted by itself."""
        found: list[Row | None] = [None] * len(scales)
        prior = self.prior.given(self.se)
        # At the largest tau the trials say less, and wide priors part from narrow ones.
        precision = [(1.0 / (self.se**2 + tau**2)).sum() for tau in (0.0, self.variations.largest_tau)]
        near, far = (-0.5 * np.log2(one + scales**-2.0) for one in precision)
        groups = _steps(near, far=far)
        for chosen, many in self._together(lambda some: Powers.sceptical(scales[some], prior, len(self.se)), groups):
            for position, row in zip(chosen, rows_of(many), strict=True):
                found[position] = row
        return found

    def above(self, kept: Array) -> Array:
        """(n,) P(mu > 0) of each subset; NaN where it has to be fitted by itself."""
        found = np.full(len(kept), np.nan)
        for chosen, many in self._together(
            lambda some: Powers.leaving(kept[some], self.prior, self.se), self._alike(kept)
        ):
            found[chosen] = many.effect.above(0.0)
        return found

    def _together(
        self, powers: Callable[[Integers], Powers], groups: list[Integers]
    ) -> Iterator[tuple[Integers, ManyMeans]]:
        """The posteriors of each group; a group that does not go together is halved, twice at most."""
        for group in groups:
            waiting = [(group, 0)]
            while waiting:
                chosen, halved = waiting.pop()
                try:
                    many = self.variations.posteriors(powers(chosen))
                except BayesmetaError:
                    continue  # the fit by itself says why
                if many is not None:
                    yield chosen, many
                elif halved < HALVED and len(chosen) > 1:
                    middle = len(chosen) // 2
                    waiting += [(chosen[:middle], halved + 1), (chosen[middle:], halved + 1)]

    def _alike(self, kept: Array) -> list[Integers]:
        """Positions of the subsets that go together, being about as wide as each other."""
        which = np.flatnonzero(self.variations.serves(kept) & (kept > 0.0).any(axis=1))
        if not len(which):
            return []
        widths = self.variations.widths(kept[which])
        return [which[step][np.argsort(widths[step, 0], kind="stable")] for step in _steps(*widths.T)]


def _steps(*widths: Array, far: Array | float = 0.0) -> list[Integers]:
    """Positions of about equal widths, which are given as logarithms: at tau 0, and more loosely far from it."""
    if not all(np.isfinite(width).all() for width in widths):
        return [np.flatnonzero(widths[0] == one) for one in np.unique(widths[0])]
    near = [np.floor((width - width.min()) / np.log2(ALIKE)) for width in widths]
    away = np.floor((far - np.min(far)) / np.log2(LOOSELY_ALIKE))
    step = np.stack([*near, np.broadcast_to(away, near[0].shape)])
    _, which = np.unique(step, axis=1, return_inverse=True)
    return [np.flatnonzero(np.ravel(which) == one) for one in range(int(np.max(which)) + 1)]
