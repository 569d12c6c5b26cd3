"""Before the data: what the priors expect, for every model and in every data tree."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayesmeta as bm
from bayesmeta.posterior.before_data import Assumed, before_data

# Simulated trials.
COUNTS = pd.DataFrame(
    {
        "study": list("ABCDEF"),
        "events_treated": [12, 9, 20, 7, 15, 11],
        "total_treated": [30, 25, 40, 20, 33, 28],
        "events_control": [6, 6, 12, 6, 9, 3],
        "total_control": [28, 28, 41, 22, 30, 25],
        "setting": ["x", "x", "x", "y", "y", "y"],
        "dose": [0.1, 0.1, 0.3, 0.8, 1.0, 0.6],
        "direction": ["higher"] * 6,
    }
)
ARMS = COUNTS.assign(trial=["first", "first", "C", "D", "E", "F"])
MODELS = {
    "normal": bm.Model("normal"),
    "hypergeometric, t": bm.Model("hypergeometric", random_effects="student_t(4)"),
    "binomial": bm.Model("binomial"),
    "levels": bm.Model("normal", tau_by="setting"),
    "levels, counts": bm.Model("binomial", tau_by="setting"),
    "scale": bm.Model("normal", scale="~ dose"),
    "selection": bm.Model("normal", selection="one_sided(0.025)"),
    "common effect": bm.Model(random_effects="none"),
}


def drawn(model, table=COUNTS, n=4000):
    return before_data(Assumed.of(bm.read_trials(table), model), (1, n), np.random.default_rng(3))


@pytest.mark.parametrize("name", MODELS)
def test_every_data_tree_has_trials_before_the_data(name):
    posterior = bm.fit(bm.read_trials(COUNTS), MODELS[name])
    tree = posterior.to_arviz(draws=60, chains=2)
    assert tree["prior_predictive"]["y"].dims == tree["posterior_predictive"]["y"].dims == ("chain", "draw", "study")
    assert np.isfinite(tree["prior_predictive"]["y"].values).all()
    assert set(tree["posterior"].data_vars) - {"theta", "gamma"} <= set(tree["prior"].data_vars)
    counted = posterior.model.likelihood != "normal"
    assert ("replicated_events" in tree.children) == ("prior_replicated_events" in tree.children) == counted


def test_trials_before_the_data_have_the_spread_that_the_priors_give_them():
    # Normal likelihood: y_i ~ N(0, 2^2 + 0.3^2 + s_i^2), whichever way tau is written down.
    se = bm.effect_sizes(bm.read_trials(COUNTS)).se
    for model in (
        bm.Model("normal", mu="normal(0, 2)", tau="fixed(0.3)"),
        bm.Model("normal", mu="normal(0, 2)", tau="fixed(0.3)", tau_by="setting"),
        bm.Model("normal", mu="normal(0, 2)", tau="fixed(0.3)", scale="~ dose", alpha="normal(0, 0.000001)"),
        bm.Model("normal", mu="normal(0, 2)", tau="fixed(0.3)", selection="one_sided(0.025)", omega="fixed(1)"),
    ):
        y = drawn(model).trials["y"][1][0]
        for i in range(len(se)):
            expected = stats.norm(0, np.sqrt(4 + 0.09 + se[i] ** 2))
            assert stats.kstest(y[:, i], expected.cdf).pvalue > 1e-4


def test_arms_that_share_a_control_share_its_baseline():
    model = bm.Model("binomial", baseline_at="control", mu="normal(0, 0.000001)", tau="fixed(0)")
    events = drawn(model, ARMS).trials["events"][1][0]
    share = events / np.array([[28, 30], [28, 25], [41, 40], [22, 20], [30, 33], [25, 28]])
    assert np.array_equal(events[:, 0, 0], events[:, 1, 0])
    correlation = np.corrcoef(share[..., 1].T)
    assert correlation[0, 1] > 0.95  # without effects both treated arms have the risk of their one control
    assert abs(correlation[0, 2]) < 0.1


def test_the_regression_on_control_risk_is_in_the_trials_that_its_priors_expect():
    model = bm.Model(control_risk=True, beta={"control_risk": "normal(-1, 0.000001)"}, mu="normal(0, 0.000001)",
                     tau="fixed(0)", baseline="exchangeable(normal(0, 1), half_normal(2))")  # fmt: skip
    events = drawn(model).trials["events"][1][0]
    # A slope of -1 takes the baseline out of the treated arm again: its log odds are the centre.
    events_control, rest = COUNTS["events_control"], COUNTS["total_control"] - COUNTS["events_control"]
    risk = 1 / (1 + np.exp(-np.log(events_control / rest).mean()))
    total = COUNTS["total_treated"].to_numpy()
    treated = events[..., 1] / total
    assert np.abs(np.corrcoef(events[:, 0, 0], treated[:, 0])[0, 1]) < 0.08
    assert treated.mean(axis=0) == pytest.approx(np.full(6, risk), abs=0.01)
    assert treated.std(axis=0) == pytest.approx(np.sqrt(risk * (1 - risk) / total), rel=0.1)


def test_improper_priors_expect_nothing():
    found = drawn(bm.Model("normal", mu="flat"))
    assert found.trials == {}
    assert set(found.parameters) == {"tau"}


def test_baselines_of_the_exact_engine_are_drawn_from_their_posterior():
    for table, at in ((COUNTS, "midpoint"), (COUNTS, "control")):
        posterior = bm.fit(bm.read_trials(table), bm.Model("binomial", baseline_at=at))
        found = posterior.draws(4000)
        below = 0.5 if at == "midpoint" else 0.0
        control = 1 / (1 + np.exp(-(found["gamma"] - below * found["theta"])))
        expected = posterior.baselines()
        assert control.mean(axis=0) == pytest.approx(expected["mean"].to_numpy(), abs=0.006)
        assert control.std(axis=0) == pytest.approx(expected["sd"].to_numpy(), rel=0.06)


def test_log_likelihoods_of_arms_add_to_that_of_their_trial():
    # The first arm as if it were alone, the other given it: neither is a constant, which az.loo does not take.
    for likelihood in ("hypergeometric", "binomial"):
        posterior = bm.fit(bm.read_trials(ARMS), bm.Model(likelihood))
        mean, tau = np.full((3, 6), 0.4), np.array([0.1, 0.4, 0.9])
        found = posterior.log_likelihood(mean, tau)
        alone = bm.fit(bm.read_trials(COUNTS), bm.Model(likelihood)).log_likelihood(mean, tau)
        together = posterior.prepared.convolution.log_marginal(mean[:, :1], tau, np.array([0]))[0, :, 0]
        assert found[:, 0] == pytest.approx(alone[:, 0], abs=1e-6)
        assert found[:, :2].sum(axis=1) == pytest.approx(together, abs=1e-9)
        assert np.ptp(found[:, 1]) > 0.01


def test_a_known_tau_goes_with_every_likelihood_and_its_self_check():
    trials = bm.read_trials(COUNTS)
    plain = bm.fit(trials, bm.Model(tau="fixed(0.3)"), accuracy=True)
    assert plain.diagnostics["accuracy"]["worst_change"] < 1e-6
    levels = bm.fit(trials, bm.Model(tau="fixed(0.3)", tau_by="setting"))
    assert levels["mu"].quantile(0.1) == pytest.approx(plain["mu"].quantile(0.1), abs=1e-6)
    assert "tau[x]" not in levels.to_arviz(draws=20, chains=2)["log_prior"].data_vars
