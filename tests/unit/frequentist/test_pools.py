"""`pool`: which rows there are, what the notes say, and what the JSON looks like."""

import json

import numpy as np
import pandas as pd
import pytest

from bayesmeta.effects import effect_sizes
from bayesmeta.errors import ConvergenceError, ModelError
from bayesmeta.frequentist import METHODS, pool
from bayesmeta.trials import Trials, load

COMMON = ["MH", "Peto", "conditional", "EE"]
RANDOM = ["DL", "RevMan", "PM", "REML", "ML"]
INTERVALS = ["wald", "hksj", "hksj_adhoc"]


def trials_of(*rows):
    """Trials from rows (events treated, treated, events control, control) or (estimate, se)."""
    records = [
        dict(zip(("events_treated", "total_treated", "events_control", "total_control"), row, strict=True))
        if len(row) == 4
        else dict(zip(("estimate", "se"), row, strict=True))
        for row in rows
    ]
    frame = pd.DataFrame(records)
    frame.insert(0, "study", [f"S{i}" for i in range(len(rows))])
    return Trials(frame)


def rows_of(pools):
    return list(zip(pools.table["method"], pools.table["interval"], strict=True))


def test_every_method_with_every_interval_that_exists():
    expected = [(method, "wald") for method in COMMON] + [(m, i) for m in RANDOM for i in INTERVALS]
    assert rows_of(pool(load("crins2014"))) == expected
    assert list(METHODS) == COMMON + RANDOM


def test_common_effect_methods_have_no_tau2_and_no_prediction():
    table = pool(load("crins2014")).table.set_index("method")
    columns = ["tau2", "prediction_lower", "prediction_upper"]
    assert table.loc[COMMON, columns].isna().all(axis=None)
    assert table.loc[RANDOM].notna().all(axis=None)


def test_the_json_of_the_contract():
    found = pool(load("crins2014")).to_dict()
    assert list(found) == ["k", "heterogeneity", "methods"]
    assert list(found["heterogeneity"]) == ["Q", "df", "p", "I2", "H2", "tau2_qp_lower", "tau2_qp_upper"]
    assert set(map(tuple, found["methods"])) == {
        ("method", "interval", "estimate", "se", "lower", "upper", "tau2", "prediction_lower", "prediction_upper")
    }
    assert found["methods"][0]["tau2"] is None
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_one_trial_has_common_effect_rows_only():
    pools = pool(trials_of((4, 20, 9, 21)))
    assert rows_of(pools) == [(method, "wald") for method in COMMON]
    assert any(note.startswith("REML left out: needs at least 2 trials, here 1") for note in pools.notes)
    effects = effect_sizes(trials_of((4, 20, 9, 21)))
    assert (pools.row("EE").estimate, pools.row("EE").se) == pytest.approx((effects.y[0], effects.se[0]))
    heterogeneity = pools.to_dict()["heterogeneity"]
    assert (heterogeneity["Q"], heterogeneity["df"], heterogeneity["I2"]) == (0.0, 0, None)


def test_two_trials_have_every_row():
    pools = pool(trials_of((4, 20, 9, 21), (3, 30, 12, 31)))
    assert len(pools.table) == 19
    # t with one degree of freedom: 12.706 standard errors on each side.
    row = pools.row("DL", "hksj")
    assert row.upper - row.estimate == pytest.approx(12.70620474 * row.se, rel=1e-9)


def test_rows_with_estimates_only_leave_out_what_needs_counts():
    pools = pool(trials_of((4, 20, 9, 21), (3, 30, 12, 31), (-0.4, 0.3)))
    assert set(pools.table["method"]) == {"EE", "DL", "PM", "REML", "ML"}
    assert next(note for note in pools.notes if "needs the counts of every trial" in note).startswith("MH left out")
    with pytest.raises(ModelError, match=r"MH left out: needs the counts of every trial\. There are: EE wald"):
        pools.row("MH")
    with pytest.raises(ModelError, match="no weights for method 'Peto'"):
        pools.weights("Peto")


@pytest.mark.parametrize(("measure", "methods"), [("RR", ["MH", "EE", *RANDOM]), ("RD", ["MH", "EE", *RANDOM])])
def test_peto_and_conditional_exist_for_odds_ratios_only(measure, methods):
    pools = pool(load("crins2014"), measure=measure)
    assert list(dict.fromkeys(pools.table["method"])) == methods
    assert f"Peto left out: exists for OR only, not for {measure}." in pools.notes


def test_a_control_does_not_count_twice_its_treated_arms_are_added_up():
    frame = trials_of((4, 20, 9, 21), (3, 30, 9, 21), (5, 22, 8, 20)).table.assign(trial=["one", "one", ""])
    found = pool(Trials(frame))
    assert found.k == 2
    assert found.to_dict() == pool(trials_of((7, 50, 9, 21), (5, 22, 8, 20))).to_dict()


def test_double_zero_trials_enter_effect_sizes_but_not_the_counts():
    without = pool(load("crins2014"))
    frame = load("crins2014").table[["study", "events_treated", "total_treated", "events_control", "total_control"]]
    frame.loc[len(frame)] = ["none", 0, 30, 0, 25]
    pools = pool(Trials(frame))
    for method in ("MH", "Peto", "conditional", "RevMan"):
        assert pools.row(method).estimate == pytest.approx(without.row(method).estimate, rel=1e-12)
        assert pools.row(method).se == pytest.approx(without.row(method).se, rel=1e-12)
        assert pools.weights(method)[-1] == 0.0
    assert pools.weights("EE")[-1] > 0.0
    assert pools.heterogeneity["df"] == without.heterogeneity["df"] + 1
    assert any("Nobody or everybody had the event in none" in note for note in pools.notes)


def test_the_zero_cell_rule_reaches_effect_sizes_only():
    corrected, dropped = pool(load("crins2014")), pool(load("crins2014"), zero_cells="drop")
    for method in ("MH", "Peto", "conditional"):
        assert dropped.row(method).estimate == corrected.row(method).estimate
    assert dropped.k == 6
    assert dropped.heterogeneity["df"] == 4
    assert dropped.row("EE").estimate != corrected.row("EE").estimate
    assert dropped.weights("EE")[-1] == 0.0
    assert dropped.weights("EE").sum() == pytest.approx(100.0)
    assert any(note.startswith("Left out of the effect sizes by the rule 'drop': ") for note in dropped.notes)


def test_events_in_one_arm_only_have_no_finite_pooled_count_estimate():
    pools = pool(trials_of((0, 20, 5, 20), (0, 30, 4, 30)))
    assert set(pools.table["method"]) == {"Peto", "EE", "DL", "PM", "REML", "ML"}
    assert any(note.startswith("conditional left out: the log odds ratio is infinite") for note in pools.notes)
    assert any(note.startswith("MH left out: a sum of cross products is zero") for note in pools.notes)
    assert any(note.startswith("RevMan left out: a sum of cross products is zero") for note in pools.notes)


def test_a_zero_tau2_and_a_short_hksj_interval_are_said():
    notes = pool(trials_of((4, 20, 9, 21), (6, 30, 12, 31), (20, 100, 40, 99))).notes
    assert any(note.startswith("tau2 was estimated as 0 by DL, RevMan, PM, REML, ML") for note in notes)
    assert any(note.startswith("HKSJ gives a smaller standard error than Wald for REML") for note in notes)


def test_weights_add_to_a_hundred_and_cannot_be_written_through():
    pools = pool(load("bcg"))
    for method in METHODS:
        assert pools.weights(method).sum() == pytest.approx(100.0)
        assert pools.weights(method).shape == (13,)
    pools.weights("DL")[0] = 7.0
    assert pools.weights("DL")[0] != 7.0


def test_several_modes_of_the_restricted_likelihood_are_said():
    y, variance = [0.0, 0.005, 5.0, -5.0, 4.0, -6.0], [1e-4, 1e-4, 1.0, 1.0, 1.0, 1.0]
    pools = pool(trials_of(*zip(y, np.sqrt(variance), strict=True)))
    assert pools.row("REML").tau2 > 10.0
    assert any("the restricted likelihood has several modes" in note for note in pools.notes)


@pytest.mark.parametrize("method", ["PM", "REML"])
def test_a_library_that_does_not_converge_is_an_error(monkeypatch, method):
    import meta_analyze

    original = meta_analyze.meta_analysis

    def failing(*args, **kwargs):
        if kwargs.get("tau2_method") == method:
            raise meta_analyze.ConvergenceError("no bracket.")
        return original(*args, **kwargs)

    monkeypatch.setattr(meta_analyze, "meta_analysis", failing)
    with pytest.raises(ConvergenceError, match=rf"{method} on 6 effect sizes did not converge: no bracket\."):
        pool(load("crins2014"))
