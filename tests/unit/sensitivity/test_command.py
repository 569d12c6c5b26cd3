"""`bayesmeta sensitivity`: JSON for machines, tables for people."""

import json

import pytest
from typer.testing import CliRunner

from bayesmeta.cli.main import app
from bayesmeta.sensitivity import PARTS


def run(*arguments):
    return CliRunner().invoke(app, ["sensitivity", *arguments])


def test_json_is_the_whole_of_standard_output():
    done = run("attachment/disorganised", "--part", "prior_grid", "--part", "leave_one_out", "--json")
    assert done.exit_code == 0
    data = json.loads(done.stdout)
    assert list(data["parts"]) == ["prior_grid", "leave_one_out"]
    assert data["verdict"].startswith("The pooled OR of disorganised attachment lies below 1")
    assert data["published"]["kind"] == "scepticism"


def test_people_see_the_verdict_each_part_and_that_it_is_no_replication():
    done = run("attachment/disorganised")
    assert done.exit_code == 0
    text = " ".join(done.stdout.split())
    assert text.index("lies below 1") < text.index("prior grid")
    assert all(name.replace("_", " ") in text for name in PARTS)
    assert "not a replication" in text


def test_a_grid_of_ones_own_and_pictures(tmp_path):
    grid = ["--grid-tau", "half_normal(1)", "--grid-tau", "half_normal(2)", "--grid-mu", "flat"]
    done = run("bcg", "--part", "prior_grid", *grid, "--pictures", str(tmp_path), "--json")
    assert done.exit_code == 0
    rows = json.loads(done.stdout)["parts"]["prior_grid"]["rows"]
    assert [row["tau_prior"] for row in rows] == ["half_normal(1)", "half_normal(2)"]
    assert [path.name for path in tmp_path.iterdir()] == ["sensitivity-priors.png"]


def test_a_part_that_is_not_there_is_refused():
    done = run("bcg", "--part", "everything")
    assert done.exit_code == 2
    assert "no part 'everything'" in done.stderr


WRONG = {
    "a prior of tau that is none": (["--grid-tau", "half_norml(1)"], "half_normal(1)"),
    "a prior of mu that is one of tau": (["--grid-mu", "half_normal(1)", "--json"], "mu"),
    "an order that is not there": (["--by", "foo"], "no such column"),
    "an order for no part": (["--part", "tipping_point", "--by", "year"], "cumulative"),
    "an order that is not there for no part": (["--part", "tipping_point", "--by", "foo"], "cumulative"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_what_the_user_states_is_looked_at_before_anything_is_computed(fault, monkeypatch):
    def computed(*_):
        raise AssertionError("computed")

    monkeypatch.setattr("bayesmeta.sensitivity.everything.analysis", computed)
    options, words = WRONG[fault]
    done = run("bcg", *options)
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("of", [["bcg"], ["attachment", "--joint"]])
def test_a_file_in_place_of_the_folder_of_pictures_is_refused_first(of, tmp_path, monkeypatch):
    path = tmp_path / "pictures"
    path.write_text("mine", encoding="utf-8")
    monkeypatch.setattr("bayesmeta.sensitivity.everything.analysis", None)
    monkeypatch.setattr("bayesmeta.sensitivity.joint", None)
    for folder in (path, path / "below"):
        done = run(*of, "--pictures", str(folder))
        assert done.exit_code == 2
        assert "is a file. Name a folder." in " ".join(done.stderr.split())
    assert path.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("likelihood", ["hypergeometric", "binomial", "normal"])
def test_one_trial_with_counts_has_none_to_leave_out_and_one_step(likelihood, tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("study,ai,n1i,ci,n2i\nA,56,115,32,95\n", encoding="utf-8")
    parts = ["--part", "leave_one_out", "--part", "cumulative", "--part", "tipping_point"]
    done = run(str(path), "--likelihood", likelihood, *parts, "--pictures", str(tmp_path / "out"))
    assert done.exit_code == 0
    text = " ".join(done.stdout.split())
    assert "No trial can be left out: there is only one." in text
    assert "one step, with 1 trial, at which" in text
    assert "1 trial to" not in text


def test_people_see_every_model_the_whole_prior_grid_by_family_and_whole_numbers_of_trials(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    parts = [option for part in ("prior_grid", "model_grid", "tipping_point") for option in ("--part", part)]
    done = run("attachment/disorganised", *parts)
    text = " ".join(done.stdout.split())
    grid, models = done.stdout.split("model grid")[0], done.stdout.split("model grid")[1]
    assert all(f"tau {family}" in grid for family in ("half_normal", "half_cauchy", "lognormal", "jeffreys"))
    assert all(f"mu {prior}" in grid for prior in ("odds_ratio_within(250)", "normal(0, 1)", "flat"))
    assert "each of them: --json" in text
    assert all(word in models for word in ("DerSimonian-Laird", "Mantel-Haenszel", "Paule-Mandel", "hypergeometric"))
    assert "more: --json" not in models
    row = next(line for line in done.stdout.splitlines() if line.startswith("trials removed"))
    assert row.split()[-1] == "2"


def test_of_many_trials_people_see_those_that_matter_most_and_the_last_steps(tmp_path):
    path = tmp_path / "many.csv"
    rows = [f"T{i},{0.4 + 0.02 * i + (2.0 if i == 14 else 0.0)},0.3" for i in range(16)]
    path.write_text("\n".join(["study,estimate,se", *rows]), encoding="utf-8")
    done = run(str(path), "--part", "leave_one_out", "--part", "cumulative", "--by", "order")
    left_out, steps = done.stdout.split("cumulative", 1)
    assert left_out.split("study")[1].splitlines()[2].startswith("T14 ")
    assert "4 more that move it less: --json." in left_out
    shown = [line.split()[0] for line in steps.splitlines() if line.startswith("T")]
    assert shown == [f"T{i}" for i in range(4, 16)]
    assert "4 more before these: --json." in steps
