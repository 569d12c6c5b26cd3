"""Two outcomes of the same children are one classification, or they are refused."""

import pandas as pd
import pytest

from bayesmeta.errors import DataError
from bayesmeta.trials import Trials, join, load, read_joint

# First / middle / second category, treated v control arm: the three-way counts as they were read (data/README.md).
THREE_WAY = {
    "Cicchetti 2006": ((29, 2, 19), (1, 11, 42)),  # both treated arms combined: 17/2/9 and 12/0/10
    "Bernard 2012": ((31, 10, 19), (20, 6, 34)),
    "Moss 2011": ((23, 5, 7), (9, 5, 18)),
}


def table(study, treated, total_treated, control, total_control, outcome):
    frame = pd.DataFrame(
        {
            "study": study,
            "events_treated": treated,
            "total_treated": total_treated,
            "events_control": control,
            "total_control": total_control,
        }
    )
    return Trials(frame, name=f"table of {outcome}", outcome=outcome)


def test_the_attachment_trials_have_the_three_way_counts_that_were_read():
    both = load("attachment/classification")
    found = {
        study: tuple(tuple(int(n) for n in arm) for arm in both.categories[i])
        for i, study in enumerate(both.studies)
        if both.classified[i]
    }
    assert found == THREE_WAY
    assert both.k == 8
    assert both.directions == ("higher", "lower")


def test_trials_with_one_outcome_are_kept_whichever_it_is():
    first = table(["A", "B"], [5, 6], [20, 20], [3, 4], [20, 20], "well")
    second = table(["C", "A"], [2, 7], [30, 20], [9, 8], [30, 20], "worse")
    both = join(first, second)
    assert both.studies == ("A", "B", "C")
    assert both.rows.tolist() == [[0, 1], [1, -1], [-1, 0]]
    assert both.in_both.tolist() == [True, False, False]
    assert both.without("C").studies == ("A", "B")


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ((["A"], [7], [21], [8], [20], "worse"), r"row 2 \(A\), column total_treated: 21, but 20 for well"),
        (
            (["A"], [7], [20], [18], [20], "worse"),
            r"row 2 \(A\), column events_control: 3 \+ 18 people with well or worse",
        ),
        ((["A"], [7], [20], [8], [20], "well"), r'outcomes "well" and "well".*two different names'),
        ((["A"], [7], [20], [8], [20], ""), r'outcomes "well" and "".*outcome='),
    ],
)
def test_what_is_no_classification_of_the_same_people_is_refused(second, message):
    first = table(["A"], [5], [20], [3], [20], "well")
    with pytest.raises(DataError, match=message):
        join(first, table(*second))


def test_one_file_with_both_outcomes_reads_back(tmp_path):
    both = load("attachment/classification")
    path = tmp_path / "classification.csv"
    both.table.to_csv(path, index=False)
    again = read_joint(path)
    assert again.outcomes == both.outcomes
    assert again.directions == both.directions
    assert again.studies == both.studies
    assert again.categories[again.classified].tolist() == both.categories[both.classified].tolist()
    assert len(again.first.set_aside) == 0
    swapped = read_joint(path, outcomes=("disorganised attachment", "secure attachment"))
    assert swapped.outcomes == ("disorganised attachment", "secure attachment")
    assert set(swapped.studies) == set(both.studies)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "no column outcome. It has study, estimate, se"),
        ({"outcome": ["a", "a"]}, "holds a"),
        ({"outcome": ["a", ""]}, "holds a, blank"),
    ],
)
def test_a_file_without_two_outcomes_is_refused(columns, message):
    frame = pd.DataFrame({"study": ["A", "B"], "estimate": [0.1, 0.2], "se": [0.1, 0.2]} | columns)
    with pytest.raises(DataError, match=f"{message}.*column outcome with two values"):
        read_joint(frame)


def test_arms_that_share_a_control_are_still_refused():
    with pytest.raises(DataError, match="share the control arm"):
        load("attachment/classification", rows="arms").refuse_shared_controls()
