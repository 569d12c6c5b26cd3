"""The table of trials: what it promises once it exists, and what it refuses before."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesmeta.errors import DataError
from bayesmeta.trials import PublishedPool, Trials, load, read_trials

COUNTS = ["events_treated", "total_treated", "events_control", "total_control"]


def table(**changes):
    columns = {
        "study": ["Ames 2001", "Bell 2004", "Cole 2010"],
        "events_treated": [3, 5, 7],
        "total_treated": [20, 40, 60],
        "events_control": [6, 9, 12],
        "total_control": [21, 38, 58],
    }
    return pd.DataFrame({**columns, **changes})


def refusal(**changes):
    with pytest.raises(DataError) as caught:
        Trials(table(**changes), origin="cohort")
    return str(caught.value)


def test_canonical_columns_come_first_and_the_others_stay():
    shuffled = table(dose=[1, 2, 3])[
        ["dose", "total_control", "study", "events_treated", "events_control", "total_treated"]
    ]
    trials = Trials(shuffled)
    assert trials.columns == ("study", *COUNTS, "dose")
    assert trials.table["dose"].tolist() == [1, 2, 3]
    assert trials.counts[1].tolist() == [5, 40, 9, 38]


def test_the_table_given_is_not_the_table_kept():
    given_table = table()
    trials = Trials(given_table)
    given_table.loc[0, "events_treated"] = 19
    assert trials.counts[0, 0] == 3


def test_arrays_are_closed_for_writing_and_fields_frozen():
    trials = Trials(table())
    for array in (trials.counts, trials.has_counts, trials.estimate, trials.se):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        trials.name = "other"


def test_more_events_than_people_is_named_by_row_study_and_column():
    message = refusal(events_treated=[3, 41, 7])
    assert message == (
        "cohort, row 3 (Bell 2004), column events_treated: 41 events among 40 people. "
        "Events cannot exceed total_treated."
    )


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("events_control", -1, "-1. A count is a whole number from 0"),
        ("events_control", 2.5, "2.5. A count is a whole number"),
        ("total_control", 0, "0. A count is a whole number from 1"),
        ("total_treated", 1e12, "1000000000000. A count is a whole number"),
        ("total_treated", np.inf, "inf. A count is a whole number"),
        ("events_treated", np.nan, "blank. A row needs all four counts"),
        ("study", " ", "blank. Every row needs the name"),
        ("study", "Ames 2001", "already in row 2"),
    ],
)
def test_a_bad_cell_is_named_with_what_was_expected(column, value, words):
    values = table()[column].astype(object).tolist()
    values[1] = value
    message = refusal(**{column: values})
    assert f"column {column}: " in message
    assert "row 3" in message
    assert words in message


@pytest.mark.parametrize("se", [0, -1, 1e-12, 1e12, np.inf])
def test_a_standard_error_is_positive(se):
    with pytest.raises(DataError, match=r"row 2 \(A\), column se: .*A standard error is positive"):
        Trials(pd.DataFrame({"study": ["A"], "estimate": [0.1], "se": [se]}))


def test_an_estimate_is_finite():
    with pytest.raises(DataError, match=r"row 2 \(A\), column estimate: inf"):
        Trials(pd.DataFrame({"study": ["A"], "estimate": [np.inf], "se": [1.0]}))


def test_words_in_a_number_column_are_refused():
    assert "column events_treated: holds something that is not a number" in refusal(events_treated=["3", "five", "7"])


def test_columns_of_one_name_are_refused():
    twice = pd.concat([table(), table()[["study"]]], axis=1)
    with pytest.raises(DataError, match="column study: appears twice"):
        Trials(twice)


def test_no_rows_and_no_study_column_are_refused():
    with pytest.raises(DataError, match="no trials"):
        Trials(table().iloc[:0])
    with pytest.raises(DataError, match="no column study"):
        Trials(table().drop(columns="study"))
    with pytest.raises(DataError, match="in place of a table"):
        Trials([1, 2, 3])


def test_a_direction_is_higher_or_lower():
    with pytest.raises(DataError, match='direction "up"'):
        Trials(table(), direction="up")


def test_counts_and_estimates_may_stand_in_one_table():
    gaps = {name: [*table()[name][:2], np.nan] for name in COUNTS}
    trials = Trials(table(**gaps, estimate=[np.nan, 0.2, 0.4], se=[np.nan, 0.3, 0.5]))
    assert trials.has_counts.tolist() == [True, True, False]
    assert trials.has_estimate.tolist() == [False, True, True]
    with pytest.raises(DataError, match=r"row 2 \(Ames 2001\), columns estimate, se: blank"):
        trials.with_estimates()
    only = trials.select([1, 2]).with_estimates()
    assert not only.has_counts.any()
    assert only.columns == ("study", "estimate", "se")


def test_known_arm_sizes_do_not_make_counts():
    trials = Trials(table(events_treated=[3, 5, np.nan], estimate=[np.nan, np.nan, 0.4], se=[np.nan, np.nan, 0.5]))
    assert trials.has_counts.tolist() == [True, True, False]


def test_select_keeps_order_and_where_the_rows_stand():
    trials = Trials(table(), name="three", outcome="relapse", direction="lower")
    two = trials.select([2, 0])
    assert two.studies == ("Cole 2010", "Ames 2001")
    assert two.row_numbers == (4, 2)
    assert (two.name, two.outcome, two.direction) == ("three", "relapse", "lower")
    assert trials.select(np.array([False, True, False])).studies == ("Bell 2004",)


@pytest.mark.parametrize("chosen", [[], [3], [-4], [0, 0], [0, -3], [0.5], [[0], [1]], [True, False]])
def test_select_refuses_what_is_not_a_choice(chosen):
    with pytest.raises(DataError):
        Trials(table()).select(chosen)


def test_without_leaves_one_study_out_or_says_what_there_is():
    trials = Trials(table())
    assert trials.without("Bell 2004").studies == ("Ames 2001", "Cole 2010")
    with pytest.raises(DataError, match=r'no study "Bel 2004". Did you mean Bell 2004\?'):
        trials.without("Bel 2004")
    with pytest.raises(DataError, match="It has Ames 2001, Bell 2004"):
        trials.without("zzz")
    with pytest.raises(DataError, match="no trials are left"):
        trials.select([0]).without("Ames 2001")


def test_rows_of_one_trial_share_a_control_and_are_refused_as_independent():
    shared = table(trial=["T", "", "T"], events_control=[6, 9, 6], total_control=[21, 38, 21])
    trials = Trials(shared)
    assert trials.shared_controls == {"T": [0, 2]}
    message = r"row 2 \(Ames 2001\) and row 4 \(Cole 2010\) share the control arm of T"
    with pytest.raises(DataError, match=message):
        trials.refuse_shared_controls()
    trials.select([0, 1]).refuse_shared_controls()
    assert trials.select([2, 0]).shared_controls == {"T": [0, 1]}


def test_rows_of_one_trial_with_different_controls_are_refused():
    message = refusal(trial=["T", "", "T"])
    assert message.startswith(
        "cohort, row 4 (Cole 2010), columns events_control, total_control: control 12/58, but 6/21"
    )


def test_a_blank_trial_shares_with_nobody():
    trials = Trials(table(trial=[None, np.nan, ""]))
    assert trials.shared_controls == {}
    trials.refuse_shared_controls()


def test_the_fingerprint_tells_tables_apart_and_nothing_else():
    same, other = Trials(table(), origin="elsewhere"), Trials(table(events_treated=[3, 5, 8]))
    assert Trials(table()).fingerprint == same.fingerprint != other.fingerprint
    assert len(same.fingerprint) == 64


def test_the_csv_reads_back_as_the_same_trials(tmp_path):
    file = tmp_path / "back.csv"
    trials = Trials(table(dose=[0.1, np.nan, 3]), outcome="relapse", direction="lower")
    file.write_text(trials.to_csv(), encoding="utf-8")
    back = read_trials(file)
    pd.testing.assert_frame_equal(back.table, trials.table)
    assert (back.name, back.outcome, back.direction) == ("back", "relapse", "lower")
    assert back.fingerprint == trials.fingerprint


def test_sources_are_the_columns_that_say_where_from():
    assert list(Trials(table(source=["a", "b", "c"], certainty=["high"] * 3)).sources) == [
        "study",
        "source",
        "certainty",
    ]
    assert list(Trials(table()).sources) == ["study"]


@given(st.sets(st.integers(0, 12), min_size=1))
@settings(max_examples=30)
def test_selecting_is_building_from_those_rows(rows):
    trials = load("bcg")
    rows = sorted(rows)
    selected = trials.select(rows)
    rebuilt = Trials(trials.table.iloc[rows])
    pd.testing.assert_frame_equal(selected.table, rebuilt.table)
    assert np.array_equal(selected.counts, rebuilt.counts)


def test_a_published_pool_keeps_the_log_scale_and_shows_odds_ratios():
    pool = PublishedPool.from_odds_ratio("secure", 26, 1.85, 1.36, 2.52, 2023, "HTA 27(2)")
    assert pool.odds_ratio == pytest.approx(1.85)
    assert pool.odds_ratio_interval == pytest.approx((1.36, 2.52))
    assert pool.se == pytest.approx(np.log(2.52 / 1.36) / (2 * 1.959964), rel=1e-6)


@pytest.mark.parametrize("numbers", [(2.6, 1.36, 2.52), (1.85, -1, 2.52), (1.85, 2.52, 1.36), (1.85, 0, 2.52)])
def test_a_published_pool_lies_inside_its_interval(numbers):
    with pytest.raises(DataError, match="published pool of secure"):
        PublishedPool.from_odds_ratio("secure", 26, *numbers, 2023, "somewhere")
    with pytest.raises(DataError, match="k = 0"):
        PublishedPool("secure", 0, 0.5, 0.1, 0.9, 2023, "somewhere")
