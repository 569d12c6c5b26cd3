"""The yardstick against metafor 5.0-1 in R 4.2.2 (data/reference/README.md).

The reference prints ten significant digits, so it is off by up to 5e-10 of itself; its iterative estimators stopped at
a change of 1e-12. All figures are held to twice that rounding, and to 1e-9 where they are near zero.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2

from bayesmeta.frequentist import pool
from bayesmeta.frequentist.conditional import maximise
from bayesmeta.likelihoods.hypergeometric import log_likelihood
from bayesmeta.trials import Trials, load, read_trials

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
WITH_COUNTS = ["crins2014_ar", "crins2014_ar_k2", "crins2014_ar_k3", "goralczyk2011_ar", "peto1980", "sidikjonkman2007"]
NAMES = [*WITH_COUNTS, "rubin1981"]
RANDOM = ["DL", "PM", "REML", "ML"]
SEARCH_LIMIT = 100.0  # metafor looks for the upper Q-profile limit no further than tau2 = 100


def printed(value):
    return pytest.approx(value, rel=1e-9, abs=1e-9)


@cache
def trials_of(name) -> Trials:
    return read_trials(REFERENCE / "inputs" / f"{name}.csv")


@cache
def pools_of(name, measure="OR"):
    return pool(trials_of(name), measure=measure)


@cache
def metafor(name):
    return json.loads((REFERENCE / "expected" / f"metafor_{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_common_effect(name):
    expected = metafor(name)["rma"]["EE"]
    row = pools_of(name).row("EE")
    assert [row.estimate, row.se, row.lower, row.upper] == [
        printed(expected[key]) for key in ("estimate", "se", "ci_lb", "ci_ub")
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", RANDOM)
def test_random_effects_with_wald_interval(name, method):
    expected = metafor(name)["rma"][method]
    row = pools_of(name).row(method)
    assert row.tau2 == printed(expected["tau2"])
    assert [row.estimate, row.se, row.lower, row.upper, row.prediction_lower, row.prediction_upper] == [
        printed(expected[key]) for key in ("estimate", "se", "ci_lb", "ci_ub", "pi_lb", "pi_ub")
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", RANDOM)
def test_random_effects_with_hksj_interval(name, method):
    expected = metafor(name)["rma"][method]["knha"]
    row = pools_of(name).row(method, "hksj")
    assert [row.se, row.lower, row.upper, row.prediction_lower, row.prediction_upper] == [
        printed(expected[key]) for key in ("se", "ci_lb", "ci_ub", "pi_lb", "pi_ub")
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", RANDOM)
def test_random_effects_with_ad_hoc_hksj_interval(name, method):
    expected = metafor(name)["rma"][method]["knha_adhoc"]
    row = pools_of(name).row(method, "hksj_adhoc")
    assert [row.se, row.lower, row.upper] == [printed(expected[key]) for key in ("se", "ci_lb", "ci_ub")]


@pytest.mark.parametrize("name", NAMES)
def test_heterogeneity(name):
    # metafor's I2 and H2 are Q-based for the common-effect model only; for random effects they come from tau2.
    expected = metafor(name)["rma"]["EE"]
    found = pools_of(name).heterogeneity
    assert [found[key] for key in ("Q", "df", "p", "I2", "H2")] == [
        printed(expected[key]) for key in ("Q", "Qdf", "Qp", "I2", "H2")
    ]


@pytest.mark.parametrize("name", NAMES)
def test_q_profile_interval(name):
    expected = metafor(name)["confint_qprofile"]
    found = pools_of(name).heterogeneity
    assert found["tau2_qp_lower"] == printed(expected["tau2_lb"])
    if expected["tau2_ub"] < SEARCH_LIMIT:
        assert found["tau2_qp_upper"] == printed(expected["tau2_ub"])
    else:
        effects = pools_of(name).effects
        weights = 1.0 / (effects.se**2 + found["tau2_qp_upper"])
        q = weights @ (effects.y - np.average(effects.y, weights=weights)) ** 2
        assert found["tau2_qp_upper"] > SEARCH_LIMIT
        assert q == pytest.approx(chi2.ppf(0.025, len(weights) - 1), rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_weights(name):
    assert pools_of(name).weights("REML").tolist() == printed(metafor(name)["weights_REML_percent"])


@pytest.mark.parametrize("measure", ["OR", "RR", "RD"])
@pytest.mark.parametrize("name", WITH_COUNTS)
def test_mantel_haenszel(name, measure):
    expected = metafor(name)["rma_mh"][measure]
    row = pools_of(name, measure).row("MH")
    assert [row.estimate, row.se, row.lower, row.upper] == [
        printed(expected[key]) for key in ("estimate", "se", "ci_lb", "ci_ub")
    ]


@pytest.mark.parametrize("name", WITH_COUNTS)
def test_peto(name):
    expected = metafor(name)["rma_peto"]
    row = pools_of(name).row("Peto")
    assert [row.estimate, row.se, row.lower, row.upper] == [
        printed(expected[key]) for key in ("estimate", "se", "ci_lb", "ci_ub")
    ]


@pytest.mark.parametrize("name", [name for name in WITH_COUNTS if name != "crins2014_ar_k2"])
def test_exact_conditional_maximum(name):
    # rma.glmm(model = "CM.EL") reports the likelihood-ratio test of homogeneity: twice the log likelihood with a theta
    # for each trial less that at the common maximum. (It does not converge on crins2014_ar_k2.)
    counts = trials_of(name).counts
    separate = sum(own_maximum(row) for row in counts)
    common = log_likelihood(counts, np.array([pools_of(name).row("conditional").estimate])).sum()
    assert 2.0 * (separate - common) == printed(metafor(name)["rma_glmm"]["CM.EL"]["QE_LRT"])


def own_maximum(row):
    """Largest log probability of one table; 0 where it is as one-sided as its totals allow."""
    events_treated, treated, events_control, control = row
    events = events_treated + events_control
    if events_treated in (max(0.0, events - control), min(treated, events)):
        return 0.0
    theta, _ = maximise(row[None])
    return log_likelihood(row[None], np.array([theta])).item()


@pytest.mark.parametrize("measure", ["RR", "RD"])
@pytest.mark.parametrize("name", WITH_COUNTS)
@pytest.mark.parametrize("method", ["DL", "REML"])
def test_other_measures(name, measure, method):
    expected = metafor(name)[f"rma_{measure}"][method]
    row = pools_of(name, measure).row(method)
    assert [row.estimate, row.se, row.tau2] == [printed(expected[key]) for key in ("estimate", "se", "tau2")]


def test_bcg_as_in_metafor_issue_69():
    # github.com/wviechtb/metafor issue 69, printed to two to four decimals; its I2 is tau2-based.
    pools = pool(load("bcg"))
    row, q = pools.row("REML"), pools.heterogeneity
    weights = pools.effects.se**-2
    typical = q["df"] / (weights.sum() - (weights**2).sum() / weights.sum())  # Higgins & Thompson 2002, equation 9
    assert [row.estimate, row.se, row.tau2] == pytest.approx([-0.7452, 0.1860, 0.3378], abs=5e-5)
    assert 100.0 * row.tau2 / (row.tau2 + typical) == pytest.approx(92.07, abs=5e-3)
    assert q["Q"] == pytest.approx(163.16, abs=5e-3)
    assert q["df"] == 12
