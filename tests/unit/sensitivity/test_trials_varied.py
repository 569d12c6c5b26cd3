"""Trials left out, trials one after the other, and the fewest that carry a conclusion."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.errors import DataError
from bayesmeta.sensitivity import cumulative, leave_one_out, tipping_point
from bayesmeta.sensitivity.removals import fewest_removed
from bayesmeta.sensitivity.rows import COMPUTED, row_of


def estimates(y, se, **more):
    return bm.read_trials(pd.DataFrame({"study": [f"T{i}" for i in range(len(y))], "estimate": y, "se": se} | more))


@pytest.mark.parametrize(
    "model",
    [
        bm.Model("normal"),
        bm.Model("normal", mu="flat", tau="half_cauchy(0.5)"),
        bm.Model("normal", tau="jeffreys"),
        bm.Model("normal", moderators="~ latitude"),
    ],
    ids=["default", "flat", "jeffreys", "moderator"],
)
def test_a_row_is_the_fit_without_that_trial(model):
    trials = bm.load("bcg")
    if model.tau_prior.needs_standard_errors:
        pytest.importorskip("bayesmeta.exact.prepared")
    part = leave_one_out(trials, model)
    assert tuple(part.table["study"]) == trials.studies
    for row in part.table.to_dict("records")[::4]:
        fresh = bm.fit(trials.without(row["study"]), model)
        assert [row[column] for column in COMPUTED] == pytest.approx(list(row_of(fresh).values()), abs=1e-8, rel=1e-8)
        assert part.without(row["study"]).summary().equals(fresh.summary())


def test_a_trial_without_information_changes_nothing():
    y, se = [0.3, 0.8, 0.1, 0.5], [0.2, 0.3, 0.25, 1e7]
    part = leave_one_out(estimates(y, se))
    row = part.table.set_index("study").loc["T3"]
    assert row["median"] == pytest.approx(part.given["median"], abs=1e-9)
    assert row["tau"] == pytest.approx(part.given["tau"], abs=1e-9)
    assert abs(row["shift"]) < 1e-8
    steps = cumulative(estimates(y, se), by="order").table
    assert steps["median"].iloc[3] == pytest.approx(steps["median"].iloc[2], abs=1e-9)


def test_the_only_trial_of_a_category_cannot_be_left_out():
    trials = estimates([0.3, 0.8, 0.1], [0.2, 0.3, 0.25], site=["a", "b", "b"])
    part = leave_one_out(trials, bm.Model("normal", moderators="~ site"))
    assert part.refused["study"].tolist() == ["T0"]
    assert part.refused["reason"].item()


def test_the_last_step_is_the_full_fit_and_the_first_the_first_trial():
    trials, model = bm.load("bcg"), bm.Model("normal")
    part = cumulative(trials, model)
    assert part.by == "year"
    last = part.table.iloc[-1]
    assert [last[column] for column in COMPUTED] == pytest.approx(
        list(row_of(bm.fit(trials, model)).values()), abs=1e-12
    )
    first = part.table.iloc[0]
    alone = trials.select([trials.studies.index(first["study"])])
    assert first["median"] == pytest.approx(bm.fit(alone, model)["mu"].median, abs=1e-8)
    assert part.table["value"].is_monotonic_increasing
    assert part.after(5).summary().loc["mu", "median"] == pytest.approx(part.table["median"].iloc[4], abs=1e-8)


def test_the_order_is_by_precision_by_a_column_or_as_it_stands():
    trials = estimates([0.3, 0.8, 0.1], [0.3, 0.1, 0.2], dose=[2, 3, 1])
    assert cumulative(trials).by == "precision"
    assert cumulative(trials).table["study"].tolist() == ["T1", "T2", "T0"]
    assert cumulative(trials, by="dose").table["study"].tolist() == ["T2", "T0", "T1"]
    assert cumulative(trials, by="dose", descending=True).table["study"].tolist() == ["T1", "T0", "T2"]
    assert cumulative(trials, by="order").table["study"].tolist() == ["T0", "T1", "T2"]


def test_an_order_that_is_not_there_is_refused():
    trials = estimates([0.3, 0.8], [0.3, 0.1], dose=[2, np.nan])
    with pytest.raises(DataError, match="no such column"):
        cumulative(trials, by="years")
    with pytest.raises(DataError, match="T1 has no value"):
        cumulative(trials, by="dose")


def test_trials_that_a_zero_cell_rule_leaves_out_change_nothing():
    trials, model = bm.load("crins2014"), bm.Model("normal", zero_cells="drop")
    part = leave_one_out(trials, model)
    dropped = part.table.set_index("study").loc[bm.fit(trials, model).effects.dropped[0]]
    assert dropped["median"] == pytest.approx(part.given["median"], abs=1e-12)
    steps = cumulative(trials, model, by="order")
    assert steps.table["median"].iloc[-1] == pytest.approx(part.given["median"], abs=1e-12)


def test_the_fewest_removed_are_found_as_by_trying_all_sets():
    trials, model = bm.load("attachment/disorganised"), bm.Model("normal")
    found = fewest_removed(bm.fit(trials, model), side=-1, bound=0.975)
    below = {}
    for size in (1, 2):
        for gone in combinations(trials.studies, size):
            left = trials.select([study not in gone for study in trials.studies])
            below[gone] = bm.fit(left, model)["mu"].probability(below=0.0)
    assert min(len(gone) for gone, chance in below.items() if chance < 0.975) == len(found.studies) == 2
    assert found.probability == pytest.approx(min(below.values()), abs=1e-9)
    assert found.exact


@pytest.mark.parametrize("moderators", [None, "~ sensitivity_focused"])
def test_what_is_removed_is_verified_by_a_fit(moderators):
    trials, model = bm.load("attachment/secure"), bm.Model("normal", moderators=moderators)
    table = tipping_point(trials, model).table.set_index("question")
    row = table.loc["trials removed"]
    gone = row["trials"].split("; ")
    assert len(gone) == row["removed"]
    left = bm.fit(trials.select([study not in gone for study in trials.studies]), model)
    assert left.effect().interval()[0] < 0.0
    assert left.effect().probability(above=0.0) == pytest.approx(row["probability"], abs=1e-8)
