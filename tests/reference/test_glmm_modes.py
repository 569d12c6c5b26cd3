"""The integrated likelihood of the hypergeometric-normal model has its maximum where metafor finds it.

metafor 5.0-1, rma.glmm(model = "CM.EL"): with flat priors of mu and tau the posterior mode is the maximum likelihood
estimate. metafor's optimiser stops at about 1e-6 in the log likelihood, so its estimates hold to 1e-3 of a standard
error.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

import bayesmeta as bm
from bayesmeta.exact import prepare

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
NAMES = ["crins2014_ar", "crins2014_ar_k3", "goralczyk2011_ar", "sidikjonkman2007", "peto1980"]


def expected(name: str) -> dict:
    text = (REFERENCE / "expected" / f"metafor_{name}.json").read_text(encoding="utf-8")
    return json.loads(text).get("rma_glmm", {}).get("CM.EL", {"error": "not fitted"})


@pytest.mark.parametrize("name", [name for name in NAMES if "error" not in expected(name)])
def test_maximum_of_the_integrated_likelihood_as_in_metafor(name: str):
    fitted = expected(name)
    table = bm.read_trials(REFERENCE / "inputs" / f"{name}.csv")
    convolution = prepare(table, bm.Model("hypergeometric", tau="uniform(0, 3)")).convolution

    def minus_log_likelihood(x: np.ndarray) -> float:
        return -float(convolution.log_marginal(np.array([[x[0]]]), np.abs(x[1:])).sum())

    start = np.array([fitted["estimate"], max(np.sqrt(fitted["tau2"]), 0.05)])
    found = minimize(minus_log_likelihood, start, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12})
    theirs = -minus_log_likelihood(np.array([fitted["estimate"], np.sqrt(fitted["tau2"])]))
    assert theirs == pytest.approx(fitted["logLik"], abs=5e-5)
    assert -found.fun >= theirs - 1e-9
    if abs(found.x[1]) < 1e-3:
        return  # The maximum lies at tau = 0, and metafor stops before it.
    assert -found.fun - theirs <= 2e-5
    assert found.x[0] == pytest.approx(fitted["estimate"], abs=5e-3 * fitted["se"])
    assert abs(found.x[1]) == pytest.approx(np.sqrt(fitted["tau2"]), abs=0.01)
