"""Why not simply regress the observed effect on the observed control risk."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import bayesmeta as bm
from bayesmeta.effects import effect_sizes
from bayesmeta.errors import ModelError
from bayesmeta.frequentist import metaregression
from bayesmeta.likelihoods.arms import log_odds


def naive_slope(rng, n, spread, k=20):
    """Of simulated trials whose effect is 0.4 whatever the control risk, which varies with this standard deviation."""
    gamma = rng.normal(-0.5, spread, k)
    counts = {"events_treated": rng.binomial(n, expit(gamma + 0.4)), "events_control": rng.binomial(n, expit(gamma))}
    table = pd.DataFrame(
        {"study": [f"simulated {i}" for i in range(k)], "total_treated": n, "total_control": n} | counts
    )
    trials = bm.read_trials(table)
    x = log_odds(*trials.counts[:, 2:].T)[0]
    design = np.column_stack([np.ones(k), x - x.mean()])
    return metaregression(effect_sizes(trials), design, ("mu", "x")).beta[1]


@pytest.mark.parametrize(("n", "spread", "expected"), [(40, 0.5, -0.30), (40, 0.0, -1.0), (2000, 0.5, 0.0)])
def test_the_naive_slope_falls_although_the_effect_does_not(n, spread, expected):
    # Minus the share of noise in the observed control log odds: v / (v + spread^2), v = 1 / (n p (1 - p)).
    rng = np.random.default_rng(20)
    slopes = np.array([naive_slope(rng, n, spread) for _ in range(60)])
    error = slopes.std(ddof=1) / np.sqrt(len(slopes))
    assert slopes.mean() == pytest.approx(expected, abs=4 * error + 0.05)


def test_a_model_without_control_risk_is_refused():
    with pytest.raises(ModelError, match=r"no regression on the control risk\. State control_risk=True"):
        bm.checks.control_risk(bm.fit(bm.load("crins2014")))
