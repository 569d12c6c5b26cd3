"""What is said of a sensitivity analysis can be read without the tables: plain words, whole names, true bounds."""

import re

import numpy as np
import pandas as pd

import bayesmeta as bm
from bayesmeta import sensitivity
from bayesmeta.wording import number, probability


def test_models_with_commas_in_their_names_are_told_apart_and_the_interval_has_a_subject():
    row = {"study": ["A"], "ai": [56], "n1i": [115], "ci": [32], "n2i": [95]}
    part = sensitivity.model_grid(bm.read_trials(pd.DataFrame(row)))
    names = part.table.loc[part.table["changes"] & (part.table["kind"] == "Bayesian"), "model"].tolist()
    assert len(names) > 1
    assert f"the 95% interval says otherwise under {len(names)} of them ({names[0]}; {names[1]}" in part.sentence
    said = sensitivity.verdict([part])
    assert f"{names[0]}; {names[1]}" in said


def test_the_verdict_names_a_handful_of_trials_and_of_more_their_number():
    given = bm.fit(bm.load("attachment/secure"), bm.Model("normal"))
    part = sensitivity.tipping_point(given)
    row = part.table["question"] == "trials removed"
    for names, how, expected in (
        (["A", "B"], "all smaller sets tried", "the loss of 2 trials (A and B)"),
        (["A", "B"], "all sets of up to 1 trial tried", "the loss of 2 trials (A and B; fewer might do)"),
        (list("ABCDEFGH"), "all sets of up to 2 trials tried", "the loss of 8 trials (fewer might do)"),
        (list("ABCDEFGH"), "all smaller sets tried", "the loss of 8 trials;"),
    ):
        part.table.loc[row, ["trials", "removed", "how"]] = "; ".join(names), float(len(names)), how
        assert expected in sensitivity.verdict([part])


def test_the_verdict_speaks_of_priors_in_plain_words():
    given = bm.fit(bm.load("attachment/disorganised"))
    parts = [run(given) for run in (sensitivity.power_scaling, sensitivity.reference, sensitivity.tipping_point)]
    said = sensitivity.verdict(parts)
    tau = parts[0].table.set_index("parameter").loc["tau", "prior"]
    assert f"both the prior and the trials move tau (sensitivity {number(tau)}), a sign that they disagree" in said
    assert "the prior of tau makes the interval narrower than the reference prior jeffreys would" in said
    assert re.search(r"a sceptic who holds the OR to lie between [\d.]+ and [\d.]+ with 95% probability", said)
    for jargon in ("conservative", "prior-data conflict", "strong prior"):
        assert jargon not in said


def test_the_probability_of_small_trials_is_named_as_the_probability_that_it_is():
    se = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    frame = pd.DataFrame({"study": list("ABCDEFGH"), "estimate": 1.6 * se - 0.15, "se": se})
    part = sensitivity.bias(bm.read_trials(frame, direction="higher"))
    small = float(part.table.loc[part.table["kind"] == "small trials", "posterior"].sum())
    assert f"(P(PET or PEESE) {probability(small)}, Bayes factor" in sensitivity.verdict([part])


def test_of_one_pair_of_priors_the_numbers_are_said_once():
    given = bm.fit(bm.load("bcg"), bm.Model("normal"))
    part = sensitivity.prior_grid(given, tau=["half_normal(1)"], mu=["flat"])
    row = part.table.iloc[0]
    assert part.sentence.startswith("Under tau half_normal(1) with mu flat the pooled OR is 0.48 (as given")
    assert f"; tau is {number(row['tau'])}. The 95% interval leaves out OR 1 there too." in part.sentence
    said = sensitivity.verdict([part])
    assert "under the 1 pair of priors tried" in said
    assert "throughout" not in part.sentence + said
    assert "1 of 1" not in said


def test_the_narrowest_prior_of_tau_is_not_said_to_take_in_one_where_the_interval_lies_on_the_other_side():
    row = {"study": ["A"], "ai": [56], "n1i": [115], "ci": [32], "n2i": [95]}
    part = sensitivity.tipping_point(bm.read_trials(pd.DataFrame(row), direction="lower"), trials=False)
    assert "it is below 0.975 with the narrowest half-normal prior of tau already" in part.sentence


def test_where_the_effect_lies_on_the_side_that_is_not_wished_nothing_is_said_of_what_it_takes():
    frame = pd.DataFrame({"study": list("ABC"), "estimate": [0.9, 1.0, 1.1], "se": [0.2, 0.2, 0.2]})
    part = sensitivity.tipping_point(bm.read_trials(frame, direction="lower"))
    said = sensitivity.verdict([part])
    assert "lies above 1" in said
    assert "changes it" not in said
    assert "to change it" not in said
