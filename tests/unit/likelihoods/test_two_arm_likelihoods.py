"""Two treated arms and one control by their counts: the densities, and both effects integrated out."""

from functools import partial
from math import comb

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import binom, norm

from bayesmeta.likelihoods.two_arm_grid import Extent, TwoArmGrid
from bayesmeta.likelihoods.two_arms import ArmCounts, binomial_log_p, hypergeometric_log_p

CICCHETTI = ArmCounts((17.0, 28.0), (12.0, 22.0), (1.0, 54.0))
EMPTY = ArmCounts((0.0, 20.0), (3.0, 25.0), (4.0, 30.0))
S, D = np.array([-0.4, 1.2, 4.0]), np.array([-1.0, 0.0, 0.7])


def effects(s, d):
    return s + 0.5 * d, s - 0.5 * d


@pytest.mark.parametrize("counts", [CICCHETTI, EMPTY])
def test_the_hypergeometric_density_is_the_sum_over_all_tables(counts):
    (r1, n1), (r2, n2), (r0, n0) = ([int(x) for x in arm] for arm in (counts.first, counts.second, counts.control))

    def term(a, b, one, two):
        return comb(n1, a) * comb(n2, b) * comb(n0, r0 + r1 + r2 - a - b) * np.exp(a * one + b * two)

    for i, s in enumerate(S):
        for j, d in enumerate(D):
            one, two = effects(s, d)
            ways = [(a, b) for a in range(n1 + 1) for b in range(n2 + 1) if 0 <= r0 + r1 + r2 - a - b <= n0]
            expected = np.log(term(r1, r2, one, two) / sum(term(a, b, one, two) for a, b in ways))
            assert hypergeometric_log_p(counts, S, D)[i, j] == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize("counts", [CICCHETTI, EMPTY])
@pytest.mark.parametrize("at_control", [True, False])
def test_the_binomial_density_is_the_integral_over_the_baseline(counts, at_control):
    (r1, n1), (r2, n2), (r0, n0) = counts.first, counts.second, counts.control
    found = binomial_log_p(counts, S, D, location=0.3, scale=2.0, at_control=at_control)

    def density(gamma, one, two):
        control = gamma if at_control else gamma - (one + two) / 3
        arms = binom.pmf(r0, n0, expit(control)) * binom.pmf(r1, n1, expit(control + one))
        return norm.pdf(gamma, 0.3, 2.0) * arms * binom.pmf(r2, n2, expit(control + two))

    for i, s in enumerate(S):
        for j, d in enumerate(D):
            whole, _ = quad(density, -20, 20, args=effects(s, d), epsabs=0, epsrel=1e-11, limit=500)
            assert found[i, j] == pytest.approx(np.log(whole), abs=1e-9)


def test_effects_that_are_equal_are_those_of_the_arms_together():
    # Given the events of both treated arms, how they split between them says nothing of one common effect.
    from bayesmeta.likelihoods.values import hypergeometric_log_p as one_arm

    together = one_arm(np.array([29.0, 50.0, 1.0, 54.0]), S)
    apart = hypergeometric_log_p(CICCHETTI, S, np.zeros(1))[:, 0]
    assert np.ptp(apart - together) < 1e-11


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("counts", [CICCHETTI, EMPTY])
def test_both_effects_integrated_out_as_by_gauss_hermite(counts, correlation):
    log_p = partial(hypergeometric_log_p, counts)
    y = np.array([4.4, 4.1]) if counts is CICCHETTI else np.array([-2.0, -0.2])
    extent = Extent(-2.0, 4.0, 0.3, 9.0 * 1.2 + 5.0)
    grid = TwoArmGrid.of(log_p, y, np.array([1.0, 1.0]), correlation, extent, 3.0)
    x, w = np.polynomial.hermite_e.hermegauss(90)
    log_w = np.log(w / w.sum())
    tau = np.array([0.0, 1e-3, 0.05, 0.4, 1.2])
    means = np.array([-1.0, 0.5, 2.0])
    found = grid.log_marginal(np.broadcast_to(means, (5, 3)), tau)
    for t, scale in enumerate(tau):
        for j, m in enumerate(means):
            value = log_p(m + np.sqrt((1 + correlation) / 2) * scale * x, np.sqrt(2 * (1 - correlation)) * scale * x)
            expected = np.log(np.exp(value + log_w[:, None] + log_w).sum())
            assert found[t, j] == pytest.approx(expected, abs=2e-7)


def test_single_draws_are_close_to_the_nodes():
    grid = TwoArmGrid.of(
        partial(hypergeometric_log_p, CICCHETTI), np.array([4.4, 4.1]), np.ones(2), 0.5, Extent(-2, 4, 0.3, 15.0), 3.0
    )
    rng = np.random.default_rng(2)
    m, tau = rng.normal(1.0, 0.5, 50), rng.uniform(0.0, 1.5, 50)
    one_by_one = np.array([grid.log_marginal(m[i : i + 1, None], tau[i : i + 1])[0, 0] for i in range(50)])
    assert grid.each(m, tau) == pytest.approx(one_by_one, abs=1e-4)
