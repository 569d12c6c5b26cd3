"""Multi-arm trials under the normal likelihood: the block covariance V + tau^2 R, exactly."""

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.effects import covariance

COUNTS = ["events_treated", "total_treated", "events_control", "total_control"]


def brute_force(posterior, tau_prior, points=400, end=6.0):
    """log p(y), and moments of mu, tau and the study effects, by matrices of all k rows and 400 nodes of tau."""
    effects, k, rho = posterior.effects, len(posterior.effects.y), posterior.model.arm_correlation
    sampling, between = np.diag(effects.se**2), np.eye(k)
    for group in effects.shared:
        sampling[np.ix_(group, group)] = covariance(effects, group)
        between[np.ix_(group, group)] = rho + (1 - rho) * np.eye(len(group))
    x, w = np.polynomial.legendre.leggauss(points)
    tau, w = 0.5 * end * (x + 1), 0.5 * end * w
    design, scale = posterior.design.matrix, posterior.design.prior_scale
    total = sampling + tau[:, None, None] ** 2 * between
    marginal = total + design @ np.diag(scale**2) @ design.T
    log_p = -0.5 * (
        k * np.log(2 * np.pi)
        + np.linalg.slogdet(marginal)[1]
        + np.einsum("i,tij,j->t", effects.y, np.linalg.inv(marginal), effects.y)
    )
    weight = np.exp(log_p + tau_prior.log_density(tau)) * w
    log_marginal, weight = np.log(weight.sum()), weight / weight.sum()
    # beta and theta are jointly Gaussian with y, given tau.
    prior = np.diag(scale**2)
    of_theta = tau[:, None, None] ** 2 * between + design @ prior @ design.T
    joint = np.concatenate([np.broadcast_to(prior @ design.T, (points, len(scale), k)), of_theta], axis=1)
    mean = np.einsum("tij,tjk,k->ti", joint, np.linalg.inv(marginal), effects.y)
    own = np.concatenate(
        [np.broadcast_to(np.diag(prior), (points, len(scale))), np.einsum("tii->ti", of_theta)], axis=1
    )
    variance = own - np.einsum("tij,tjk,tik->ti", joint, np.linalg.inv(marginal), joint)
    first = weight @ mean
    return log_marginal, first, np.sqrt(weight @ (variance + mean**2) - first**2), weight @ tau


MODELS = [
    bm.Model("normal"),
    bm.Model("normal", arm_correlation=0.0, tau="half_cauchy(0.3)"),
    bm.Model("normal", arm_correlation=0.9, moderators="~ sensitivity_focused"),
]


@pytest.mark.parametrize("outcome", ["secure", "disorganised"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: f"rho {model.arm_correlation}")
def test_the_posterior_is_that_of_brute_force(outcome, model):
    trials = bm.load(f"attachment/{outcome}", rows="arms")
    if outcome == "disorganised":
        model = model.but(moderators=None)
    posterior = bm.fit(trials, model)
    heavy = model.arm_correlation == 0.0
    found = brute_force(posterior, posterior.tau_prior, *((4000, 2000.0) if heavy else ()))
    tolerance = 2e-3 if heavy else 1e-9  # the half-Cauchy prior goes on beyond the brute sum's end
    log_marginal, mean, sd, tau = found
    assert posterior.log_marginal_likelihood == pytest.approx(log_marginal, abs=tolerance)
    columns = [posterior[name] for name in posterior.design.columns]
    studies = posterior.studies()
    assert np.concatenate([[one.mean for one in columns], studies["mean"]]) == pytest.approx(mean, abs=tolerance)
    assert np.concatenate([[one.sd for one in columns], studies["sd"]]) == pytest.approx(sd, abs=tolerance)
    if not heavy:
        assert posterior["tau"].mean == pytest.approx(tau, abs=1e-9)


def test_one_treated_arm_and_a_trial_name_is_the_ordinary_model():
    plain = bm.load("bcg")
    named = bm.Trials(plain.table.assign(trial=[f"T{row}" for row in range(plain.k)]))
    for model in (bm.Model("normal"), bm.Model("normal", arm_correlation=0.1)):
        same = bm.fit(plain, model).summary() - bm.fit(named, model).summary()
        assert np.abs(same.to_numpy()).max() == 0.0


def three_arms():
    rows = [[12, 40, 7, 41], [9, 35, 7, 41], [20, 44, 7, 41], [15, 60, 10, 58], [22, 80, 12, 77]]
    table = pd.DataFrame(rows, columns=COUNTS).assign(study=list("abcde"), trial=["A", "A", "A", "", ""])
    return bm.Trials(table)


def test_row_order_and_labels_do_not_matter():
    trials = three_arms()
    one = bm.fit(trials, bm.Model("normal"))
    mixed = trials.select([3, 2, 4, 0, 1])
    renamed = bm.Trials(mixed.table.assign(trial=["", "another", "", "another", "another"]))
    two = bm.fit(renamed, bm.Model("normal"))
    assert np.abs((one.summary() - two.summary()).to_numpy()).max() < 1e-11
    same = one.studies().set_index("study") - two.studies().set_index("study")
    assert np.abs(same.to_numpy()).max() < 1e-11
    assert one.log_marginal_likelihood == pytest.approx(two.log_marginal_likelihood, abs=1e-11)


def test_arms_are_worth_less_than_independent_trials_and_more_than_one_of_them():
    trials = three_arms()
    model = bm.Model("normal", tau="fixed(0.2)")
    independent = bm.fit(bm.Trials(trials.table.drop(columns="trial")), model)["mu"].sd
    one_arm = bm.fit(trials.select([0, 3, 4]), model)["mu"].sd
    assert independent < bm.fit(trials, model)["mu"].sd < one_arm


def test_log_likelihoods_of_the_arms_add_to_that_of_the_trial():
    posterior = bm.fit(three_arms(), bm.Model("normal"))
    effects, tau = posterior.effects, np.array([0.0, 0.7])
    found = posterior.log_likelihood(np.full((2, 5), 0.3), tau)
    total = covariance(effects, (0, 1, 2)) + tau[:, None, None] ** 2 * (0.5 + 0.5 * np.eye(3))
    away = effects.y[:3] - 0.3
    expected = -0.5 * (
        3 * np.log(2 * np.pi) + np.linalg.slogdet(total)[1] + np.einsum("i,tij,j->t", away, np.linalg.inv(total), away)
    )
    assert found[:, :3].sum(axis=1) == pytest.approx(expected)
    alone = bm.fit(bm.Trials(three_arms().table.drop(columns="trial")), bm.Model("normal"))
    assert found[:, 3:] == pytest.approx(alone.log_likelihood(np.full((2, 5), 0.3), tau)[:, 3:])


def test_draws_of_the_arms_have_the_posterior_moments():
    posterior = bm.fit(three_arms(), bm.Model("normal"))
    theta = posterior.draws(40_000, seed=3)["theta"]
    studies = posterior.studies()
    assert np.abs((theta.mean(axis=0) - studies["mean"]) / studies["sd"]).max() < 5 / np.sqrt(40_000)
    assert theta.std(axis=0) == pytest.approx(studies["sd"].to_numpy(), rel=0.03)


def test_jeffreys_prior_knows_that_the_arms_move_together():
    # sqrt of 1/2 tr((Sigma^-1 d Sigma / d tau)^2): the reference prior of the model with covariance V + tau^2 R.
    posterior = bm.fit(three_arms(), bm.Model("normal", tau="jeffreys"))
    effects = posterior.effects
    sampling, between = np.diag(effects.se**2), np.eye(5)
    sampling[:3, :3], between[:3, :3] = covariance(effects, (0, 1, 2)), 0.5 + 0.5 * np.eye(3)

    def log_jeffreys(tau):
        slope = np.linalg.solve(sampling + tau**2 * between, 2 * tau * between)
        return 0.5 * np.log(0.5 * np.trace(slope @ slope))

    tau = np.array([0.1, 0.5, 2.0])
    difference = posterior.tau_prior.log_density(tau) - [log_jeffreys(value) for value in tau]
    assert difference == pytest.approx(np.full(3, difference[0]), abs=1e-12)


@pytest.mark.parametrize("value", [1.0, -0.1, "half", float("nan")])
def test_a_correlation_of_arms_lies_between_0_and_1(value):
    with pytest.raises(bm.ModelError, match="expected a number of at least 0 and below 1"):
        bm.Model(arm_correlation=value)


def test_the_yardstick_takes_the_arms_together_and_says_so():
    arms, main = (bm.pool(bm.load("attachment/secure", rows=rows)) for rows in ("arms", "main"))
    assert arms.to_dict() == main.to_dict()
    assert arms.notes[0].startswith("Cicchetti 2006: its 2 treated arms are added up")


def test_the_arms_of_a_trial_are_one_trial_where_trials_are_counted():
    posterior = bm.fit(
        bm.load("attachment/secure", rows="arms"), bm.Model("normal", moderators="~ sensitivity_focused")
    )
    assert posterior.trials.number == posterior.effects.number == 8
    assert posterior.groups()["k"].tolist() == [3, 5]
