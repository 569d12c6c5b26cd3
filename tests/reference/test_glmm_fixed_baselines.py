"""The binomial-normal model with a free baseline for each trial has its maximum where metafor finds it.

metafor 5.0-1, rma.glmm(model = "UM.FS"): study i has log odds gamma_i -+ theta_i / 2 in its two arms, theta_i ~ N(mu,
tau^2); gamma_i, mu and tau^2 by maximum likelihood, which is the joint mode under flat priors. The random effect is
coded -1/2, 1/2, as with our baselines at the midpoint: with the coding 0, 1 the maximum lies elsewhere (checked below).

metafor integrates with lme4, by 7 points of adaptive Gauss-Hermite quadrature. The log likelihood that lme4 then gives
is not on the scale of the exact one: at the same parameters it exceeds it by 0.9 (crins2014_ar) to 2.8 (peto1980), and
where tau^2 = 0 the two are equal. So `logLik` is compared there alone; where the maximum lies is not touched. The
estimates agree to the error of the optimiser, better than 1e-3 of a standard error. Fits that lme4 itself warned of are
left out.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

import bayesmeta as bm
from bayesmeta.likelihoods.binomial import log_likelihood_given_baseline

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
Z = np.arange(-8.0, 8.01, 0.25)
SHARE = np.exp(-0.5 * Z * Z) * 0.25 / np.sqrt(2.0 * np.pi)


def expected(name: str) -> dict:
    text = (REFERENCE / "expected" / f"metafor_{name}.json").read_text(encoding="utf-8")
    return json.loads(text)["rma_glmm"]["UM.FS"]


def counts_of(name: str) -> np.ndarray:
    return bm.read_trials(REFERENCE / "inputs" / f"{name}.csv").counts


def log_likelihood(counts: np.ndarray, gamma: np.ndarray, mu: float, tau: float) -> float:
    """sum_i log integral Bin Bin N(theta; mu, tau^2) d theta, by the trapezoid rule in (theta - mu) / tau."""
    total = 0.0
    for row, baseline in zip(counts, gamma):
        log_p = log_likelihood_given_baseline(row, mu + tau * Z, baseline)
        total += log_p.max() + np.log(np.exp(log_p - log_p.max()) @ SHARE)
    return total


def maximum(counts: np.ndarray, mu: float, tau: float) -> tuple[float, np.ndarray, float, float]:
    """Largest log likelihood over baselines, mu and tau, by quasi-Newton steps."""
    r1, n1, r0, n0 = counts.T
    start = np.log((r0 + r1 + 0.5) / (n0 + n1 - r0 - r1 + 0.5))
    found = minimize(
        lambda x: -log_likelihood(counts, x[2:], x[0], x[1]), np.array([mu, tau, *start]), options={"gtol": 1e-5}
    )
    return -found.fun, found.x[2:], found.x[0], abs(found.x[1])


@pytest.mark.parametrize("name", ["crins2014_ar", "crins2014_ar_k3", "peto1980"])
def test_flat_prior_mode_with_free_baselines_as_in_metafor(name):
    fitted, counts = expected(name), counts_of(name)
    assert "warnings" not in fitted
    largest, gamma, mu, tau = maximum(counts, fitted["estimate"] + 0.1, np.sqrt(fitted["tau2"]) + 0.05)
    assert mu == pytest.approx(fitted["estimate"], abs=1e-3 * fitted["se"])
    assert tau**2 == pytest.approx(fitted["tau2"], rel=2e-3)
    # At their estimate the likelihood is the largest there is.
    assert largest - log_likelihood(counts, gamma, fitted["estimate"], np.sqrt(fitted["tau2"])) == pytest.approx(
        0.0, abs=1e-6
    )


@pytest.mark.parametrize("name", ["crins2014_ar_k2", "goralczyk2011_ar"])
def test_log_likelihood_as_in_metafor_where_there_is_no_heterogeneity(name):
    fitted, counts = expected(name), counts_of(name)
    assert fitted["tau2"] < 1e-12
    r1, n1, r0, n0 = counts.T
    # Without random effects each baseline solves r0 + r1 = n0 p0 + n1 p1: logistic regression.
    gamma = np.log((r0 + r1 + 0.5) / (n0 + n1 - r0 - r1 + 0.5))
    for _ in range(30):
        p0, p1 = (1.0 / (1.0 + np.exp(-(gamma + side * fitted["estimate"] / 2))) for side in (-1, 1))
        gamma = gamma + (r0 + r1 - n0 * p0 - n1 * p1) / (n0 * p0 * (1 - p0) + n1 * p1 * (1 - p1))
    assert log_likelihood(counts, gamma, fitted["estimate"], 0.0) == pytest.approx(fitted["logLik"], abs=1e-6)
    nearby = [log_likelihood(counts, gamma, fitted["estimate"], tau) for tau in (0.02, 0.05)]
    assert max(nearby) < fitted["logLik"] + 1e-6


def test_the_other_coding_has_its_maximum_elsewhere():
    # With the random effect in the treated arm alone (0, 1) the estimate of tau^2 of Peto 1980 is half as large.
    name = "peto1980"
    counts, fitted = counts_of(name), expected(name)

    def value(x: np.ndarray) -> float:
        total = 0.0
        for row, control in zip(counts, x[2:]):
            log_p = log_likelihood_given_baseline(row, x[0] + x[1] * Z, control, at_control=True)
            total -= log_p.max() + np.log(np.exp(log_p - log_p.max()) @ SHARE)
        return total

    start = np.log(counts[:, 2] / (counts[:, 3] - counts[:, 2]))
    found = minimize(value, np.array([fitted["estimate"], 0.14, *start]), options={"gtol": 1e-5})
    assert found.x[1] ** 2 < 0.6 * fitted["tau2"]
