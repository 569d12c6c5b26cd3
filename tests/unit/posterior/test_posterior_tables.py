"""summary(), studies(), groups(), effects and settings, and the JSON that they end in."""

import json

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm

SUMMARY = ["mean", "sd", "median", "lower", "upper"]
TRIALS = bm.read_trials(
    pd.DataFrame(
        {
            "study": list("ABCDEFG"),
            "estimate": [0.1, 0.9, 0.3, 0.8, 1.2, -0.1, 0.2],
            "se": [0.3, 0.2, 0.4, 0.5, 0.3, 0.2, 0.6],
            "focus": ["no", "yes", "no", "yes", "yes", "no", "no"],
            "dose": [1.0, 2, 3, 4, 5, 6, 7],
        }
    )
)
MODELS = {
    "plain": bm.Model("normal"),
    "flat": bm.Model("normal", mu="flat", tau="half_cauchy(0.5)"),
    "common effect": bm.Model("normal", random_effects="none"),
    "group": bm.Model("normal", moderators="~ focus"),
    "no intercept": bm.Model("normal", moderators="~ 0 + focus"),
    "group and dose": bm.Model("normal", moderators="~ focus + center(dose)", beta={"focus[T.yes]": "flat"}),
}


@pytest.fixture(params=MODELS.values(), ids=MODELS, scope="module")
def posterior(request):
    return bm.fit(TRIALS, request.param)


def test_the_summary_has_what_each_marginal_says(posterior):
    summary = posterior.summary()
    assert tuple(summary.index) == posterior.parameters
    assert list(summary.columns) == SUMMARY
    for name, row in summary.iterrows():
        marginal = posterior[name]
        assert marginal.name == name
        assert [row["mean"], row["sd"]] == pytest.approx([marginal.mean, marginal.sd], abs=1e-12)
        assert row[["lower", "median", "upper"]].tolist() == pytest.approx(
            [marginal.interval()[0], marginal.median, marginal.interval()[1]], abs=1e-10
        )


def test_the_table_of_studies_has_what_each_marginal_says(posterior):
    studies = posterior.studies()
    assert list(studies.columns) == ["study", "y", "se", *SUMMARY]
    assert studies["y"].tolist() == TRIALS.estimate.tolist()
    for _, row in studies.iterrows():
        marginal = posterior.study(row["study"])
        assert (marginal.mean, marginal.sd) == pytest.approx((row["mean"], row["sd"]), abs=1e-12)
        assert marginal.interval() == pytest.approx((row["lower"], row["upper"]), abs=1e-10)


def test_the_caller_may_change_the_tables(posterior):
    summary, studies = posterior.summary(), posterior.studies()
    summary["upper"] = 0.0
    studies["mean"] = 0.0
    assert (posterior.summary()["upper"] != 0).any()
    assert (posterior.studies()["mean"] != 0).all()


def test_the_json_is_strict_and_complete(posterior):
    read = json.loads(json.dumps(posterior.to_dict(), allow_nan=False))
    assert set(read) == {
        "engine", "k", "model", "log_marginal_likelihood", "parameters", "studies", "diagnostics",
    }  # fmt: skip
    assert read["k"] == 7
    assert tuple(read["parameters"]) == posterior.parameters
    assert all(set(row) == set(SUMMARY) for row in read["parameters"].values())
    assert [row["study"] for row in read["studies"]] == list("ABCDEFG")
    assert read["parameters"]["theta_new"]["upper"] == posterior.summary().loc["theta_new", "upper"]
    assert bm.Model.from_dict(read["model"]) == posterior.model


def test_joint_draws_have_the_marginals(posterior):
    draws = posterior.draws(20_000, 3)
    assert {name: value.shape for name, value in draws.items()} == {
        "beta": (20_000, len(posterior.design.columns)),
        "tau": (20_000,),
        "theta": (20_000, 7),
        "theta_new": (20_000,),
    }
    marginals = [
        *((draws["beta"][:, j], posterior[name]) for j, name in enumerate(posterior.design.columns)),
        (draws["theta_new"], posterior["theta_new"]),
        *((draws["theta"][:, i], posterior.study(study)) for i, study in enumerate("ABCDEFG")),
    ]
    for drawn, marginal in marginals:  # four Monte Carlo standard errors of a median
        assert float(marginal.cdf(np.median(drawn))) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(20_000))
        assert np.mean(drawn < marginal.quantile(0.9)) == pytest.approx(0.9, abs=4 * 0.3 / np.sqrt(20_000))


def test_groups_show_the_mean_effect_and_a_new_trial_of_each():
    posterior = bm.fit(TRIALS, MODELS["group and dose"])
    groups = posterior.groups()
    assert groups["group"].tolist() == ["focus = no", "focus = yes"]
    assert groups["k"].tolist() == [4, 3]
    setting = {"focus": "yes", "dose": 4.0}
    yes = groups.iloc[1]
    assert yes["median"] == pytest.approx(posterior.effect(setting).median)
    assert (yes["new_lower"], yes["new_upper"]) == pytest.approx(posterior.new_setting(setting).interval())
    assert bm.fit(TRIALS, MODELS["plain"]).groups().empty


def test_a_contrast_is_the_difference_of_two_settings():
    posterior = bm.fit(TRIALS, MODELS["group"])
    by_name = posterior.contrast({"focus[T.yes]": 1.0})
    rows = [posterior.design.row({"focus": level}) for level in ("yes", "no")]
    by_rows = posterior.contrast(rows[0] - rows[1])
    assert by_name.interval() == by_rows.interval() == posterior["focus[T.yes]"].interval()
    assert posterior.effect({"focus": "no"}).interval() == posterior["mu"].interval()
    assert posterior.new_setting().interval() == posterior["theta_new"].interval()


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda p: p["nu"], KeyError, "Parameters: mu, focus"),
        (lambda p: p.study("H"), KeyError, "Studies: A, B"),
        (lambda p: p.contrast({"dose": 1}), bm.ModelError, "'dose' is no column"),
        (lambda p: p.contrast([1.0]), bm.ModelError, "1 weights for the columns mu, focus"),
        (lambda p: p.effect({"focus": "often"}), bm.ModelError, "no trial has"),
        (lambda p: p.new_setting({"dose": 1}), bm.ModelError, "not a moderator"),
    ],
)
def test_what_is_not_there_is_refused_by_name(ask, error, message):
    with pytest.raises(error, match=message):
        ask(bm.fit(TRIALS, MODELS["group"]))


def test_studies_that_the_zero_cell_rule_leaves_out_are_not_in_the_model():
    posterior = bm.fit(bm.load("crins2014"), bm.Model("normal", zero_cells="drop"))
    assert len(posterior.studies()) == 5
    assert "Gras (2008)" not in posterior.studies_in_model
    with pytest.raises(KeyError, match="Gras"):
        posterior.study("Gras (2008)")


def test_an_engine_that_is_not_there_is_refused():
    with pytest.raises(bm.ModelError, match="engine 'gibbs'"):
        bm.fit(TRIALS, bm.Model("normal"), engine="gibbs")


@pytest.mark.parametrize("likelihood", ["normal", "hypergeometric"])
@pytest.mark.parametrize("effects", ["normal", "student_t(4)", "none"])
def test_outliers_are_refused_alike_where_nothing_is_outlying(likelihood, effects):
    posterior = bm.fit(bm.load("crins2014"), bm.Model(likelihood, random_effects=effects))
    with pytest.raises(bm.ModelError, match=r"have no outlying part\. Fit with random_effects="):
        posterior.outliers()
    assert "outlier" not in posterior.studies()


@pytest.mark.parametrize("likelihood", ["normal", "hypergeometric"])
def test_studies_say_which_of_them_are_outliers(likelihood):
    posterior = bm.fit(bm.load("crins2014"), bm.Model(likelihood, random_effects="mixture(0.1, 5)"))
    found = posterior.outliers()
    assert found["probability"].tolist() == posterior.studies()["outlier"].tolist()
    assert [row["outlier"] for row in posterior.to_dict()["studies"]] == found["probability"].tolist()
