"""`bayesmeta fit --selection`: the contract of its JSON, what people read, and what is refused."""

import json

import pytest

from tests.unit.cli.running import COUNTS, ESTIMATES, refused, run


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text(COUNTS)
    return path


def test_json_has_the_weights_and_what_was_selected(table):
    result = run("fit", table, "--selection", "one_sided(0.025, 0.5)", "--direction", "higher", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout, parse_constant=pytest.fail)
    assert list(found["parameters"]) == ["mu", "tau", "theta_new", "omega[0.025,0.5]", "omega[0.5,1]"]
    assert found["selection"]["side"] == "greater"
    assert found["selection"]["cuts"] == [0.025, 0.5]
    assert sum(found["selection"]["trials"]) == found["k"] == 4
    assert found["model"]["likelihood"] == "normal"
    assert found["model"]["selection"] == "one_sided(0.025, 0.5)"
    assert found["model"]["omega"] == "cumulative_dirichlet"
    assert isinstance(found["log_marginal_likelihood"], float)


def test_people_read_prior_and_posterior_of_the_weights(table):
    text = " ".join(run("fit", table, "--selection", "two_sided(0.05)", "--omega", "uniform(0, 2)").stdout.split())
    assert "Relative probability of publication" in text
    assert "p values are two-sided" in text
    assert "uniform(0, 2)" in text
    assert "4 trials say of the weights" in text or "4 trials say next to nothing of the weights" in text
    assert "Trials done and not published" in text


def test_a_one_sided_selection_asks_for_the_side(tmp_path):
    path = tmp_path / "estimates.csv"
    path.write_text(ESTIMATES)
    message = refused("fit", path, "--selection", "one_sided(0.025)")
    assert "side=greater" in message
    assert "--direction" in message
    assert run("fit", path, "--selection", "one_sided(0.025, side=less)").exit_code == 0


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--selection", "steps(1)"], "Known: one_sided, two_sided, none"),
        (["--selection", "two_sided(0.05)", "--omega", "dirichlet"], "omega prior"),
        (["--selection", "two_sided(0.05)", "--likelihood", "binomial"], "--likelihood normal"),
        (["--selection", "two_sided(0.05)", "--moderators", "~ dose"], "--engine nuts"),
    ],
)
def test_what_cannot_be_selected_is_refused_with_a_remedy(table, options, why):
    assert why in refused("fit", table, *options)


def test_sensitivity_has_the_average_over_bias(table):
    text = run("sensitivity", table, "--part", "bias", "--direction", "higher").stdout
    assert "question, or models" in text
    assert "with an effect, PET and PEESE" in text
    assert "Averaged over 36 models" in text
