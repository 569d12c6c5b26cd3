"""Whatever is wrong with a file or an option: status 2, one message that names the place, no traceback."""

import pytest

from tests.unit.cli.running import COUNTS, refused, run

HEADER = "study,events_treated,total_treated,events_control,total_control\n"
TWO = HEADER + "A,12,40,7,41\n"

FILES = {
    "more events than people": (TWO + "Moran 2005,53,49,8,50\n", ["row 3", "Moran 2005", "events_treated", "53", "49"]),
    "negative": (TWO + "B,-3,30,8,33\n", ["row 3 (B)", "events_treated", "-3"]),
    "fraction": (TWO + "B,9.5,30,8,33\n", ["row 3 (B)", "events_treated", "9.5", "whole number"]),
    "word": (TWO + "B,nine,30,8,33\n", ["row 3 (B)", "events_treated", '"nine"', "not a number"]),
    "blank": (TWO + "B,9,,8,33\n", ["row 3 (B)", "total_treated", "blank"]),
    "nobody": (TWO + "B,0,0,8,33\n", ["row 3 (B)", "total_treated"]),
    "column twice": ("study,ai,ai,n1i,ci,n2i\nA,1,1,9,2,9\n", ["row 1", "column ai", "twice"]),
    "column under two names": ("study,ai,events_treated,n1i,ci,n2i\nA,1,1,9,2,9\n", ["row 1", "column events_treated"]),
    "study twice": (TWO + "A,9,30,8,33\n", ["row 3", "study", "already in row 2"]),
    "no study column": ("ai,n1i,ci,n2i\n1,9,2,9\n", ["no column study"]),
    "no numbers": ("study,colour\nA,red\n", ["neither counts nor estimates", "colour"]),
    "short row": (TWO + "B,9,30\n", ["row 3 (B)", "3 cells under 5"]),
    "no rows": (HEADER, ["no trials"]),
    "empty": ("", ["empty"]),
    "open quote": (HEADER + '"A,12,40,7,41\n', ["not CSV", "double quote"]),
    "standard error of zero": ("study,estimate,se\nA,0.5,0\n", ["row 2 (A)", "column se", "positive"]),
}


@pytest.mark.parametrize("command", ["fit", "pool", "check"])
@pytest.mark.parametrize("fault", FILES)
def test_a_bad_file_is_refused_by_place_and_finding(tmp_path, command, fault):
    text, expected = FILES[fault]
    path = tmp_path / "trials.csv"
    path.write_text(text, encoding="utf-8")
    message = refused(command, path)
    assert message.startswith("trials.csv")
    for words in expected:
        assert words in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"PK\x03\x04rest", "Excel"), (b"\x00\x01\x02", "binary"), (b"study,ai\n\xff\xfe\xfa", "UTF-8")],
)
def test_a_file_of_another_kind_is_refused(tmp_path, content, expected):
    path = tmp_path / "trials.csv"
    path.write_bytes(content)
    assert expected in refused("fit", path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert "no such file" in refused("fit", tmp_path / "nowhere.csv")
    assert "folder" in refused("fit", tmp_path)


def test_a_misspelled_data_set_is_offered_by_its_name():
    assert "Did you mean attachment/secure?" in refused("fit", "atachment/secure")


def test_a_shared_control_of_unknown_variance_is_refused_and_the_report_still_printed(tmp_path):
    path = tmp_path / "arms.csv"
    path.write_text("study,estimate,se,trial\nA1,0.4,0.5,A\nA2,0.6,0.4,A\n")
    assert "A1 and A2 share a control arm, whose variance is not known" in refused("fit", path)
    assert "The arms of A are combined by their counts" in refused("pool", path)
    report = run("check", path)
    assert report.exit_code == 2
    assert "shared controls: 1 (A (2 rows))" in report.stdout
    assert report.stderr.count("\n") == 1
    assert "share a control arm" in report.stderr


OPTIONS = {
    "prior": (["--tau", "half_norml(0.5)"], ['tau prior "half_norml(0.5)"', "Did you mean half_normal(0.5)?"]),
    "prior of another kind": (["--mu", "half_normal(0.5)"], ["mu", "the whole line"]),
    "number of a prior": (["--tau", "half_normal(-1)"], ["scale is -1", "positive"]),
    "prior of a column that is not there": (
        ["--moderators", "~ dose", "--beta", "dosis=normal(0, 1)"],
        ["dosis", "no column of the design", "dose"],
    ),
    "two priors for a column": (
        ["--moderators", "~ dose", "--beta", "dose=flat", "--beta", "dose=normal(0, 1)"],
        ["--beta", "dose"],
    ),
    "prior for all beside one for a column": (["--beta", "flat", "--beta", "dose=normal(0, 1)"], ["--beta", "flat"]),
    "likelihood": (["--likelihood", "poisson"], ["likelihood", "poisson", "normal, binomial"]),
    "random effects": (["--random-effects", "cauchy"], ["random effects", "cauchy", "none"]),
    "baseline at": (["--baseline-at", "treated"], ["treated", "midpoint, control"]),
    "engine": (["--engine", "stan"], ["engine", "stan", "exact, nuts"]),
    "zero-cell rule": (["--zero-cells", "some"], ["zero-cell rule", "some", "only_zero"]),
    "zero cell under no rule": (
        ["--likelihood", "normal", "--zero-cells", "none"],
        ["D with a zero cell", "State another rule"],
    ),
    "column": (["--moderators", "~ doze"], ["doze", "Did you mean 'dose'?"]),
    "singular design": (["--moderators", "~ dose + I(dose)"], ["I(dose)"]),
    "no formula": (["--moderators", "~ +* dose"], ["not a formula"]),
    "left-hand side": (["--moderators", "y ~ dose"], ["y ~ dose"]),
    "data": (["--data", "everything"], ["everything", '"auto" or "estimates"']),
    "direction": (["--direction", "sideways"], ["sideways", '"higher", "lower"']),
    "estimates that are not there": (["--data", "estimates"], ["estimate, se", "blank"]),
    "negative draws": (["--draws", "-5"], ["--draws", '"-5"', "whole number from 1"]),
    "draws in words": (["--draws", "many"], ["--draws", '"many"']),
    "fraction of a chain": (["--chains", "2.5"], ["--chains", '"2.5"']),
    "seed": (["--seed", "4294967296"], ["--seed", "4294967295"]),
    "option": (["--taux", "flat"], ["bayesmeta fit", "--taux", "--help"]),
    "option without value": (["--tau"], ["bayesmeta", "--tau", "--help"]),
    "second file": (["other.csv"], ["bayesmeta fit", "other.csv"]),
}


@pytest.mark.parametrize("fault", OPTIONS)
def test_a_bad_option_is_refused_by_name_and_value(tmp_path, fault):
    path = tmp_path / "trials.csv"
    path.write_text(COUNTS)
    options, expected = OPTIONS[fault]
    message = refused("fit", path, *options)
    for words in expected:
        assert words in message


def test_a_design_that_the_trials_do_not_determine_is_refused(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text("study,estimate,se,dose,double\nA,0,1,1,2\nB,0,1,2,4\nC,0,1,3,6\nD,0,1,4,8\n")
    assert "combination of mu, dose" in refused("fit", path, "--moderators", "~ dose + double")


@pytest.mark.parametrize(
    "formula",
    [
        "~ __import__('os').system('touch x')",
        "~ C(__import__('os').system('touch x'))",
        "~ {__import__('os').system('touch x')}",
        "~ dose + I(open('x', 'w').close() or 1)",
        "~ poly(dose, __import__('os').system('touch x'))",
    ],
)
def test_a_formula_is_never_run_as_code(tmp_path, monkeypatch, formula):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trials.csv").write_text(COUNTS)
    assert "moderators" in refused("fit", "trials.csv", "--moderators", formula)
    assert not (tmp_path / "x").exists()


def test_commands_and_missing_arguments_are_refused_alike():
    assert "'fut'" in refused("fut", "bcg")
    assert "FILE" in refused("fit")
    assert "FILE" in refused("pool", "--json")


def test_other_commands_refuse_their_options_too(tmp_path):
    assert "OR, RR, RD" in refused("pool", "bcg", "--measure", "SMD")
    assert "no data set" in refused("data", "measles")
    assert "exclude each other" in refused("data", "bcg", "--csv", "--json")
    assert "which data set" in refused("data", "--csv")
    assert "no such parameter" in refused("priors", "--role", "sigma")
    assert "half_normal(2)" in refused("priors", "half_norml(2)")
    assert "normal takes 2 numbers" in refused("priors", "normal(2)")
    assert "no outcome" in refused("check", "bcg", "--outcome", "measles")
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert "cannot be written" in refused("data", "bcg", "--out", blocked / "bcg.csv")


def test_a_message_shows_control_characters_and_does_not_send_them(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text(TWO + "\x1b[31mB,9.5,30,8,33\n")
    message = refused("fit", path)
    assert "\\x1b[31mB" in message
    assert "\x1b" not in message
