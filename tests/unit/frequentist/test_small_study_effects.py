"""Small-study effects: what is said, what is left out, and why."""

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.frequentist.small_study import METHODS


def estimates(y, se):
    return bm.read_trials(pd.DataFrame({"study": [f"t{i}" for i in range(len(y))], "estimate": y, "se": se}))


def test_pet_peese_takes_peese_where_pet_finds_an_effect_and_pet_where_not():
    se = np.linspace(0.1, 0.5, 12)
    wiggle = 0.05 * (-1.0) ** np.arange(12)
    effect = bm.small_study_effects(estimates(1.0 + wiggle, se))
    none = bm.small_study_effects(estimates(2.0 * se + wiggle, se))
    assert effect.row("PET-PEESE")["side"] == "PEESE"
    assert effect.row("PET-PEESE")["estimate"] == effect.row("PEESE")["estimate"]
    assert none.row("PET-PEESE")["side"] == "PET"
    assert none.row("PET-PEESE")["estimate"] == none.row("PET")["estimate"]
    assert none.row("PET")["slope"] == pytest.approx(2.0, abs=0.3)


def test_two_trials_leave_every_method_out_with_its_reason():
    found = bm.small_study_effects(estimates([0.1, 0.5], [0.1, 0.3]))
    assert found.table.empty
    assert all(any(note.startswith(f"{name} left out: ") for note in found.notes) for name in METHODS)
    with pytest.raises(bm.ModelError, match=r"Egger left out: .* at least three"):
        found.row("Egger")


def test_estimates_have_no_tests_that_need_counts():
    found = bm.small_study_effects(estimates([0.1, 0.5, 0.2, 0.9], [0.1, 0.3, 0.2, 0.5]))
    assert set(METHODS) - set(found.table["method"]) == {"Peters", "Harbord"}


def test_few_trials_are_told_that_tests_find_little():
    assert "tests find little" in bm.small_study_effects(bm.load("attachment/secure")).notes[-1]
    assert "tests find little" not in bm.small_study_effects(bm.load("bcg")).notes[-1]


def test_equal_standard_errors_have_no_asymmetry_to_regress_on():
    found = bm.small_study_effects(estimates([0.1, 0.5, 0.2, 0.9], [0.2] * 4))
    assert "PET left out: all standard errors are the same." in found.notes


def test_the_sentence_has_the_p_values_what_is_left_of_the_effect_and_the_notes():
    found = bm.small_study_effects(bm.load("attachment/secure"))
    assert found.sentence.startswith("Small-study effects (8 trials): p of asymmetry Egger 0.005, Begg 0.006, Peters")
    assert "trim and fill, REML leaves OR 3.41 (1.84 to 6.32); PET-PEESE (PET) leaves OR 0.50" in found.sentence
    assert found.sentence.endswith(" ".join(found.notes))
    assert "left out" in bm.small_study_effects(estimates([0.1, 0.5], [0.1, 0.3])).sentence


def test_the_order_of_trials_does_not_matter():
    trials = bm.load("bcg")
    there, back = (bm.small_study_effects(t).table for t in (trials, trials.select(np.arange(trials.k)[::-1])))
    numbers = there.select_dtypes("number").columns
    np.testing.assert_allclose(there[numbers], back[numbers], rtol=1e-9)


def test_plain_data_holds_none_where_there_is_no_figure():
    rows = bm.small_study_effects(bm.load("bcg")).to_dict()["methods"]
    assert rows[0]["method"] == "Egger"
    assert rows[0]["estimate"] is None
