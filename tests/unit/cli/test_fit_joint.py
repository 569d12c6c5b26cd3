"""`bayesmeta fit --joint`: two outcomes of one file."""

import json

import pytest

import bayesmeta as bm
from tests.unit.cli.running import ESTIMATES, refused, run

BOTH = """study,outcome,direction,events_treated,total_treated,events_control,total_control
A,well,higher,12,40,7,41
A,worse,lower,9,40,14,41
B,well,higher,20,61,11,58
C,worse,lower,3,25,6,27
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "both.csv"
    path.write_text(BOTH)
    return path


def test_json_has_both_outcomes_in_the_shape_of_the_contract(table):
    result = run("fit", table, "--joint", "--json", "--rho", "lkj(2)", "--tau", "half_normal(0.3)")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout, parse_constant=pytest.fail)
    kinds = ("mu[well]", "mu[worse]", "tau[well]", "tau[worse]", "rho", "theta_new[well]", "theta_new[worse]")
    assert tuple(found["parameters"]) == kinds
    assert found["model"]["rho"] == "lkj(2)"
    assert [(one["study"], one["outcome"]) for one in found["studies"]] == [
        ("A", "well"),
        ("A", "worse"),
        ("B", "well"),
        ("C", "worse"),
    ]
    assert found["k"] == 3
    assert found["k_both"] == 1
    expected = bm.fit(bm.read_joint(table), bm.JointModel(rho="lkj(2)", tau="half_normal(0.3)")).to_dict()
    assert found["parameters"] == expected["parameters"]
    assert 0 < found["joint_probability"] < 1


def test_people_read_both_outcomes_where_they_move_and_what_was_borrowed():
    result = run("fit", "attachment/classification", "--joint", "--control-arm", "0.3,0.45", "--borrowing")
    assert result.exit_code == 0, result.stderr
    text = " ".join(result.stdout.split())
    assert "8 trials, 3 with both outcomes" in text
    assert "P(more secure attachment and less disorganised attachment)" in text
    assert "Where people move" in text
    assert "Borrowing of strength" in text
    assert "not a replication" in text
    assert "Report the trinomial likelihood, which needs none (--likelihood trinomial)" in text
    assert "organised insecure attachment 25" in text


def test_counts_are_fitted_exactly_where_nobody_asks_for_draws(table):
    options = ("--tau", "fixed(0.3)", "--rho", "fixed(-0.5)", "--control-arm", "0.3,0.3", "--borrowing", "--json")
    result = run("fit", table, "--likelihood", "trinomial", *options)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout, parse_constant=pytest.fail)
    assert found["engine"] == "exact"
    assert found["log_marginal_likelihood"] < 0
    assert len(found["studies"]) == 4
    assert found["moved"]["categories"][0]["change"] > 0
    assert "Borrowing of strength" in found["borrowing"]["sentence"]


def test_the_self_check_goes_with_it(table):
    result = run("fit", table, "--joint", "--accuracy", "--json")
    assert json.loads(result.stdout)["diagnostics"]["accuracy"]["worst_change"] < 1e-6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["attachment/classification"], "two outcomes of the same trials. Fit both with --joint"),
        (["attachment/secure", "--joint"], "one outcome. Data sets with two: attachment/classification"),
        (["attachment/secure", "--rho", "fixed(0)"], "--rho belongs to two outcomes at once: state --joint"),
        (["attachment/classification", "--joint", "--moderators", "~ x"], "--moderators ~ x: a model of two outcomes"),
        (["attachment/classification", "--joint", "--likelihood", "binomial"], "there are normal and trinomial"),
        (["attachment/classification", "--joint", "--rho", "uniform(0, 2)"], "A correlation lies between -1 and 1"),
        (["attachment/classification", "--joint", "--within", "high"], '--within "high". Expected a number'),
        (["attachment/classification", "--joint", "--control-arm", "0.3"], "Expected two proportions"),
        (["attachment/classification", "--joint", "--control-arm", "0.6,0.5"], "sum below 1"),
        (["attachment/classification", "--joint", "--control-risk"], "--control-risk: a model of two outcomes"),
        (
            ["attachment/classification", "--joint", "--baseline", "normal(2, 0.01)"],
            "--baseline normal(2, 0.01): the normal likelihood of two outcomes does not read it. State --likel",
        ),
        (
            ["attachment/classification", "--likelihood", "trinomial", "--within", "-0.5"],
            "--within -0.5: the trinomial likelihood of two outcomes does not read it. State --likelihood normal",
        ),
        (
            ["attachment/classification", "--likelihood", "trinomial", "--zero-cells", "all"],
            "--zero-cells all: the trinomial likelihood of two outcomes does not read it",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_message(arguments, message):
    assert message in refused("fit", *arguments)


def test_outcomes_without_a_direction_are_named_with_the_remedy(tmp_path):
    path = tmp_path / "both.csv"
    one = BOTH.replace(",lower,", ",,")
    for table, silent in ((one, "worse"), (one.replace(",higher,", ",,"), "well and worse")):
        path.write_text(table)
        result = run("fit", path, "--joint")
        assert result.exit_code == 0, result.stderr
        text = " ".join(result.stdout.split())
        assert f"No direction is stated for {silent}, so" in text
        assert "State higher or lower in column direction." in text


def test_the_control_arm_may_be_that_of_the_trials(table):
    result = run("fit", table, "--joint", "--control-arm", "observed", "--json")
    moved = json.loads(result.stdout)["moved"]
    assert moved["control"] == [7 / 41, 14 / 41]
    assert moved["control_from"] == "41 people of 1 trial together"
    assert moved["categories"][1]["category"] == "neither"


def test_a_file_without_column_outcome_is_told_so(tmp_path):
    path = tmp_path / "one.csv"
    path.write_text(ESTIMATES)
    assert refused("fit", path, "--joint").startswith("one.csv: no column outcome. It has study, estimate, se.")


def test_estimates_need_their_correlation(tmp_path):
    path = tmp_path / "estimates.csv"
    rows = ESTIMATES.splitlines()
    lines = [f"outcome,{rows[0]}", *(f"{o},{row}" for o in ("well", "worse") for row in rows[1:])]
    path.write_text("\n".join(lines) + "\n")
    assert "--within" in refused("fit", path, "--joint")
    assert run("fit", path, "--joint", "--within", "-0.5", "--json").exit_code == 0
