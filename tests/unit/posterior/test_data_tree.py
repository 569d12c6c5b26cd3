"""Draws of the exact engine in the groups that ArviZ knows."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayesmeta as bm

TABLE = pd.DataFrame(
    {
        "study": list("ABCDE"),
        "estimate": [0.1, 0.9, 0.3, 0.8, 1.2],
        "se": [0.3, 0.2, 0.4, 0.5, 0.3],
        "focus": ["no", "yes", "no", "yes", "yes"],
    }
)
ALWAYS = {
    *("posterior", "posterior_predictive", "log_likelihood", "log_prior"),
    *("sample_stats", "observed_data", "constant_data"),
}


def tree(trials=None, **model):
    posterior = bm.fit(trials or bm.read_trials(TABLE), bm.Model("normal", **model))
    return posterior, posterior.to_arviz(draws=300, chains=2)


def test_every_variable_has_its_dimensions():
    posterior, found = tree(moderators="~ focus")
    assert set(found.children) == ALWAYS | {"prior", "prior_predictive"}
    draws = found["posterior"]
    assert set(draws.data_vars) == {"mu", "focus[T.yes]", "tau", "theta", "theta_new"}
    assert dict(draws["theta"].sizes) == {"chain": 2, "draw": 300, "study": 5}
    assert draws["study"].values.tolist() == list("ABCDE")
    assert found["constant_data"]["X"].dims == ("study", "column")
    assert found["constant_data"]["column"].values.tolist() == ["mu", "focus[T.yes]"]
    assert draws.attrs["engine"] == posterior.engine
    assert draws.attrs["model"] == str(posterior.model.to_dict())


def test_the_log_likelihood_is_that_of_the_trial_without_its_own_effect():
    _, found = tree()
    draws = found["posterior"]
    for i in range(5):
        expected = stats.norm.logpdf(
            TABLE["estimate"][i], draws["mu"], np.sqrt(TABLE["se"][i] ** 2 + draws["tau"].values ** 2)
        )
        assert found["log_likelihood"]["y"][:, :, i].values == pytest.approx(expected, abs=1e-12)


def test_log_priors_are_those_of_the_top_level_parameters():
    posterior, found = tree()
    assert set(found["log_prior"].data_vars) == {"mu", "tau"}
    expected = posterior.model.tau_prior.log_density(found["posterior"]["tau"].values)
    assert found["log_prior"]["tau"].values == pytest.approx(expected)


def test_a_flat_prior_has_no_draws_and_no_log_density():
    _, found = tree(mu="flat")
    assert set(found.children) == ALWAYS | {"prior"}
    assert set(found["prior"].data_vars) == {"tau"}
    assert set(found["log_prior"].data_vars) == {"tau"}


def test_the_common_effect_model_has_tau_zero_throughout():
    _, found = tree(random_effects="none")
    for group in ("posterior", "prior"):
        assert np.all(found[group]["tau"].values == 0)
        assert found[group]["theta_new"].values == pytest.approx(found[group]["mu"].values)
    assert set(found["log_prior"].data_vars) == {"mu"}
    assert np.isfinite(found["sample_stats"]["energy"].values).all()


def test_a_flat_common_effect_model_has_a_tree_too():
    _, found = tree(random_effects="none", mu="flat")
    assert set(found["prior"].data_vars) == {"tau"}
    assert not found["log_prior"].data_vars


def test_replicated_trials_have_the_spread_of_a_new_setting():
    posterior = bm.fit(bm.read_trials(TABLE), bm.Model("normal"))
    found = posterior.to_arviz(draws=4000, chains=2)
    replicated = found["posterior_predictive"]["y"].values.reshape(-1, 5)
    expected = np.sqrt(posterior["theta_new"].sd ** 2 + TABLE["se"].to_numpy() ** 2)
    assert replicated.std(axis=0) == pytest.approx(expected, rel=0.05)


def test_counts_and_estimates_give_the_same_groups():
    _, found = tree(bm.load("crins2014"))
    assert set(found.children) == ALWAYS | {"prior", "prior_predictive"}
    assert set(found["observed_data"].data_vars) == {"y"}


def test_the_same_seed_gives_the_same_tree():
    posterior = bm.fit(bm.read_trials(TABLE), bm.Model("normal"))
    one, two, other = (posterior.to_arviz(draws=50, chains=2, seed=seed) for seed in (1, 1, 2))
    for group in one.children:
        assert one[group].to_dataset().identical(two[group].to_dataset())
    assert not np.array_equal(one["posterior"]["mu"].values, other["posterior"]["mu"].values)
