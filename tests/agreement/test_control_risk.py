"""Baselines that tie trials, sampled: against quadrature, importance sampling, the exact engine, and by symmetry."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit

import bayesmeta as bm

az = pytest.importorskip("arviz")

pytestmark = pytest.mark.slow

LIMIT = 4.0  # Monte Carlo standard errors
COUNTS = ["events_treated", "total_treated", "events_control", "total_control"]


def sampled(trials, seed=1, **parts):
    return bm.fit(trials, bm.Model("binomial", **parts), engine="nuts", seed=seed)


def scores(found, expected, names, quantiles=(0.025, 0.5, 0.975)):
    """z of mean and quantiles of draws against a posterior that is exact."""
    z = {}
    for name in names:
        chains = found[name].chains
        z[name, "mean"] = (chains.mean() - expected[name].mean) / az.mcse(chains)
        for p in quantiles:
            error = az.mcse(chains, method="quantile", prob=p)
            z[name, p] = (np.quantile(chains, p) - float(expected[name].quantile(p))) / error
    return pd.Series(z)


@pytest.mark.parametrize("name", ["crins2014", "attachment/secure"])
def test_without_a_slope_and_with_independent_baselines_it_is_the_exact_binomial_posterior(name):
    trials = bm.load(name)
    found = sampled(trials, control_risk=True, baseline="normal(0, 5)", beta={"control_risk": "normal(0, 0.00001)"})
    expected = bm.fit(trials, bm.Model("binomial", baseline="normal(0, 5)", baseline_at="control"))
    assert scores(found, expected, ("mu", "tau", "theta_new")).abs().max() < LIMIT


def test_exchangeable_baselines_that_are_known_are_independent_ones():
    # m and s all but fixed at 0 and 5: what the exact engine has as normal(0, 5), at the midpoint.
    trials = bm.load("crins2014")
    found = sampled(trials, baseline=f"exchangeable(normal(0, 0.0001), lognormal({np.log(5)}, 0.0001))")
    expected = bm.fit(trials, bm.Model("binomial", baseline="normal(0, 5)"))
    assert scores(found, expected, ("mu", "tau", "theta_new")).abs().max() < LIMIT


def log_binomial(events, total, log_odds):
    """Of the observed count, less its largest value."""
    share = events / total
    top = events * np.log(share) + (total - events) * np.log1p(-share)
    return events * log_odds - total * np.logaddexp(0.0, log_odds) - top


def test_the_posterior_of_three_trials_by_importance_sampling():
    # An independent target: each trial's two integrals by a plain grid in prior coordinates; Student-t proposals.
    trials = bm.load("attachment/disorganised")
    found = sampled(trials, control_risk=True)
    names = ("mu", "control_risk", "tau", "baseline_mean", "baseline_sd")
    draws = np.stack([found[name].chains.ravel() for name in names], axis=1)
    scaled = draws.copy()
    scaled[:, [2, 4]] = np.log(scaled[:, [2, 4]])
    centre, spread = scaled.mean(axis=0), np.cov(scaled.T) * 1.5
    proposal = stats.multivariate_t(centre, spread, df=5, seed=7)
    points = proposal.rvs(4000)
    mu, slope, log_tau, m, log_s = points.T
    tau, s = np.exp(log_tau), np.exp(log_s)
    priors = (found.model.mu, bm.Normal(0, 1), found.model.tau, bm.Normal(0, 5), bm.HalfNormal(1))
    log_p = sum(prior.log_density(x) for prior, x in zip(priors, (mu, slope, tau, m, s)))
    log_p = log_p + log_tau + log_s
    z = np.linspace(-5.5, 5.5, 73)
    weight = stats.norm.pdf(z) * (z[1] - z[0])
    for treated, n1, control, n0 in trials.counts:
        gamma = m[:, None] + s[:, None] * z
        below = np.exp(log_binomial(control, n0, gamma)) * weight
        mean = mu[:, None] + slope[:, None] * (gamma - found.centre)
        effect = mean[:, :, None] + tau[:, None, None] * z
        above = np.exp(log_binomial(treated, n1, gamma[:, :, None] + effect)) @ weight
        with np.errstate(divide="ignore"):  # proposals far from everything have weight 0
            log_p = log_p + np.log((below * above).sum(axis=1))
    log_w = log_p - proposal.logpdf(points)
    w = np.exp(log_w - log_w.max())
    w /= w.sum()
    assert 1.0 / (w**2).sum() > 1000  # effective draws of the proposal
    values = np.stack([mu, slope, tau, m, s], axis=1)
    means = w @ values
    errors = np.sqrt((w**2) @ (values - means) ** 2)
    ours = draws.mean(axis=0)
    mcse = np.array([az.mcse(found[name].chains) for name in names])
    assert np.all(np.abs(ours - means) < LIMIT * np.hypot(errors, mcse))


def test_bcg_lies_at_the_published_maximum_likelihood():
    # van Houwelingen, Arends & Stijnen 2002: slope -0.270, mean control log odds -4.096; wide priors move little.
    found = sampled(
        bm.load("bcg"), control_risk=True, baseline="exchangeable(normal(0, 10), half_normal(3))", mu="flat"
    )
    slope, mean = found["control_risk"], found["baseline_mean"]
    assert abs(slope.mean - -0.270) < 0.25 * slope.sd
    assert abs(mean.mean - -4.096) < 0.25 * mean.sd


def same(first, second, names, signs=None):
    """Largest z of the difference of two sampled posteriors, with signs turned where a symmetry turns them."""
    z = []
    for name in names:
        a, b = first[name].chains, second[name].chains * (signs or {}).get(name, 1.0)
        for p in (0.05, 0.5, 0.95):
            error = np.hypot(*(az.mcse(x, method="quantile", prob=p) for x in (a, b)))
            z.append((np.quantile(a, p) - np.quantile(b, p)) / error)
    return np.abs(z).max()


@pytest.fixture(scope="module")
def secure():
    return sampled(bm.load("attachment/secure"), control_risk=True)


ALL = ("mu", "tau", "theta_new", "control_risk", "baseline_mean", "baseline_sd")


def test_the_order_of_rows_and_the_names_do_not_matter(secure):
    table = bm.load("attachment/secure").table[["study", *COUNTS]].iloc[::-1].reset_index(drop=True)
    renamed = bm.read_trials(table.assign(study=[f"trial {i}" for i in range(len(table))]))
    assert same(secure, sampled(renamed, seed=2, control_risk=True), ALL) < LIMIT


def test_counting_the_others_turns_the_signs_and_keeps_the_slope(secure):
    table = bm.load("attachment/secure").table[["study", *COUNTS]].copy()
    for arm in ("treated", "control"):
        table[f"events_{arm}"] = table[f"total_{arm}"] - table[f"events_{arm}"]
    turned = sampled(bm.read_trials(table), seed=3, control_risk=True)
    signs = {"mu": -1.0, "theta_new": -1.0, "baseline_mean": -1.0}
    assert turned.centre == pytest.approx(-secure.centre)
    assert same(secure, turned, ALL, signs) < LIMIT


def simulated(seed, k=14, n=40):
    """Simulated trials whose true effect does not depend on a control risk that varies between them."""
    rng = np.random.default_rng(seed)
    gamma = rng.normal(-0.5, 0.5, k)
    theta = rng.normal(0.4, 0.2, k)
    table = {
        "study": [f"simulated {i}" for i in range(k)],
        "events_treated": rng.binomial(n, expit(gamma + theta)),
        "total_treated": n,
        "events_control": rng.binomial(n, expit(gamma)),
        "total_control": n,
    }
    return bm.read_trials(pd.DataFrame(table), name="simulated")


def test_where_the_effect_does_not_depend_on_control_risk_the_model_says_so_and_the_naive_regression_does_not():
    # Simulated: the naive slope is pulled below 0 by the noise that both sides share; tests/unit/checks has its size.
    naive, slope, covered = [], [], 0
    for seed in range(8):
        posterior = sampled(simulated(seed), seed=seed, control_risk=True)
        table = bm.checks.control_risk(posterior).table
        naive.append(table["slope"][1])
        slope.append(table["slope"][0])
        covered += table["lower"][0] < 0.0 < table["upper"][0]
    assert np.mean(naive) < -0.15
    assert np.mean(slope) > 0.5 * np.mean(naive)
    assert covered >= 7


def test_independent_baselines_do_not_mend_the_naive_slope_and_the_text_says_so():
    slopes = []
    for seed in range(6):
        found = bm.checks.control_risk(sampled(simulated(seed), control_risk=True, baseline="normal(0, 5)"))
        slopes.append(found.table["slope"].tolist())
    model, naive = np.mean(slopes, axis=0)
    assert model < 0.6 * naive < 0.0
    assert "leaves the model's slope with the same bias: state exchangeable ones" in found.sentence
