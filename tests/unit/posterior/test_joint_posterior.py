"""What a posterior of two outcomes answers, whatever engine it is from."""

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.errors import ModelError, PriorError
from bayesmeta.posterior.moved_children import treated_proportions


@pytest.fixture(scope="module")
def joint():
    return bm.fit(bm.load("attachment/classification"), bm.JointModel("normal"))


def test_an_outcome_may_be_shortened_as_long_as_it_is_clear(joint):
    assert joint["mu[secure]"].mean == joint["mu[secure attachment]"].mean
    assert joint["tau[dis]"].name == "tau[disorganised attachment]"
    with pytest.raises(KeyError, match="is not one of the outcomes"):
        joint["mu[attachment]"]
    with pytest.raises(KeyError, match="no parameter of this model"):
        joint["beta"]


def test_two_odds_ratios_move_three_proportions_that_add_to_one():
    # By hand: 30% at odds 3/7 times 2 is 6/13; 40% at odds 2/3 times 1/2 is 1/4; the rest is in between.
    after, impossible = treated_proportions(np.log([[2.0, 0.5]]), (0.3, 0.4))
    assert after[0] == pytest.approx([6 / 13, 1 - 6 / 13 - 1 / 4, 1 / 4])
    assert impossible == 0.0


def test_effects_that_would_empty_the_middle_are_left_out_and_counted():
    effects = np.log([[2.0, 0.5], [9.0, 3.0], [1.0, 1.0], [1.0, 0.9]])
    after, impossible = treated_proportions(effects, (0.3, 0.4))
    assert impossible == 0.25
    assert len(after) == 3
    assert (after > 0.0).all()
    assert after.sum(axis=1) == pytest.approx(1.0)


def test_the_moved_children_are_those_of_each_odds_ratio_where_all_effects_are_possible(joint):
    # With few in the control arm the middle is never empty: then each change is a function of its own mu.
    moved = joint.moved_children((0.02, 0.05), draws=40_000)
    assert moved.impossible == 0.0
    for row, outcome, risk in ((0, "secure", 0.02), (2, "disorganised", 0.05)):
        for column, p in (("change", 0.5), ("change_lower", 0.025), ("change_upper", 0.975)):
            mu = joint[f"mu[{outcome}]"].quantile(p)
            expected = 1 / (1 + (1 - risk) / risk * np.exp(-mu)) - risk
            marginal_sd = joint[f"mu[{outcome}]"].sd * 0.25
            assert moved.table[column].iloc[row] == pytest.approx(expected, abs=0.05 * marginal_sd)
    assert moved.table["change"].sum() == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("control", [(0.6, 0.5), (0.0, 0.4), (0.3, 1.2)])
def test_a_control_arm_that_is_none_is_refused(joint, control):
    with pytest.raises(ModelError, match="sum below 1"):
        joint.moved_children(control)


def test_wished_directions_are_needed_for_both_at_once(joint):
    assert joint.joint_probability(directions=("lower", "higher")) < 1e-3
    quarters = [joint.joint_probability(directions=(a, b)) for a in ("higher", "lower") for b in ("higher", "lower")]
    assert sum(quarters) == pytest.approx(1.0, abs=1e-12)
    assert quarters[0] + quarters[1] == pytest.approx(joint["mu[secure]"].probability(above=0.0), abs=1e-10)
    with pytest.raises(ModelError, match=r"expected .higher. or .lower."):
        joint.joint_probability(directions=("higher", ""))


def test_contrasts_take_weights_by_outcome(joint):
    both = joint.contrast({"secure": 1.0, "disorganised": 1.0})
    assert both.mean == pytest.approx(joint["mu[secure]"].mean + joint["mu[disorganised]"].mean)
    assert joint.contrast([0.0, 1.0]).sd == pytest.approx(joint["mu[disorganised]"].sd)


def test_nothing_is_borrowed_without_any_correlation():
    independent = bm.JointModel(rho="fixed(0)", within=0.0)
    table = bm.fit(bm.load("attachment/classification"), independent).borrowing().table
    assert table["sd_ratio"].to_numpy() == pytest.approx(1.0, abs=1e-8)
    assert table["shift"].abs().max() < 1e-8


def test_arviz_gets_every_group(joint):
    tree = joint.to_arviz(draws=100, chains=2)
    assert tree["posterior"]["mu"].dims == ("chain", "draw", "outcome")
    assert tree["posterior"]["theta"].shape == (2, 100, 8, 2)
    assert tree["observed_data"]["y"].shape == (11,)
    assert tree["posterior_predictive"]["y"].shape == (2, 100, 11)
    assert tree["log_likelihood"]["y"].shape == (2, 100, 8)
    assert np.isfinite(tree["log_likelihood"]["y"].values).all()
    assert {"prior", "prior_predictive", "log_prior", "sample_stats"} <= set(tree.children)


def test_a_model_of_two_outcomes_reads_back_from_plain_data():
    model = bm.JointModel("trinomial", tau=("half_normal(0.5)", "half_cauchy(0.3)"), rho="uniform(-1, 0)", within=None)
    assert bm.JointModel.from_dict(model.to_dict()) == model
    assert model.to_dict()["tau"] == ["half_normal(0.5)", "half_cauchy(0.3)"]
    with pytest.raises(ModelError, match="no part 'beta'"):
        bm.JointModel.from_dict({"beta": "flat"})
    with pytest.raises(ModelError, match="3 priors"):
        bm.JointModel(mu=("flat", "flat", "flat"))
    with pytest.raises(ModelError, match="Known: normal, trinomial"):
        bm.JointModel("binomial")


@pytest.mark.parametrize(
    "text", ["uniform(-2, 1)", "uniform(0.5, 0.1)", "lkj(0.5)", "fixed(1)", "normal(0, 1)", "lkj", "lkj(x)"]
)
def test_what_is_no_prior_of_a_correlation_is_refused(text):
    with pytest.raises(PriorError, match=r"Write uniform\(-1, 1\), lkj\(2\) or fixed\(0\)"):
        bm.JointModel(rho=text)


def test_remarks_say_what_the_delta_method_is_worth_and_whose_trials_are_missing(joint):
    text = " ".join(joint.remarks())
    assert "poor where a category holds fewer than 5 people (Cicchetti 2006)" in text
    assert "off by 0 to 10% in arms of 32 to 60 people, by 19% where a category holds 1 of 54" in text
    assert "Report the trinomial likelihood" in text
    assert "8 of the 26 published trials" in text
    assert "not a replication" in text


def test_the_finding_itself_says_which_likelihood_to_report_where_its_covariance_is_approximate(joint):
    assert joint.sentence.endswith("approximate here (delta method): report the trinomial likelihood.")
    stated = bm.fit(joint.trials, bm.JointModel("normal", within=-0.4))
    assert "trinomial" not in stated.sentence


def test_moved_children_say_of_which_likelihood_and_where_the_control_arm_is_from(joint):
    stated, observed = joint.moved_children((0.3, 0.4)), joint.moved_children("observed", new_setting=True)
    assert stated.sentence.startswith("joint normal, exact: of 100 in the control arm (as stated), 30 secure")
    assert "(146 people of 3 trials together), 21 secure attachment, 15 organised insecure" in observed.sentence
    assert observed.control == joint.trials.observed_control_arm()
    assert set(observed.table["fit"]) == {"joint normal, exact"}
    assert [stated.about, observed.about] == ["normal", "normal new setting"]
    with pytest.raises(ModelError, match=r'expected two proportions, such as .*, or "observed"'):
        joint.moved_children("guessed")
