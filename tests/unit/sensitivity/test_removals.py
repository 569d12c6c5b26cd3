"""The fewest trials that carry a conclusion: all sets are tried where there are few, else it is said how far."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.sensitivity import tipping_point
from bayesmeta.sensitivity.refit import without
from bayesmeta.sensitivity.removals import Routes, fewest_removed

ROWS = {
    "Jones, 1999": (24, 40, 12, 40),
    "Smith, 2001": (15, 30, 9, 31),
    "Ito, 2004": (11, 25, 7, 25),
    "Roy, 2010": (30, 60, 21, 58),
    "Lee, 2015": (9, 22, 6, 21),
}


def removed(part):
    return part.table.set_index("question").loc["trials removed"]


@pytest.fixture(scope="module")
def few():
    names = ["events_treated", "total_treated", "events_control", "total_control"]
    frame = pd.DataFrame.from_dict(ROWS, orient="index", columns=names).rename_axis("study").reset_index()
    return bm.fit(bm.read_trials(frame, direction="higher"), bm.Model(tau="half_normal(0.1)"))


def test_of_few_trials_with_counts_every_set_is_tried(few):
    found = fewest_removed(few, 1, 0.975)
    fitted = {
        gone: without(few, gone).effect().probability(above=0.0)
        for size in range(1, len(found.studies) + 1)
        for gone in combinations(ROWS, size)
    }
    enough = [gone for gone, chance in fitted.items() if chance < 0.975]
    assert min(map(len, enough)) == len(found.studies)
    assert found.exact
    assert found.probability == pytest.approx(min(fitted[gone] for gone in enough), abs=1e-8)


def test_arms_that_share_a_control_are_looked_at_as_far_as_other_trials():
    arms, main = (
        removed(tipping_point(bm.load("attachment/secure", rows=rows), bm.Model())) for rows in ("arms", "main")
    )
    assert arms["trials"] == main["trials"]
    assert arms["removed"] == 5
    assert arms["how"] == "all smaller sets tried"


def test_names_with_commas_are_counted_as_one_trial_each(few):
    part = tipping_point(few)
    row = removed(part)
    assert set(row["trials"].split("; ")) <= set(ROWS)
    assert f"{int(row['removed'])} trials; no fewer do it" in part.sentence


def test_where_nothing_changes_it_is_said_how_far_it_was_looked():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"study": [f"T{i}" for i in range(40)], "estimate": 1.0 + 0.01 * rng.normal(size=40)})
    frame["se"] = 0.2
    part = tipping_point(bm.read_trials(frame), bm.Model("normal", tau="half_normal(0.1)"))
    assert removed(part)["how"] == "all sets of up to 2 trials tried, some of up to 39"
    assert "no removal of trials makes the 95% interval take in OR 1 (all sets of up to 2 trials tried" in part.sentence


def test_a_later_size_that_is_small_enough_again_does_not_hide_one_that_was_passed_over(monkeypatch):
    # 13 trials: all sets of up to 5 are few enough, of up to 6 too many, and those of 12 would be few again.
    trials = bm.load("bcg")
    posterior = bm.fit(trials, bm.Model("normal"))
    limited = Routes(Routes.of(posterior, -1).chances, 3_000, None, costly=False)
    monkeypatch.setattr(Routes, "of", lambda *_: limited)
    found = fewest_removed(posterior, -1, 1e-9)
    assert found.all_tried == 5
    assert not found.exact
