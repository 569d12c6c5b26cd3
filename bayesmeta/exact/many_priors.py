"""Many priors of tau at once: one matrix product for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from bayesmeta.exact.posterior import COLUMNS, LEVELS
from bayesmeta.exact.tau_panels import TauPanels
from bayesmeta.exact.weights import tail_of
from bayesmeta.likelihoods.series import Panels
from bayesmeta.posterior import Marginal
from bayesmeta.priors import HeterogeneityPrior, parse_prior
from bayesmeta.types import Array, Booleans, Integers

if TYPE_CHECKING:
    from bayesmeta.exact.count_posterior import CountPosterior
    from bayesmeta.exact.prepared import Prepared

PIECES = 4  # panels for a panel of the likelihood, and more the narrower the posterior of tau is
RESOLVED = 1e-9  # of the mass: what the last coefficients of a panel may hold; other priors are dealt with one by one
NEGLIGIBLE = 1e-13
OUTWARDS = (1.0, 2.0, 4.0)  # how far the nodes of tau are moved, in u, while some priors reach beyond them
WORTH = 4  # so many priors one by one cost as much as moving the nodes


def under_priors(prepared: "Prepared", priors: Sequence[HeterogeneityPrior | str]) -> pd.DataFrame:
    """Posteriors of mu, tau and theta_new under many priors of tau.

    E[f | y] = sum_t W_t(prior) E[f | tau_t, y]: the expectations are there, and a prior only makes weights W. Priors
    that are steep, have jumps, heavy tails or one value only get nodes of their own, as in a single fit.

    Parameters
    ----------
    prepared : what a fit keeps.
    priors : of tau, or their text.

    Returns
    -------
    DataFrame, one row a prior in the order given, columns (parameter, quantity): mean, sd, median, lower, upper of
    each of "mu" (with moderators the effect of the reference row), "tau" and "theta_new", of the first and the last
    also "above", P(> 0); and ("", "log_marginal_likelihood"). Moments that do not exist are NaN.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from bayesmeta.exact import prepare
    >>> prepared = prepare(bm.load("crins2014"), bm.Model("hypergeometric"))
    >>> table = under_priors(prepared, ["half_normal(0.5)", "uniform(0, 2)"])
    >>> table["tau"]["median"].round(3).tolist()
    [0.348, 0.628]
    """
    known = [cast(HeterogeneityPrior, parse_prior(one, "tau")) if isinstance(one, str) else one for one in priors]
    names = ("mu", "tau", "theta_new")
    columns = pd.MultiIndex.from_tuples(
        [
            ("", "log_marginal_likelihood"),
            *((name, column) for name in names for column in COLUMNS),
            *((name, "above") for name in (names[0], names[2])),
        ]
    )
    table = np.full((len(known), len(columns)), np.nan)
    left = np.arange(len(known))
    if prepared.known_tau is None:
        resolved = [None if one.point is not None else one.given(prepared.standard_errors) for one in known]
        left = _together(prepared, resolved, table)
    for row in left:
        posterior = prepared.posterior(tau=known[row])
        table[row, 0] = posterior.log_marginal_likelihood
        effect, tau, new = posterior.effect(), posterior["tau"], posterior["theta_new"]
        table[row, 1:16] = np.concatenate([_summary(one) for one in (effect, tau, new)])
        table[row, 16:] = [one.probability(above=0.0) for one in (effect, new)]
    return pd.DataFrame(table, index=pd.Index([str(one) for one in known], name="tau prior"), columns=columns)


def _summary(marginal: Marginal) -> Array:
    """Mean, sd, median and limits."""
    moments = [np.nan if moment is None else moment for moment in (marginal.mean, marginal.sd)]
    return np.array([*moments, *marginal.quantile(LEVELS)], dtype=float)


def _together(prepared: "Prepared", priors: Sequence[HeterogeneityPrior | None], table: Array) -> Integers:
    """Fill the rows of the priors that the common nodes resolve, and give the others, those that reach farthest first.

    The nodes of tau are then moved outwards once, and not by each of them.
    """
    flat = int(np.isinf(prepared.design.prior_scale).sum())
    tails = [-np.inf if one is None else tail_of(one, int(prepared.bounding.sum()), flat) for one in priors]
    light = np.array(tails) > 3.0
    base = prepared.posterior()
    found = _Densities.of(prepared, priors)
    for more in OUTWARDS:
        if np.count_nonzero(light & found.resolved & ~found.inside) <= WORTH:
            break
        prepared.reach_farther(more)
        base = prepared.posterior()
        found = _Densities.of(prepared, priors)
    done = light & found.resolved & found.inside
    if done.any():
        found.fill(table, done, base)
    order = np.argsort(-found.at_the_end, kind="stable")
    return np.asarray(order[~done[order]])


@dataclass(frozen=True, eq=False)
class _Densities:
    """Posterior densities of tau under some priors, on the same panels.

    Attributes
    ----------
    likelihood : panels of tau that the likelihood is known on.
    panels : on which the densities are, finer and with the priors' own breaks.
    tau : (N,) their nodes.
    density : (Q, N) of u, over the peak.
    log_peak, mass : (Q,)
    """

    likelihood: TauPanels
    panels: Panels
    tau: Array
    density: Array
    log_peak: Array
    mass: Array

    @classmethod
    def of(cls, prepared: "Prepared", priors: Sequence[HeterogeneityPrior | None]) -> "_Densities":
        likelihood = prepared.tau_panels
        pieces = PIECES + int(0.5 * np.sqrt(len(prepared.effects.y)))
        number = len(likelihood.edges)
        edges = np.interp(np.arange(pieces * (number - 1) + 1) / pieces, np.arange(number), likelihood.edges)
        breaks = np.arcsinh(
            np.array([point for one in priors if one is not None for point in one.breaks]) / likelihood.scale
        )
        panels = Panels(np.union1d(edges, breaks[(breaks > 0.0) & (breaks < edges[-1])]))
        tau = likelihood.scale * np.sinh(panels.nodes)
        log_likelihood = likelihood.between(prepared.predictors.log_evidence)(tau)
        log_density = np.full((len(priors), len(tau)), -np.inf)
        for row, prior in enumerate(priors):
            if prior is not None:
                log_density[row] = prior.log_density(tau) + log_likelihood
        log_density += np.log(likelihood.scale * np.cosh(panels.nodes))
        peak = log_density.max(axis=1)
        density = np.exp(log_density - np.where(np.isfinite(peak), peak, 0.0)[:, None])
        return cls(likelihood, panels, tau, density, peak, density @ panels.weights)

    @property
    def resolved(self) -> Booleans:
        """(Q,) whether the panels resolve a density."""
        last = np.abs(self.panels.series(self.density)[..., -2:]).max(axis=2) * self.panels.half
        return np.asarray(last.max(axis=1) < RESOLVED * self.mass)

    @property
    def inside(self) -> Booleans:
        """(Q,) whether nothing of it, nor of its second moment, lies beyond the panels."""
        return np.asarray(self.density[:, -1] * (1.0 + self.tau[-1] ** 2) < NEGLIGIBLE * self.mass)

    @property
    def at_the_end(self) -> Array:
        """(Q,) density where the panels end, over the mass."""
        with np.errstate(invalid="ignore"):
            return np.nan_to_num(self.density[:, -1] / self.mass)

    def fill(self, table: Array, done: Booleans, base: "CountPosterior") -> None:
        """The rows of a table that are done."""
        density, tau = self.density[done], self.tau
        mass_at_nodes = density * self.panels.weights / self.mass[done, None]
        table[done, 0] = self.log_peak[done] + np.log(self.mass[done])
        weights = mass_at_nodes @ self.likelihood.interpolation(tau)
        table[done, 1:6], table[done, 16] = base.under(weights, "mu")
        mean = mass_at_nodes @ tau
        sd = np.sqrt((mass_at_nodes * (tau - mean[:, None]) ** 2).sum(axis=1))
        quantiles = self.likelihood.scale * np.sinh(self.panels.quantiles(density, LEVELS))
        table[done, 6:11] = np.column_stack([mean, sd, quantiles])
        largest = tau[np.flatnonzero(mass_at_nodes.max(axis=0) > NEGLIGIBLE)[-1]]
        table[done, 11:16], table[done, 17] = base.under(weights, "theta_new", float(largest))
