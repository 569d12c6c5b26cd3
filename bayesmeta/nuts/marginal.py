"""Log likelihood of each trial with its effect integrated out: what leaving out a trial leaves out."""

from collections.abc import Callable

import numpy as np
from scipy.special import gammaincinv, gammaln, stdtr

from bayesmeta.effects import Effects
from bayesmeta.likelihoods import Evidence
from bayesmeta.likelihoods import marginal_log_likelihood as with_normal_effects
from bayesmeta.likelihoods.values import binomial_log_p, hypergeometric_log_p
from bayesmeta.model import Model
from bayesmeta.posterior.arms import put_arms
from bayesmeta.trials import Trials
from bayesmeta.types import Array, Integers

NODES = 64  # of the mixing precision of Student-t random effects
OUTSIDE = 1e-9  # of its distribution
BASELINE_ACCURACY = 1e-3  # relative, of the density of a Student-t prior of the baselines as a mixture of normals
FARTHEST = 40.0  # log odds ratio: there a likelihood has fallen, or does not change any more
FALL = 30.0
STEP = 0.35  # of a trial's standard error, or of tau where that is smaller
NARROWEST = 1.0 / 32.0  # of a trial's standard error: a smaller tau changes its likelihood by less than 1e-3


def marginal_log_likelihood(trials: Trials, model: Model, effects: Effects, mean: Array, tau: Array) -> Array:
    """l_i(m_i, tau) = log integral p(y_i | theta) g((theta - m_i) / tau) / tau d theta, g the random effects' density.

    Rows without counts enter by the normal likelihood. Mixtures of normals are sums of what each normal gives; counts
    with Student-t random effects are integrated over theta, which is good to about 1e-3.

    Parameters
    ----------
    trials, model, effects : of the fit.
    mean : (..., k) x_i' beta.
    tau : (...).

    Returns
    -------
    (..., k)
    """
    found = np.empty(mean.shape)
    counted = trials.has_counts[effects.rows] & (model.likelihood != "normal")
    rows = np.flatnonzero(counted)
    if len(rows) and model.random_effects_parts[0] == "student_t":
        for row in rows:
            log_p = _log_p(trials.counts[effects.rows][row], model)
            found[..., row] = _with_t_effects(log_p, effects.se[row], mean[..., row], tau, *_t(model))
    elif len(rows):
        found[..., rows] = _mixed(trials, model, effects, rows, model.likelihood, mean, tau)
    rows = np.flatnonzero(~counted)
    if len(rows):
        found[..., rows] = _mixed(trials, model, effects, rows, "normal", mean, tau)
    put_arms(found, trials, model, effects, mean, tau)
    return found


def _mixed(
    trials: Trials, model: Model, effects: Effects, rows: Integers, likelihood: str, mean: Array, tau: Array
) -> Array:
    """log sum_q w_q L_i(m_i, c_q tau): random effects, and priors of baselines, that are mixtures of normals."""
    found = np.full(mean[..., rows].shape, -np.inf)
    for share, *baseline in _baselines(model) if likelihood == "binomial" else [(1.0, 0.0, 1.0)]:
        evidence = Evidence(
            effects.y[rows],
            effects.se[rows],
            trials.counts[effects.rows][rows],
            (baseline[0], baseline[1]),
            model.baseline_at,
        )
        log_p = with_normal_effects(likelihood, evidence)
        # The widest first: a tabulated likelihood then has its whole range from the start.
        for c, w in zip(*components(model), strict=True):
            found = np.logaddexp(found, np.log(share * w) + log_p(mean[..., rows], c * tau[..., None]))
    return found


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
        return _precisions(parameters[0])
    return np.ones(1), np.ones(1)


def _precisions(df: float) -> tuple[Array, Array]:
    """Gauss-Legendre nodes in the log of the precision lambda ~ Gamma(df / 2, rate df / 2)."""
    half = 0.5 * df
    low, high = np.log(gammaincinv(half, np.array([OUTSIDE, 1.0 - OUTSIDE])) / half)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    x = low + 0.5 * (high - low) * (nodes + 1.0)
    weights = weights * np.exp(half * (x - np.exp(x)))
    return np.exp(-0.5 * x), np.asarray(weights / weights.sum())


def _baselines(model: Model) -> list[tuple[float, float, float]]:
    """Weight, location and scale of the normals that the prior of the baselines is a mixture of."""
    parts = model.baseline_prior.as_normal_mixture(BASELINE_ACCURACY)
    assert parts is not None
    return list(zip(*(part.tolist() for part in parts), strict=True))


def _log_p(counts: Array, model: Model) -> Callable[[Array], Array]:
    """log p(y | theta) of one 2x2 table."""
    if model.likelihood == "hypergeometric":
        return lambda theta: hypergeometric_log_p(counts, theta)

    def log_p(theta: Array) -> Array:
        at_control = model.baseline_at == "control"
        parts = [
            np.log(share) + binomial_log_p(counts, theta, location=location, scale=scale, at_control=at_control)
            for share, location, scale in _baselines(model)
        ]
        return np.asarray(np.logaddexp.reduce(parts))

    return log_p


def _t(model: Model) -> tuple[float, float]:
    """Degrees of freedom, and the log of the constant of the density."""
    (df,) = model.random_effects_parts[1]
    return df, float(gammaln(0.5 * df + 0.5) - gammaln(0.5 * df) - 0.5 * np.log(df * np.pi))


def _with_t_effects(
    log_p: Callable[[Array], Array], se: float, mean: Array, tau: Array, df: float, constant: float
) -> Array:
    """One trial, by the trapezoid rule in theta where its likelihood is not negligible; a flat tail by the t cdf."""
    coarse = np.linspace(-FARTHEST, FARTHEST, int(2.0 * FARTHEST / min(se, 0.5)) + 1)
    value = log_p(coarse)
    seen = np.flatnonzero(value > value.max() - FALL)
    low, high = coarse[max(seen[0] - 1, 0)], coarse[min(seen[-1] + 1, len(coarse) - 1)]
    m, scale = mean.ravel(), np.maximum(tau, NARROWEST * se).ravel()
    found = np.empty(m.shape)
    octave = np.minimum(np.floor(np.log2(scale / se)), 0.0)  # draws with a like tau share nodes
    for one in np.unique(octave):
        alike = octave == one
        theta = np.linspace(low, high, int(np.ceil((high - low) / (STEP * se * 2.0**one))) + 1)
        p = np.exp(log_p(theta) - value.max())
        z = (theta - m[alike, None]) / scale[alike, None]
        inner = np.exp(constant - 0.5 * (df + 1.0) * np.log1p(z * z / df)) / scale[alike, None]
        step = theta[1] - theta[0]
        weights = p * step
        weights[[0, -1]] *= 0.5
        # Beyond the ends the likelihood is nothing, or goes on as it ends.
        tails = p[0] * stdtr(df, z[:, 0]) * (low == coarse[0]) + p[-1] * stdtr(df, -z[:, -1]) * (high == coarse[-1])
        found[alike] = np.log(inner @ weights + tails) + value.max()
    return found.reshape(mean.shape)
