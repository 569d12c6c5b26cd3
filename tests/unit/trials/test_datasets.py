"""The shipped data say what their documentation says, and nothing of them disappears."""

import csv

import numpy as np
import pandas as pd
import pytest

from bayesmeta.effects import effect_sizes
from bayesmeta.errors import DataError
from bayesmeta.trials import dataset_names, load, published_pools, read_trials, template
from bayesmeta.trials.datasets import data_folder

# Events and totals, treated v control, focus and certainty, as in the table of usable trials.
SECURE = {
    "Cooper 2009": (116, 156, 102, 162, "yes", "high"),
    "Cicchetti 2006": (29, 50, 1, 54, "no", "high"),
    "Bernard 2012": (31, 60, 20, 60, "yes", "high"),
    "Moss 2011": (23, 35, 9, 32, "yes", "medium"),
    "Moran 2005": (28, 49, 19, 50, "yes", "medium"),
    "van den Boom 1994": (31, 50, 11, 50, "yes", "medium"),
    "CAPEDP-A": (41, 65, 29, 52, "no", "medium"),
    "Anisfeld 1990": (19, 23, 10, 26, "no", "low"),
}
DISORGANISED = {
    "Cicchetti 2006": (19, 50, 42, 54, "no", "high"),
    "Bernard 2012": (19, 60, 34, 60, "yes", "high"),
    "Moss 2011": (7, 35, 18, 32, "yes", "medium"),
}
ARMS = {
    "secure": {"Cicchetti 2006, IPP": [17, 28, 1, 54], "Cicchetti 2006, PPI": [12, 22, 1, 54]},
    "disorganised": {"Cicchetti 2006, IPP": [9, 28, 42, 54], "Cicchetti 2006, PPI": [10, 22, 42, 54]},
}


def rows_of(file):
    with (data_folder() / file).open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


@pytest.mark.parametrize(
    ("name", "documented", "direction"),
    [("attachment/secure", SECURE, "higher"), ("attachment/disorganised", DISORGANISED, "lower")],
)
def test_the_attachment_trials_are_those_of_the_table(name, documented, direction):
    trials = load(name)
    frame = trials.table
    shown = {
        study: (*counts, focus, certainty)
        for study, counts, focus, certainty in zip(
            trials.studies, trials.counts.tolist(), frame["sensitivity_focused"], frame["certainty"]
        )
    }
    assert shown == documented
    assert trials.direction == direction
    assert trials.has_counts.all()
    trials.refuse_shared_controls()


@pytest.mark.parametrize("name", ["attachment/secure", "attachment/disorganised"])
@pytest.mark.parametrize("rows", ["main", "arms"])
def test_counts_give_the_odds_ratios_printed_beside_them(name, rows):
    trials = load(name, rows=rows)
    effects = effect_sizes(trials)
    for column, log_value in (
        ("or_printed", effects.y),
        ("or_lower", effects.y - 1.96 * effects.se),
        ("or_upper", effects.y + 1.96 * effects.se),
    ):
        np.testing.assert_allclose(trials.table[column], np.exp(log_value), atol=5.1e-4)


@pytest.mark.parametrize("name", ["attachment/secure", "attachment/disorganised"])
@pytest.mark.parametrize("rows", ["main", "arms"])
def test_every_row_of_the_outcome_is_used_or_set_aside_with_a_reason(name, rows):
    outcome = name.removeprefix("attachment/")
    in_file = sorted(row["study"] for row in rows_of("attachment.csv") if row["outcome"].split()[0] == outcome)
    trials = load(name, rows=rows)
    assert sorted([*trials.studies, *trials.set_aside["study"]]) == in_file
    assert (trials.set_aside["reason"].str.len() > 10).all()


def test_the_file_has_34_rows_in_two_outcomes_and_says_where_each_is_from():
    rows = rows_of("attachment.csv")
    assert len(rows) == 34
    assert {row["outcome"].split()[0] for row in rows} == {"secure", "disorganised"}
    assert all(row["source"] for row in rows)
    assert all(bool(row["reason"]) != (row["pool_set"] == "main") for row in rows)


@pytest.mark.parametrize("outcome", ["secure", "disorganised"])
def test_the_arms_of_cicchetti_2006_add_up_and_are_never_pooled_as_if_independent(outcome):
    trials = load(f"attachment/{outcome}", rows="arms")
    arms = dict(zip(trials.studies, trials.counts.tolist()))
    assert {study: arms[study] for study in ARMS[outcome]} == ARMS[outcome]
    assert list(trials.shared_controls) == ["Cicchetti 2006"]
    combined = dict(zip(load(f"attachment/{outcome}").studies, load(f"attachment/{outcome}").counts.tolist()))
    first, second = ARMS[outcome].values()
    assert combined["Cicchetti 2006"] == [first[0] + second[0], first[1] + second[1], *first[2:]]
    with pytest.raises(DataError, match=r"Cicchetti 2006, IPP.* and .*Cicchetti 2006, PPI.* share the control arm"):
        trials.refuse_shared_controls()


def test_a_main_row_and_an_arm_of_the_same_trial_cannot_meet():
    secure = [row for row in rows_of("attachment.csv") if row["outcome"] == "secure" and row["events_control"]]
    together = read_trials(pd.DataFrame([row for row in secure if row["events_treated"]]).drop(columns="outcome"))
    with pytest.raises(DataError, match="share the control arm of Cicchetti 2006"):
        together.refuse_shared_controls()


def test_the_published_pools_are_those_of_the_review():
    # Health Technol Assess 2023;27(2), abstract.
    secure, disorganised = (load(f"attachment/{outcome}").published for outcome in ("secure", "disorganised"))
    assert (secure.k, secure.year, secure.odds_ratio) == (26, 2023, pytest.approx(1.85))
    assert secure.odds_ratio_interval == pytest.approx((1.36, 2.52))
    assert (disorganised.k, disorganised.year, disorganised.odds_ratio) == (20, 2023, pytest.approx(0.54))
    assert disorganised.odds_ratio_interval == pytest.approx((0.39, 0.77))


def test_unclear_focus_counts_as_no_and_the_note_keeps_the_word():
    table = load("attachment/secure").table.set_index("study")
    assert table.loc["Anisfeld 1990", "sensitivity_focused"] == "no"
    assert table.loc["Anisfeld 1990", "sensitivity_note"].startswith("unclear")


def test_continuous_results_are_set_aside_with_their_numbers():
    aside = load("attachment/secure").set_aside.set_index("study")
    assert aside.loc["Kalinauskiene 2009", ["smd", "smd_se"]].tolist() == ["0.000", "0.272"]


def test_published_pools_have_numbers_and_a_source():
    pools = published_pools()
    assert len(pools) == len(rows_of("published_pooled.csv"))
    assert pools["source_url"].str.len().min() > 5
    printed = pools.dropna(subset=["lo95", "estimate", "hi95"])
    assert (printed["lo95"] <= printed["estimate"]).all()
    assert (printed["estimate"] <= printed["hi95"]).all()


def test_the_bcg_trials_are_those_of_colditz_1994():
    # dat.bcg: 13 trials; metafor's log odds ratios and the moderators stand in the reference input.
    trials = load("bcg")
    reference = read_trials(data_folder() / "reference" / "inputs" / "bcg.csv")
    assert np.array_equal(trials.counts, reference.counts)
    assert trials.table["latitude"].tolist() == reference.table["ablat"].tolist()
    assert trials.table["allocation"].tolist() == reference.table["alloc"].tolist()


def test_the_crins_trials_are_those_of_roever_2020():
    # Roever 2020, J Stat Softw 93(6), table of acute rejection.
    assert load("crins2014").counts.astype(int).tolist() == [
        [14, 61, 15, 20],
        [16, 28, 19, 28],
        [3, 18, 8, 12],
        [9, 54, 29, 54],
        [4, 36, 11, 36],
        [0, 50, 3, 34],
    ]


@pytest.mark.parametrize("name", dataset_names())
def test_every_data_set_loads_knows_its_outcome_and_its_sources(name):
    trials = load(name)
    assert trials.name == name
    assert trials.outcome
    assert trials.direction in ("higher", "lower")
    assert (trials.sources["source"].str.len() > 10).all()
    assert trials.origin == f"bayesmeta data set {name}"


def test_changing_what_was_loaded_does_not_change_what_is_loaded_next():
    first = load("bcg")
    first.table.loc[0, "events_treated"] = 99
    assert load("bcg").counts[0, 0] == 4


def test_an_unknown_data_set_is_refused_with_a_suggestion():
    with pytest.raises(DataError, match=r"Did you mean attachment/secure\?"):
        load("atachment/secure")
    with pytest.raises(DataError, match="There are attachment/secure"):
        load("")
    with pytest.raises(DataError, match='Expected "main" or "arms"'):
        load("attachment/secure", rows="all")


@pytest.mark.parametrize(
    ("name", "k", "direction"), [("secure", 26, "higher"), ("attachment/disorganised", 20, "lower")]
)
def test_a_template_has_a_row_for_each_trial_of_the_report(tmp_path, name, k, direction):
    file = tmp_path / "full.csv"
    file.write_text(template(name), encoding="utf-8")
    assert len(file.read_text(encoding="utf-8").splitlines()) == k + 1
    with pytest.raises(DataError, match="no trials"):
        read_trials(file)
    lines = template(name).splitlines()
    lines[2] = "Moran 2005" + lines[2].replace(",,,,,,", ",28,49,19,50,yes,", 1)
    file.write_text("\n".join(lines), encoding="utf-8")
    trials = read_trials(file)
    assert (trials.k, trials.row_numbers, trials.direction) == (1, (3,), direction)
    assert trials.counts[0].tolist() == [28, 49, 19, 50]


def test_a_template_of_nothing_is_refused():
    with pytest.raises(DataError, match="no data set of that name"):
        template("insecure")
