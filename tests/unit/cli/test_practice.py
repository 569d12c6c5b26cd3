"""`bayesmeta practice`: text for people, JSON for machines, refusals in one line."""

import json

import bayesmeta as bm
from tests.unit.cli.running import refused, run


def test_the_simulated_example_says_what_it_is():
    result = run("practice", "simulated")
    assert result.exit_code == 0, result.stderr
    text = " ".join(result.stdout.split())
    assert "SIMULATED table: no service was asked and no trial was run." in text
    assert "Simulated A" in text


def test_json_has_the_numbers_of_python(tmp_path):
    path = tmp_path / "survey.csv"
    bm.practice.simulated_survey(seed=5).table.to_csv(path, index=False)
    result = run("practice", path, "--best", "2", "--correlation", "kendall", "--seed", "1", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    expected = bm.practice.against_evidence(bm.practice.read_survey(path), best=2, correlation="kendall", seed=1)
    assert found == expected.to_dict()


def test_the_template_is_read_when_it_is_filled_in():
    header = run("practice", "--template").stdout
    rows = ["A,3,20,1.5,1.1,2.05,4,higher,x", "B,9,20,1.1,0.8,1.51,2,higher,x", "C,5,20,2,1,4,1,higher,x"]
    result = run("practice", "-", "--best", "1", given=header + "\n".join(rows) + "\n")
    assert result.exit_code == 0, result.stderr


def test_refusals_name_the_place_and_the_remedy(tmp_path):
    assert "--template" in refused("practice")
    path = tmp_path / "survey.csv"
    path.write_text("intervention,services_using,services,odds_ratio,lower,upper,k\nX,9,8,1.2,1,1.5,2\n")
    assert "--direction" in refused("practice", path)
    assert "row 2 (X), column services_using: 9 of 8" in refused("practice", path, "--direction", "higher")
    assert "Expected a whole number from 1" in refused("practice", "simulated", "--best", "x")
    path.write_text("intervention,services_using,services,odds_ratio,lower,upper,k\nX,forty,50,1.2,1,1.5,2\n")
    assert '"forty" is not a number. Expected a whole number.' in refused("practice", path, "--direction", "higher")
    path.write_text("intervention,services_using,services,odds_ratio,lower,upper,k\nX,40,50,large,1,1.5,2\n")
    assert '"large" is not a number. Expected an odds ratio' in refused("practice", path, "--direction", "higher")


def test_an_empty_template_is_told_what_it_lacks(tmp_path):
    path = tmp_path / "survey.csv"
    path.write_text(run("practice", "--template").stdout)
    assert refused("practice", path) == "survey.csv: no interventions. Expected one row for each."


def test_a_file_that_is_not_there_is_pointed_to_what_practice_takes(tmp_path):
    message = refused("practice", tmp_path / "missing.csv")
    assert "no such file" in message
    assert "`bayesmeta practice --template`" in message
    assert "bayesmeta data" not in message


def test_a_prior_that_no_effect_can_have_is_called_that_of_the_effects():
    message = refused("practice", "simulated", "--effect-prior", "half_cauchy(1)")
    assert message.startswith('effect prior "half_cauchy(1)": half_cauchy is a prior on [0, inf), and effect needs')
