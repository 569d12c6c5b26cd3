"""Exchangeable baselines and control risk as parts of a model's description."""

import pytest

import bayesmeta as bm
from bayesmeta.errors import ModelError, PriorError
from bayesmeta.model.baselines import Exchangeable, parse_baseline

TEXT = "exchangeable(normal(0, 5), half_normal(1))"


def test_exchangeable_baselines_are_read_from_text_and_written_back():
    model = bm.Model("binomial", baseline=" Exchangeable( normal(-1, 2) , half_cauchy(0.5) )")
    assert model.baseline == Exchangeable(bm.Normal(-1, 2), bm.HalfCauchy(0.5))
    assert str(model.baseline) == "exchangeable(normal(-1, 2), half_cauchy(0.5))"
    assert bm.Model.from_dict(model.to_dict()) == model
    assert parse_baseline("exchangeable") == parse_baseline(TEXT) == bm.Exchangeable()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("exchangeable(normal(0, 5))", r"expected the prior of their mean and that of their sd"),
        ("exchangeable(normal(0, 5), half_normal(1), 3)", r"expected the prior of their mean"),
        ("exchangeable(half_normal(1), half_normal(1))", r"needs a prior on the whole line"),
        ("exchangeable(normal(0, 5), normal(0, 1))", r"tau needs a prior on \[0, inf\)"),
        ("exchangeable(flat, half_normal(1))", r"flat is not a proper prior by itself"),
        ("exchangeable(normal(0, 5), jeffreys)", r"jeffreys is not a proper prior by itself"),
        ("exchangable(normal(0, 5), half_normal(1))", r"no prior of that name"),
    ],
)
def test_what_are_no_exchangeable_baselines_is_refused(text, message):
    with pytest.raises(PriorError, match=message):
        bm.Model("binomial", baseline=text)


def test_control_risk_decides_likelihood_and_baselines_that_were_not_stated():
    model = bm.Model(control_risk=True)
    assert model.likelihood == "binomial"
    assert model.baseline_at == "control"
    assert str(model.baseline) == TEXT
    stated = bm.Model(control_risk=True, baseline="normal(0, 5)")
    assert stated.exchangeable is None
    assert stated.baseline_prior == bm.Normal(0, 5)


def test_control_risk_is_stored_and_read_and_a_model_without_it_does_not_say_so():
    model = bm.Model(control_risk=True, beta={"control_risk": "normal(0, 0.5)"})
    assert model.to_dict()["control_risk"] is True
    assert bm.Model.from_dict(model.to_dict()) == model
    assert model.prior_of("control_risk") == bm.Normal(0, 0.5)
    assert bm.Model(control_risk=True).prior_of("control_risk") == bm.Normal(0, 1)
    assert "control_risk" not in bm.Model().to_dict()


def test_its_prior_may_stand_beside_those_of_moderators():
    trials = bm.load("attachment/secure")
    model = bm.Model(control_risk=True, moderators="~ sensitivity_focused", beta={"control_risk": "normal(0, 2)"})
    assert model.design(trials).columns == ("mu", "sensitivity_focused[T.yes]")
    with pytest.raises(ModelError, match="beta has a prior for 'control_risk'"):
        model.but(control_risk=False).design(trials)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"likelihood": "normal"}, "needs the risk of the control arm. State --likelihood binomial"),
        ({"likelihood": "hypergeometric"}, "needs the risk of the control arm"),
        ({"random_effects": "student_t(4)"}, "control_risk with random effects student_t"),
        ({"control_risk": "yes"}, "it is True or False"),
    ],
)
def test_what_control_risk_does_not_go_with_is_refused(parts, message):
    with pytest.raises(ModelError, match=message):
        bm.Model(**{"control_risk": True} | parts)


@pytest.mark.parametrize("parts", [{"control_risk": True}, {"likelihood": "binomial", "baseline": TEXT}])
def test_the_exact_engine_refuses_baselines_that_tie_trials_and_names_the_other(parts):
    with pytest.raises(ModelError, match=r"Fit with --engine nuts \(engine=\"nuts\"\)"):
        bm.fit(bm.load("crins2014"), bm.Model(**parts))


def test_likelihoods_without_baselines_do_not_read_them():
    trials = bm.load("crins2014")
    plain, other = (bm.fit(trials, bm.Model("hypergeometric", baseline=text)) for text in ("normal(0, 5)", TEXT))
    assert other["mu"].median == plain["mu"].median


def test_without_the_regression_and_without_moderators_its_prior_is_left_aside():
    model = bm.Model(control_risk=True, beta={"control_risk": "normal(0, 0.5)"})
    assert model.but(control_risk=False).design(bm.load("bcg")).columns == ("mu",)
    with pytest.raises(ModelError, match="beta has a prior for 'dose'"):
        bm.Model(beta={"dose": "normal(0, 1)"}).design(bm.load("bcg"))
