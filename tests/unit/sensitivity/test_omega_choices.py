"""The priors of publication weights that the prior grid tries: each once, and some that move the result."""

import pytest

import bayesmeta as bm
from bayesmeta.model.omega import parse_omega
from bayesmeta.sensitivity.prior_choices import further_priors


def tried(selection: str, omega: str = "cumulative_dirichlet") -> list[str]:
    model = bm.Model(selection=selection, omega=omega)
    what, priors = further_priors(bm.fit(bm.load("attachment/secure"), model))
    assert what == "omega"
    return list(priors)


@pytest.mark.parametrize("given", ["cumulative_dirichlet", "uniform(0, 1)", "beta(1, 1)"])
def test_with_one_weight_the_uniform_priors_are_one(given):
    assert tried("one_sided(0.025)", given) == [given, "uniform(0, 2)", "beta(1, 3)", "beta(1, 9)"]


def test_with_two_weights_those_that_fall_with_p_are_another_prior_than_those_in_any_order():
    assert tried("one_sided(0.025, 0.5)")[:2] == ["cumulative_dirichlet", "uniform(0, 1)"]
    assert {str(parse_omega(text)) for text in tried("one_sided(0.025, 0.05, 0.5)")} >= {"uniform(0, 2)", "beta(1, 9)"}


def test_priors_of_omega_move_the_grid_of_the_secure_trials_as_fits_of_their_own_do():
    # docs/decisions/reporting-bias.md: 2.39 as given, uniform(0, 2) 2.57, beta(1, 3) 2.12.
    grid = bm.sensitivity.prior_grid(
        bm.load("attachment/secure"),
        bm.Model(selection="one_sided(0.025)"),
        tau=["half_normal(0.5)"],
        mu=["odds_ratio_within(250)"],
    ).table
    found = dict(zip(grid["omega_prior"], grid["odds_ratio"].round(2), strict=True))
    assert found["uniform(0, 2)"] == 2.57
    assert found["beta(1, 3)"] == 2.12
    assert found["beta(1, 9)"] < 2.0
