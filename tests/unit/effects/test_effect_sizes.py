"""From counts to effect sizes: what a rule adds, what it leaves out, and what it says about it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.effects import MEASURES, ZERO_CELL_RULES, effect_sizes
from bayesmeta.errors import DataError
from bayesmeta.trials import Trials, load

NO_ZERO = [3, 20, 6, 21]
ZERO_TREATED = [0, 50, 3, 34]
NO_EVENTS = [0, 30, 0, 10]
ONLY_EVENTS = [30, 30, 10, 10]


def trials_with(*rows, **columns):
    names = ["events_treated", "total_treated", "events_control", "total_control"]
    table = pd.DataFrame(rows, columns=names)
    table.insert(0, "study", [f"S{number}" for number in range(len(rows))])
    return Trials(table.assign(**columns))


@st.composite
def two_by_two(draw):
    totals = draw(st.tuples(st.integers(1, 500), st.integers(1, 500)))
    return [draw(st.integers(0, totals[0])), totals[0], draw(st.integers(0, totals[1])), totals[1]]


def test_a_textbook_table():
    # 10 of 20 v 5 of 15: log OR log(2), variance 1/10 + 1/10 + 1/5 + 1/10
    effects = effect_sizes(trials_with([10, 20, 5, 15]))
    assert effects.y[0] == pytest.approx(np.log(2))
    assert effects.se[0] == pytest.approx(np.sqrt(0.5))
    assert (effects.corrected, effects.dropped, effects.double_zero) == ((), (), ())


def test_only_zero_adds_a_half_to_the_table_with_a_zero_and_to_no_other():
    effects = effect_sizes(trials_with(NO_ZERO, ZERO_TREATED))
    assert effects.corrected == ("S1",)
    assert effects.y[0] == pytest.approx(np.log(3 * 15 / (17 * 6)))
    assert effects.y[1] == pytest.approx(np.log(0.5 * 31.5 / (50.5 * 3.5)))


def test_the_treatment_arm_rule_adds_in_proportion_to_the_arm():
    # Sweeting, Sutton & Lambert 2004, section 3.3: n1/(n1 + n2) and n2/(n1 + n2), that is 50/84 and 34/84.
    effects = effect_sizes(trials_with(NO_ZERO, ZERO_TREATED), zero_cells="treatment_arm")
    treated, control = 50 / 84, 34 / 84
    assert effects.y[1] == pytest.approx(np.log(treated * (31 + control) / ((50 + treated) * (3 + control))))
    assert effects.y[0] == pytest.approx(np.log(3 * 15 / (17 * 6)))


def test_the_treatment_arm_rule_gives_an_empty_trial_no_effect_whatever_its_arms():
    # Their reason for the rule: with 1/2 in each cell unequal arms alone make an effect.
    trials = trials_with(NO_EVENTS)
    assert effect_sizes(trials, zero_cells="treatment_arm").y[0] == pytest.approx(0, abs=1e-12)
    assert effect_sizes(trials, zero_cells="only_zero").y[0] < -0.5


def test_all_adds_to_every_table():
    effects = effect_sizes(trials_with(NO_ZERO, ZERO_TREATED), zero_cells="all")
    assert effects.corrected == ("S0", "S1")
    assert effects.y[0] == pytest.approx(np.log(3.5 * 15.5 / (17.5 * 6.5)))


def test_drop_leaves_tables_with_a_zero_out_and_names_them():
    effects = effect_sizes(trials_with(NO_ZERO, ZERO_TREATED, NO_ZERO), zero_cells="drop")
    assert effects.studies == ("S0", "S2")
    assert effects.rows.tolist() == [0, 2]
    assert effects.dropped == ("S1",)


def test_drop_that_leaves_nothing_is_refused():
    with pytest.raises(DataError, match="every table has a zero cell"):
        effect_sizes(trials_with(ZERO_TREATED), zero_cells="drop")


def test_none_refuses_a_zero_and_names_the_study_and_the_way_out():
    with pytest.raises(DataError, match=r"S1 with a zero cell .*hypergeometric"):
        effect_sizes(trials_with(NO_ZERO, ZERO_TREATED), zero_cells="none")
    assert effect_sizes(trials_with(NO_ZERO), zero_cells="none").y == effect_sizes(trials_with(NO_ZERO)).y


def test_trials_without_any_event_or_with_nothing_else_are_counted():
    assert effect_sizes(trials_with(NO_ZERO, NO_EVENTS, ONLY_EVENTS)).double_zero == ("S1", "S2")


def test_rows_without_counts_enter_with_their_estimate():
    gap = [np.nan] * 4
    trials = trials_with(NO_ZERO, gap, ZERO_TREATED, estimate=[np.nan, 0.7, 0.1], se=[np.nan, 0.2, 0.3])
    effects = effect_sizes(trials)
    assert effects.y[1] == 0.7
    assert effects.se[1] == 0.2
    assert effects.y[2] != 0.1  # counts win
    assert effects.corrected == ("S2",)


@pytest.mark.parametrize("measure", ["RR", "RD"])
def test_a_risk_needs_counts(measure):
    trials = Trials(pd.DataFrame({"study": ["A"], "estimate": [0.1], "se": [0.2]}))
    with pytest.raises(DataError, match=f"A without counts, so there is no {measure}"):
        effect_sizes(trials, measure)


@pytest.mark.parametrize(("measure", "rule"), [("HR", "only_zero"), ("OR", "some")])
def test_an_unknown_name_lists_the_known_ones(measure, rule):
    with pytest.raises(DataError, match="There are"):
        effect_sizes(trials_with(NO_ZERO), measure, rule)


def test_effects_cannot_be_changed():
    effects = effect_sizes(trials_with(NO_ZERO))
    for array in (effects.y, effects.se, effects.rows):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@pytest.mark.parametrize("rule", sorted(ZERO_CELL_RULES))
def test_a_rule_leaves_tables_without_a_zero_alone_unless_it_is_all(rule):
    cells = np.array([[3.0, 17.0, 6.0, 15.0]])
    assert ZERO_CELL_RULES[rule](cells).tolist() == [[0.5 if rule == "all" else 0.0] * 4]


@given(st.lists(two_by_two(), min_size=1, max_size=6), st.sampled_from(["only_zero", "all", "treatment_arm"]))
def test_swapping_the_arms_negates_every_effect(rows, rule):
    swapped = [[events, total, *first] for *first, events, total in rows]
    for measure in MEASURES:
        there, back = (effect_sizes(trials_with(*tables), measure, rule) for tables in (rows, swapped))
        np.testing.assert_allclose(there.y, -back.y, atol=1e-12)
        np.testing.assert_allclose(there.se, back.se, rtol=1e-9)


@given(st.lists(two_by_two(), min_size=1, max_size=6), st.sampled_from(["only_zero", "all", "treatment_arm"]))
def test_counting_the_other_outcome_negates_odds_ratios_and_risk_differences(rows, rule):
    others = [[n1 - a, n1, n2 - c, n2] for a, n1, c, n2 in rows]
    for measure in ("OR", "RD"):
        there, back = (effect_sizes(trials_with(*tables), measure, rule) for tables in (rows, others))
        np.testing.assert_allclose(there.y, -back.y, atol=1e-9)
        np.testing.assert_allclose(there.se, back.se, rtol=1e-9)


@given(st.lists(two_by_two(), min_size=1, max_size=6), st.sampled_from(sorted(MEASURES)))
def test_every_table_gets_a_finite_effect_and_a_positive_error(rows, measure):
    effects = effect_sizes(trials_with(*rows), measure)
    assert np.isfinite(effects.y).all()
    assert (effects.se > 0).all()
    assert np.isfinite(effects.se).all()


def test_dropping_the_zero_tables_is_selecting_the_others():
    trials = load("crins2014")
    dropped = effect_sizes(trials, zero_cells="drop")
    assert dropped.y.tolist() == effect_sizes(trials.select(dropped.rows)).y.tolist()
    assert dropped.dropped == ("Gras (2008)",)
