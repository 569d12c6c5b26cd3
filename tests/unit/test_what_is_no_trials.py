"""What a user passes first, before reading the manual, and what it should have been."""

import pandas as pd
import pytest

import bayesmeta as bm


@pytest.mark.parametrize("function", [bm.fit, bm.pool, bm.effect_sizes])
@pytest.mark.parametrize("found", ["crins2014", pd.DataFrame({"study": ["a"], "estimate": [0.1], "se": [0.2]})])
def test_a_table_or_its_name_is_to_be_read_first(function, found):
    with pytest.raises(bm.DataError, match=rf"takes trials, not {type(found).__name__}: read .* bm.read_trials"):
        function(found)


def test_the_trinomial_likelihood_is_of_two_outcomes():
    with pytest.raises(bm.ModelError, match=r"two outcomes together: bm.JointModel\(\"trinomial\"\)"):
        bm.Model("trinomial")
    assert bm.JointModel("trinomial").likelihood == "trinomial"


@pytest.mark.parametrize(("text", "message"), [("student_t", "expected df"), ("mixture(0.1)", "found 1 number.")])
def test_random_effects_without_their_numbers(text, message):
    with pytest.raises(bm.ModelError, match=message):
        bm.Model(random_effects=text)
