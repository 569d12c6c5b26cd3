"""`bayesmeta sensitivity`: JSON for machines, tables for people."""

import json

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
