"""The effect in question under sceptical priors N(0, s^2), from its posterior alone."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayesmeta.errors import ModelError
from bayesmeta.likelihoods.normal import LOG_2PI
from bayesmeta.likelihoods.series import Panels
from bayesmeta.posterior import Marginal, Posterior
from bayesmeta.priors import EffectPrior, Flat, Normal
from bayesmeta.sensitivity.rows import LEVELS, Row
from bayesmeta.types import Array

FARTHEST = 1e-13  # of the posterior mass
KNOWN = 1e-10  # of the posterior mass: farther out its density is known roughly, and beyond FARTHEST not at all
NEGLIGIBLE = 1e-8  # of its peak: what the density under a sceptic may still have there
POINTS = 401
MOST_PANELS, TINY = 200, 1e-300


def asks_elsewhere(posterior: Posterior) -> bool:
    """Whether the effect in question is another than mu: that of a setting beside the intercept's."""
    columns, row = posterior.design.columns, posterior.design.reference
    return "mu" not in columns or not np.array_equal(row, np.eye(len(columns))[columns.index("mu")])


@dataclass(frozen=True, eq=False)
class Sceptics:
    """The effect with its prior exchanged: p(x | y) N(x; 0, s^2) / p(x).

    What depends on the effect in question only through the trials keeps its prior: tau, and with a setting the other
    combinations of the coefficients given the effect there.

    Attributes
    ----------
    effect : its posterior as given.
    prior : its prior as given, which follows from those of the coefficients.
    everywhere : whether its density is known however far out, as that of a mixture of normals is.
    """

    effect: Marginal
    prior: EffectPrior
    everywhere: bool

    @classmethod
    def of(cls, posterior: Posterior) -> "Sceptics":
        """Of the effect in question.

        Raises
        ------
        ModelError : a setting, and priors of the coefficients that are not normal.
        """
        design, everywhere = posterior.design, not hasattr(posterior, "prepared")
        if not asks_elsewhere(posterior):
            return cls(posterior.effect(), posterior.model.prior_of("mu"), everywhere)
        if not design.normal:
            raise ModelError("a sceptical prior of the effect in a setting: state normal priors of all coefficients.")
        row = design.reference
        used = row != 0.0
        scale = float(np.sqrt(((row[used] * design.prior_scale[used]) ** 2).sum()))
        location = float(row[used] @ design.prior_location[used])
        return cls(posterior.effect(), Normal(location, scale) if np.isfinite(scale) else Flat(), everywhere)

    def above(self, scales: Array) -> Array:
        """(N,) P(effect > 0) under each N(0, s^2)."""
        return np.array([self._under(scale)["above"] for scale in scales.tolist()])

    def rows(self, scales: Array) -> list[Row]:
        """Median, 95% interval and P(effect > 0) under each."""
        return [self._under(scale) for scale in scales.tolist()]

    def holds(self, scale: float) -> bool:
        """Whether the answer lies where the posterior as given is known: N(0, s^2) pulls it out into a tail."""
        if self.everywhere:
            return True
        first, last = self.effect.quantile(np.array([KNOWN, 1.0 - KNOWN])).tolist()
        x = np.linspace(first, last, POINTS)
        with np.errstate(divide="ignore"):
            log_density = np.log(self.effect.pdf(x)) - 0.5 * (x / scale) ** 2 - self._log_prior(x)
        return bool(log_density[[0, -1]].max() < log_density.max() + np.log(NEGLIGIBLE))

    @cached_property
    def _ends(self) -> tuple[float, float]:
        """How far from 0 the posterior as given reaches, and between its quartiles."""
        first, lower, upper, last = self.effect.quantile(np.array([FARTHEST, 0.25, 0.75, 1.0 - FARTHEST])).tolist()
        return max(-first, last), upper - lower

    @cached_property
    def _tabulated(self) -> tuple[Panels, Array] | None:
        """The log density over that of its prior as polynomials: mixtures may have 100,000 parts to add up at an x."""
        reach, quartiles = self._ends
        number = int(np.ceil(reach / quartiles))
        if not self.everywhere or number > MOST_PANELS:
            return None
        panels = Panels(np.linspace(-reach, reach, 2 * number + 1))
        density = np.maximum(self.effect.pdf(panels.nodes), TINY)
        return panels, panels.series(np.log(density) - self._log_prior(panels.nodes))

    def _over_prior(self, x: Array) -> Array:
        """p(x | y) / p(x)."""
        if self._tabulated is None:
            return np.asarray(self.effect.pdf(x) * np.exp(-self._log_prior(x)))
        panels, series = self._tabulated
        return np.exp(panels.interpolate(series, x))

    def _log_prior(self, x: Array) -> Array:
        return self.prior.log_density(x) if self.prior.proper else np.full(len(x), -0.5 * LOG_2PI)

    def _under(self, scale: float) -> Row:
        """Legendre panels on both sides of 0, where the probability is cut."""
        farthest, quartiles = self._ends
        reach = min(9.0 * scale, farthest)
        edges = np.linspace(0.0, reach, max(int(np.ceil(reach / min(scale, quartiles))), 2) + 1)
        panels = Panels(np.concatenate([-edges[:0:-1], edges]))
        x = panels.nodes
        density = self._over_prior(x) * np.exp(-0.5 * (x / scale) ** 2)
        limits = panels.quantiles(density[None], LEVELS)[0]
        mass = density * panels.weights
        above = float(mass[x > 0.0].sum() / mass.sum())
        return dict(zip(("lower", "median", "upper"), map(float, limits))) | {"above": above}
