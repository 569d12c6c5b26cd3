"""l(m, tau): a trial's likelihood with its own effect integrated out."""

import numpy as np
import pytest
from scipy import stats

from bayesmeta.likelihoods import Evidence, binomial, marginal_log_likelihood
from bayesmeta.likelihoods.table import Table

COUNTS = np.array([[3, 10, 1, 10], [0, 50, 0, 50], [0, 1, 1, 1], [50, 50, 3, 50], [4100, 10_000, 3950, 10_000]], float)
Y = np.array([1.35, 0.0, -2.2, 6.6, 0.06])


@pytest.fixture(scope="module")
def binomial_l():
    return marginal_log_likelihood("binomial", Evidence(Y, np.ones(len(Y)), COUNTS))


def by_definition(row, m, tau) -> float:
    """A fine grid in z = (theta - m) / tau, narrowed to where the integrand matters."""

    def log_integrand(z):
        value = binomial.log_likelihood_derivatives(row[None], m + tau * z, location=0.0, scale=5.0)[0][0]
        return value + stats.norm.logpdf(z)

    low, high, points = -(9 + 40 / max(tau, 1)), 9 + 40 / max(tau, 1), 2001
    if tau < 1:
        low, high = min(low, -m / tau - 9, -9), max(high, 9 - m / tau)
    for _ in range(5):
        z = np.linspace(low, high, points)
        value = log_integrand(z)
        kept = np.flatnonzero(value > value.max() - 45)
        low, high = z[max(kept[0] - 1, 0)], z[min(kept[-1] + 1, points - 1)]
    z = np.linspace(low, high, points)
    value = log_integrand(z)
    return value.max() + np.log(np.exp(value - value.max()).sum() * (z[1] - z[0]))


@pytest.mark.parametrize("tau", [1e-8, 0.01, 0.5, 3.0, 20.0])
@pytest.mark.parametrize("m", [-8.0, 0.3, 12.0])
def test_binomial_as_the_integral_by_its_definition(binomial_l, m, tau):
    found = binomial_l(np.full(len(Y), m), np.array([tau]))
    expected = [by_definition(row, m, tau) for row in COUNTS]
    assert found == pytest.approx(expected, abs=1e-9, rel=1e-11)


def test_no_heterogeneity_is_the_likelihood_at_the_mean(binomial_l):
    m = np.array([[-1.0], [0.0], [2.5]]) * np.ones(len(Y))
    exact = binomial.log_likelihood_derivatives(COUNTS, m[:, 0], location=0.0, scale=5.0)[0].T
    assert binomial_l(m, np.zeros(1)) == pytest.approx(exact, abs=1e-9)


def test_draws_and_chains_keep_their_shape(binomial_l):
    rng = np.random.default_rng(1)
    m, tau = rng.normal(size=(2, 5, len(Y))), rng.exponential(size=(2, 5, 1))
    together = binomial_l(m, tau)
    assert together.shape == m.shape
    assert together[1, 3] == pytest.approx(binomial_l(m[1, 3], tau[1, 3]), abs=1e-10)


def test_normal_is_the_convolution_of_two_normals():
    y, se = np.array([0.2, -1.0]), np.array([0.3, 2.0])
    l = marginal_log_likelihood("normal", Evidence(y, se, np.full((2, 4), np.nan)))  # noqa: E741
    expected = stats.norm.logpdf(y, 0.5, np.sqrt(se**2 + 0.49))
    assert l(np.full(2, 0.5), np.array([0.7])) == pytest.approx(expected, abs=1e-14)


def test_a_table_is_exact_between_its_points_and_a_parabola_beyond_them():
    # A quintic has no error in a table of quintics; a parabola has none beyond its ends.
    cubic = Table.of(lambda x: tuple(part[None] for part in (-(x**2) + 0.1 * x**5, -2 * x + 0.5 * x**4, -2 + 2 * x**3)),
                     -2, 2, 0.5)  # fmt: skip
    x = np.array([[-1.3], [0.2], [1.99]])
    value, slope, curvature = cubic.at(x)
    assert value == pytest.approx(-(x**2) + 0.1 * x**5, abs=1e-12)
    assert slope == pytest.approx(-2 * x + 0.5 * x**4, abs=1e-11)
    assert curvature == pytest.approx(-2 + 2 * x**3, abs=1e-10)
    square = Table.of(lambda x: tuple(part[None] for part in (-(x**2), -2 * x, np.full_like(x, -2.0))), -2, 2, 0.5)
    assert square.at(np.array([[-30.0], [55.0]]))[0] == pytest.approx(np.array([[-900.0], [-3025.0]]))
