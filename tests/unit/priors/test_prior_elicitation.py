"""From what somebody believes to a prior."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesmeta.errors import PriorError
from bayesmeta.priors import (
    Gamma,
    HalfCauchy,
    HalfNormal,
    InverseGamma,
    LogNormal,
    Normal,
    OddsRatioWithin,
    StudentT,
    Uniform,
    catalogue,
    elicit,
)

ONE = {"half_normal", "half_cauchy", "exponential", "odds_ratio_within", "sceptical"}
TWO = {"lognormal", "gamma", "normal", "uniform", "inverse_gamma", "half_t"}


def test_the_examples_of_the_decision():
    assert elicit("half_normal", (0.95, 0.98)).scale == pytest.approx(0.5, abs=1e-4)  # Roever 2020
    assert elicit(HalfCauchy, (0.5, 0.5)).scale == pytest.approx(0.5, rel=1e-12)
    prior = elicit("lognormal", (0.5, np.exp(-1.28)), (0.975, np.exp(-1.28 + 1.959963984540054 * 0.87)))
    assert (prior.mu, prior.sigma) == pytest.approx((-1.28, 0.87), rel=1e-9)
    assert elicit("OddsRatioWithin", (0.975, np.log(250))).ratio == pytest.approx(250, rel=1e-9)
    assert elicit("half_t", (0.9, 1.0), df=4).df == 4


@pytest.mark.parametrize("family", [f for f in catalogue() if f.text_name in ONE | TWO], ids=lambda f: f.text_name)
def test_a_member_is_found_again_from_its_own_quantiles(family):
    numbers = (1.7, 0.4) if family.text_name != "uniform" else (0.2, 1.9)
    prior = family(*numbers[: 1 if family.text_name in ONE else 2])
    p = [0.9] if family.text_name in ONE else [0.3, 0.9]
    found = elicit(family, *((q, prior.quantile(q)) for q in p))
    grid = np.array([0.05, 0.3, 0.5, 0.7, 0.99])
    np.testing.assert_allclose(found.quantile(grid), prior.quantile(grid), rtol=1e-6)


@settings(max_examples=40)
@given(
    family=st.sampled_from([LogNormal, Gamma, Normal, Uniform, InverseGamma]),
    p=st.lists(st.floats(0.02, 0.98), min_size=2, max_size=2),
    value=st.lists(st.floats(0.05, 5), min_size=2, max_size=2),
)
def test_whatever_is_given_back_has_the_stated_quantiles(family, p, value):
    try:
        prior = elicit(family, *zip(p, value, strict=True))
    except PriorError:
        return
    for q, x in zip(p, value, strict=True):
        assert prior.cdf(x) == pytest.approx(q, abs=1e-9)


@settings(max_examples=40)
@given(scale=st.floats(1e-4, 1e4), p=st.floats(0.05, 0.95))
def test_a_scale_is_found_wherever_it_lies(scale, p):
    assert elicit("half_normal", (p, HalfNormal(scale).quantile(p))).scale == pytest.approx(scale, rel=1e-7)


def test_a_student_t_with_known_df():
    prior = elicit("student_t", (0.5, 0.3), (0.975, 2.0), df=4)
    assert isinstance(prior, StudentT)
    assert prior.location == pytest.approx(0.3, abs=1e-9)
    assert prior.cdf(2.0) == pytest.approx(0.975, abs=1e-9)


@pytest.mark.parametrize(
    ("arguments", "known", "message"),
    [
        (("half_norml", (0.5, 1)), {}, "no family of that name"),
        (("half_normal", (0.5, 1), (0.9, 2)), {}, "2 quantiles are stated to find scale"),
        (("lognormal", (0.5, 1)), {}, "1 quantile is stated to find mu and sigma"),
        (("half_normal", (0.5, 1)), {"sd": 1}, "no parameter 'sd', only scale"),
        (("half_normal",), {"scale": 1}, "no parameters to choose"),
        (("flat",), {}, "no parameters to choose"),
        (("fixed", (0.5, 1)), {}, "no parameters to choose"),
        (("jeffreys", (0.5, 1)), {}, "no parameters to choose"),
        (("turner", (0.5, 1)), {}, "no parameters to choose"),
        (("half_normal", (1.5, 1)), {}, "p must lie between 0 and 1"),
        (("half_normal", (0.5, -1)), {}, "each value must be positive"),
        (("normal", (0.5, np.inf), (0.6, 1)), {}, "each value must be finite"),
        (("lognormal", (0.5, 2), (0.9, 1)), {}, "with a higher p must come a higher value"),
        (("lognormal", (0.5, 1), (0.5, 2)), {}, "with a higher p must come a higher value"),
        (("half_normal", 0.5), {}, "a quantile is a pair"),
        (("uniform", (0.1, 1), (0.9, 100)), {}, r"there is none, for its lower end would be -11, below 0\."),
        (("uniform", (0.25, 0.3), (0.75, 1)), {}, r"there is none, for its lower end would be -0\.05, below 0\."),
        (("half_t", (0.5, 0.3)), {"df": "x"}, r"half_t prior: df is 'x'\. It must be a number"),
        (("half_t", (0.5, 0.3)), {"df": -1}, r"half_t prior: df is -1\. It must be positive"),
        (("sceptical", (0.3, 1.0)), {}, r"there is none\. Change"),
    ],
)
def test_what_no_prior_has_is_refused(arguments, known, message):
    with pytest.raises(PriorError, match=message):
        elicit(*arguments, **known)


def test_odds_ratio_within_means_what_it_says_when_elicited():
    assert isinstance(elicit(OddsRatioWithin, (0.9, 0.5)), OddsRatioWithin)
