"""Selections and the priors of their weights as text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayesmeta as bm
from bayesmeta.model.omega import OMEGA_PRIORS, parse_omega
from bayesmeta.model.selection import Selection, parse_selection

CUTS = st.lists(st.floats(1e-6, 1 - 1e-6), min_size=1, max_size=4, unique=True).map(lambda cuts: tuple(sorted(cuts)))
PRIORS = ["cumulative_dirichlet", "cumulative_dirichlet(2, 1, 1.5)", "uniform(0, 1)", "uniform(0, 3)", "beta(2, 3)"]


@given(CUTS, st.sampled_from(["", "greater", "less"]))
def test_a_selection_is_read_back_from_its_text(cuts, side):
    for kind in ("one_sided", "two_sided"):
        selection = Selection(kind, cuts, side if kind == "one_sided" else "")
        read = parse_selection(selection.text)
        assert (read.kind, read.side) == (selection.kind, selection.side)
        np.testing.assert_allclose(read.cuts, cuts, rtol=1e-14)


def test_no_selection_has_two_names():
    assert bm.Model(selection="none") == bm.Model(selection=None) == bm.Model()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("steps(0.05)", "Known: one_sided, two_sided, none"),
        ("one_sided", "there is no such"),
        ("one_sided()", "no cut point"),
        ("one_sided(0.5, 0.025)", "cut points must increase"),
        ("one_sided(1.2)", "between 0 and 1"),
        ("one_sided(0.025, side=up)", "side=greater or side=less"),
        ("two_sided(0.05, side=less)", "no side"),
    ],
)
def test_what_is_no_selection_is_refused_with_what_would_be(text, why):
    with pytest.raises(bm.ModelError, match=why):
        bm.Model(selection=text)


@pytest.mark.parametrize(
    "text",
    ["dirichlet", "uniform(1, 2)", "beta(1)", "fixed", "fixed(0)", "cumulative_dirichlet(1, x)", "uniform(0, -1)"],
)
def test_what_is_no_prior_of_weights_is_refused(text):
    with pytest.raises(bm.PriorError, match="omega prior"):
        bm.Model(selection="one_sided(0.025)", omega=text)


def test_a_prior_for_another_number_of_intervals_is_refused_with_the_model():
    with pytest.raises(bm.PriorError, match="3 numbers for 2 intervals"):
        bm.Model(selection="one_sided(0.025)", omega="cumulative_dirichlet(1, 1, 1)")
    with pytest.raises(bm.PriorError, match="2 weights for 2 intervals"):
        bm.Model(selection="one_sided(0.025)", omega="fixed(1, 0.5)")


def test_a_model_without_selection_says_nothing_of_one():
    assert not {"selection", "omega"} & set(bm.Model().to_dict())
    model = bm.Model(selection="two_sided(0.05)", omega="beta(1, 2)")
    assert model.to_dict()["selection"] == "two_sided(0.05)"
    assert bm.Model.from_dict(model.to_dict()) == model


@pytest.mark.parametrize("text", [*PRIORS, "fixed(0.5, 0.2)"])
def test_a_prior_of_weights_is_read_back_from_its_text(text):
    assert parse_omega(text).text == text
    assert parse_omega(parse_omega(text).text) == parse_omega(text)
    assert text.split("(")[0] in OMEGA_PRIORS


@pytest.mark.parametrize("text", PRIORS)
def test_the_density_of_weights_integrates_to_one_and_has_the_stated_marginals(text):
    prior, n = parse_omega(text), 200
    upper = prior.sticks(2)[0].upper
    x = upper * (np.arange(n) + 0.5) / n
    first, second = np.meshgrid(x, x, indexing="ij")
    inside = second <= first if prior.chained else np.ones_like(first, dtype=bool)
    density = np.where(inside, np.exp(prior.log_density(np.stack([first, second], axis=-1))), 0.0)
    if prior.chained:
        density[np.arange(n), np.arange(n)] /= 2  # half of each cell on the edge
    step = upper / n
    assert density.sum() * step**2 == pytest.approx(1.0, abs=0.02)
    for j, axis in ((0, 1), (1, 0)):
        cdf = np.cumsum(density.sum(axis=axis)) * step**2
        np.testing.assert_allclose(cdf, prior.marginal(2, j).cdf(x + step / 2), atol=0.02)


@pytest.mark.parametrize("text", PRIORS)
def test_draws_of_weights_follow_their_marginals(text):
    prior = parse_omega(text)
    drawn = prior.draws(2, 4000, np.random.default_rng(1))
    for j in range(2):
        uniform = np.sort(prior.marginal(2, j).cdf(drawn[:, j]))
        assert np.abs(uniform - (np.arange(4000) + 0.5) / 4000).max() < 1.95 / np.sqrt(4000)  # Kolmogorov, p 0.001
    if prior.chained:
        assert np.all(np.diff(drawn, axis=1) <= 0)


def test_a_selection_takes_the_normal_likelihood_where_none_is_stated():
    trials = bm.load("attachment/secure")
    assert bm.Model(selection="two_sided(0.05)").for_trials(trials).likelihood == "normal"
    assert bm.Model().for_trials(trials).likelihood == "hypergeometric"


def test_intervals_of_p_values():
    # p one-sided 0.0228 at z = 2, 0.9772 at z = -2; two-sided 0.0455 at both.
    y, se = np.array([2.0, 0.5, -2.0]), np.ones(3)
    for text, expected in (
        ("one_sided(0.025, 0.5, side=greater)", [0, 1, 2]),
        ("one_sided(0.025, 0.5, side=less)", [2, 2, 0]),
        ("two_sided(0.05)", [0, 1, 0]),
    ):
        assert parse_selection(text).interval_of(y, se).tolist() == expected


def test_the_side_is_that_of_the_trials_unless_the_selection_states_it():
    one_sided = parse_selection("one_sided(0.025)")
    assert one_sided.towards("lower").side == "less"
    assert one_sided.towards("higher").side == "greater"
    assert parse_selection("one_sided(0.025, side=greater)").towards("lower").side == "greater"
    with pytest.raises(bm.ModelError, match=r"side=greater.*side=less.*--direction"):
        one_sided.towards("")
