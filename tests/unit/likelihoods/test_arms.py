"""Both arms with jointly normal log odds, against brute sums, and in cases that are known."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom

from bayesmeta.likelihoods import Evidence, joint_log_likelihood, marginal_log_likelihood

COUNTS = [[3, 10, 1, 12], [0, 20, 5, 20], [0, 20, 0, 25], [60, 13000, 250, 12000], [0, 0, 2, 10]]
COVARIANCES = [[[1.0, 0.5], [0.5, 0.8]], [[0.04, 0.02], [0.02, 0.08]], [[2.5, 2.0], [2.0, 1.7]]]
MEAN = np.array([-1.0, -1.5])


def brute(counts, covariance, points=1601, reach=9.0):
    root = np.linalg.cholesky(np.array(covariance))
    grid = np.linspace(-reach, reach, points)
    z = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1)
    x = MEAN + z @ root.T
    log_p = binom.logpmf(counts[2], counts[3], expit(x[..., 0])) + binom.logpmf(counts[0], counts[1], expit(x[..., 1]))
    log_p = log_p - 0.5 * (z**2).sum(axis=-1) - np.log(2 * np.pi)
    top = log_p.max()
    return top + np.log(np.exp(log_p - top).sum()) + 2 * np.log(grid[1] - grid[0])


@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_it_is_the_integral(counts, covariance):
    if counts[1] > 1000 and covariance[0][0] < 0.1:
        pytest.skip("ten standard deviations off the prior: beyond the grid of the brute sum")
    found = joint_log_likelihood(np.array([counts], dtype=float), MEAN[None], np.array(covariance)[None])
    assert found[0] == pytest.approx(brute(counts, covariance), abs=2e-6)


def test_a_baseline_at_the_control_arm_and_an_effect_give_the_likelihood_of_the_exact_engine():
    # gamma ~ N(-1, 2^2), theta ~ N(0.3, 0.5^2): (control, treated) = (gamma, gamma + theta)
    counts = np.array(COUNTS[:2], dtype=float)
    covariance = np.array([[4.0, 4.0], [4.0, 4.25]])
    ours = joint_log_likelihood(counts, np.array([-1.0, -0.7]), covariance)
    evidence = Evidence(np.zeros(2), np.ones(2), counts, (-1.0, 2.0), "control")
    theirs = marginal_log_likelihood("binomial", evidence)(np.full(2, 0.3), np.array([0.5]))
    assert ours == pytest.approx(theirs.ravel(), abs=2e-4)


def test_shapes_are_those_of_draws_and_an_arm_without_people_says_nothing():
    counts = np.array([[3.0, 10.0, 1.0, 12.0], [0.0, 0.0, 0.0, 0.0]])
    mean = np.random.default_rng(1).normal(size=(3, 5, 2, 2))
    found = joint_log_likelihood(counts, mean, np.broadcast_to(np.eye(2), (3, 5, 2, 2, 2)))
    assert found.shape == (3, 5, 2)
    assert found[..., 1] == pytest.approx(np.zeros((3, 5)), abs=1e-9)
    one = joint_log_likelihood(counts, mean[1, 2], np.broadcast_to(np.eye(2), (2, 2, 2)))
    assert found[1, 2] == pytest.approx(one, abs=1e-12)
