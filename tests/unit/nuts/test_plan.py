"""What a compiled model depends on, and the numbers that go into it."""

import numpy as np
import pytest

from bayesmeta.effects import effect_sizes
from bayesmeta.model import Model
from bayesmeta.nuts.plan import plan_of
from bayesmeta.trials import load, read_trials


def plan(trials, **model):
    model = Model(**{"likelihood": "normal"} | model)
    effects = effect_sizes(trials, zero_cells=model.zero_cells)
    return plan_of(trials, model, model.design(trials), effects)


def test_models_that_differ_in_numbers_only_share_a_structure(trials):
    other = load("bcg")
    first = plan(trials, tau="half_normal(0.5)", mu="normal(0, 4)")
    assert first.structure == plan(other, tau="half_normal(2)", mu="normal(1, 1)").structure
    assert first.structure == plan(trials, moderators="~ dose").structure
    assert first.structure != plan(trials, tau="half_cauchy(0.5)").structure
    assert first.structure != plan(trials, mu="flat").structure
    assert first.structure != plan(trials, random_effects="none").structure


def test_both_attachment_outcomes_share_the_binomial_structure():
    secure, disorganised = load("attachment/secure"), load("attachment/disorganised")
    assert plan(secure, likelihood="binomial").structure == plan(disorganised, likelihood="binomial").structure
    assert plan(secure, likelihood="binomial").structure.trials == 8


def test_sizes_follow_from_the_table_alone(trials):
    before = plan(trials, likelihood="binomial")
    plan(load("bcg"), likelihood="binomial")  # 13 trials
    assert plan(trials, likelihood="binomial").structure == before.structure
    assert plan(load("bcg"), likelihood="binomial").structure.trials == 16


def test_spare_trials_have_nobody_and_spare_columns_are_zero(trials):
    found = plan(trials, likelihood="binomial")
    assert found.table.shape == (8, 9)
    assert not np.delete(found.table[3:], 1, axis=1).any()
    assert (found.table[3:, 1] > 1e5).all()  # no information on their effects either
    assert not found.table[:, 8].any()
    # Events and totals, control first.
    assert found.table[:3, 3:7].tolist() == [[20, 12, 41, 40], [9, 5, 28, 30], [4, 0, 24, 25]]
    assert (found.k, found.p) == (3, 1)


def test_the_normal_table_holds_estimates_errors_and_design(trials):
    effects = effect_sizes(trials)
    found = plan(trials, moderators="~ dose")
    assert np.array_equal(found.table, np.column_stack([effects.y, effects.se, np.ones(3), [1.0, 2.0, 4.0]]))
    assert found.structure.trials == 0


def test_parameters_stand_in_the_order_of_the_structure(trials):
    found = plan(trials, likelihood="binomial", mu="normal(1, 2)", tau="half_t(3, 0.5)", baseline="normal(-1, 4)")
    assert found.prior_parameters.tolist() == [1, 2, 0, 1, 3, 0.5, -1, 4]
    names = [*(f for f in found.structure.coefficients), found.structure.tau, found.structure.baseline]
    assert [family for family, _ in names] == ["Normal", "Normal", "HalfStudentT", "Normal"]


def test_a_rule_that_drops_trials_leaves_them_out_of_the_plan(trials):
    model = Model("normal", zero_cells="drop")
    effects = effect_sizes(trials, zero_cells="drop")
    found = plan_of(trials, model, model.design(trials.select(effects.rows)), effects)
    assert found.k == 2
    assert len(found.table) == 2


def test_without_random_effects_there_is_no_prior_of_tau(trials):
    found = plan(trials, random_effects="none")
    assert found.structure.tau is None
    assert found.prior_parameters == pytest.approx([0, Model("normal").prior_of("mu").sd, 0, 1])


@pytest.mark.parametrize("likelihood", ["normal", "binomial", "hypergeometric"])
def test_a_trial_name_in_one_row_is_the_ordinary_model(trials, likelihood):
    # Several arms of which each trial has one: what is sampled does not change.
    named = read_trials(trials.table.assign(trial=[f"trial {i}" for i in range(trials.k)]))
    one, other = (plan(table, likelihood=likelihood) for table in (trials, named))
    assert one.structure == other.structure
    assert one.data.keys() == other.data.keys()
    for name, values in one.data.items():
        np.testing.assert_array_equal(values, other.data[name])
