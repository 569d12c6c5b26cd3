"""The reanalysis without sampling: every promise of the output that NUTS is not needed for."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import bayesmeta as bm
from bayesmeta.report import Report
from bayesmeta.sensitivity import Sensitivity
from bayesmeta.workflow import ATTACHMENT, Options, reanalyse, terminal
from bayesmeta.workflow.classification import together


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    out = tmp_path_factory.mktemp("reanalysis") / "results"
    said: list[str] = []
    reanalyse([bm.load(name, rows="arms") for name in ATTACHMENT], out, Options(quick=True), said.append)
    return out, said


def test_says_first_how_many_trials_are_readable_and_that_it_is_no_replication(quick: tuple[Path, list[str]]):
    _, said = quick
    assert "8 of the 26" in said[0]
    assert "not a replication" in said[0]
    assert any("3 of the 20" in line for line in said)


def test_writes_pictures_tables_and_the_record(quick: tuple[Path, list[str]]):
    out, _ = quick
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    for outcome in ("attachment-secure", "attachment-disorganised"):
        for picture in ("forest", "prior-posterior", "subgroups", "new-setting"):
            assert f"{outcome}/{picture}.png" in files
    for name in (
        "joint-density-normal.png",
        "moved-children-normal.png",
        "moved-children-normal.csv",
        "borrowing-normal.csv",
    ):
        assert f"attachment-classification/{name}" in files
    assert {"results.json", "results.csv", "record.json"} <= files
    assert set(json.loads((out / "record.json").read_text())["files"]) == files - {"record.json"}


def test_both_outcomes_together_take_one_row_for_each_trial_and_say_so(quick: tuple[Path, list[str]]):
    out, said = quick
    assert "Both outcomes together: treated arms of Cicchetti 2006 added up, one row for each trial" in said
    direct = bm.fit(bm.load("attachment/classification"), bm.JointModel("normal")).summary()
    table = pd.read_csv(next((out / "attachment-classification").glob("summary-*.csv")))
    assert table["median"].to_numpy() == pytest.approx(direct["median"].to_numpy(), rel=1e-9, nan_ok=True)


def test_each_outcome_has_the_joint_result_beside_its_own(quick: tuple[Path, list[str]]):
    found = json.loads((quick[0] / "results.json").read_text())
    for outcome in ATTACHMENT:
        sentences = [finding.get("sentence", "") for finding in found[outcome]["findings"]]
        assert any("rho" in one and "P(more secure attachment and less disorganised" in one for one in sentences)
        (moved,) = [one for one in sentences if "of 100 in the control arm" in one]
        assert moved.startswith("joint normal, exact: of 100 in the control arm (146 people of 3 trials together)")


def test_what_must_be_said_with_a_joint_result_is_printed_once():
    trials = bm.load("attachment/secure")
    joint = [bm.fit(bm.load("attachment/classification"), bm.JointModel("normal")) for _ in (1, 2)]
    screen = Console(record=True, width=400, file=io.StringIO())
    terminal.show(Report.of(trials, *joint), screen)
    text = screen.export_text()
    assert text.count("by 19% where a category holds 1 of 54") == 1
    assert text.count("Report the trinomial likelihood") == 1


@pytest.mark.slow
def test_the_joint_result_by_counts_is_exact_and_sampled(tmp_path: Path):
    tables = [bm.load(name, rows="arms") for name in ATTACHMENT]
    reports = {trials.name: Report(trials) for trials in tables}
    together(tables, tmp_path, reports, lambda _: None, sampling={"seed": 3})
    files = {path.name for path in (tmp_path / "attachment-classification").iterdir()}
    assert {"joint-density-trinomial.png", "convergence.csv", "draws-joint-trinomial-nuts.nc"} <= files
    sentences = [finding.sentence for finding in reports["attachment/secure"].findings]
    assert any("exact quadrature and NUTS agree" in one for one in sentences)


def test_results_csv_holds_the_fits_own_numbers(quick: tuple[Path, list[str]]):
    out, _ = quick
    table = pd.read_csv(out / "results.csv")
    posterior = bm.fit(bm.load("attachment/secure", rows="arms"))
    pooled = table[(table.fit == "hypergeometric, exact") & (table.quantity == "pooled")]
    row = pooled[pooled.outcome == "secure attachment"]
    assert row[["median", "lower", "upper"]].to_numpy()[0] == pytest.approx(
        np.exp([posterior["mu"].median, *posterior["mu"].interval()]), rel=1e-12
    )
    assert row["wished"].item() == pytest.approx(posterior["mu"].probability(above=0), rel=1e-12)
    lower = pooled[pooled.outcome == "disorganised attachment"]
    assert lower["wished"].item() == pytest.approx(1 - lower["above_1"].item())


def test_results_json_is_strict_and_complete(quick: tuple[Path, list[str]]):
    out, _ = quick
    results = json.loads((out / "results.json").read_text(), parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    secure = results["attachment/secure"]
    assert secure["published"]["k"] == 26
    assert len(secure["trials"]) == 9  # of 8 trials, one with two arms
    assert len(secure["set_aside"]) > 0
    assert all(row["reason"] for row in secure["set_aside"])
    methods = {row["method"] for row in secure["pools"]["methods"]}
    assert methods == {"MH", "Peto", "conditional", "EE", "DL", "RevMan", "PM", "ML", "REML"}
    assert {found["finding"] for found in secure["findings"]} == {
        "AgainstPools",
        "Reproduction",
        "Sensitivity",
        "SmallStudyEffects",
        "ReanalysedPool",
        "UnreadTrials",
        "ExactJointPosterior",
        "Borrowing",
        "MovedChildren",
    }
    comparisons = secure["findings"][0]["comparisons"]
    assert all(row["because"] for row in comparisons)
    assert comparisons[-1]["method"] == "published"


def test_the_record_names_seed_versions_data_and_models(quick: tuple[Path, list[str]]):
    out, _ = quick
    record = json.loads((out / "record.json").read_text())
    assert record["seed"] == 20230227
    assert {"python", "numpy", "bayesmeta", "pymc"} <= set(record["versions"])
    secure = record["outcomes"]["attachment/secure"]
    assert secure["data"]["sha256"] == bm.load("attachment/secure", rows="arms").fingerprint
    assert bm.Model.from_dict(secure["fits"][0]["model"]) == bm.Model("hypergeometric")


def test_the_same_command_gives_the_same_files_twice(quick: tuple[Path, list[str]], tmp_path: Path):
    out, _ = quick
    reanalyse(
        [bm.load(name, rows="arms") for name in ATTACHMENT], tmp_path / "again", Options(quick=True), lambda _: None
    )
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        assert (tmp_path / "again" / path.relative_to(out)).read_bytes() == path.read_bytes(), path.name


def test_a_table_of_ones_own_without_moderator_or_published_result(tmp_path: Path):
    trials = bm.load("bcg")
    reports = reanalyse([trials], tmp_path / "bcg", Options(quick=True), lambda _: None)
    assert {fit.model.moderators for fit in reports["bcg"].fits} == {None}
    reports = reanalyse([trials], tmp_path / "bcg", Options(quick=True, moderators="~ latitude"), lambda _: None)
    assert {fit.model.moderators for fit in reports["bcg"].fits} == {None, "~ latitude"}
    assert [fit.model.likelihood for fit in reports["bcg"].fits] == ["hypergeometric"] * 2 + ["normal"] * 2


def test_the_headline_is_of_the_default_likelihood_and_estimates_have_the_normal_one_alone(tmp_path: Path):
    effects = bm.effect_sizes(bm.load("bcg"))
    estimates = {"study": effects.studies, "estimate": effects.y, "se": effects.se}
    alone = bm.read_trials(pd.DataFrame(estimates))
    counts = bm.load("bcg").table[["study", "events_treated", "total_treated", "events_control", "total_control"]]
    counts.iloc[:3, 1:] = np.nan
    mixed = bm.read_trials(counts.assign(estimate=effects.y, se=effects.se))
    for trials, expected in ((alone, ["normal"]), (mixed, ["hypergeometric", "normal"])):
        report = reanalyse([trials], tmp_path / expected[0], Options(quick=True), lambda _: None)[trials.name]
        assert [fit.model.likelihood for fit in report.fits] == expected
        [varied] = [found for found in report.findings if isinstance(found, Sensitivity)]
        assert varied.posterior is report.fits[0]
