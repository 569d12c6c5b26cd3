"""Ranks by quadrature against draws, and against what is known without either."""

import numpy as np
import pytest
from scipy import stats

from bayesmeta.practice.correlation import CORRELATIONS, kendall, spearman
from bayesmeta.practice.ranks import Betas, Gammas, Normals

SHAPES = np.array([0.01, 0.5, 3.0, 3.2, 40.0])
FAMILIES = {
    "normals": (
        Normals(np.array([0.0, 0.1, 0.1, 5.0]), np.array([1.0, 0.01, 3.0, 0.5])),
        lambda rng, n: rng.normal([0.0, 0.1, 0.1, 5.0], [1.0, 0.01, 3.0, 0.5], (n, 4)),
    ),
    "betas": (
        Betas(np.array([0.02, 0.5, 30.0, 300.0]), np.array([1.0, 0.5, 30.0, 290.0])),
        lambda rng, n: rng.beta([0.02, 0.5, 30.0, 300.0], [1.0, 0.5, 30.0, 290.0], (n, 4)),
    ),
    "dirichlet": (Gammas(SHAPES), lambda rng, n: rng.dirichlet(SHAPES, n)),
}
DRAWS = 200_000


@pytest.mark.parametrize("family", FAMILIES)
def test_rank_probabilities_are_those_of_draws(family):
    quantities, draw = FAMILIES[family]
    exact = quantities.among_first(3)
    order = np.argsort(-draw(np.random.default_rng(3), DRAWS), axis=1)
    for rank in range(3):
        share = np.bincount(order[:, rank], minlength=len(exact)) / DRAWS
        error = np.sqrt(exact[:, rank] * (1 - exact[:, rank]) / DRAWS) + 1e-7
        assert np.all(np.abs(share - exact[:, rank]) < 4.5 * error)


@pytest.mark.parametrize("family", FAMILIES)
def test_probabilities_add_up(family):
    quantities, _ = FAMILIES[family]
    n = len(quantities.above())
    assert quantities.among_first(n).sum(axis=0) == pytest.approx(np.ones(n), abs=1e-9)
    assert quantities.among_first(n).sum(axis=1) == pytest.approx(np.ones(n), abs=1e-9)
    above = quantities.above()
    assert (above + above.T)[~np.eye(n, dtype=bool)] == pytest.approx(np.ones(n * (n - 1)), abs=1e-9)


def test_which_of_two_normals_is_larger_is_known():
    mean, sd = np.array([0.3, -0.2]), np.array([0.5, 1.2])
    known = stats.norm.cdf(0.5 / np.hypot(*sd))
    assert Normals(mean, sd).above()[0, 1] == pytest.approx(known, abs=1e-10)


def test_equal_quantities_have_equal_chances():
    same = Betas(np.full(7, 4.0), np.full(7, 9.0))
    assert same.among_first(7) == pytest.approx(np.full((7, 7), 1 / 7), abs=1e-10)
    assert same.expected_ranks() == pytest.approx(np.full(7, 4.0), abs=1e-9)


@pytest.mark.parametrize(("name", "theirs"), [("spearman", stats.spearmanr), ("kendall", stats.kendalltau)])
def test_rank_correlations_are_those_of_scipy(name, theirs):
    x, y = np.random.default_rng(1).normal(size=(2, 20, 9))
    found = CORRELATIONS[name][0](x, y)
    assert found == pytest.approx([theirs(a, b).statistic for a, b in zip(x, y)], abs=1e-12)


@pytest.mark.parametrize("name", CORRELATIONS)
def test_the_expected_correlation_is_the_mean_of_draws(name):
    quantities, draw = FAMILIES["normals"]
    others, draw_others = FAMILIES["betas"]
    rng = np.random.default_rng(11)
    drawn, expected = CORRELATIONS[name]
    values = drawn(draw(rng, DRAWS), draw_others(rng, DRAWS))
    error = values.std() / np.sqrt(DRAWS)
    assert abs(values.mean() - expected(quantities.above(), others.above())) < 4.5 * error


def test_correlation_of_an_order_with_itself_and_its_reverse():
    x = np.arange(6.0)[None]
    assert spearman(x, x)[0] == kendall(x, x)[0] == 1.0
    assert spearman(x, -x)[0] == kendall(x, -x)[0] == -1.0
