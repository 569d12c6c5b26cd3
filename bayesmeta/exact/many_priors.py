"""Many priors of tau at once: one matrix product for all of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from bayesmeta.exact.posterior import COLUMNS, LEVELS
from bayesmeta.exact.weights import tail_of
from bayesmeta.likelihoods.series import Panels
from bayesmeta.posterior import Marginal
from bayesmeta.priors import HeterogeneityPrior, parse_prior
from bayesmeta.types import Array, Integers

if TYPE_CHECKING:
    from bayesmeta.exact.count_posterior import CountPosterior
    from bayesmeta.exact.prepared import Prepared

PIECES = 4  # panels for a panel of the likelihood, and more the narrower the posterior of tau is
RESOLVED = 1e-9  # of the mass: what the last coefficients of a panel may hold; other priors are dealt with one by one
NEGLIGIBLE = 1e-13


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
    base = prepared.posterior()
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
        left = _together(prepared, base, resolved, table)
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


def _together(
    prepared: "Prepared", base: "CountPosterior", priors: Sequence[HeterogeneityPrior | None], table: Array
) -> Integers:
    """Fill the rows of the priors that the common nodes resolve, and give the others, those that reach farthest first.

    The nodes of tau are then moved outwards once, and not by each of them.
    """
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
    tails = np.full(len(priors), np.inf)
    flat = int(np.isinf(prepared.design.prior_scale).sum())
    for row, prior in enumerate(priors):
        if prior is not None:
            tails[row] = tail_of(prior, int(prepared.bounding.sum()), flat)
            log_density[row] = prior.log_density(tau) + log_likelihood
    log_density += np.log(likelihood.scale * np.cosh(panels.nodes))
    peak = log_density.max(axis=1, keepdims=True)
    density = np.exp(log_density - np.where(np.isfinite(peak), peak, 0.0))
    mass = density @ panels.weights
    last = np.abs(panels.series(density)[..., -2:]).max(axis=2) * panels.half
    with np.errstate(invalid="ignore"):
        done = (last.max(axis=1) < RESOLVED * mass) & (tails > 3.0)
        done &= density[:, -1] * (1.0 + tau[-1] ** 2) < NEGLIGIBLE * mass
    if done.any():
        mass_at_nodes = density[done] * panels.weights / mass[done, None]
        table[done, 0] = peak[done, 0] + np.log(mass[done])
        weights = mass_at_nodes @ likelihood.interpolation(tau)
        table[done, 1:6], table[done, 16] = base.under(weights, "mu")
        mean = mass_at_nodes @ tau
        sd = np.sqrt((mass_at_nodes * (tau - mean[:, None]) ** 2).sum(axis=1))
        quantiles = likelihood.scale * np.sinh(panels.quantiles(density[done], LEVELS))
        table[done, 6:11] = np.column_stack([mean, sd, quantiles])
        largest = tau[np.flatnonzero(mass_at_nodes.max(axis=0) > NEGLIGIBLE)[-1]]
        table[done, 11:16], table[done, 17] = base.under(weights, "theta_new", float(largest))
    with np.errstate(invalid="ignore"):
        at_the_end = np.nan_to_num(density[:, -1] / mass)
    order = np.argsort(-at_the_end, kind="stable")
    return np.asarray(order[~done[order]])
