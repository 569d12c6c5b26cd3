"""Log likelihood of each trial with its effect integrated out: what leaving out a trial leaves out."""

import numpy as np
from scipy.special import gammaincinv, gammaln

from bayesmeta.effects import Effects
from bayesmeta.likelihoods import Evidence
from bayesmeta.likelihoods import marginal_log_likelihood as with_normal_effects
from bayesmeta.model import Model
from bayesmeta.trials import Trials
from bayesmeta.types import Array

NODES = 20  # of the mixing precision of Student-t random effects
OUTSIDE = 1e-7  # of its distribution
BASELINE_ACCURACY = 1e-3  # relative, of the density of a Student-t prior of the baselines as a mixture of normals


def marginal_log_likelihood(trials: Trials, model: Model, effects: Effects, mean: Array, tau: Array) -> Array:
    """l_i(m_i, tau) = log sum_q w_q L_i(m_i, c_q tau), the random effects being a mixture of normals.

    Rows without counts enter by the normal likelihood. The distribution of the precision that makes normal random
    effects Student-t is represented by 20 points.

    Parameters
    ----------
    trials, model, effects : of the fit.
    mean : (..., k) x_i' beta.
    tau : (...).

    Returns
    -------
    (..., k)
    """
    scales, weights = components(model)
    found = np.empty(mean.shape)
    counted = trials.has_counts[effects.rows] & (model.likelihood != "normal")
    for name, rows in ((model.likelihood, np.flatnonzero(counted)), ("normal", np.flatnonzero(~counted))):
        if not len(rows):
            continue
        found[..., rows] = -np.inf
        for share, *baseline in _baselines(model) if name == "binomial" else [(1.0, 0.0, 1.0)]:
            evidence = Evidence(
                effects.y[rows],
                effects.se[rows],
                trials.counts[effects.rows][rows],
                (baseline[0], baseline[1]),
                model.baseline_at,
            )
            log_p = with_normal_effects(name, evidence)
            # The widest first: a tabulated likelihood then has its whole range from the start.
            for c, w in zip(scales, weights, strict=True):
                term = np.log(share * w) + log_p(mean[..., rows], c * tau[..., None])
                found[..., rows] = np.logaddexp(found[..., rows], term)
    return found


def _baselines(model: Model) -> list[tuple[float, float, float]]:
    """Weight, location and scale of the normals that the prior of the baselines is a mixture of."""
    parts = model.baseline_prior.as_normal_mixture(BASELINE_ACCURACY)
    assert parts is not None
    return list(zip(*(part.tolist() for part in parts), strict=True))


def components(model: Model) -> tuple[Array, Array]:
    """Standard deviations and weights of the normals that a standardised random effect is a mixture of, widest first.

    Examples
    --------
    >>> [part.tolist() for part in components(Model(random_effects="mixture(0.1, 5)"))]
    [[5.0, 1.0], [0.1, 0.9]]
    """
    name, parameters = model.random_effects_parts
    if name == "mixture":
        outliers, factor = parameters
        return (np.array([factor, 1.0]), np.array([outliers, 1.0 - outliers])) if outliers else (np.ones(1), np.ones(1))
    if name == "student_t":
        return _student_t(parameters[0])
    return np.ones(1), np.ones(1)


def _student_t(df: float) -> tuple[Array, Array]:
    """Gauss-Legendre nodes in the log of the precision lambda ~ Gamma(df / 2, rate df / 2)."""
    half = 0.5 * df
    low, high = np.log(gammaincinv(half, np.array([OUTSIDE, 1.0 - OUTSIDE])) / half)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    x = low + 0.5 * (high - low) * (nodes + 1.0)
    density = np.exp(half * (x - np.exp(x)) + half * np.log(half) - gammaln(half))
    weights = weights * density
    return np.exp(-0.5 * x), np.asarray(weights / weights.sum())
