"""Three categories in two arms as a likelihood of two log odds ratios: against the integral written out."""

import numpy as np
import pytest
from scipy.special import expit, gammaln, ndtr, xlogy

from bayesmeta.likelihoods.trinomial import TrinomialTrial


def written_out(categories, theta, location, scale):
    """Midpoint sums over the baselines themselves, from the edge of what is possible; nothing of the package."""
    bound = -0.5 * abs(theta.sum())
    log_away = np.linspace(-15.0, 4.2, 800)  # of gamma_1 + gamma_2 from its bound
    away, apart = np.exp(log_away)[:, None], np.linspace(-28.0, 28.0, 801)
    gamma = 0.5 * (bound - away) + apart, 0.5 * (bound - away) - apart
    value = sum(-0.5 * ((g - location) / scale) ** 2 for g in gamma) - np.log(2 * np.pi * scale**2)
    for people, side in zip(categories, (0.5, -0.5)):
        odds = gamma[0] + side * theta[0], gamma[1] + side * theta[1]
        p = expit(odds[0]), expit(odds[1])
        middle = p[0] * p[1] * np.expm1(np.maximum(-odds[0] - odds[1], 1e-300))
        value = value + gammaln(people.sum() + 1) - gammaln(people + 1).sum()
        value = value + xlogy(people[0], p[0]) + xlogy(people[1], middle) + xlogy(people[2], p[1])
    top = value.max()
    total = (np.exp(value - top) * away).sum() * (log_away[1] - log_away[0]) * (apart[1] - apart[0])
    share = ndtr((bound - 2 * location) / (scale * np.sqrt(2)))
    return np.log(total / share) + top


@pytest.mark.parametrize(
    "categories",
    [
        [[31, 10, 19], [20, 6, 34]],
        [[29, 2, 19], [1, 11, 42]],  # Cicchetti 2006
        [[5, 0, 4], [3, 0, 6]],  # nobody in the middle: the integrand does not vanish at its edge
        [[0, 8, 3], [0, 9, 3]],  # nobody in the first category
    ],
)
def test_it_is_the_multinomial_probability_with_both_baselines_integrated_out(categories):
    trial = TrinomialTrial(np.array(categories, dtype=float), 0.3, 5.0)
    theta = np.array([[0.7, -1.0], [0.0, 0.0], [3.0, -3.1], [-2.0, 1.0]])
    expected = [written_out(trial.categories, one, 0.3, 5.0) for one in theta]
    assert trial.log_likelihood(theta) == pytest.approx(expected, abs=2e-5)


def test_exchanging_arms_or_outcomes_changes_signs_or_places():
    counts = np.array([[12.0, 3.0, 8.0], [7.0, 9.0, 6.0]])
    theta = np.array([[0.4, -0.9], [1.5, 0.2]])
    value = TrinomialTrial(counts, -0.5, 2.0).log_likelihood(theta)
    assert TrinomialTrial(counts[::-1], -0.5, 2.0).log_likelihood(-theta) == pytest.approx(value, abs=1e-8)
    assert TrinomialTrial(counts[:, ::-1], -0.5, 2.0).log_likelihood(theta[:, ::-1]) == pytest.approx(value, abs=1e-8)
