"""Counts of trials with two treated arms: one likelihood of the trial, both effects integrated out."""

import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import RectBivariateSpline
from scipy.special import logsumexp

import bayesmeta as bm
from bayesmeta.likelihoods.two_arms import ArmCounts, binomial_log_p, hypergeometric_log_p

COUNTS = ["events_treated", "total_treated", "events_control", "total_control"]
ROWS = [[17, 28, 1, 54], [12, 22, 1, 54], [12, 40, 7, 41], [9, 35, 12, 33]]


def trials(order=(0, 1, 2, 3), trial=("C", "C", "", "")):
    table = pd.DataFrame([ROWS[i] for i in order], columns=COUNTS)
    return bm.Trials(table.assign(study=[f"S{i}" for i in order], trial=[trial[i] for i in order]))


def brute_force(model, points=61, order=48):
    """Sums over a lattice of (mu, tau), with Gauss-Hermite rules for the effects of all arms."""
    x, w = np.polynomial.hermite_e.hermegauss(order)
    log_w = np.log(w / w.sum())
    arms = ArmCounts((17.0, 28.0), (12.0, 22.0), (1.0, 54.0))
    mu, tau = np.linspace(-2.5, 5.0, points), np.linspace(0.0, 3.2, points)
    s, d = np.linspace(-25, 30, 276), np.linspace(-35, 35, 351)
    table = (
        hypergeometric_log_p(arms, s, d)
        if model.likelihood == "hypergeometric"
        else binomial_log_p(arms, s, d, location=0.0, scale=5.0, at_control=False)
    )
    spline = RectBivariateSpline(s, d, table)
    rest = bm.Trials(trials().table.iloc[2:].reset_index(drop=True))
    single = bm.fit(rest, model)  # ordinary rows: their l_i(m, tau) is tested elsewhere
    rho = model.arm_correlation
    log_p = np.empty((points, points))
    first = np.empty((points, points))
    for t, scale in enumerate(tau):
        for j, m in enumerate(mu):
            s, d = m + np.sqrt((1 + rho) / 2) * scale * x, np.sqrt(2 * (1 - rho)) * scale * x
            value = spline(s, d) + log_w[:, None] + log_w
            log_p[t, j] = logsumexp(value)
            first[t, j] = (np.exp(value - log_p[t, j]) * (s[:, None] + 0.5 * d)).sum()
        log_p[t] += single.log_likelihood(np.repeat(mu[:, None], 2, axis=1), np.full(points, scale)).sum(axis=1)
    log_p += model.prior_of("mu").log_density(mu) + model.tau_prior.log_density(tau)[:, None]
    log_p[0] -= np.log(2.0)
    cell = (mu[1] - mu[0]) * (tau[1] - tau[0])
    log_marginal = logsumexp(log_p) + np.log(cell)
    weight = np.exp(log_p - logsumexp(log_p))
    return log_marginal, (weight * mu).sum(), (weight.sum(axis=1) * tau).sum(), (weight * first).sum()


@pytest.mark.parametrize("likelihood", ["hypergeometric", "binomial"])
def test_the_posterior_is_that_of_brute_force(likelihood):
    model = bm.Model(likelihood, tau="half_normal(0.5)", arm_correlation=0.3)
    posterior = bm.fit(trials(), model)
    log_marginal, mu, tau, arm = brute_force(model)
    # The lattice's trapezoid rule ends with a slope in tau at 0: 3e-4 of the posterior sd.
    assert posterior.log_marginal_likelihood == pytest.approx(log_marginal, abs=1e-3)
    assert posterior["mu"].mean == pytest.approx(mu, abs=1e-3)
    assert posterior["tau"].mean == pytest.approx(tau, abs=1e-3)
    assert posterior.study("S0").mean == pytest.approx(arm, abs=1e-3)


@pytest.mark.parametrize("name", ["attachment/secure", "attachment/disorganised"])
def test_finer_nodes_change_nothing(name):
    posterior = bm.fit(bm.load(name, rows="arms"), bm.Model("hypergeometric"))
    assert posterior.accuracy()["change"].max() < 1e-6
    assert posterior._effects_of_studies.closure == pytest.approx(1.0, abs=1e-6)


def test_finer_nodes_change_nothing_in_a_regression_of_few_trials():
    # The arms are one of two groups by themselves: their mean is looked at far from where they lie.
    trials = bm.load("attachment/disorganised", rows="arms")
    posterior = bm.fit(trials, bm.Model("hypergeometric", moderators="~ sensitivity_focused"))
    assert posterior.accuracy()["change"].max() < 1e-6


@pytest.mark.parametrize("likelihood", ["hypergeometric", "binomial"])
def test_row_order_and_labels_do_not_matter(likelihood):
    one = bm.fit(trials(), bm.Model(likelihood))
    two = bm.fit(trials((3, 1, 2, 0), trial=("x y", "x y", "", "")), bm.Model(likelihood))
    assert np.abs((one.summary() - two.summary()).to_numpy()).max() < 1e-7
    same = one.studies().set_index("study") - two.studies().set_index("study")
    assert np.abs(same.to_numpy()).max() < 1e-7
    assert one.log_marginal_likelihood == pytest.approx(two.log_marginal_likelihood, abs=1e-9)


def test_without_random_effects_the_arms_are_one():
    # The likelihoods differ by how the events split between the arms, which a common effect does not touch.
    combined = bm.fit(bm.Trials(pd.DataFrame([[29, 50, 1, 54], *ROWS[2:]], columns=COUNTS).assign(study=list("abc"))),
                      bm.Model("hypergeometric", random_effects="none"))  # fmt: skip
    arms = bm.fit(trials(), bm.Model("hypergeometric", random_effects="none"))
    for one, other in zip(arms["mu"].interval(), combined["mu"].interval()):
        assert one == pytest.approx(other, abs=1e-8)


def test_a_trial_name_in_one_row_changes_nothing():
    plain = bm.load("crins2014")
    named = bm.Trials(plain.table.assign(trial=[f"T{row}" for row in range(plain.k)]))
    both = [bm.fit(table, bm.Model("hypergeometric")).summary() for table in (plain, named)]
    assert np.abs((both[0] - both[1]).to_numpy()).max() == 0.0


def test_draws_of_the_arms_have_the_posterior_moments():
    posterior = bm.fit(trials(), bm.Model("hypergeometric"))
    studies, theta = posterior.studies(), posterior.draws(4000, seed=5)["theta"]
    assert np.abs((theta.mean(axis=0) - studies["mean"]) / studies["sd"]).max() < 5 / np.sqrt(4000)
    assert theta.std(axis=0) == pytest.approx(studies["sd"].to_numpy(), rel=0.08)


def test_priors_and_subsets_reuse_the_grid_of_the_arms():
    posterior = bm.fit(trials(), bm.Model("hypergeometric"))
    prepared = posterior.prepared
    other = prepared.posterior(mu="normal(0, 2)")
    assert other.prepared.convolution.pairs[0, 1] is prepared.convolution.pairs[0, 1]
    without = prepared.without("S3")
    assert without.convolution.pairs[0, 1] is prepared.convolution.pairs[0, 1]
    direct = bm.fit(trials().without("S3"), bm.Model("hypergeometric"))
    assert without.posterior()["mu"].mean == pytest.approx(direct["mu"].mean, abs=1e-7)
    one_arm = prepared.without("S1")
    assert one_arm.convolution.pairs == {}


@pytest.mark.parametrize(
    ("changes", "model", "message"),
    [
        ({}, {"random_effects": "student_t(4)"}, "have no joint distribution here"),
        ({"dose": [1.0, 2.0, 1.0, 0.5]}, {"moderators": "~ dose"}, "different moderators"),
        ({"trial": ["C", "C", "C", ""]}, {}, "up to two treated arms"),
    ],
)
def test_what_is_not_carried_is_refused_with_what_does(changes, model, message):
    table = trials().table.assign(**changes)
    if "trial" in changes:
        table.loc[2, COUNTS[2:]] = [1, 54]
    with pytest.raises(bm.ModelError, match=rf"S0 and S1.* share a control arm: .*{message}.*--likelihood normal"):
        bm.fit(bm.Trials(table), bm.Model("hypergeometric", **model))


def test_arms_of_different_settings_are_carried_by_the_normal_likelihood():
    table = trials().table.assign(dose=[1.0, 2.0, 1.0, 0.5])
    assert bm.fit(bm.Trials(table), bm.Model("normal", moderators="~ dose"))["dose"].sd > 0
