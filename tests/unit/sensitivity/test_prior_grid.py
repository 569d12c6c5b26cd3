"""The prior grid: each row is a fit under that prior, and a prior that cannot be fitted says why."""

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.errors import BayesmetaError, PriorError
from bayesmeta.sensitivity import prior_grid
from bayesmeta.sensitivity.many import Question
from bayesmeta.sensitivity.prior_choices import rescaled
from bayesmeta.sensitivity.rows import COMPUTED, row_of
from bayesmeta.sensitivity.tau_densities import TauPriors

TAU = [
    *("half_normal(0.5)", "half_normal(0.01)", "half_normal(5)", "half_cauchy(0.5)", "half_t(3, 0.4)", "uniform(0, 2)"),
    *("uniform(0.1, 0.7)", "exponential(2)", "lognormal(-1.28, 0.87)", "lognormal(-3, 0.3)", "lognormal(0.4, 0.00001)"),
]
MU = ["odds_ratio_within(250)", "normal(0, 0.3)", "normal(0.5, 0.05)", "flat"]


def estimates(y, se, **more):
    return bm.read_trials(pd.DataFrame({"study": [f"T{i}" for i in range(len(y))], "estimate": y, "se": se} | more))


@pytest.mark.parametrize("name", ["attachment/disorganised", "crins2014", "bcg"])
def test_each_row_is_a_fit_under_its_prior(name):
    trials = bm.load(name)
    grid = prior_grid(trials, bm.Model("normal"), tau=TAU, mu=MU)
    assert len(grid.table) == len(TAU) * len(MU)
    for row in grid.table.to_dict("records"):
        fresh = bm.fit(trials, bm.Model("normal", tau=row["tau_prior"], mu=row["mu_prior"]))
        assert [row[column] for column in COMPUTED] == pytest.approx(list(row_of(fresh).values()), abs=1e-8, rel=1e-8)
        proper = "flat" not in row["mu_prior"]
        wanted = fresh.log_marginal_likelihood if proper else np.nan
        assert row["log_marginal_likelihood"] == pytest.approx(wanted, abs=1e-8, nan_ok=True)


def test_moderators_are_carried_through_the_grid():
    trials, model = bm.load("attachment/secure"), bm.Model("normal", moderators="~ sensitivity_focused")
    grid = prior_grid(trials, model, tau=["half_normal(1)", "half_cauchy(0.3)"], mu=["flat", "normal(0, 0.5)"])
    for row in grid.table.to_dict("records"):
        fresh = row_of(bm.fit(trials, model.but(tau=row["tau_prior"], mu=row["mu_prior"])))
        assert [row[column] for column in COMPUTED] == pytest.approx(list(fresh.values()), abs=1e-8, rel=1e-8)


def test_many_priors_by_the_table_and_few_by_newton_agree():
    question = Question.of(bm.fit(bm.load("bcg"), bm.Model("normal")))
    scales = np.geomspace(0.05, 3.0, 30)
    together = question.posteriors([bm.HalfCauchy(s) for s in scales], [bm.Normal(0, 1)]).rows()
    alone = question.posteriors([bm.HalfCauchy(scales[7])], [bm.Normal(0, 1)]).rows()
    for column in COMPUTED:
        assert together[column][7] == pytest.approx(alone[column][0], abs=1e-8)


def test_the_given_priors_are_in_the_default_grid_and_change_nothing():
    posterior = bm.fit(bm.load("bcg"), bm.Model("normal", tau="half_normal(0.37)", mu="normal(0.1, 1.7)"))
    grid = prior_grid(posterior)
    row = grid.table[(grid.table["tau_prior"] == "half_normal(0.37)") & (grid.table["mu_prior"] == "normal(0.1, 1.7)")]
    assert len(row) == 1
    assert not row["changes"].item()
    assert row["median"].item() == pytest.approx(posterior["mu"].median, abs=1e-9)


def test_improper_posteriors_are_refused_with_their_reason_and_the_rest_is_there():
    grid = prior_grid(
        estimates([0.3, 0.1], [0.2, 0.3]), tau=["improper_uniform", "half_normal(1)"], mu=["flat", "normal(0, 1)"]
    )
    assert grid.refused[["tau_prior", "mu_prior"]].values.tolist() == [["improper_uniform", "flat"]]
    assert "improper" in grid.refused["reason"].item()
    assert "3 trials" in grid.refused["reason"].item()
    assert len(grid.table) == 3


def test_a_grid_that_leaves_nothing_says_so():
    grid = prior_grid(estimates([0.3], [0.2]), tau=["improper_uniform"], mu=["flat"])
    assert grid.table.empty
    assert grid.sentence.startswith("None of 1 pair")
    assert grid.to_dict()["rows"] == []


def test_priors_of_the_standard_errors_take_those_of_the_trials():
    # Jeffreys: p(tau) ~ sqrt(sum (tau / (s^2 + tau^2))^2); with equal s it is tau / (s^2 + tau^2).
    trials = estimates([0.1, 0.9, -0.4, 0.6], [0.3] * 4)
    row = prior_grid(trials, tau=["jeffreys"], mu=["flat"]).table.iloc[0]
    tau = np.linspace(0.0, 60.0, 600_001)
    variance = 0.09 + tau**2
    y = np.array([0.1, 0.9, -0.4, 0.6])
    log_weight = -1.5 * np.log(variance) - 0.5 * ((y - y.mean()) ** 2).sum() / variance
    weight = tau / variance * np.exp(log_weight)
    cdf = np.cumsum(weight) / weight.sum()
    assert row["tau"] == pytest.approx(tau[np.searchsorted(cdf, 0.5)], abs=2e-4)


@pytest.mark.parametrize("what", ["tau", "mu"])
def test_a_grid_of_no_priors_is_refused(what):
    with pytest.raises(PriorError, match=rf"{what}=\[\] holds no prior"):
        prior_grid(bm.load("bcg"), bm.Model("normal"), **{what: []})


def test_a_text_that_is_no_prior_is_refused_at_once():
    with pytest.raises(PriorError, match="Did you mean half_normal"):
        prior_grid(bm.load("bcg"), tau=["half_norml(1)"])


def test_a_posterior_has_its_own_model():
    posterior = bm.fit(bm.load("bcg"))
    with pytest.raises(BayesmetaError, match="its own model"):
        prior_grid(posterior, bm.Model("normal"))
    with pytest.raises(BayesmetaError, match="not str"):
        prior_grid("bcg")


def test_without_a_direction_both_sides_have_their_names():
    grid = prior_grid(estimates([0.5, 0.4, 0.2], [0.2, 0.2, 0.3]))
    assert grid.table["wished"].isna().all()
    assert "wished" not in grid.sentence
    assert "P(OR > 1)" in grid.sentence
    assert grid.side == 1


def test_data_only_is_flat_in_mu_and_tau():
    trials = bm.load("bcg")
    data = prior_grid(trials, bm.Model("normal"), tau=["half_normal(1)"], mu=["flat"]).data_only
    assert data["median"] == pytest.approx(
        bm.fit(trials, bm.Model("normal", tau="uniform(0, 300)", mu="flat"))["mu"].median, abs=1e-6
    )
    assert prior_grid(estimates([0.3, 0.1], [0.2, 0.3])).data_only is None


def test_families_with_a_scale_are_evaluated_together_and_rightly():
    priors = [
        bm.parse_prior(text) for text in (*TAU, "half_t(4, 1)", "half_t(4, 2)", "exponential(3)", "uniform(0, 3)")
    ]
    tau = np.array([0.0, 0.02, 0.4, 1.7, 30.0])
    wanted = np.stack([prior.log_density(tau) for prior in priors])
    np.testing.assert_allclose(TauPriors(priors).log_densities(tau), wanted, rtol=1e-12)


@pytest.mark.parametrize(
    "text", ["half_normal(0.5)", "half_t(3, 0.4)", "exponential(2)", "uniform(0, 2)", "lognormal(-1, 0.8)"]
)
def test_a_wider_prior_is_the_same_in_other_units(text):
    prior = bm.parse_prior(text)
    wider = rescaled(prior, 3.0)
    assert wider.quantile([0.1, 0.5, 0.9]) == pytest.approx(3.0 * prior.quantile([0.1, 0.5, 0.9]))


def test_a_prior_without_a_scale_cannot_be_widened():
    with pytest.raises(PriorError, match="no scale"):
        rescaled(bm.parse_prior("jeffreys"), 2.0)
