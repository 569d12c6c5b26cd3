"""The command as a process: clean streams, exit status, what it loads."""

import json
import subprocess
import sys
import warnings

import pytest

import bayesmeta as bm
from bayesmeta.cli.main import COMMANDS
from bayesmeta.errors import BayesmetaWarning
from tests.unit.cli.running import COUNTS, ENTRY, process, run

HEAVY = {
    *("arviz", "joblib", "matplotlib", "nutpie", "pymc", "pytensor", "xarray"),
    *("formulaic", "meta_analyze", "scipy.optimize", "scipy.stats"),
}
LOADED = f"import sys\ntry:\n    {ENTRY}\nfinally:\n    print(*sys.modules, file=sys.stderr)"


def test_json_alone_is_on_standard_output_and_the_same_each_time():
    first, second = (process("fit", "bcg", "--json") for _ in range(2))
    assert first.returncode == 0
    assert first.stderr == ""
    assert json.loads(first.stdout)["k"] == 13
    assert first.stdout == second.stdout


def test_a_refusal_leaves_with_status_2_and_without_traceback(tmp_path):
    done = process("fit", "nowhere.csv", folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "nowhere.csv: no such file. `bayesmeta data` lists the data sets that can be given by name.\n"
    )


@pytest.mark.parametrize(("form", "unwanted"), [(["--json"], HEAVY | {"rich", "pydantic"}), ([], HEAVY)])
def test_a_fit_of_the_normal_model_loads_nothing_heavy(tmp_path, form, unwanted):
    (tmp_path / "trials.csv").write_text(COUNTS)
    done = process("fit", "trials.csv", "--likelihood", "normal", *form, folder=tmp_path, code=LOADED)
    assert done.returncode == 0
    loaded = set(done.stderr.split())
    assert "bayesmeta.exact" in loaded
    assert loaded.isdisjoint(unwanted)


def test_a_reader_who_leaves_early_is_not_told_so():
    with subprocess.Popen(
        [sys.executable, "-c", ENTRY, "data", "attachment/secure"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as done:
        done.stdout.close()
        complaint = done.stderr.read()
    assert complaint == b""


def test_a_terminal_without_the_letters_of_a_name_still_gets_the_table(tmp_path):
    (tmp_path / "trials.csv").write_text(COUNTS.replace("\nA,", "\nGünhan 試,"), encoding="utf-8")
    code = f"import sys\nsys.stdout.reconfigure(encoding='ascii')\n{ENTRY}"
    done = process("fit", "trials.csv", folder=tmp_path, code=code)
    assert done.returncode == 0
    assert "G\\xfcnhan" in done.stdout


def test_version_and_help_name_what_there_is():
    assert run("--version").stdout == f"bayesmeta {bm.__version__}\n"
    for text in (run("--help").stdout, run().stdout):
        assert all(f"  {name} " in text for name in COMMANDS)
    for name in COMMANDS:
        shown = run(name, "--help")
        assert shown.exit_code == 0
        assert f"Usage: bayesmeta {name}" in shown.stdout


def test_an_interrupted_command_leaves_with_130(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("bayesmeta.cli.fit.fit", interrupted)
    result = run("fit", "bcg")
    assert result.exit_code == 130
    assert result.stdout == ""


def test_a_fault_of_the_program_is_not_dressed_up_as_a_refusal(monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr("bayesmeta.cli.fit.fit", broken)
    with pytest.raises(ZeroDivisionError, match="a fault"):
        run("fit", "bcg")


def test_a_fault_keeps_its_traceback_and_status_1():
    code = f"import bayesmeta.cli.fit as room\nroom.fit = None\n{ENTRY}"
    done = process("fit", "bcg", code=code)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")


def test_a_warning_is_one_line_on_standard_error_once(monkeypatch):
    def warns(trials, model, engine, **_):
        for _ in range(2):
            warnings.warn("two\nlines", BayesmetaWarning, stacklevel=2)
        print("chatter of a library")
        return bm.fit(trials, model)

    monkeypatch.setattr("bayesmeta.cli.fit.fit", warns)
    result = run("fit", "bcg", "--json")
    assert result.stderr == "warning: two lines\nchatter of a library\n"
    assert json.loads(result.stdout)["k"] == 13
