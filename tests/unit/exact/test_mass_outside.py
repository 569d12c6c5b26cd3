"""The engine says so where its grids leave out a part of the posterior, and is quiet where they do not."""

import warnings

import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.exact import prepared
from bayesmeta.likelihoods import theta_grid
from bayesmeta.likelihoods.theta_grid import Resolution

LIKELIHOODS = ["normal", "hypergeometric", "binomial"]
# Student-t random effects take the normal likelihood to the numerical engine; else mu and theta are in closed form.
NUMERICAL = {"normal": "student_t(4)", "hypergeometric": "normal", "binomial": "normal"}


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("mu", ["odds_ratio_within(250)", "flat", "student_t(4, 0, 0.58)"])
def test_the_default_grids_hold_the_posterior(likelihood, mu):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        posterior = bm.fit(bm.load("crins2014"), bm.Model(likelihood, mu=mu))
        posterior.studies()
    assert posterior.diagnostics["beyond_the_nodes"] < 1e-12
    assert posterior.diagnostics.get("beyond_the_windows", 0.0) < 1e-12
    assert posterior.diagnostics.get("beyond_the_theta_nodes", 0.0) < 1e-12


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_a_tail_of_tau_beyond_all_numbers_is_told(likelihood):
    # One trial and a flat mu: the posterior of tau is its prior, and P(tau > 1e150) = 1e150^-0.02 up to a factor.
    one = bm.load("crins2014").select([True, False, False, False, False, False])
    with pytest.warns(bm.errors.BayesmetaWarning, match="of the posterior mass lies beyond the largest tau"):
        posterior = bm.fit(one, bm.Model(likelihood, mu="flat", tau="half_t(0.02, 1)"))
    assert posterior.diagnostics["beyond_the_nodes"] > 5e-4


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_windows_of_mu_that_are_too_narrow_are_told(likelihood, monkeypatch):
    monkeypatch.setattr(prepared, "Resolution", lambda: Resolution(fall=6.0))
    with pytest.warns(bm.errors.BayesmetaWarning, match="of the coefficients lies beyond"):
        posterior = bm.fit(bm.load("crins2014"), bm.Model(likelihood, random_effects=NUMERICAL[likelihood]))
    # A normal density that is left where it is e^-6 of its peak, 3.5 standard deviations out.
    assert 1e-5 < posterior.diagnostics["beyond_the_windows"] < 2e-3


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_nodes_of_theta_that_end_too_early_are_told(likelihood, monkeypatch):
    # Nodes reach where the likelihoods are e^-14 of their peaks, and where mu may lie; one small trial says less.
    monkeypatch.setattr(theta_grid, "FALL", 14.0)
    rows = [["large", 400, 1000, 500, 1000], ["small", 2, 5, 3, 5]]
    columns = ["study", "events_treated", "total_treated", "events_control", "total_control"]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        bm.fit(
            bm.read_trials(pd.DataFrame(rows, columns=columns)),
            bm.Model(likelihood, random_effects=NUMERICAL[likelihood], tau="half_normal(0.05)"),
        )
    assert any("of a trial's likelihood lies beyond" in str(one.message) for one in told)


def test_a_study_effect_that_is_not_resolved_is_told():
    with pytest.warns(bm.errors.BayesmetaWarning, match="or a prior is very wide"):
        posterior = bm.fit(bm.load("crins2014"), bm.Model("binomial", baseline="normal(0, 2000)"))
    with pytest.warns(bm.errors.BayesmetaWarning, match="its density integrates to"):
        posterior.studies()


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_a_moment_that_no_nodes_hold_is_told_and_not_given(likelihood):
    # Two trials, a proper mu and a prior that falls as tau^-1.002: p(tau | y) falls as tau^-3.002, so that E[tau^2]
    # exists, and more than half of it lies beyond tau = 1e100: 1e100^-0.002 = 0.6.
    two = bm.load("crins2014").select([True, False, False, False, True, False])
    with pytest.warns(bm.errors.BayesmetaWarning, match=r"of the posterior expectation of tau\^2 lies beyond"):
        posterior = bm.fit(two, bm.Model(likelihood, tau="inverse_gamma(0.001, 0.001)"))
    assert posterior.diagnostics["square_beyond_the_nodes"] > 0.3
    assert posterior.diagnostics["beyond_the_nodes"] < posterior.diagnostics["mean_beyond_the_nodes"] < 1e-12
    assert posterior.diagnostics["moments_beyond_the_nodes"] == ["sd of tau", "sd of theta_new"]
    assert posterior.diagnostics["moments_that_do_not_exist"] == []
    given = posterior.summary()[["mean", "sd"]].notna()
    assert given["mean"].all()
    assert given.index[given["sd"]].tolist() == ["mu"]
    assert posterior["tau"].sd is None
    assert posterior["theta_new"].sd is None


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_a_moment_that_the_nodes_hold_is_given_however_heavy_the_tail(likelihood):
    # The prior falls as tau^-2, the likelihood as tau^-2: E[tau^2] exists, and the nodes reach far enough for it.
    two = bm.load("crins2014").select([True, False, False, False, True, False])
    posterior = bm.fit(two, bm.Model(likelihood, tau="half_t(1, 0.5)"))
    assert posterior.diagnostics["square_beyond_the_nodes"] < 1e-8
    assert posterior.summary().notna().all(axis=None)
