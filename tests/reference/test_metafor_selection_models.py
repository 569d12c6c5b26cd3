"""Selection models against metafor 5.0-1: selmodel(type = "stepfun"), maximum likelihood (data/reference/README.md)."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

import bayesmeta as bm

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
STEPS = {
    "step_greater_025": "one_sided(0.025, side=greater)",
    "step_less_025": "one_sided(0.025, side=less)",
    "step_twosided_05": "two_sided(0.05)",
}
# Fits that metafor did not refuse or warn about: with an empty interval the likelihood grows without end in its weight.
FITS = [
    ("crins2014_ar", "step_less_025"),
    ("crins2014_ar", "step_twosided_05"),
    ("crins2014_ar_k3", "step_less_025"),
    ("crins2014_ar_k3", "step_twosided_05"),
    ("goralczyk2011_ar", "step_less_025"),
    ("goralczyk2011_ar", "step_twosided_05"),
    ("sidikjonkman2007", "step_less_025"),
    ("sidikjonkman2007", "step_twosided_05"),
]


@cache
def trials_of(name):
    return bm.read_trials(REFERENCE / "inputs" / f"{name}.csv")


@cache
def metafor(name):
    return json.loads((REFERENCE / "expected" / f"metafor_{name}.json").read_text(encoding="utf-8"))["selmodel_ML"]


@cache
def flat(name, kind, omega="uniform(0, 100)"):
    return bm.fit(
        trials_of(name), bm.Model("normal", mu="flat", tau="uniform(0, 10)", selection=STEPS[kind], omega=omega)
    )


def log_likelihood(posterior, mu, tau, omega):
    mean = np.full((1, posterior.effects.k), mu)
    return float(posterior.log_likelihood_of(mean, np.array([tau]), np.array([[omega]])).sum())


@pytest.mark.parametrize(("name", "kind"), FITS)
def test_the_mode_under_flat_priors_is_the_maximum_likelihood_estimate(name, kind):
    # metafor's optimiser stops early (its log likelihood is up to 1e-5 below the maximum), so the maximum found here is
    # held to be no lower than metafor's, and the estimates to agree as well as so flat a top allows.
    expected, posterior = metafor(name)[kind], flat(name, kind)

    def minus(x):
        return -log_likelihood(posterior, x[0], np.exp(0.5 * x[1]), np.exp(x[2]))

    start = [expected["estimate"], np.log(expected["tau2"]), np.log(expected["delta"][1])]
    found = minimize(minus, start, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-12, "maxiter": 4000})
    assert -found.fun >= expected["logLik"] - 1e-8
    assert -found.fun == pytest.approx(expected["logLik"], abs=2e-4)
    assert found.x[0] == pytest.approx(expected["estimate"], abs=0.01)
    assert np.exp(found.x[2]) == pytest.approx(expected["delta"][1], rel=0.03)


@pytest.mark.parametrize(("name", "kind"), FITS)
def test_the_likelihood_of_the_engine_is_metafors(name, kind):
    # With the weight at metafor's estimate and flat priors, p(mu | tau, y) p(y | tau) is the likelihood: its logarithm
    # at metafor's estimates is metafor's logLik, constants included.
    expected = metafor(name)[kind]
    at = flat(name, kind, f"fixed({expected['delta'][1]!r})")
    tau = np.sqrt(expected["tau2"])
    nodes, evidence = at.prepared.tau_panels, at.prepared.predictors.log_evidence
    place = nodes.interpolation(np.array([tau]))
    line = at.prepared.predictors.line(np.ones(1)).at(np.full((len(evidence), 1), expected["estimate"]))[:, 0]
    assert float(place[0] @ (line + evidence)) == pytest.approx(expected["logLik"], abs=1e-7)
    assert log_likelihood(at, expected["estimate"], tau, expected["delta"][1]) == pytest.approx(
        expected["logLik"], abs=1e-7
    )


@pytest.mark.parametrize("name", ["crins2014_ar", "goralczyk2011_ar", "peto1980", "sidikjonkman2007"])
def test_known_weights_give_metafors_fit_with_fixed_delta(name):
    # selmodel(..., delta = c(1, 0.5)): the mode over (mu, tau) with omega = 0.5. On goralczyk2011_ar the likelihood is
    # highest at tau = 0, and metafor stops at tau2 = 1e-5, 4e-4 below the maximum.
    expected, posterior = metafor(name)["step_less_fixed_half"], flat(name, "step_less_025", "fixed(0.5)")
    found = minimize(
        lambda x: -log_likelihood(posterior, x[0], np.exp(0.5 * x[1]), 0.5),
        [expected["estimate"], np.log(expected["tau2"])],
        method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-12, "maxiter": 4000},
    )
    assert -found.fun >= expected["logLik"] - 1e-8
    assert -found.fun == pytest.approx(expected["logLik"], abs=1e-3)
    assert found.x[0] == pytest.approx(expected["estimate"], abs=2e-3)
