"""A model is plain data: it can be written down, read back, compared, hashed and not be changed."""

import dataclasses
import json
import pickle

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayesmeta as bm
from bayesmeta.errors import BayesmetaWarning

EFFECT_PRIORS = st.sampled_from(["flat", "normal(0, 4)", "odds_ratio_within(250)", bm.Normal(0.25, 1.5)])
MODELS = st.fixed_dictionaries(
    {},
    optional={
        "likelihood": st.sampled_from(["auto", "normal", "binomial"]),
        "random_effects": st.sampled_from(["normal", "none"]),
        "moderators": st.sampled_from([None, "~ 1", "~ dose", "~ C(site, contr.treatment('a')) * dose"]),
        "mu": EFFECT_PRIORS,
        "beta": EFFECT_PRIORS | st.dictionaries(st.sampled_from(["dose", "site[T.b]"]), EFFECT_PRIORS),
        "tau": st.sampled_from(["half_normal(0.5)", "uniform(0.1, 2)", bm.HalfT(3, 0.5), "lognormal(-1.28, 0.87)"]),
        "baseline": st.just("normal(-1, 3)"),
        "baseline_at": st.sampled_from(["midpoint", "control"]),
        "zero_cells": st.sampled_from(["only_zero", "all", "drop"]),
    },
)


@given(MODELS)
def test_a_model_written_down_and_read_back_is_the_same_model(parts):
    model = bm.Model(**parts)
    written = json.dumps(model.to_dict(), allow_nan=False)
    assert bm.Model.from_dict(json.loads(written)) == model
    assert hash(bm.Model.from_dict(json.loads(written))) == hash(model)
    assert pickle.loads(pickle.dumps(model)) == model


def rows(**columns):
    return bm.read_trials(pd.DataFrame({"study": ["A", "B"]} | columns))


COUNTED = {"events_treated": [3, 4], "total_treated": [9, 9], "events_control": [1, 2], "total_control": [9, 9]}
ESTIMATED = {"estimate": [0.3, 0.2], "se": [0.4, 0.5]}
ONE_COUNTED = {name: [values[0], None] for name, values in COUNTED.items()} | {"estimate": [None, 0.2], "se": [None, 1]}


@pytest.mark.parametrize(
    ("columns", "likelihood"),
    [
        (COUNTED, "hypergeometric"),
        (ESTIMATED, "normal"),
        (COUNTED | ESTIMATED, "hypergeometric"),
        (ONE_COUNTED, "hypergeometric"),
    ],
    ids=["counts", "estimates", "both", "a row of each"],
)
def test_the_default_likelihood_is_that_of_what_the_trials_show(columns, likelihood):
    trials, model = rows(**columns), bm.Model(tau="half_normal(1)")
    decided = model.for_trials(trials)
    assert decided == model.but(likelihood=likelihood)
    assert decided.for_trials(trials) is decided
    assert bm.fit(trials, model).model == decided
    assert bm.Model.from_dict(bm.fit(trials).to_dict()["model"]) == bm.Model(likelihood)


def test_a_likelihood_that_is_named_stays():
    for name in ("normal", "binomial", "hypergeometric"):
        assert bm.Model(name).for_trials(rows(**COUNTED)) == bm.Model(name)


def test_estimates_taken_in_place_of_counts_have_the_normal_likelihood():
    assert bm.fit(rows(**COUNTED, **ESTIMATED).with_estimates()).model.likelihood == "normal"


@pytest.mark.parametrize("likelihood", ["auto", "hypergeometric", "binomial"])
def test_a_zero_cell_rule_that_is_not_read_is_said_to_have_no_effect(likelihood):
    with pytest.warns(BayesmetaWarning, match="zero-cell rule all: it has no effect with the .* --likelihood normal"):
        posterior = bm.fit(rows(**COUNTED), bm.Model(likelihood, zero_cells="all"))
    assert posterior.model.zero_cells == "only_zero"
    assert bm.fit(rows(**COUNTED), bm.Model("normal", zero_cells="all")).model.zero_cells == "all"
    bm.sensitivity.leave_one_out(posterior)  # and is said once: warnings are errors here


def test_text_and_object_are_the_same_prior():
    assert bm.Model(tau="half_normal(0.5)", mu="normal(0, 4)") == bm.Model(tau=bm.HalfNormal(0.5), mu=bm.Normal(0, 4))
    assert bm.Model(beta={"a": "flat", "b": "normal(0, 1)"}) == bm.Model(beta={"b": bm.Normal(0, 1), "a": bm.Flat()})
    assert bm.Model(beta={"a": "flat"}) != bm.Model(beta={"a": "normal(0, 1)"})
    assert bm.Model(beta={"a": "flat"}) != bm.Model(beta="flat")


def test_a_model_cannot_be_changed_only_varied():
    priors = {"dose": "flat"}
    model = bm.Model(beta=priors)
    priors["site"] = "flat"
    assert dict(model.beta) == {"dose": bm.Flat()}
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.tau = bm.HalfNormal(1)
    with pytest.raises(TypeError):
        model.beta["dose"] = bm.Normal(0, 1)
    wider = model.but(tau="half_normal(1)")
    assert (wider.tau, model.tau) == (bm.HalfNormal(1), bm.HalfNormal(0.5))


def test_each_column_finds_its_prior():
    model = bm.Model(mu="normal(1, 2)", beta={"dose": "flat"})
    assert model.prior_of("mu") == bm.Normal(1, 2)
    assert model.prior_of("dose") == bm.Flat()
    assert model.prior_of("site") == bm.Normal(0, 1)
    assert bm.Model(beta="normal(0, 3)").prior_of("site") == bm.Normal(0, 3)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"likelihood": "poisson"}, "likelihood 'poisson'"),
        ({"random_effects": "cauchy"}, "random effects 'cauchy'"),
        ({"baseline_at": "treated"}, "midpoint, control"),
        ({"zero_cells": "some"}, "zero-cell rule 'some'.*only_zero"),
        ({"tau": "half_norml(0.5)"}, "Did you mean half_normal"),
        ({"tau": "normal(0, 1)"}, "normal"),
        ({"tau": bm.Normal(0, 1)}, "expected a prior for heterogeneity"),
        ({"mu": bm.HalfNormal(1)}, "prior"),
        ({"beta": {"dose": 3}}, "beta prior 3"),
        ({"moderators": "~ exp(dose)"}, "known transforms"),
        ({"moderators": 3}, 'moderators 3: expected text such as "~ dose'),
        ({"moderators": "dose+"}, r"not a formula\. Nothing stands behind the last \+\. Example"),
        ({"moderators": "(dose"}, r"not a formula\. Example"),
        ({"moderators": "dose**9"}, "A power must be a whole number up to 3"),
        ({"random_effects": None}, 'random_effects None: expected text such as "student_t'),
        ({"random_effects": 4}, "random_effects 4: expected text"),
        ({"arm_correlation": None}, "arm correlation None: expected a number"),
    ],
)
def test_a_part_that_does_not_exist_is_refused(parts, message):
    with pytest.raises(bm.BayesmetaError, match=message):
        bm.Model(**parts)


def test_a_description_with_an_unknown_part_is_refused():
    with pytest.raises(bm.ModelError, match="no part 'likelyhood'"):
        bm.Model.from_dict({"likelyhood": "normal"})


@pytest.mark.parametrize("part", [part.name for part in dataclasses.fields(bm.Model)])
@pytest.mark.parametrize("value", [None, 3, 0.5, [], ["a"], {}, {"a": 1}, object(), True, b"x", float("nan"), "x"])
def test_whatever_is_given_for_a_part_is_taken_or_refused_by_its_name(part, value):
    said = part
    try:
        bm.Model(**{part: value})
    except bm.BayesmetaError as refusal:
        said = str(refusal)
    assert part.split("_")[0] in said


@pytest.mark.parametrize("text", ["Student_t(4)", "student-t(4)", "StudentT(4)", " STUDENT_T( df = 4 ) "])
def test_random_effects_are_read_in_any_spelling_as_priors_are(text):
    assert bm.Model(random_effects=text).random_effects == "student_t(4)"


@pytest.mark.parametrize("more", [{}, {"moderators": "~ randomized"}])
def test_a_prior_of_a_column_that_is_not_there_is_refused_with_and_without_moderators(more):
    trials = bm.load("crins2014")
    with pytest.raises(bm.ModelError, match=r"beta has a prior for 'nope', which is no column"):
        bm.fit(trials, bm.Model("normal", beta={"nope": "normal(0, 1)"}, **more))


def test_a_prior_by_column_of_levels_with_a_mean_each_is_taken():
    beta = {"randomized[yes]": "normal(0, 2)"}
    model = bm.Model("hypergeometric", moderators="~ 0 + randomized", tau_by="randomized", beta=beta)
    assert bm.fit(bm.load("crins2014"), model).design.columns == ("randomized[no]", "randomized[yes]")


def test_a_model_written_down_says_which_of_its_priors_are_in_doubt():
    doubtful = "rhodes(mental_health, non_drug)"
    model = bm.Model(tau=doubtful)
    assert model.to_dict()["doubtful"] == {"tau": model.tau.doubtful}
    assert model.tau.doubtful.startswith("location -3.85 breaks the pattern")
    assert bm.Model.from_dict(model.to_dict()) == model
    by_level = bm.Model(tau={"a": doubtful, "b": "half_normal(1)"}, tau_by="group").to_dict()["doubtful"]
    assert by_level == {"tau": {"a": model.tau.doubtful}}
    joint = bm.JointModel(tau=["half_normal(1)", doubtful])
    assert joint.to_dict()["doubtful"] == {"tau": model.tau.doubtful}
    assert bm.JointModel.from_dict(joint.to_dict()) == joint
    assert "doubtful" not in bm.Model(tau="rhodes(subjective, non_drug)").to_dict()
