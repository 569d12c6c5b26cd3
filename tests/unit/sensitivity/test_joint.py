"""Two outcomes at once, one thing varied at a time: each row is the fit that it names."""

import json

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.errors import BayesmetaError, ModelError, PriorError
from bayesmeta.sensitivity.joint import DEFAULT, RHO, SHORT, row_of
from tests.plots.reading import by_gid, words
from tests.unit.cli.running import refused, run

TRIALS = bm.load("attachment/classification")
MODEL = bm.JointModel("normal")
SIDES = ("higher", "lower")


@pytest.fixture(scope="module")
def found():
    return bm.sensitivity.joint(
        TRIALS, MODEL, tau=["half_normal(2)", "uniform(0, 10)"], mu=["normal(0, 1)"], rho=["fixed(-0.8)"]
    )


@pytest.mark.parametrize(
    ("kind", "variation", "change"),
    [
        ("prior of rho", "fixed(-0.8)", {"rho": "fixed(-0.8)"}),
        ("prior of tau", "half_normal(2)", {"tau": "half_normal(2)"}),
        ("prior of mu", "normal(0, 1)", {"mu": "normal(0, 1)"}),
    ],
)
def test_a_row_is_the_fit_under_that_prior(found, kind, variation, change):
    row = found.table.query("kind == @kind and variation == @variation").iloc[0]
    expected = row_of(bm.fit(TRIALS, MODEL.but(**change)), SIDES)
    assert [row[name] for name in expected] == pytest.approx(list(expected.values()), abs=1e-9)


def test_a_row_is_the_fit_without_that_trial(found):
    rows = found.table.query("kind == 'without'").set_index("variation")
    assert set(rows.index) == set(TRIALS.studies)
    for study in ("Cicchetti 2006", "Anisfeld 1990"):
        posterior = bm.fit(TRIALS.without(study), MODEL)
        row, outcome = rows.loc[study], "disorganised attachment"
        assert row[f"mu[{outcome}]"] == pytest.approx(posterior[f"mu[{outcome}]"].median, abs=1e-8)
        assert row[f"odds_ratio_upper[{outcome}]"] == pytest.approx(np.exp(posterior[f"mu[{outcome}]"].quantile(0.975)))
        assert row["rho"] == pytest.approx(posterior["rho"].median, abs=1e-8)
        assert row["both"] == pytest.approx(posterior.joint_probability(), abs=1e-12)
        assert row["new_both"] == pytest.approx(posterior.joint_probability(new_setting=True), abs=1e-12)


def test_the_sentence_has_the_ranges_of_the_table_and_names_what_says_something_else(found):
    changed = found.table[found.table["changes"]]
    assert changed["variation"].tolist() == ["uniform(0, 10)"]
    assert "something else about OR 1 in 1 of 13: under tau uniform(0, 10)." in found.sentence
    secure = found.table["odds_ratio[secure attachment]"]
    assert f"the OR of secure attachment runs from {secure.min():.2f} to {secure.max():.2f}" in found.sentence
    assert f"from {found.table['both'].min():.3f} to " in found.sentence
    assert (
        "1 prior of rho, 2 priors of tau, 1 prior of mu, the other likelihood and 8 trials left out" in found.sentence
    )


def test_by_default_every_prior_is_tried_but_the_given_one():
    asked = bm.sensitivity.joint(bm.fit(TRIALS, MODEL.but(rho="lkj(4)")), tau=(), mu=())
    assert set(asked.table.query("kind == 'prior of rho'")["variation"]) == set(RHO) - {"lkj(4)"}


def test_every_default_prior_can_be_stated():
    for lists in (DEFAULT, *SHORT.values()):
        for part, priors in lists.items():
            assert len({MODEL.but(**{part: prior}).to_dict()[part] for prior in priors}) == len(priors)


def test_what_cannot_be_fitted_is_refused_with_its_reason():
    one = bm.join(TRIALS.first.select([1, 2, 3]), TRIALS.second.select([0]))
    asked = bm.sensitivity.joint(one, MODEL, tau=["improper_uniform", "half_normal(1)"], mu=(), rho=())
    reasons = asked.refused.set_index("variation")["reason"]
    assert "improper" in reasons["improper_uniform"]
    assert "Cicchetti 2006" in reasons  # the only trial of the second outcome
    assert "half_normal(1)" in asked.table["variation"].tolist()
    assert "2 further variations cannot be fitted" in asked.sentence


def test_where_nobody_says_what_is_wished_the_sides_are_those_of_the_effects():
    from dataclasses import replace

    silent = bm.join(*(replace(part, direction="") for part in TRIALS.parts))
    asked = bm.sensitivity.joint(silent, MODEL, tau=(), mu=(), rho=["fixed(0)"])
    assert asked.sides == SIDES
    assert "as wished" not in asked.sentence
    assert asked.given["both"] == pytest.approx(bm.fit(TRIALS, MODEL).joint_probability(), abs=1e-12)


def test_plain_data_is_whole(found):
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert len(plain["rows"]) == len(found.table) == 13
    assert plain["given"]["both"] == found.given["both"]


def test_what_it_cannot_be_asked_of_is_refused():
    with pytest.raises(ModelError, match=r"does not carry the normal likelihood with mu student_t"):
        bm.sensitivity.joint(TRIALS, MODEL.but(mu="student_t(4, 0, 1)"))
    with pytest.raises(BayesmetaError, match="not Trials"):
        bm.sensitivity.joint(TRIALS.first)
    with pytest.raises(BayesmetaError, match="a posterior has its own model"):
        bm.sensitivity.joint(bm.fit(TRIALS, MODEL), MODEL)
    with pytest.raises(PriorError, match="no such prior of a correlation"):
        bm.sensitivity.joint(TRIALS, MODEL, rho=["beta(1, 1)"])


@pytest.mark.slow
def test_the_picture_shows_the_numbers_of_the_table(found):
    figure = bm.plots.sensitivity_joint(found)
    rho = [line.get_xdata()[0] for line in by_gid(figure, "rho")]
    assert rho == pytest.approx([found.given["rho"], *found.table["rho"]])
    both = [line.get_xdata()[0] for line in by_gid(figure, "both")]
    assert both == pytest.approx([found.given["both"], *found.table["both"]])
    medians = [line.get_xdata()[0] for line in by_gid(figure, "median")]
    for outcome in TRIALS.outcomes:
        assert np.isin(np.round(found.table[f"odds_ratio[{outcome}]"], 9), np.round(medians, 9)).all()
    assert "Prior of ρ" in words(figure)
    assert any("hollow" in text for text in words(figure))


def test_the_command_prints_and_writes_it(tmp_path):
    grids = ("--grid-tau", "half_normal(1)", "--grid-mu", "flat", "--grid-rho", "fixed(0)")
    result = run("sensitivity", "attachment/classification", "--joint", *grids, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["sentence"].startswith(
        "Varied one at a time (1 prior of rho, 1 prior of tau, 1 prior of mu, the other likelihood and 8 "
    )
    assert [row["variation"] for row in found["rows"]][:3] == ["fixed(0)", "half_normal(1)", "flat"]
    result = run("sensitivity", "attachment/classification", "--joint", *grids, "--pictures", tmp_path / "new")
    assert result.exit_code == 0, result.stderr
    assert "prior of rho" in result.stdout
    assert (tmp_path / "new" / "sensitivity-joint.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["attachment/classification"], "two outcomes of the same trials. Fit both with --joint"),
        (["attachment/secure", "--grid-rho", "fixed(0)"], "--grid-rho belongs to two outcomes at once"),
        (["attachment/classification", "--joint", "--part", "bias"], "--part bias: a model of two outcomes"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments, message):
    assert message in refused("sensitivity", *arguments)
