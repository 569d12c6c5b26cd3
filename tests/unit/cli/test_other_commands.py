"""`pool`, `check`, `data` and `priors`: JSON for machines, text for people."""

import json
import re

import pytest

import bayesmeta as bm
from bayesmeta.priors import catalogue
from tests.unit.cli.running import COUNTS, ESTIMATES, refused, run


def answered(*arguments):
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout, parse_constant=pytest.fail)


def text_of(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    return " ".join(result.stdout.split())


# pool


def test_json_of_pool_has_the_shape_of_the_contract():
    found = answered("pool", "bcg")
    assert list(found) == ["k", "heterogeneity", "methods"]
    assert found["k"] == 13
    assert list(found["heterogeneity"]) == ["Q", "df", "p", "I2", "H2", "tau2_qp_lower", "tau2_qp_upper"]
    columns = ["method", "interval", "estimate", "se", "lower", "upper", "tau2", "prediction_lower", "prediction_upper"]
    assert all(list(row) == columns for row in found["methods"])
    assert {row["method"] for row in found["methods"]} == {
        *("DL", "PM", "REML", "ML", "RevMan", "EE", "MH", "Peto", "conditional"),
    }
    assert {row["interval"] for row in found["methods"]} == {"wald", "hksj", "hksj_adhoc"}
    assert next(row for row in found["methods"] if row["method"] == "MH")["tau2"] is None


def test_small_study_effects_stand_beside_the_pools_where_they_are_asked_for():
    found = answered("pool", "bcg", "--small-study")
    assert found.pop("small_study_effects") == bm.small_study_effects(bm.load("bcg")).to_dict()
    assert found == answered("pool", "bcg")
    text = text_of("pool", "attachment/secure", "--small-study")
    assert re.search(r"Egger +0\.005", text)
    assert re.search(r"PET-PEESE +0\.500 \(0\.193 to 1\.30\) +PET", text)
    assert "With fewer than 10 trials" in " ".join(text.split())
    assert "are for odds ratios" in refused("pool", "bcg", "--small-study", "--measure", "RR")


def test_pool_has_the_numbers_of_python():
    rows = {(row["method"], row["interval"]): row for row in answered("pool", "bcg", "--measure", "RR")["methods"]}
    expected = bm.pool(bm.load("bcg"), measure="RR").row("REML")
    assert rows["REML", "wald"]["estimate"] == expected["estimate"]


def test_pool_shows_odds_ratios_and_differences_as_what_they_are():
    assert "0.623 (0.575 to 0.675)" in text_of("pool", "bcg")  # MH
    difference = text_of("pool", "crins2014", "--measure", "RD")
    assert "risk difference" in difference
    assert "Peto left out" in difference


def test_pool_does_not_call_estimates_odds_ratios(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text(ESTIMATES)
    found = text_of("pool", path)
    assert "odds ratio" not in found
    assert "effect, as given" in found


# check


def test_check_reports_what_is_in_a_file(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text(COUNTS + "E,0,10,0,12,5,\n")
    found = answered("check", path)
    assert found["k"] == 5
    assert found["rows_with_counts"] == 5
    assert found["rows_with_estimates_only"] == 0
    assert found["zero_cells"] == ["D", "E"]
    assert found["double_zero"] == ["E"]
    assert found["shared_controls"] == {}
    assert found["problems"] == []
    dose, site = found["moderators"]
    assert (dose["column"], dose["kind"], dose["smallest"], dose["largest"]) == ("dose", "numeric", 1.0, 5.0)
    assert (site["column"], site["levels"], site["blank"]) == ("site", {"x": 2, "y": 2}, 1)
    assert any("Column site is blank in 1 of 5 rows" in note for note in found["notes"])
    assert any("--direction" in note for note in found["notes"])


def test_check_asks_whether_equal_control_arms_are_one(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text(COUNTS + "E,5,20,7,41,5,x\n")
    note = next(note for note in answered("check", path)["notes"] if "control" in note)
    assert note.startswith("row 2 (A) and row 6 (E) have the same control arm (7 of 41): do they share a control?")


def test_check_offers_no_column_of_notes_as_moderator(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text("study,estimate,se,comment,constant\nA,1,1,one,k\nB,1,1,two,k\nC,1,1,three,k\nD,1,1,four,k\n")
    assert answered("check", path)["moderators"] == []


def test_check_says_it_to_people_too():
    found = text_of("check", "attachment/secure")
    assert "trials: 8" in found
    assert "sensitivity_focused, categorical: no (3), yes (5)" in found
    assert "not a replication" in found
    assert "No problems found." in found


# data


def test_every_data_set_is_listed_with_its_source():
    listed = {one["name"]: one for one in answered("data")}
    assert tuple(listed) == bm.dataset_names()
    for name, one in listed.items():
        assert one["k"] == bm.load(name).k
        assert one["source"]
        assert name in text_of("data")
    assert listed["attachment/secure"]["k_published"] == 26


def test_a_data_set_is_shown_with_sources_and_what_was_set_aside():
    found = text_of("data", "attachment/secure")
    assert "Moran 2005 28/49 19/50" in found
    assert "odds ratio 1.85 (1.36 to 2.52), 26 trials" in found
    assert "8 of the 26 trials" in found
    assert "not a replication" in found
    assert "https://suppr.wilddata.cn/browses/detail/pubmed/19366752" in found  # an address stays in one piece
    assert "Toth 2006: the control arm could be read" in found


def test_json_of_a_data_set_has_every_row():
    found = answered("data", "attachment/secure")
    assert len(found["trials"]) == 8
    assert {row["study"] for row in found["set_aside"]} == set(bm.load("attachment/secure").set_aside["study"])
    assert found["published"]["k"] == 26
    assert found["published"]["odds_ratio"] == pytest.approx(1.85)


def test_csv_of_a_data_set_reads_back_as_the_same_trials(tmp_path):
    path = tmp_path / "bcg.csv"
    assert run("data", "bcg", "--out", path).stdout == ""
    assert path.read_text() == run("data", "bcg", "--csv").stdout
    assert answered("fit", path)["parameters"] == answered("fit", "bcg")["parameters"]


def test_a_template_is_printed_and_never_replaces_a_file(tmp_path):
    template = run("data", "--template").stdout
    assert template.splitlines()[0].startswith("study,outcome,direction,events_treated")
    assert len(template.splitlines()) == 27
    assert (
        run("data", "--template", "disorganised").stdout == run("data", "attachment/disorganised", "--template").stdout
    )
    path = tmp_path / "mine.csv"
    assert run("data", "--template", "--out", path).exit_code == 0
    path.write_text("filled in")
    again = run("data", "--template", "--out", path)
    assert (again.exit_code, path.read_text()) == (2, "filled in")
    assert "is there already" in again.stderr


# priors


def test_every_prior_is_listed_with_its_parameters():
    found = text_of("priors")
    listed = {one["name"] for one in answered("priors")}
    for family in catalogue():
        assert family.signature() in found
        assert family.text_name in listed
    assert "half_normal" not in text_of("priors", "--role", "mu")


def test_a_prior_is_described_in_words():
    assert bm.describe(bm.HalfNormal(0.5)) in text_of("priors", "half_normal(0.5)")
    assert bm.describe(bm.Normal(0, 4)) in text_of("priors", "normal(0, 4)")
    assert answered("priors", "flat")["described"] == [bm.describe(bm.Flat())]


@pytest.mark.parametrize("name", ["half_t", "HalfT", "half-t"])
def test_the_name_of_a_prior_alone_shows_its_examples(name):
    found = text_of("priors", name)
    assert "half_t(df, scale)" in found
    assert "half_t(3, 0.5): median of tau" in found
