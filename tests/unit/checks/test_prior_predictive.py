"""What the priors expect of trials like these, beside those that were observed."""

import json

import numpy as np
import pytest
from scipy import stats

import bayesmeta as bm
from tests.unit.cli.running import refused, run

BCG = bm.load("bcg")


def test_intervals_are_those_that_the_priors_give():
    model = bm.Model("normal", mu="normal(0, 1)", tau="fixed(0.5)")
    found = bm.checks.prior_predictive(BCG, model, draws=20000)
    effects = bm.effect_sizes(BCG)
    scale = np.sqrt(1 + 0.25 + effects.se**2)
    assert found.table["upper"].to_numpy() == pytest.approx(1.96 * scale, rel=0.05)
    assert found.table["position"].to_numpy() == pytest.approx(stats.norm.cdf(effects.y / scale), abs=0.015)
    assert found.table["observed"].tolist() == effects.y.tolist()
    assert found.new_setting["theta_new"][2] == pytest.approx(1.96 * np.sqrt(1.25), rel=0.05)


def test_priors_at_odds_with_the_data_are_told():
    found = bm.checks.prior_predictive(BCG, bm.Model(mu="normal(0, 0.1)", tau="half_normal(0.1)"))
    outside = found.table.loc[~found.table["inside"], "study"].tolist()
    assert outside
    assert "at odds" in found.sentence
    assert outside[0] in found.sentence
    assert "at odds" not in bm.checks.prior_predictive(BCG).sentence


def test_priors_that_expect_anything_are_told():
    assert "narrower priors" in bm.checks.prior_predictive(BCG, bm.Model(mu="normal(0, 30)")).sentence


def test_events_are_expected_where_they_are_modelled():
    trials = bm.load("attachment/secure")
    given_all_events = bm.checks.prior_predictive(trials, bm.Model("hypergeometric")).table
    events, total = trials.counts[:, [0, 2]].sum(axis=1), trials.counts[:, 1]
    assert (given_all_events["expected_upper"] <= np.minimum(events, total)).all()
    assert "expected" not in bm.checks.prior_predictive(trials, bm.Model("normal")).table


def test_improper_priors_are_refused():
    with pytest.raises(bm.ModelError, match="improper"):
        bm.checks.prior_predictive(BCG, bm.Model(mu="flat"))


def test_the_command_shows_it_before_the_fit():
    result = run("fit", "attachment/secure", "--prior-predictive")
    assert result.stdout.index("Before the data") < result.stdout.index("mu, pooled effect")
    found = json.loads(run("fit", "attachment/secure", "--prior-predictive", "--json").stdout)["prior_predictive"]
    assert found["trials"][0]["study"] == "van den Boom 1994"
    assert "improper" in refused("fit", "attachment/secure", "--prior-predictive", "--mu", "flat")


BOTH = bm.load("attachment/classification")


def test_two_outcomes_expect_what_each_expects_alone():
    model = bm.JointModel("normal", mu="normal(0, 1)", tau="fixed(0.5)")
    found = bm.checks.prior_predictive(BOTH, model, draws=20000)
    for part, trials in zip(found.parts, BOTH.parts, strict=True):
        effects = bm.effect_sizes(trials)
        scale = np.sqrt(1 + 0.25 + effects.se**2)
        assert part.table["study"].tolist() == list(effects.studies)
        assert part.table["upper"].to_numpy() == pytest.approx(1.96 * scale, rel=0.05)
        assert part.table["position"].to_numpy() == pytest.approx(stats.norm.cdf(effects.y / scale), abs=0.015)
    assert len(found.table) == 11
    assert found.sentence.startswith("Secure attachment: Before the data")


def test_people_are_expected_under_the_trinomial_likelihood():
    found = bm.checks.prior_predictive(BOTH, bm.JointModel("trinomial"))
    for part in found.parts:
        total = part.trials.counts[:, 1]
        assert (part.table["expected_upper"] <= total).all()
        assert part.table["events_treated"].tolist() == part.trials.counts[:, 0].tolist()


def test_of_two_outcomes_an_improper_prior_or_a_model_of_one_is_refused():
    with pytest.raises(bm.ModelError, match=r"mu\[secure attachment\] is improper"):
        bm.checks.prior_predictive(BOTH, bm.JointModel(mu="flat"))
    with pytest.raises(bm.ModelError, match="expected a JointModel"):
        bm.checks.prior_predictive(BOTH, bm.Model())
    with pytest.raises(bm.ModelError, match="expected a Model"):
        bm.checks.prior_predictive(BCG, bm.JointModel())


def test_the_command_shows_both_outcomes_before_the_joint_fit():
    asked = ("fit", "attachment/classification", "--joint", "--prior-predictive")
    printed = run(*asked).stdout
    assert printed.index("trials, disorganised attachment") < printed.index("mu[secure attachment]")
    found = json.loads(run(*asked, "--json").stdout)["prior_predictive"]
    assert list(found) == ["secure attachment", "disorganised attachment"]


def test_the_picture_has_a_panel_for_each_outcome():
    figure = bm.plots.prior_predictive(bm.checks.prior_predictive(BOTH))
    assert [axes.get_title(loc="left") for axes in figure.axes[:2]] == [
        "Secure attachment, 8 trials",
        "Disorganised attachment, 3 trials",
    ]
