"""Results are whole: a run that ends badly leaves an earlier run's files as they were."""

import json
from pathlib import Path

import pytest

from bayesmeta.errors import BayesmetaError
from bayesmeta.workflow.outputs import RECORD, slug, staged, write_json


def run(out: Path, files: dict[str, str]) -> None:
    with staged(out) as folder:
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        write_json(folder / RECORD, {"files": sorted(files)})


def interrupted(out: Path) -> None:
    with staged(out) as folder:
        (folder / "a.csv").write_text("second, half")
        raise KeyboardInterrupt


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_an_interrupted_run_leaves_the_earlier_results_whole(tmp_path: Path):
    out = tmp_path / "results"
    run(out, {"a.csv": "first", "plots/b.png": "first"})
    before = contents(out)
    with pytest.raises(KeyboardInterrupt):
        interrupted(out)
    assert contents(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_a_second_run_replaces_the_first_as_a_set_and_leaves_other_files_alone(tmp_path: Path):
    out = tmp_path / "results"
    run(out, {"a.csv": "first", "trace.png": "first", "old/plots/pair.png": "first", "kept/b.png": "first"})
    (out / "my notes.txt").write_text("mine")
    (out / "kept" / "mine.txt").write_text("mine")
    run(out, {"a.csv": "second"})
    found = contents(out)
    assert (found["a.csv"], found["my notes.txt"]) == ("second", "mine")
    assert "trace.png" not in found
    assert not (out / "old").exists()
    assert [path.name for path in (out / "kept").iterdir()] == ["mine.txt"]


def test_a_record_from_elsewhere_cannot_remove_files_outside_the_folder(tmp_path: Path):
    out = tmp_path / "results"
    out.mkdir()
    precious = tmp_path / "precious.txt"
    precious.write_text("kept")
    (out / RECORD).write_text(json.dumps({"files": ["../precious.txt", str(precious), 7]}))
    run(out, {"a.csv": "new"})
    assert precious.read_text() == "kept"


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(BayesmetaError, match="A folder is expected"), staged(tmp_path / "results"):
        pass
    assert (tmp_path / "results").read_text() == "a file"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("attachment/secure", "attachment-secure"), ("../../etc", "etc"), ("", "data"), ("~ a * b", "a-b")],
)
def test_names_become_plain_file_names(text: str, expected: str):
    assert slug(text) == expected
