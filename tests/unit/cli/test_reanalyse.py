"""`bayesmeta reanalyse` without sampling, as its user meets it."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.running import run

NASTY = "[red]Mo$ran_2005[/red]"


def table(folder: Path, text: str) -> str:
    path = folder / "own.csv"
    path.write_text("study,events_treated,total_treated,events_control,total_control,sensitivity_focused\n" + text)
    return str(path)


def test_a_table_of_ones_own_with_names_that_are_no_markup(tmp_path: Path):
    path = table(tmp_path, f"{NASTY},28,49,19,50,yes\nBernard 2012,31,60,20,60,yes\nAnisfeld 1990,19,23,10,26,no\n")
    done = run("reanalyse", path, "--quick", "--out", str(tmp_path / "out"))
    assert done.exit_code == 0, done.stderr
    assert NASTY in done.stdout
    assert "group: sensitivity_focused = yes" in done.stdout
    assert done.stdout.index("What if? The verdict") < done.stdout.index("Prior grid: the pooled OR under")
    assert "Results are in" in done.stderr
    assert (tmp_path / "out" / "own" / "forest.png").is_file()


def test_a_data_set_comes_with_the_arms_of_its_trials_or_with_one_row_for_each(tmp_path: Path):
    studies = {}
    for rows in ("arms", "main"):
        out = tmp_path / rows
        done = run("reanalyse", "attachment/disorganised", "--quick", "--rows", rows, "--out", str(out))
        assert done.exit_code == 0, done.stderr
        assert "counts of 3 of the 20 published trials" in " ".join(done.stdout.split())
        results = json.loads((out / "results.json").read_text())
        studies[rows] = [trial["study"] for trial in results["attachment/disorganised"]["trials"]]
    assert studies["arms"][:2] == ["Cicchetti 2006, IPP", "Cicchetti 2006, PPI"]
    assert studies["main"][0] == "Cicchetti 2006"
    assert len(studies["arms"]) == len(studies["main"]) + 1


def test_json_and_nothing_else_on_standard_output(tmp_path: Path):
    done = run("reanalyse", "crins2014", "--quick", "--json", "--out", str(tmp_path / "out"))
    assert set(json.loads(done.stdout)) == {"crins2014"}


@pytest.mark.parametrize(
    ("arguments", "finding"),
    [
        (["--draws", "-1"], "--draws"),
        (["--moderators", "~ sensitivity"], "sensitivity"),
        (["--moderators", "~ open('x')"], "moderators"),
    ],
)
def test_refusals_are_one_message_and_leave_nothing_behind(arguments: list[str], finding: str, tmp_path: Path):
    path = table(tmp_path, "Moran 2005,28,49,19,50,yes\nBernard 2012,31,60,20,60,no\nAnisfeld 1990,19,23,10,26,no\n")
    done = run("reanalyse", path, "--quick", "--out", str(tmp_path / "out"), *arguments)
    assert done.exit_code == 2
    assert finding in done.stderr.splitlines()[-1]
    assert [entry.name for entry in tmp_path.iterdir()] == ["own.csv"]
