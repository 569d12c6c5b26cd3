"""Meta-regression against an independent quadrature (data/reference/README.md, "Meta-regression").

Goralczyk 2011, `~ randomized` with each of the three levels as reference; every coefficient has a prior N(0, 4^2), so
the reference level changes the posterior. Ten significant digits are printed.
"""

import json
from pathlib import Path

import pytest

import bayesmeta as bm
from bayesmeta.exact import ExactPosterior, fit_exact
from bayesmeta.posterior import Marginal

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
EXPECTED = json.loads((REFERENCE / "expected" / "meta_regression_goralczyk2011_ar.json").read_text())["datasets"]
LEVELS = ("n.s.", "no", "yes")
COLUMNS = {"mean": "mean", "sd": "sd", "lower": "q025", "median": "q50", "upper": "q975"}
DIGITS = 1e-8  # of a posterior standard deviation
PRINTED = 6e-10  # relative: half a unit of the tenth digit


def reference_level(key: str) -> str:
    return next((level for level in LEVELS if key.endswith(f"_ref_{level}")), "n.s.")


def fitted(key: str) -> tuple[ExactPosterior, dict]:
    trials = bm.read_trials(REFERENCE / "inputs" / "goralczyk2011_ar.csv", data="estimates")
    formula = f"~ C(randomized, contr.treatment('{reference_level(key)}'))"
    return fit_exact(trials, bm.Model("normal", moderators=formula, mu="normal(0, 4)", beta="normal(0, 4)")), EXPECTED[
        key
    ]


def column_of(posterior: ExactPosterior, name: str) -> str:
    """Our name of a column: "randomized_yes" there is "C(randomized, ...)[T.yes]" here."""
    if name in ("intercept", "tau"):
        return {"intercept": "mu", "tau": "tau"}[name]
    level = name.removeprefix("randomized_")
    return next(column for column in posterior.design.columns if column.endswith(f"[T.{level}]"))


def agrees(found: dict, printed: dict) -> None:
    for ours, theirs in COLUMNS.items():
        within = DIGITS * printed["sd"] + PRINTED * abs(printed[theirs])
        assert found[ours] == pytest.approx(printed[theirs], abs=within), ours


def quantities(marginal: Marginal) -> dict:
    lower, median, upper = marginal.quantile([0.025, 0.5, 0.975])
    return {"mean": marginal.mean, "sd": marginal.sd, "lower": lower, "median": median, "upper": upper}


@pytest.mark.parametrize("key", EXPECTED)
def test_coefficients_and_tau_whatever_the_reference_level(key: str):
    posterior, expected = fitted(key)
    summary = posterior.summary()
    assert len(posterior.design.columns) == len(expected["columns"]) == 3
    for name, printed in expected["parameters"].items():
        agrees(summary.loc[column_of(posterior, name)].to_dict(), printed)
        agrees(quantities(posterior[column_of(posterior, name)]), printed)
    assert posterior.log_marginal_likelihood == pytest.approx(
        expected["log_marginal_likelihood"], rel=PRINTED, abs=DIGITS
    )


@pytest.mark.parametrize("key", EXPECTED)
def test_mean_effect_and_effect_of_a_new_trial_in_each_setting(key: str):
    posterior, expected = fitted(key)
    for name, printed in expected["predictions"].items():
        setting = {"randomized": name.removeprefix("reference_")}
        agrees(quantities(posterior.effect(setting)), printed["linear_predictor"])
        agrees(quantities(posterior.new_setting(setting)), printed["theta_new"])


@pytest.mark.parametrize("key", EXPECTED)
def test_effects_of_the_trials(key: str):
    posterior, expected = fitted(key)
    studies = posterior.studies().set_index("study")
    assert set(studies.index) == set(expected["theta_i"])
    for study, printed in expected["theta_i"].items():
        agrees(studies.loc[study].to_dict(), printed)
