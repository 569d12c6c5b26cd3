"""Count likelihoods by the exact engine against an independent nested quadrature (data/reference/README.md).

The reference prints ten digits; `digits_min` says to how many two of its refinements agree. Each number is held to that
many, and no closer than 2e-8 of a posterior sd or half a unit of the tenth digit.
"""

import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm

EXPECTED = Path(__file__).parents[2] / "data" / "reference" / "expected"
LIKELIHOODS = {"conditional": "hypergeometric", "binomial": "binomial"}
PRINTED = 6e-10
CLOSE = 2e-8
FIRST_DIGITS = 5.0  # the reference's own disagreement is counted in digits of its numbers, rounded up


@cache
def reference(name: str) -> dict:
    return json.loads((EXPECTED / f"{name}.json").read_text(encoding="utf-8"))


def cases() -> list[tuple[str, int]]:
    names = sorted(path.stem for path in EXPECTED.glob("exact_*.json"))
    return [(name, j) for name in names for j in range(len(reference(name)["fits"]))]


def trials_of(name: str) -> bm.Trials:
    data = np.array(reference(name)["data"], dtype=float)
    columns = ["events_treated", "total_treated", "events_control", "total_control"]
    return bm.read_trials(pd.DataFrame({"study": reference(name)["studies"]} | dict(zip(columns, data))))


def model_of(name: str, fit: dict) -> bm.Model:
    baseline = re.match(r"normal\([\d.]+,[\d.]+\)", fit["prior_gamma"] or "")
    return bm.Model(
        LIKELIHOODS[reference(name)["model"]],
        mu=fit["prior_mu"],
        tau=fit["prior_tau"].replace("half-normal", "half_normal").replace("half-Cauchy", "half_cauchy"),
        **({"baseline": baseline[0]} if baseline else {}),
    )


@pytest.mark.parametrize(("name", "j"), cases())
def test_posterior_as_by_independent_quadrature(name: str, j: int):
    expected = reference(name)["fits"][j]
    posterior = bm.fit(trials_of(name), model_of(name, expected))
    loose = FIRST_DIGITS * 10.0 ** -(expected["digits_min"] or 3)
    assert posterior.log_marginal_likelihood == pytest.approx(expected["log_ml"], rel=PRINTED + 1e-9, abs=CLOSE)
    summary = posterior.summary()
    for parameter in ("mu", "tau", "theta_new"):
        wanted, row = expected[parameter], summary.loc[parameter]
        unit = wanted["sd"] or row["upper"] - row["lower"]
        printed = [wanted["mean"], wanted["sd"], *wanted["q"]]
        found = row[["mean", "sd", "lower", "median", "upper"]].to_numpy(dtype=float)
        for ours, theirs in zip(found, printed, strict=True):
            if theirs is None or np.isnan(ours):
                continue
            assert abs(ours - theirs) <= CLOSE * unit + max(PRINTED, loose) * abs(theirs), (parameter, ours, theirs)
    assert posterior["mu"].probability(below=0.0) == pytest.approx(expected["pr_mu_below_0"], abs=CLOSE)
    studies = posterior.studies()
    for column in ("mean", "sd"):
        printed = np.array(expected["theta"][column], dtype=float)
        unit = np.array(expected["theta"]["sd"], dtype=float)
        error = np.abs(studies[column].to_numpy() - printed)
        assert np.all(error <= CLOSE * unit + max(PRINTED, loose) * np.abs(printed)), column
