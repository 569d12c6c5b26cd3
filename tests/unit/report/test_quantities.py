"""The tidy table of answers: odds ratios at the edge, each from the marginal of that name."""

import json

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.report import Report, pool_quantities, quantities, record, wished_probability

TRIALS = bm.read_trials(
    pd.DataFrame(
        {
            "study": list("ABCDE"),
            "estimate": [0.1, 0.9, 0.3, 0.8, 1.2],
            "se": [0.3, 0.2, 0.4, 0.5, 0.3],
            "focus": ["no", "yes", "no", "yes", "yes"],
        }
    ),
    outcome="secure attachment",
    direction="higher",
)


def test_odds_ratios_are_those_of_the_marginals():
    posterior = bm.fit(TRIALS, bm.Model("normal"))
    table = quantities(posterior).set_index(["quantity", "of"])
    for key, marginal in {
        ("pooled", ""): posterior["mu"],
        ("new setting", ""): posterior["theta_new"],
        ("study", "C"): posterior.study("C"),
    }.items():
        row = table.loc[key]
        lower, upper = np.exp(marginal.interval())
        assert (row["lower"], row["upper"]) == pytest.approx((lower, upper), rel=1e-9)
        assert row["median"] == pytest.approx(np.exp(marginal.median), rel=1e-9)
        assert row["above_1"] == row["wished"] == pytest.approx(marginal.probability(above=0))
        assert row["mean"] == marginal.mean
    tau = table.loc[("tau", "")]
    assert tau["scale"] == "log OR"
    assert tau["median"] == pytest.approx(posterior["tau"].median)
    assert np.isnan(tau["wished"])


def test_each_group_has_its_odds_ratio_and_the_ratio_to_the_first():
    posterior = bm.fit(TRIALS, bm.Model("normal", moderators="~ focus"))
    table = quantities(posterior)
    assert table[table["quantity"] == "group"]["of"].tolist() == ["focus = no", "focus = yes"]
    ratio = table[table["quantity"] == "ratio of groups"].iloc[0]
    assert ratio["of"] == "focus = yes v focus = no"
    assert ratio["median"] == pytest.approx(np.exp(posterior["focus[T.yes]"].median), rel=1e-9)
    assert np.isnan(ratio["wished"])  # a ratio of odds ratios is neither wished nor not
    assert table[table["quantity"] == "new setting"]["of"].tolist() == ["focus = no", "focus = yes"]
    assert not (table["quantity"] == "pooled").any()


@pytest.mark.parametrize(("direction", "expected"), [("higher", 0.9), ("lower", 0.1), ("", None)])
def test_the_wished_direction_is_named_or_nothing_is_said(direction, expected):
    found = wished_probability(0.9, direction)
    assert found == (expected if expected is None else pytest.approx(expected))


def test_labels_tell_models_apart():
    models = [
        bm.Model("normal"),
        bm.Model("normal", random_effects="none"),
        bm.Model("normal", moderators="~ focus"),
    ]
    labels = [bm.fit(TRIALS, model).label for model in models]
    assert labels == ["normal, exact", "normal, exact, common effect", "normal, exact, ~ focus"]


def test_pools_stand_in_the_same_columns():
    pools = bm.pool(TRIALS)
    table = pool_quantities(pools, TRIALS)
    reml = table[(table["fit"] == "REML, wald") & (table["quantity"] == "pooled")].iloc[0]
    assert reml["median"] == pytest.approx(np.exp(pools.row("REML", "wald")["estimate"]))
    assert set(table["quantity"]) == {"pooled", "new setting", "tau"}
    assert set(table.columns) <= set(quantities(bm.fit(TRIALS, bm.Model("normal"))).columns)


def test_a_report_gathers_and_is_strict_json():
    pools, posterior = bm.pool(TRIALS), bm.fit(TRIALS, bm.Model("normal", mu="flat", tau="half_cauchy(1)"))
    two = bm.fit(TRIALS.select([0, 1]), bm.Model("normal", mu="flat", tau="half_cauchy(1)"))
    check = bm.checks.against_pools(posterior, pools)
    report = Report.of(TRIALS, check, posterior, pools, two)
    assert (report.pools, report.fits, report.findings) == (pools, [posterior, two], [check])
    assert len(report.table()) == len(quantities(posterior)) + len(quantities(two)) + len(
        pool_quantities(pools, TRIALS)
    )
    assert report.sentences() == [check.sentence]
    read = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert read["fits"][0]["parameters"]["mu"]["median"] == posterior["mu"].median
    assert read["fits"][1]["parameters"]["mu"]["sd"] is None
    assert read["findings"][0]["finding"] == "AgainstPools"
    with pytest.raises(bm.BayesmetaError, match="not str"):
        report.add("a result")


def test_the_same_run_has_the_same_record():
    posterior = bm.fit(TRIALS, bm.Model("normal"))
    first, second = (json.dumps(record(TRIALS, [posterior], seed=4)) for _ in range(2))
    assert first == second
    assert json.loads(first)["data"]["sha256"] == TRIALS.fingerprint
    assert json.loads(first)["fits"][0]["model"] == posterior.model.to_dict()


def test_each_trial_has_the_probability_to_be_an_outlier_under_a_mixture():
    posterior = bm.fit(TRIALS, bm.Model("normal", random_effects="mixture(0.1, 5)"))
    table = quantities(posterior)
    of_trials = table["quantity"] == "study"
    assert table.loc[of_trials, "outlier"].tolist() == posterior.outliers()["probability"].tolist()
    assert table.loc[~of_trials, "outlier"].isna().all()
    assert "outlier" not in quantities(bm.fit(TRIALS, bm.Model("normal")))
