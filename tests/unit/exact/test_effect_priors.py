"""Priors of the effect that are not normal: Student-t, robust mixtures, and such that leave the posterior two modes."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import CubicSpline
from scipy.special import gammaln

import bayesmeta as bm
from bayesmeta.exact import CountPosterior, ExactPosterior, prepare

THREE = np.array([[14, 61, 15, 20], [16, 28, 19, 28], [3, 18, 8, 12]], dtype=float)  # of Crins 2014
TAU = "half_normal(0.5)"
ROBUST = "mixture(0.9, normal(0.6, 0.2), 0.1, normal(0, 2.82))"
TWO_MODES = "mixture(0.5, normal(-2.4, 0.1), 0.5, normal(-0.4, 0.1))"
PRIORS = ["student_t(4, 0, 0.58)", ROBUST, TWO_MODES, "student_t(1, 0, 0.3)", "student_t(30, 2, 0.05)"]


def trials(rows=THREE, **columns) -> bm.Trials:
    names = ["events_treated", "total_treated", "events_control", "total_control"]
    table = {"study": [f"trial {i + 1}" for i in range(len(rows))]} | dict(zip(names, np.array(rows).T)) | columns
    return bm.read_trials(pd.DataFrame(table))


def of_effect(row: np.ndarray, likelihood: str, theta: np.ndarray) -> np.ndarray:
    """log p(y | theta) by the plainest sums."""
    r1, n1, r0, n0 = row
    if likelihood == "normal":
        y, se = np.log(r1 * (n0 - r0) / ((n1 - r1) * r0)), np.sqrt(1 / r1 + 1 / (n1 - r1) + 1 / r0 + 1 / (n0 - r0))
        return -0.5 * ((theta - y) / se) ** 2 - np.log(se) - 0.5 * np.log(2 * np.pi)

    def ways(n, r):
        return gammaln(n + 1) - gammaln(r + 1) - gammaln(n - r + 1)

    if likelihood == "hypergeometric":
        u = np.arange(max(0, r0 + r1 - n0), min(n1, r0 + r1) + 1)
        terms = ways(n1, u) + ways(n0, r0 + r1 - u) + theta[:, None] * u
        return ways(n1, r1) + ways(n0, r0) + theta * r1 - np.logaddexp.reduce(terms, axis=1)
    gamma = np.linspace(-30, 30, 401)
    total = ways(n1, r1) + ways(n0, r0) - 0.5 * (gamma / 5) ** 2 - np.log(5 * np.sqrt(2 * np.pi))
    for r, n, shift in ((r1, n1, 0.5), (r0, n0, -0.5)):
        at = gamma + shift * theta[:, None]
        total = total + r * at - n * np.logaddexp(0, at)
    return np.logaddexp.reduce(total, axis=1) + np.log(gamma[1] - gamma[0])


@cache
def marginal(likelihood: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """mu on a fine grid, Gauss-Legendre tau with weights, and the sum of l_i(mu, tau) by the trapezoid rule in z."""
    mu = np.arange(-9.0, 6.0001, 0.01)
    x, w = np.polynomial.legendre.leggauss(48)
    tau, weight = 2.0 * (1.0 + x), 2.0 * w
    z = np.arange(-8.0, 8.01, 0.1)
    share = np.exp(-0.5 * z * z) * 0.1 / np.sqrt(2 * np.pi)
    theta = np.arange(-42.0, 40.0, 0.01)
    total = np.zeros((len(tau), len(mu)))
    for row in THREE:
        log_p = CubicSpline(theta, of_effect(row, likelihood, theta))
        for t, scale in enumerate(tau):
            total[t] += np.log(np.exp(log_p(mu[:, None] + scale * z)) @ share)
    return mu, tau, weight, total


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("likelihood", ["normal", "hypergeometric", "binomial"])
def test_posterior_as_by_brute_sums(likelihood, prior):
    mu, tau, weight, log_likelihood = marginal(likelihood)
    log_joint = log_likelihood + bm.parse_prior(prior, "mu").log_density(mu)
    log_joint = log_joint + (np.log(weight) + bm.parse_prior(TAU, "tau").log_density(tau))[:, None]
    log_total = np.logaddexp.reduce(log_joint.ravel()) + np.log(0.01)
    joint = np.exp(log_joint - log_total) * 0.01
    of_mu, of_tau = joint.sum(axis=0), joint.sum(axis=1)
    mean = of_mu @ mu
    sd = np.sqrt(of_mu @ (mu - mean) ** 2)
    second = of_mu @ mu**2 + of_tau @ tau**2

    posterior = bm.fit(trials(), bm.Model(likelihood, mu=prior, tau=TAU))
    found = posterior["mu"]
    # The sums hold to some 1e-9 with these steps; tau ends at 4, where half_normal(0.5) has e^-32 of its density.
    assert posterior.log_marginal_likelihood == pytest.approx(log_total, abs=3e-8)
    assert found.mean == pytest.approx(mean, abs=3e-8 * sd)
    assert found.sd == pytest.approx(sd, rel=1e-6 if likelihood != "normal" else 3e-8)
    assert found.pdf(mu[::50]) == pytest.approx(of_mu[::50] / 0.01, abs=1e-6 / sd)
    assert posterior["tau"].mean == pytest.approx(of_tau @ tau, rel=1e-7)
    new = posterior["theta_new"]
    assert new.mean == pytest.approx(mean, abs=1e-6 * sd)
    assert new.sd == pytest.approx(np.sqrt(second - mean**2), rel=1e-6)


@pytest.mark.parametrize("prior", [PRIORS[0], ROBUST])
@pytest.mark.parametrize(
    "model",
    [
        bm.Model("hypergeometric", "student_t(4)"),
        bm.Model("binomial", "mixture(0.1, 5)"),
        bm.Model("normal", "student_t(4)"),
        bm.Model("hypergeometric", tau="half_cauchy(0.5)"),
        bm.Model("normal", selection="one_sided(0.025, side=less)"),
    ],
    ids=["t effects", "outliers", "normal, t effects", "heavy tau", "selection"],
)
def test_another_prior_of_mu_reweights_its_posterior(model, prior):
    # p(mu | y) under one prior is that under another, times the ratio of the priors; its mean is the Bayes factor.
    wide = bm.parse_prior("normal(0, 3)", "mu")
    base = bm.fit(trials(), model.but(mu=wide))
    x, w = np.polynomial.legendre.leggauss(20)
    edges = np.linspace(*base["mu"].quantile(np.array([1e-13, 1 - 1e-13])), 200)
    half = np.diff(edges)[:, None] / 2
    mu = (edges[:-1, None] + half * (1 + x)).ravel()
    mass = (half * w).ravel() * base["mu"].pdf(mu)
    mass = mass * np.exp(bm.parse_prior(prior, "mu").log_density(mu) - wide.log_density(mu))
    posterior = bm.fit(trials(), model.but(mu=prior))
    factor = posterior.log_marginal_likelihood - base.log_marginal_likelihood
    assert factor == pytest.approx(np.log(mass.sum()), abs=3e-7)
    sd = posterior["mu"].sd
    assert posterior["mu"].mean == pytest.approx(mass @ mu / mass.sum(), abs=1e-6 * sd)
    assert posterior["mu"].pdf(mu[::200]) * mass.sum() == pytest.approx(
        (mass / (half * w).ravel())[::200], abs=1e-6 / sd
    )


def test_both_modes_are_there():
    posterior = bm.fit(trials(), bm.Model("hypergeometric", mu=TWO_MODES))
    density = posterior["mu"].pdf(np.array([-2.3, -1.4, -0.5]))
    assert density[0] > 3 * density[1]
    assert density[2] > 3 * density[1]
    draws = posterior.draws(20000, seed=3)["beta"][:, 0]
    assert np.mean(draws < -1.4) == pytest.approx(posterior["mu"].probability(below=-1.4), abs=0.015)


@pytest.mark.parametrize("likelihood", ["normal", "hypergeometric"])
def test_a_student_t_with_many_degrees_of_freedom_is_normal(likelihood):
    many, normal = (bm.fit(trials(), bm.Model(likelihood, mu=mu)) for mu in ("student_t(1e5, 0, 1)", "normal(0, 1)"))
    assert many["mu"].interval() == pytest.approx(normal["mu"].interval(), abs=1e-4)


@pytest.mark.parametrize("prior", PRIORS[:3])
@pytest.mark.parametrize("random_effects", ["normal", "none"])
def test_closed_form_and_numerical_integration_agree(prior, random_effects):
    model = bm.Model("normal", mu=prior, random_effects=random_effects)
    closed, numerical = bm.fit(trials(), model), prepare(trials(), model).posterior()
    assert isinstance(closed, ExactPosterior)
    assert isinstance(numerical, CountPosterior)
    assert closed.log_marginal_likelihood == pytest.approx(numerical.log_marginal_likelihood, abs=1e-8)
    for ours, theirs in ((closed.summary(), numerical.summary()), (closed.studies(), numerical.studies())):
        columns = ["mean", "sd", "median", "lower", "upper"]
        away = (ours[columns] - theirs[columns]).div(ours["sd"].where(ours["sd"] > 0, 1.0), axis=0)
        assert np.abs(away.to_numpy()).max() < 1e-6


# A moderator with a dose, for six trials.
SIX = [[14, 61, 15, 20], [16, 28, 19, 28], [3, 18, 8, 12], [9, 54, 29, 54], [4, 36, 11, 36], [2, 50, 5, 34]]
DOSE = [0.1, 0.5, 0.2, 1.0, 0.8, 0.3]


def test_several_coefficients_as_by_brute_sums():
    # beta on a grid, the normal likelihood in closed form given beta and tau.
    table = trials(SIX, dose=DOSE)
    model = bm.Model("normal", moderators="~ dose", mu=ROBUST, beta="student_t(3, 0, 0.5)")
    posterior = bm.fit(table, model)
    y, se, x = posterior.effects.y, posterior.effects.se, np.array(DOSE)
    mu, beta = np.arange(-5.0, 2.5, 0.03), np.arange(-8.0, 7.0, 0.04)
    node, weight = np.polynomial.legendre.leggauss(40)
    tau, weight = 2.0 * (1 + node), 2.0 * weight
    log_joint = np.zeros((len(tau), len(mu), len(beta)))
    for y_i, s_i, x_i in zip(y, se, x):
        variance = (s_i**2 + tau**2)[:, None, None]
        log_joint += -0.5 * (y_i - mu[:, None] - beta * x_i) ** 2 / variance - 0.5 * np.log(2 * np.pi * variance)
    log_joint += bm.parse_prior(ROBUST, "mu").log_density(mu)[:, None]
    log_joint += bm.parse_prior("student_t(3, 0, 0.5)", "beta").log_density(beta)
    log_joint += (np.log(weight) + bm.parse_prior(TAU, "tau").log_density(tau))[:, None, None]
    joint = np.exp(log_joint) * 0.03 * 0.04
    total = joint.sum()
    joint /= total
    assert posterior.log_marginal_likelihood == pytest.approx(np.log(total), abs=1e-7)
    mean = {"mu": joint.sum(axis=(0, 2)) @ mu, "dose": joint.sum(axis=(0, 1)) @ beta}
    contrast = posterior.contrast({"mu": 1.0, "dose": 0.5})
    for name, expected in mean.items():
        assert posterior[name].mean == pytest.approx(expected, abs=1e-6 * posterior[name].sd)
    assert contrast.mean == pytest.approx(mean["mu"] + 0.5 * mean["dose"], abs=1e-6)
    at = (mu[:, None] + 0.5 * beta - contrast.mean) ** 2
    assert contrast.sd == pytest.approx(np.sqrt((joint.sum(axis=0) * at).sum()), rel=1e-6)


def test_several_coefficients_numerically_as_in_closed_form():
    model = bm.Model("normal", moderators="~ dose", mu=ROBUST, beta="student_t(7, 0, 1)", tau="fixed(0.3)")
    table = trials(SIX, dose=DOSE)
    closed, numerical = bm.fit(table, model), prepare(table, model).posterior()
    away = (closed.summary() - numerical.summary()).div(closed.summary()["sd"].replace(0.0, 1.0), axis=0)
    assert np.abs(away.to_numpy()).max() < 1e-6
    draws = numerical.draws(20000, seed=4)
    for j, name in enumerate(("mu", "dose")):
        assert draws["beta"][:, j].mean() == pytest.approx(closed[name].mean, abs=0.03 * closed[name].sd)
        assert draws["beta"][:, j].std() == pytest.approx(closed[name].sd, rel=0.05)


def test_draws_of_the_closed_form_follow_the_mixture():
    posterior = bm.fit(trials(), bm.Model("normal", mu=TWO_MODES))
    draws = posterior.draws(20000, seed=1)
    for name, values in (("mu", draws["beta"][:, 0]), ("theta_new", draws["theta_new"])):
        levels = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
        assert posterior[name].cdf(np.quantile(values, levels)) == pytest.approx(levels, abs=0.02)


def test_a_prior_far_from_the_trials_keeps_its_tail():
    # The mean effect lies 40 scales from the prior's centre, far beyond its central 1 - 1e-8.
    posterior = bm.fit(trials(), bm.Model("normal", mu="student_t(30, 2, 0.05)", tau="fixed(0)"))
    mu = np.arange(-3.5, 3.0, 0.0005)
    log_p = bm.parse_prior("student_t(30, 2, 0.05)", "mu").log_density(mu)
    log_p = log_p + sum(of_effect(row, "normal", mu) for row in THREE)
    density = np.exp(log_p - log_p.max())
    assert posterior["mu"].mean == pytest.approx(density @ mu / density.sum(), abs=1e-7)


EMPTY = [[0, 20, 5, 20], [0, 30, 4, 28], [0, 15, 3, 17]]  # nobody treated has an event


@pytest.mark.parametrize("df", [3, 6])
def test_a_tail_that_the_trials_leave_open_is_the_tail_of_the_prior(df):
    z = np.arange(-8.0, 8.01, 0.1)
    share = np.exp(-0.5 * z * z) * 0.1 / np.sqrt(2 * np.pi)
    x, w = np.polynomial.legendre.leggauss(20)
    edges = np.concatenate([-np.geomspace(1e5, 10, 60), np.linspace(-10, 15, 60)[1:]])
    half = np.diff(edges)[:, None] / 2
    mu = (edges[:-1, None] + half * (1 + x)).ravel()
    log_p = bm.parse_prior(f"student_t({df}, 0, 1)", "mu").log_density(mu)
    for row in np.array(EMPTY, dtype=float):
        p = np.exp(of_effect(row, "hypergeometric", (mu[:, None] + 0.3 * z).ravel()))
        log_p = log_p + np.log(p.reshape(len(mu), -1) @ share)
    mass = np.exp(log_p) * (half * w).ravel()
    posterior = bm.fit(trials(EMPTY), bm.Model("hypergeometric", mu=f"student_t({df}, 0, 1)", tau="fixed(0.3)"))
    assert posterior.log_marginal_likelihood == pytest.approx(np.log(mass.sum()), abs=1e-7)
    below = mass.reshape(-1, 20).sum(axis=1).cumsum() / mass.sum()
    assert posterior["mu"].cdf(edges[1:]) == pytest.approx(below, abs=1e-6)
    assert posterior["mu"].mean == pytest.approx(mass @ mu / mass.sum(), abs=1e-5)


def test_an_effect_that_only_its_prior_bounds_has_the_moments_of_its_prior():
    for df, moments in ((0.7, 0), (1.5, 1), (2.5, 2)):
        prepared = prepare(trials(EMPTY), bm.Model("hypergeometric", mu=f"student_t({df}, 0, 1)"))
        assert prepared.moments_of(np.ones(1), np.inf) == moments
        prepared = prepare(trials(), bm.Model("hypergeometric", mu=f"student_t({df}, 0, 1)"))
        assert prepared.moments_of(np.ones(1), np.inf) == 2


def test_a_tail_too_heavy_for_the_engine_is_refused():
    with pytest.raises(bm.errors.ConvergenceError, match="State a lighter prior"):
        bm.fit(trials(EMPTY), bm.Model("hypergeometric", mu="student_t(1, 0, 1)", tau="fixed(0.3)"))


def test_heavy_tails_of_mu_and_tau_say_which_moments_exist():
    one = trials(THREE[:1])
    posterior = bm.fit(one, bm.Model("normal", mu="student_t(0.5, 0, 1)", tau="half_t(0.3, 1)"))
    # p(mu | y) falls as |mu|^-(1.3 + 1 + 0.5): E|mu| exists, E mu^2 does not.
    assert posterior["mu"].mean is not None
    assert posterior["mu"].sd is None
    assert bm.fit(one, bm.Model("normal", mu="student_t(0.5, 0, 1)"))["mu"].sd is not None


def test_power_scaling_of_a_prior_that_is_not_normal():
    many, normal = (
        bm.sensitivity.power_scaling(trials(), bm.Model("hypergeometric", mu=mu)).table.set_index("parameter")
        for mu in ("student_t(1e5, 0, 1)", "normal(0, 1)")
    )
    assert many.loc["mu", "prior_of_mu"] == pytest.approx(normal.loc["mu", "prior_of_mu"], abs=0.01)
    part = bm.sensitivity.power_scaling(trials(), bm.Model("normal", mu=ROBUST))
    assert part.table.set_index("parameter").loc["mu", "prior_of_mu"] > 0.0


@pytest.mark.parametrize("likelihood", ["normal", "hypergeometric"])
def test_the_prior_grid_takes_any_prior_of_mu(likelihood):
    grid = bm.sensitivity.prior_grid(trials(), bm.Model(likelihood), tau=[TAU], mu=["normal(0, 1)", PRIORS[0], ROBUST])
    assert grid.table["mu_prior"].tolist() == ["normal(0, 1)", PRIORS[0], ROBUST]
    for row in grid.table.to_dict("records"):
        alone = bm.fit(trials(), bm.Model(likelihood, mu=row["mu_prior"], tau=TAU))
        assert [row["lower"], row["upper"]] == pytest.approx(alone["mu"].interval(), abs=1e-6)
        assert row["log_marginal_likelihood"] == pytest.approx(alone.log_marginal_likelihood, abs=1e-6)
    as_given = bm.sensitivity.prior_grid(trials(), bm.Model(likelihood, mu=ROBUST), tau=[TAU], mu=["normal(0, 1)"])
    assert as_given.table["lower"][0] == pytest.approx(grid.table["lower"][0], abs=1e-6)
