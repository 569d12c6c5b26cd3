"""What every prior must do. The tests go through the register: a new family is tested by being defined."""

import pickle
from dataclasses import FrozenInstanceError, fields
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import integrate, stats

from bayesmeta.errors import PriorError
from bayesmeta.priors import HeterogeneityPrior, Prior, catalogue, parse_prior

#: Standard errors of trials, for the priors that depend on them.
SE = (0.2, 0.35, 0.5, 1.1)


def ready(prior: Prior) -> Prior:
    return prior.given(SE) if isinstance(prior, HeterogeneityPrior) else prior


ALL = [ready(parse_prior(text, family.role or "mu")) for family in catalogue() for text in family.examples]
POINTS = [prior for prior in ALL if isinstance(prior, HeterogeneityPrior) and prior.point is not None]
WITH_DENSITY = [prior for prior in ALL if prior not in POINTS]
PROPER = [prior for prior in WITH_DENSITY if prior.proper]
IMPROPER = [prior for prior in WITH_DENSITY if not prior.proper]
EFFECTS = [prior for prior in ALL if not isinstance(prior, HeterogeneityPrior)]
TAU = [prior for prior in WITH_DENSITY if isinstance(prior, HeterogeneityPrior)]
NUMERIC = {type(prior) for prior in PROPER if {field.type for field in fields(prior)} == {"float"}}
PROBABILITIES = np.array([1e-12, 1e-6, 0.01, 0.2, 0.5, 0.8, 0.99, 1 - 1e-6, 1 - 1e-12])

each = pytest.mark.parametrize("prior", ALL, ids=str)
each_density = pytest.mark.parametrize("prior", WITH_DENSITY, ids=str)
each_proper = pytest.mark.parametrize("prior", PROPER, ids=str)
each_tau = pytest.mark.parametrize("prior", TAU, ids=str)
families = st.sampled_from(sorted(NUMERIC, key=lambda family: family.text_name))


def expectation(prior: Prior, function) -> float:
    """Integral of function times density by Gauss-Legendre, in panels over each of which a tail falls tenfold.

    For tau over log tau, in which power laws at either end are straight lines.
    """
    tail = 10.0 ** -np.arange(30, 0, -1)
    edges = np.array([*prior.quantile(tail), prior.quantile(0.5), *prior.quantile_upper(tail[::-1])])
    of_tau = isinstance(prior, HeterogeneityPrior)
    edges = np.log(edges[(edges > 1e-300) & (edges < 1e300)]) if of_tau else edges
    nodes, weights = np.polynomial.legendre.leggauss(60)
    half_widths = np.diff(edges)[:, None] / 2
    places = edges[:-1, None] + half_widths * (1 + nodes)  # (panels, nodes)
    points = np.exp(places) if of_tau else places
    step = points if of_tau else 1.0  # d tau = tau d log tau
    return float(np.sum(half_widths * weights * function(points) * prior.density(points) * step))


def assert_inverse(prior: Prior, probability, quantile) -> None:
    x = quantile(PROBABILITIES)
    # x can be no better than its last digit, and that digit moves the probability by density times spacing.
    rounding = 2 * prior.density(x) * np.spacing(np.abs(x) + np.spacing(0.1))
    assert np.all(np.abs(probability(x) - PROBABILITIES) <= rounding + 1e-13 * PROBABILITIES)


@each_proper
def test_the_density_integrates_to_one(prior):
    # the last panel before log_t leaves the range of floats ends where each tail has 1e-12
    assert expectation(prior, np.ones_like) == pytest.approx(1, abs=3e-12)


@each_proper
def test_the_cdf_is_the_integral_of_the_density(prior):
    points = prior.quantile([0.05, 0.3, 0.6, 0.9])
    for a, b in pairwise(points):
        between = integrate.quad(prior.density, a, b, epsabs=1e-13)[0]
        assert between == pytest.approx(prior.cdf(b) - prior.cdf(a), rel=1e-10)


@each_density
def test_density_is_the_exponential_of_log_density(prior):
    points = np.linspace(-3, 3, 25)
    np.testing.assert_array_equal(prior.density(points), np.exp(prior.log_density(points)))


@each_proper
def test_mean_and_sd_are_those_of_the_density(prior):
    if np.isfinite(prior.mean):
        assert expectation(prior, lambda x: x) == pytest.approx(prior.mean, rel=1e-7, abs=1e-9)
    if np.isfinite(prior.sd):
        variance = expectation(prior, lambda x: (x - prior.mean) ** 2)
        assert np.sqrt(variance) == pytest.approx(prior.sd, rel=1e-6)


@each_tau
def test_moments_are_missing_exactly_where_the_tail_is_too_heavy(prior):
    assert np.isfinite(prior.mean) == (prior.tail_exponent > 2)
    assert np.isfinite(prior.sd) == (prior.tail_exponent > 3)


@each_tau
def test_the_tail_exponent_is_the_slope_of_the_log_density(prior):
    far = prior.mean if np.isfinite(prior.mean) else 1.0
    tau = far * np.array([1e60, 1e61])
    with np.errstate(invalid="ignore"):  # inf - inf where the density has ended
        slope = -np.diff(prior.log_density(tau)).item() / np.log(10)
    if "log_t" in str(getattr(prior, "stands_for", prior)):  # 1 / tau but for df + 1 powers of log tau
        df = getattr(prior, "df", 5)
        assert slope - 1 == pytest.approx((df + 1) / np.log(tau[0]), rel=0.05)
    elif np.isfinite(prior.tail_exponent):
        assert slope == pytest.approx(prior.tail_exponent, rel=1e-6, abs=1e-12)
    else:
        assert not slope < 50  # nan where both are -inf


@each_proper
def test_the_quantile_inverts_the_cdf(prior):
    assert_inverse(prior, prior.cdf, prior.quantile)


@each_proper
def test_the_upper_quantile_inverts_the_survival(prior):
    assert_inverse(prior, prior.survival, prior.quantile_upper)


@each_proper
def test_both_quantiles_meet_in_the_middle(prior):
    p = np.linspace(0.05, 0.95, 19)
    np.testing.assert_allclose(prior.quantile_upper(1 - p), prior.quantile(p), rtol=1e-12, atol=1e-12)


@each_proper
def test_cdf_and_survival_add_to_one(prior):
    points = prior.quantile(PROBABILITIES)
    np.testing.assert_allclose(prior.cdf(points) + prior.survival(points), 1, rtol=5e-15)


@each_proper
def test_the_ends_of_the_support_are_the_extreme_quantiles(prior):
    assert (prior.quantile(0), prior.quantile(1)) == prior.support
    assert (prior.quantile_upper(1), prior.quantile_upper(0)) == prior.support


@each_proper
def test_nothing_lies_outside_the_support(prior):
    low, high = prior.support
    for outside, below in ((low - 1, True), (high + 1, False)):
        if np.isfinite(outside):
            assert prior.density(outside) == 0
            assert prior.log_density(outside) == -np.inf
            assert prior.cdf(outside) == (0 if below else 1)
            assert prior.survival(outside) == (1 if below else 0)
    assert (prior.cdf(-np.inf), prior.cdf(np.inf), prior.survival(np.inf), prior.density(np.inf)) == (0, 1, 0, 0)


@each_proper
def test_draws_follow_the_cdf(prior):
    draws = prior.draws(5000, np.random.default_rng(20230227))
    assert draws.shape == (5000,)
    assert stats.kstest(draws, prior.cdf).pvalue > 1e-6


@each_proper
def test_a_seed_and_its_generator_draw_the_same(prior):
    np.testing.assert_array_equal(prior.draws(7, 3), prior.draws(7, np.random.default_rng(3)))


@each_proper
def test_breaks_are_where_the_density_jumps(prior):
    for point in prior.breaks:
        assert abs(prior.density(np.nextafter(point, -np.inf)) - prior.density(np.nextafter(point, np.inf))) > 0.01
    for end in prior.support:
        assert end in prior.breaks or end in (0, np.inf, -np.inf) or prior.density(end) == 0
    # and nowhere else: away from the breaks neighbouring points have neighbouring densities
    grid = prior.quantile(np.linspace(0.001, 0.999, 20_001))
    steps = np.abs(np.diff(prior.log_density(grid)))
    assert steps.max() < 0.5


@each_density
def test_a_number_gives_a_float_and_an_array_its_shape(prior):
    functions = [prior.log_density, prior.density]
    if prior.proper:
        functions += [prior.cdf, prior.survival, prior.quantile, prior.quantile_upper]
    for function in functions:
        assert type(function(0.3)) is float
        assert type(function(np.float64(0.3))) is float
        assert function([[0.2, 0.3, 0.4]]).shape == (1, 3)
        assert function(np.array([])).shape == (0,)
        assert function([[0.2, 0.3]])[0, 1] == function(0.3)


@each_density
def test_nan_stays_nan(prior):
    assert np.isnan(prior.density(np.nan))
    if prior.proper:
        assert np.isnan(prior.cdf(np.nan))
        assert np.isnan(prior.survival(np.nan))


@each_proper
@pytest.mark.parametrize("p", [-0.1, 1.1, np.nan])
def test_a_quantile_outside_0_to_1_is_refused(prior, p):
    for function in (prior.quantile, prior.quantile_upper):
        with pytest.raises(PriorError, match=r"must be between 0 and 1"):
            function([0.5, p])


@pytest.mark.parametrize("prior", IMPROPER, ids=str)
def test_an_improper_prior_has_no_probabilities(prior):
    for ask in (prior.cdf, prior.survival, prior.quantile, prior.quantile_upper, lambda n: prior.draws(int(n), 1)):
        with pytest.raises(PriorError, match="improper"):
            ask(1.0)


@pytest.mark.parametrize("prior", [prior for prior in EFFECTS if prior.proper and prior.gaussian], ids=str)
def test_a_gaussian_prior_has_the_log_density_of_its_location_and_scale(prior):
    location, scale = prior.gaussian
    x = np.linspace(-9, 9, 7)
    np.testing.assert_allclose(prior.log_density(x), stats.norm(location, scale).logpdf(x), rtol=1e-13)


@each
def test_a_prior_is_a_value(prior):
    same = type(prior)(*(getattr(prior, field.name) for field in fields(prior)))
    assert same == prior
    assert hash(same) == hash(prior)
    assert pickle.loads(pickle.dumps(prior)) == prior
    assert sum(prior == other for other in ALL) == 1
    with pytest.raises(FrozenInstanceError):
        prior.scale = 1.0


@given(family=families, data=st.data())
def test_quantile_and_cdf_agree_for_any_parameters(family, data):
    numbers = data.draw(st.lists(st.floats(0.05, 20), min_size=len(fields(family)), max_size=len(fields(family))))
    try:
        prior = family(*numbers)
    except PriorError:
        assume(False)
    p = data.draw(st.floats(1e-6, 1 - 1e-6))
    if issubclass(family, HeterogeneityPrior):
        assume(min(prior.quantile(p), prior.quantile_upper(p)) > 1e-290)
        assume(max(prior.quantile(p), prior.quantile_upper(p)) < 1e290)
    assert prior.cdf(prior.quantile(p)) == pytest.approx(p, rel=1e-8)
    assert prior.survival(prior.quantile_upper(p)) == pytest.approx(p, rel=1e-8)
    low, high = prior.support
    assert low <= prior.quantile(p) <= high
