"""Small-study effects against metafor 5.0-1: regtest, ranktest and trimfill (data/reference/README.md)."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import bayesmeta as bm

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
NAMES = ["crins2014_ar", "crins2014_ar_k3", "goralczyk2011_ar", "peto1980", "rubin1981", "sidikjonkman2007"]
WITH_COUNTS = [name for name in NAMES if name != "rubin1981"]


def printed(value):
    return pytest.approx(value, rel=1e-8, abs=1e-9)


@cache
def found(name):
    return bm.small_study_effects(bm.read_trials(REFERENCE / "inputs" / f"{name}.csv"))


@cache
def metafor(name):
    return json.loads((REFERENCE / "expected" / f"metafor_{name}.json").read_text(encoding="utf-8"))


def least_squares(x, y, weights):
    """Coefficients, standard errors and t of a weighted regression, from the textbook."""
    matrix = np.column_stack([np.ones(len(x)), x])
    inverse = np.linalg.inv(matrix.T @ (weights[:, None] * matrix))
    beta = inverse @ matrix.T @ (weights * y)
    dispersion = np.sum(weights * (y - matrix @ beta) ** 2) / (len(y) - 2)
    return beta, np.sqrt(np.diag(inverse) * dispersion)


@pytest.mark.parametrize("name", NAMES)
def test_egger_and_pet_are_the_weighted_regression_of_regtest(name):
    # regtest(model = "lm", predictor = "sei"): its "limit estimate" is what PET reports.
    expected = metafor(name)["regtest"]["egger_lm_sei"]
    egger, pet = found(name).row("Egger"), found(name).row("PET")
    assert [egger["statistic"], egger["df"], egger["p"]] == [printed(expected[key]) for key in ("stat", "dfs", "pval")]
    assert [pet[key] for key in ("estimate", "lower", "upper")] == [
        printed(expected[key]) for key in ("limit_est", "limit_lb", "limit_ub")
    ]


@pytest.mark.parametrize("name", NAMES)
def test_begg_is_ranktest(name):
    begg = found(name).row("Begg")
    assert [begg["slope"], begg["p"]] == [printed(metafor(name)["ranktest"][key]) for key in ("tau", "pval")]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["EE", "DL", "REML"])
def test_trim_and_fill_l0(name, method):
    # metafor fits the filled trials anew with its default threshold for REML, a change of tau2 of 1e-5; PyMetaAnalysis
    # goes on to 1e-14. The two agree to ten digits where tau2 is 0 or needs no iteration.
    expected, row = metafor(name)[f"trimfill_{method}_L0"], found(name).row(f"trim and fill, {method}")
    assert (row["filled"], row["side"]) == (expected["k0"], expected["side"])
    tolerance = 1e-5 if method == "REML" else 1e-8
    assert [row[key] for key in ("estimate", "se", "lower", "upper", "tau2")] == [
        pytest.approx(expected[key], rel=tolerance, abs=tolerance / 10)
        for key in ("estimate", "se", "ci_lb", "ci_ub", "tau2")
    ]


@pytest.mark.parametrize("name", WITH_COUNTS)
def test_peters_weighs_by_events_where_metafor_weighs_by_the_variance(name):
    # Peters et al. 2006 weigh by 1 / (1 / events + 1 / non-events), events of both arms together: ours. metafor's
    # regtest(model = "lm", predictor = "ninv") weighs by 1 / v_i, which is not the test of the paper.
    trials = bm.read_trials(REFERENCE / "inputs" / f"{name}.csv")
    effects, counts = bm.effect_sizes(trials), trials.counts
    size, events = counts[:, 1] + counts[:, 3], counts[:, 0] + counts[:, 2]
    beta, se = least_squares(1 / size, effects.y, 1 / (1 / events + 1 / (size - events)))
    assert found(name).row("Peters")["statistic"] == pytest.approx(beta[1] / se[1], rel=1e-9)
    beta, se = least_squares(1 / size, effects.y, effects.se**-2.0)
    assert metafor(name)["regtest"]["peters_lm_ninv"]["stat"] == pytest.approx(beta[1] / se[1], rel=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_peese_regresses_on_the_variance(name):
    effects = bm.effect_sizes(bm.read_trials(REFERENCE / "inputs" / f"{name}.csv"))
    beta, se = least_squares(effects.se**2, effects.y, effects.se**-2.0)
    row = found(name).row("PEESE")
    assert [row["estimate"], row["slope"], row["se"]] == [pytest.approx(v, rel=1e-9) for v in (*beta, se[0])]
