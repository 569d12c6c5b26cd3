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
