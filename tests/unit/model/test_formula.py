"""Moderators are read as a formula: what is not one is refused, at once, and nothing in it is ever run."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayesmeta as bm
from bayesmeta.model.formula import Formula

TABLE = pd.DataFrame(
    {
        "study": list("ABCDEFGH"),
        "estimate": np.linspace(0, 1, 8),
        "se": 0.2,
        "group": list("xyxyxyxz"),
        "dose": [1.0, 2, 3, 5, 4, 6, 7, 8],
        "site": [3, 1, 3, 1, 3, 9, 1, 9],
        "dose mg": [1, 2, 3, 4, 5, 6, 7, 9],
        "country": "Utopia",
        "blinded": [True, False] * 4,
        "blank": ["", "b"] * 4,
        "negative": [-1.0, 2, 3, 4, 5, 6, 7, 8],
        "tau": range(8),
    }
)
TRIALS = bm.read_trials(TABLE)


def columns(text: str) -> tuple[str, ...]:
    return bm.Model("normal", moderators=text).design(TRIALS).columns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("~ dose", ("mu", "dose")),
        ("dose", ("mu", "dose")),
        ("~ 0 + group", ("group[x]", "group[y]", "group[z]")),
        ("~ group", ("mu", "group[T.y]", "group[T.z]")),
        ("~ C(site)", ("mu", "C(site)[T.3]", "C(site)[T.9]")),
        ("~ C(`dose mg`)", ("mu", *(f"C(`dose mg`)[T.{level}]" for level in (2, 3, 4, 5, 6, 7, 9)))),
        ("~ `dose mg`", ("mu", "dose mg")),
        ("~ blinded", ("mu", "blinded[T.True]")),
        ("~ center(dose) + log(site)", ("mu", "center(dose)", "log(site)")),
        ("~ dose:site", ("mu", "dose:site")),
        ("~ dose * site", ("mu", "dose", "site", "dose:site")),
        ("~ (dose + site)**2", ("mu", "dose", "site", "dose:site")),
        ("~ poly(dose, 2)", ("mu", "poly(dose, 2)[1]", "poly(dose, 2)[2]")),
    ],
)
def test_what_a_formula_may_say(text, expected):
    assert columns(text) == expected


@pytest.mark.parametrize("text", ["~ 1", "~", ""])
def test_the_intercept_alone_is_the_model_without_moderators(text):
    assert bm.Model("normal", moderators=text) == bm.Model("normal")


@pytest.mark.parametrize(
    "text",
    [
        '~ __import__("os").system("exit 1")',
        '~ {__import__("os")}',
        "~ {dose}",
        "~ center(dose.values)",
        "~ dose.__class__",
        '~ C(group, contr.treatment(__import__("os")))',
        "~ C(group, contr.__class__)",
        "~ (lambda: 1)()",
        "~ [x for x in dose]",
        "~ center([x for x in dose])",
        '~ f"{dose}"',
        "~ np.log(dose)",
        "~ I(dose)",
        "~ exp(dose)",
        "~ center(center(dose))",
        '~ center(dose, **{"a": 1})',
        "~ center(dose, 3)",
        "~ log(dose := 3)",
        "~ C(*dose)",
        "~ .",
        '~ "text"',
        "~ 3",
        "~ 0",
        "~ -1",
        "estimate ~ dose",
        "~ dose | site",
        "~ dose ~ site",
        "~ nowhere",
        "~ `nowhere`",
        "~ dose +",
        "~ (dose",
        "~ dose\x00",
        "~ study*group*dose*site",
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(bm.ModelError):
        columns(text)


@pytest.mark.parametrize(
    "text",
    [
        "~ (dose + site)**50",
        "~ (dose + site + group)**10**10",
        "~ dose**10**10**10",
        "~ 10**10**10",
        "~ ((((dose + site)**3)**3)**3)**3",
        "~ " + "*".join("abcdefghijklmnopqrstuvwxyz"),
        "~ " + ":".join(["(a + b + c + d)"] * 12),
        "~ poly(dose, 1000000)",
        "~ bs(dose, df=1000000000)",
        "~ C(dose, contr.treatment(10**10**10))",
        "~ " + "+".join(["dose"] * 20_000),
        "(" * 400 + "dose" + ")" * 401,
        "~ " + "-" * 900 + "dose + (",
    ],
)
def test_no_formula_keeps_the_machine_busy(text):
    started = time.process_time()
    with pytest.raises(bm.ModelError):
        columns(text)
    assert time.process_time() - started < 20  # these would take years, or all memory, if they were expanded


@settings(max_examples=60)
@given(st.text(st.sampled_from(list("abdose~+-*:/()[]{}`'\"., 0123^|%=\\")), max_size=30))
def test_whatever_is_typed_is_a_formula_or_refused(text):
    try:
        formula = Formula(text)
    except bm.ModelError:
        return
    assert all(name.strip() for name in formula.variables)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("~ dos", "Did you mean 'dose'"),
        ("~ blank", "A, column blank: blank. Each trial needs a value"),
        ("~ country", "country is 'Utopia' in every trial"),
        ("~ tau", "the name 'tau' is taken by the model"),
        ("~ dose + center(dose)", "'center\\(dose\\)' is a combination of mu, dose"),
        ("~ C(dose) + group", "is a combination of"),
        ("~ log(negative)", "cannot be computed"),
        ("~ center(group)", "cannot be computed"),
        ("~ C(group, contr.treatment('w'))", "'w'"),
        ("~ C(group, levels=['x', 'y'])", "outside of the nominated levels"),
        ("~ exp(dose)", "'exp\\(dose\\)' is neither a column nor one of the known transforms"),
    ],
)
def test_a_refusal_says_what_was_found_and_what_to_do(text, message):
    with pytest.raises(bm.ModelError, match=message):
        columns(text)


def test_an_infinite_moderator_is_refused_by_the_name_of_its_study():
    trials = bm.Trials(TABLE.assign(dose=[1.0, np.inf, *range(6)]))
    with pytest.raises(bm.ModelError, match=r"B: .*dose is not a finite number"):
        bm.Model("normal", moderators="~ dose").design(trials)


def test_the_unit_of_a_moderator_is_nobodys_concern():
    design = bm.Model("normal", moderators="~ dose").design(bm.read_trials(TABLE.assign(dose=TABLE["dose"] * 1e-18)))
    assert design.columns == ("mu", "dose")
