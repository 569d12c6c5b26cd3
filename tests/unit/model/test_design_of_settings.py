"""A new setting is coded as the trials were; groups are the combinations of categories that occur."""

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm

TRIALS = bm.read_trials(
    pd.DataFrame(
        {
            "study": list("ABCDEF"),
            "estimate": [0.1, 0.4, 0.2, 0.8, 0.5, 0.3],
            "se": 0.2,
            "focus": ["yes", "no", "yes", "no", "no", "yes"],
            "dose": [1, 2, 3, 5, 4, 6],
            "site": [3, 1, 3, 1, 9, 9],
            "blinded": [True, False, False, True, True, False],
        }
    )
)


def design(text: str) -> bm.model.Design:
    return bm.Model("normal", moderators=text).design(TRIALS)


@pytest.mark.parametrize(
    "text",
    ["~ focus", "~ 0 + focus", "~ focus + center(dose)", "~ focus * dose", "~ C(site)", "~ blinded + log(dose)",
     "~ C(focus, contr.sum)", "~ poly(dose, 2)", "~ bs(dose, df=4)", "~ scale(dose) + C(site, contr.treatment(9))"],
)  # fmt: skip
def test_the_setting_of_each_trial_has_the_row_of_that_trial(text):
    found = design(text)
    for position, row in enumerate(TRIALS.table.to_dict("records")):
        setting = {name: row[name] for name in found.moderators}
        assert found.row(setting) == pytest.approx(found.matrix[position], abs=1e-12)


def test_groups_are_the_combinations_that_occur_with_numbers_at_their_mean():
    found = design("~ focus + dose")
    assert found.settings() == {
        "focus = no": {"focus": "no", "dose": 3.5},
        "focus = yes": {"focus": "yes", "dose": 3.5},
    }
    assert found.group_of() == [f"focus = {level}" for level in ("yes", "no", "yes", "no", "no", "yes")]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("~ C(site)", ["site = 1", "site = 3", "site = 9"]),
        ("~ blinded", ["blinded = False", "blinded = True"]),
        ("~ site", []),
    ],
)
def test_numbers_are_categories_where_the_formula_says_so(text, labels):
    found = design(text)
    assert list(found.settings()) == labels
    assert set(found.group_of()) == set(labels or [""])


def test_a_number_between_those_of_the_trials_is_a_setting():
    assert design("~ dose").row({"dose": 2.5}) == pytest.approx([1.0, 2.5])
    assert design("~ center(dose)").row({"dose": 2.5}) == pytest.approx([1.0, -1.0])


def test_the_reference_is_the_intercept_or_the_mean_trial():
    assert design("~ focus").row().tolist() == [1.0, 0.0]
    assert design("~ 0 + focus").row() == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(
    ("text", "setting", "message"),
    [
        ("~ focus", {}, "moderator 'focus' is not given"),
        ("~ focus", {"focus": "maybe"}, "focus is 'maybe', which no trial has. Levels: no, yes"),
        ("~ focus", {"focus": "yes", "dose": 1}, "'dose' is not a moderator of the model. It needs focus"),
        ("~ focus", {"focus": ["yes"]}, "which no trial has"),
        ("~ dose", {"dose": "much"}, "dose is 'much'. It must be a number"),
        ("~ dose", {"dose": np.nan}, "It must be a number"),
        ("~ log(dose)", {"dose": -1}, "new setting {'dose': -1}"),
        ("~ C(site)", {"site": 2}, "site is 2, which no trial has. Levels: 1, 3, 9"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(text, setting, message):
    with pytest.raises(bm.ModelError, match=message):
        design(text).row(setting)


def test_without_moderators_there_is_one_setting():
    found = bm.Model("normal").design(TRIALS)
    assert found.row() == found.row({}) == np.ones(1)
    assert found.settings() == {}
    assert found.group_of() == [""] * 6
    with pytest.raises(bm.ModelError, match="no moderators"):
        found.row({"dose": 1})


def test_each_column_has_its_prior():
    model = bm.Model(
        "normal", moderators="~ focus + dose", mu="normal(1, 2)", beta={"dose": "flat", "focus[T.yes]": bm.Normal(0, 3)}
    )
    found = model.design(TRIALS)
    assert found.columns == ("mu", "focus[T.yes]", "dose")
    assert found.prior_location.tolist() == [1.0, 0.0, 0.0]
    assert found.prior_scale.tolist() == [2.0, 3.0, np.inf]


@pytest.mark.parametrize("column", ["focus", "mu", "nothing"])
def test_a_prior_for_a_column_that_is_not_there_is_refused(column):
    with pytest.raises(bm.ModelError, match=f"beta has a prior for '{column}'"):
        bm.Model("normal", moderators="~ focus", beta={column: "normal(0, 1)"}).design(TRIALS)
