"""The exact engine says how exact it is, and says so itself where it is not."""

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.errors import BayesmetaWarning, ModelError
from bayesmeta.exact import nodes, over_tau, prepare, self_checked
from bayesmeta.likelihoods.theta_grid import Resolution

KEYS = {"worst_change", "worst_quantity", "log_marginal_likelihood_change"}


@pytest.mark.parametrize(
    ("likelihood", "parts"),
    [
        ("normal", {}),
        ("normal", {"tau": "uniform(0, 2)", "mu": "flat"}),
        ("normal", {"tau": "lognormal(0.4, 0.00001)"}),
        ("normal", {"tau": "half_cauchy(0.5)", "moderators": "~ sensitivity_focused"}),
        ("normal", {"random_effects": "student_t(4)"}),
        ("hypergeometric", {}),
        ("hypergeometric", {"random_effects": "none"}),
        ("binomial", {"moderators": "~ sensitivity_focused"}),
    ],
    ids=str,
)
def test_at_more_nodes_nothing_moves(likelihood, parts):
    trials = bm.load("attachment/secure").select([0, 1, 2, 6])
    posterior = bm.fit(trials, bm.Model(likelihood, **parts), accuracy=True)
    found = posterior.diagnostics["accuracy"]
    assert set(found) == KEYS
    limit = 1e-8 if (likelihood, parts.get("random_effects", "normal")) == ("normal", "normal") else 1e-6
    assert found["worst_change"] < limit
    assert found["log_marginal_likelihood_change"] < limit
    assert found["worst_quantity"] in {*posterior.parameters, *trials.studies}


@pytest.mark.parametrize(("k", "size", "tau"), [(26, 200, 0.15), (60, 2000, 0.15), (60, 30, 0.8)])
def test_with_many_trials_the_quantiles_of_study_effects_do_not_move_either(k, size, tau):
    # The mean is known much better than any trial's effect: near tau = 0 densities of effects are narrow, and change
    # with tau much faster than the likelihood does.
    rng = np.random.default_rng([k, size, round(100 * tau)])
    totals = np.round(size * rng.uniform(0.7, 1.3, (2, k))).astype(int)
    middle, effect = rng.normal(-1.0, 0.8, k), rng.normal(0.3, tau, k)
    events = rng.binomial(totals, 1.0 / (1.0 + np.exp(-middle - np.outer([0.5, -0.5], effect))))
    rows = {"events_treated": events[0], "total_treated": totals[0]}
    rows |= {"events_control": events[1], "total_control": totals[1], "study": [f"trial {i}" for i in range(k)]}
    posterior = bm.fit(bm.read_trials(pd.DataFrame(rows)))
    assert posterior.accuracy()["change"].max() < 1e-6


def test_nothing_is_checked_that_was_not_asked_for():
    assert "accuracy" not in bm.fit(bm.load("bcg"), bm.Model("normal")).diagnostics


def test_more_nodes_are_other_nodes_and_reach_farther():
    posterior = bm.fit(bm.load("bcg"), bm.Model("normal", tau="half_cauchy(1)"))
    coarse = posterior._solved.nodes
    finer = coarse.finer
    assert len(finer.tau) > 2 * len(coarse.tau)
    assert finer.tau.max() > 2 * coarse.tau.max()
    assert np.intersect1d(coarse.tau, finer.tau).size == 0


def test_a_normal_fit_on_too_few_nodes_is_found_out(monkeypatch):
    # Four nodes on one of the few first panels, none of them ever halved.
    monkeypatch.setattr(nodes, "NODES_PER_PANEL", 4)
    monkeypatch.setattr(nodes, "RESOLVED", 1e6)
    with pytest.warns(BayesmetaWarning, match=r"self-check: at more nodes .* moves by .*; at most 1e-06 is expected"):
        posterior = bm.fit(bm.load("bcg"), bm.Model("normal"), accuracy=True)
    assert posterior.diagnostics["accuracy"]["worst_change"] > 1e-6


def test_a_fit_of_counts_on_too_few_nodes_is_found_out():
    coarse = Resolution(panel=12.0, mu_nodes=12, tau_width=8.0, fall=12.0)
    posterior = prepare(bm.load("bcg"), bm.Model("hypergeometric"), coarse).posterior()
    with pytest.warns(BayesmetaWarning) as told:
        self_checked(posterior)
    # The study effects say so too: their densities do not integrate to one.
    assert [any(text in str(one.message) for one in told) for text in ("self-check", "integrates to")] == [True, True]
    assert posterior.diagnostics["accuracy"]["worst_change"] > 1e-6


def test_the_fit_at_more_nodes_is_the_same_fit():
    problem = bm.fit(bm.load("bcg"), bm.Model("normal"))._problem
    prior = bm.HalfNormal(0.5)
    coarse, finer = (over_tau.over_tau(problem, prior, finer=more) for more in (False, True))
    assert finer.log_marginal == pytest.approx(coarse.log_marginal, abs=1e-10)
    assert finer.weights.sum() == pytest.approx(1.0)


def test_a_study_may_be_called_like_the_evidence():
    rows = {"study": ["log_marginal_likelihood", "mu"], "estimate": [0.3, 0.1], "se": [0.2, 0.3]}
    found = bm.fit(bm.read_trials(pd.DataFrame(rows)), accuracy=True).diagnostics["accuracy"]
    assert found["worst_change"] < 1e-8


def test_nuts_has_convergence_diagnostics_in_its_place():
    with pytest.raises(ModelError, match=r"accuracy=True\) is the self-check of the exact engine.*convergence"):
        bm.fit(bm.load("bcg"), bm.Model("normal"), engine="nuts", accuracy=True)
