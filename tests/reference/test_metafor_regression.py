"""Meta-regression against metafor 5.0-1 in R 4.2.2 (data/reference/README.md), printed to ten significant digits."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from bayesmeta.effects import effect_sizes
from bayesmeta.frequentist import metaregression
from bayesmeta.trials import read_trials

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
NAMES = ["crins2014_ar", "crins2014_ar_k3", "goralczyk2011_ar", "peto1980", "rubin1981", "sidikjonkman2007"]
INTERVALS = {"z": "wald", "knha": "hksj"}


def printed(value):
    return pytest.approx(value, rel=1e-9, abs=1e-9)


@cache
def metafor(name):
    return json.loads((REFERENCE / "expected" / f"metafor_{name}.json").read_text(encoding="utf-8"))


@cache
def trials_of(name):
    return read_trials(REFERENCE / "inputs" / f"{name}.csv")


def on_randomisation(method, interval):
    """Graft rejection on whether the trial was randomised: n.s. (reference level), no, yes."""
    trials = trials_of("goralczyk2011_ar")
    level = trials.table["randomized"].to_numpy()
    matrix = np.column_stack([np.ones(trials.k), level == "no", level == "yes"]).astype(float)
    return metaregression(effect_sizes(trials), matrix, ("mu", "no", "yes"), method, interval)


RANDOM = [f"{method}_{short}" for method in ("DL", "PM", "REML", "ML") for short in INTERVALS]
SMALL_STUDY = [
    (name, test)
    for name in NAMES
    for test in ("rma_REML_sei", "rma_DL_sei", "rma_REML_vi", "rma_REML_ninv")
    if (name, test) != ("rubin1981", "rma_REML_ninv")  # no sample sizes
]


@pytest.mark.parametrize("fit", ["EE_z", *RANDOM])
def test_goralczyk_2011_on_randomisation(fit):
    method, short = fit.split("_")
    expected = metafor("goralczyk2011_ar")["meta_regression"]["randomized"][fit]
    found = on_randomisation(method, INTERVALS[short])
    for name, key in (
        ("beta", "estimate"), ("se", "se"), ("lower", "ci_lb"), ("upper", "ci_ub"),
        ("statistic", "zval"), ("p_value", "pval"),
    ):  # fmt: skip
        assert getattr(found, name).tolist() == printed(expected[key]), name
    assert found.covariance.ravel().tolist() == printed(np.ravel(expected["vcov"]).tolist())
    assert [found.QE, found.QE_p, found.QM, found.QM_p] == [
        printed(expected[key]) for key in ("QE", "QEp", "QM", "QMp")
    ]
    assert list(found.QM_df) == [expected["QMdf"][0], expected["QMdf"][1] or np.inf]
    if method != "EE":
        assert found.tau2 == printed(expected["tau2"])


def predictor(name, trials, effects):
    counts = trials.counts
    return {"sei": effects.se, "vi": effects.se**2, "ninv": 1.0 / (counts[:, 1] + counts[:, 3])}[name]


@pytest.mark.parametrize(("name", "test"), SMALL_STUDY)
def test_small_study_regressions(name, test):
    # metafor's regtest(): a meta-regression on the standard error, the variance or the inverse sample size; the
    # limit estimate is its intercept. Here tau2 is above zero, unlike in the regressions on randomisation.
    expected = metafor(name)["regtest"][test]
    _, method, moderator = test.split("_")
    trials = trials_of(name)
    effects = effect_sizes(trials)
    matrix = np.column_stack([np.ones(trials.k), predictor(moderator, trials, effects)])
    found = metaregression(effects, matrix, ("mu", moderator), method)
    assert [found.statistic[1], found.p_value[1]] == [printed(expected["stat"]), printed(expected["pval"])]
    assert [found.beta[0], found.lower[0], found.upper[0]] == [
        printed(expected[key]) for key in ("limit_est", "limit_lb", "limit_ub")
    ]
