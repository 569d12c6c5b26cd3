"""Priors and data at the edge: right where an answer is known in closed form, refused where there is none."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayesmeta as bm
from bayesmeta.exact import fit_exact
from bayesmeta.exact.given_tau import NormalProblem
from bayesmeta.exact.nodes import tau_nodes

PRIORS = [
    "half_normal(0.5)", "half_normal(1e-6)", "half_normal(1e6)", "half_cauchy(0.5)", "half_cauchy(1e-6)",
    "half_cauchy(1e6)", "half_t(0.5, 1)", "half_t(3, 0.5)", "lognormal(-1.28, 0.87)", "lognormal(0, 10)",
    "lognormal(0, 0.001)", "exponential(2)", "uniform(0, 2)", "uniform(0.1, 2)", "uniform(0.3, 0.3001)",
    "uniform(0, 1e6)",
]  # fmt: skip
LEVELS = np.array([0.001, 0.025, 0.5, 0.975, 0.999])


def trials(y, se, **columns) -> bm.Trials:
    names = [f"t{i}" for i in range(len(y))]
    return bm.read_trials(pd.DataFrame({"study": names, "estimate": y, "se": se, **columns}))


@pytest.mark.parametrize("text", PRIORS)
def test_one_trial_and_a_flat_mu_leave_the_prior_of_tau_as_it_was(text):
    # p(y | tau) is then the same for every tau, so the posterior of tau is known in closed form.
    prior, tau = bm.parse_prior(text), fit_exact(trials([0.7], [0.3]), bm.Model("normal", mu="flat", tau=text))["tau"]
    assert tau.quantile(LEVELS) == pytest.approx(prior.quantile(LEVELS), rel=2e-8)
    assert tau.cdf(prior.quantile(LEVELS)) == pytest.approx(LEVELS, abs=1e-9)
    for ours, exact in ((tau.mean, prior.mean), (tau.sd, prior.sd)):
        assert ours == pytest.approx(exact, rel=1e-8) if np.isfinite(exact) else ours is None


@pytest.mark.parametrize("text", [text for text in PRIORS if text not in ("lognormal(0, 10)", "lognormal(0, 0.001)")])
def test_log_marginal_likelihood_of_two_trials_as_by_plain_quadrature(text):
    y, se, prior = np.array([0.7, -0.2]), np.array([0.3, 0.5]), bm.parse_prior(text)

    def joint(tau: float) -> float:
        # mu ~ N(0, 1) integrated out by hand: y is bivariate normal with covariance 1 off the diagonal.
        covariance = np.diag(se**2 + tau**2) + 1.0
        return float(stats.multivariate_normal([0, 0], covariance).pdf(y) * prior.density(tau))

    x, weight = np.polynomial.legendre.leggauss(8)
    edges = np.linspace(np.log(prior.quantile(1e-14)), np.log(prior.quantile_upper(1e-14)), 201)
    half = np.diff(edges)[:, None] / 2
    tau = np.exp((edges[:-1, None] + half * (1 + x)).ravel())
    integral = (half * weight).ravel() @ np.array([joint(t) * t for t in tau])
    posterior = fit_exact(trials(y, se), bm.Model("normal", mu="normal(0, 1)", tau=text))
    assert posterior.log_marginal_likelihood == pytest.approx(np.log(integral), abs=1e-8)


def test_known_tau_gives_the_weighted_mean():
    # A prior so narrow that tau is known to 1e-4: mu is then the weighted mean with weights 1 / (s^2 + tau^2).
    y, se = np.array([0.1, 0.9, 0.4]), np.array([0.2, 0.4, 0.3])
    weight = 1 / (se**2 + 0.3**2)
    mu = fit_exact(trials(y, se), bm.Model("normal", mu="flat", tau="uniform(0.29999, 0.30001)"))["mu"]
    assert mu.mean == pytest.approx(weight @ y / weight.sum(), abs=1e-6)
    assert mu.sd == pytest.approx(weight.sum() ** -0.5, rel=1e-5)


@pytest.mark.parametrize("prior_of_mu", ["flat", "normal(1, 2)"])
def test_the_common_effect_model_is_one_weighted_mean(prior_of_mu):
    y, se = np.array([0.1, 0.9, 0.4]), np.array([0.2, 0.4, 0.3])
    posterior = fit_exact(trials(y, se), bm.Model("normal", random_effects="none", mu=prior_of_mu))
    weight, values = list(se**-2.0), list(y)
    if prior_of_mu != "flat":
        weight, values = [*weight, 0.25], [*values, 1.0]
    mean, sd = np.average(values, weights=weight), np.sum(weight) ** -0.5
    for marginal in (posterior["mu"], posterior["theta_new"], posterior.study("t1")):
        assert (marginal.mean, marginal.sd) == pytest.approx((mean, sd), rel=1e-12)
        assert marginal.interval() == pytest.approx((mean - 1.959963984540054 * sd, mean + 1.959963984540054 * sd))
    assert posterior["tau"].interval() == (0.0, 0.0)
    assert posterior["tau"].probability(above=0) == posterior["tau"].probability(below=0) == 0.0
    assert np.all(posterior.draws(10, 1)["tau"] == 0)


@pytest.mark.parametrize(
    ("y", "se"),
    [
        (np.linspace(-1, 1, 1000), np.geomspace(0.05, 0.9, 1000)),
        (np.linspace(-1, 1, 8), np.full(8, 1e-6)),
        (np.linspace(-1, 1, 8), np.full(8, 1e6)),
        (np.full(8, 0.3), np.full(8, 0.1)),
        (np.linspace(-1, 1, 8), 10.0 ** np.array([-6, -4, -2, -1, 0, 1, 3, 6])),
        (np.array([0.0, 1e6, -1e6]), np.array([0.3, 0.5, 0.2])),
    ],
    ids=["1000 trials", "tiny errors", "huge errors", "all equal", "unequal errors", "far apart"],
)
@pytest.mark.parametrize("prior", ["half_normal(0.5)", "half_cauchy(0.5)", "lognormal(0, 10)", "uniform(0.1, 2)"])
def test_hard_data_give_a_posterior_without_a_warning(y, se, prior):
    posterior = fit_exact(trials(y, se), bm.Model("normal", tau=prior))
    for table in (posterior.summary(), posterior.studies()):
        assert np.isfinite(table[["median", "lower", "upper"]].to_numpy()).all()
        assert (table["lower"] < table["median"]).all()
        assert (table["median"] < table["upper"]).all()
    assert np.isfinite(posterior.log_marginal_likelihood)


def test_a_calendar_year_that_is_not_centred_is_no_problem():
    # The normal equations of this design have a condition number of 1e11; centring by hand must change nothing.
    year = np.arange(2000.0, 2012.0)
    y, se = 0.3 + 0.05 * (year - 2006) + 0.2 * np.sin(year), np.geomspace(0.05, 1.0, 12)
    plain, centred = (
        fit_exact(trials(y, se, year=column), bm.Model("normal", moderators="~ year", mu="flat", beta="flat"))
        for column in (year, year - 2006)
    )
    assert plain["year"].mean == pytest.approx(centred["year"].mean, abs=1e-9 * centred["year"].sd)
    assert plain["year"].interval() == pytest.approx(centred["year"].interval(), abs=1e-9)
    assert plain.effect({"year": 2006}).interval() == pytest.approx(centred["mu"].interval(), abs=1e-8)


def test_a_precise_group_beside_an_imprecise_one_keeps_its_digits():
    # Group means are independent under flat priors: the imprecise group's mean is known in closed form given tau.
    se = np.array([1.0, 1.0, 1e-7, 1e-7])
    problem = NormalProblem(np.array([0.3, 0.7, 5.0, 5.0]), se, np.array([[1, 0], [1, 0], [1, 1], [1, 1]], float),
                            np.zeros(2), np.full(2, np.inf))  # fmt: skip
    given = problem.given(np.array([0.0, 1e-9]))
    mean, variance = given.linear(np.array([[1.0, 0.0], [1.0, 1.0]]))
    assert mean == pytest.approx(np.array([[0.5, 0.5], [5.0, 5.0]]), abs=1e-9)
    assert variance[0] == pytest.approx([0.5, 0.5], rel=1e-12)
    assert variance[1] == pytest.approx((se[2] ** 2 + np.array([0.0, 1e-18])) / 2, rel=1e-6)


def test_many_columns_and_one_column_are_the_same_algebra():
    problem = NormalProblem(
        np.array([0.1, 0.9, 0.4]), np.array([0.2, 0.4, 0.3]), np.ones((3, 1)), np.ones(1), np.ones(1)
    )
    precision = 1 / (problem.se**2 + np.array([[0.0], [0.5], [3.0]]) ** 2)
    for one, many in zip(problem._one_column(precision), problem._many_columns(precision)):
        assert np.abs(many) == pytest.approx(np.abs(one), rel=1e-12)  # a root has no sign


# Moments that do not exist


def test_two_trials_with_a_flat_mu_say_which_moments_do_not_exist():
    # Half-Cauchy tails fall as tau^-2, the likelihood of two trials as tau^-1: E[tau] exists, E[tau^2] does not.
    posterior = fit_exact(trials([0.7, -0.2], [0.3, 0.5]), bm.Model("normal", mu="flat", tau="half_cauchy(0.5)"))
    assert posterior.diagnostics["moments_that_do_not_exist"] == ["sd of mu", "sd of tau", "sd of theta_new"]
    summary = posterior.summary()
    assert summary["sd"].isna().all()
    assert summary["mean"].notna().all()
    assert posterior["mu"].sd is None
    assert posterior["mu"].mean == pytest.approx(summary.loc["mu", "mean"])
    assert posterior.studies()["sd"].notna().all()
    text = json.dumps(posterior.to_dict(), allow_nan=False)
    assert json.loads(text)["parameters"]["mu"]["sd"] is None


def test_heavier_tails_take_the_mean_as_well():
    posterior = fit_exact(trials([0.7, -0.2], [0.3, 0.5]), bm.Model("normal", mu="flat", tau="half_t(0.5, 1)"))
    assert posterior.diagnostics["moments_that_do_not_exist"] == ["sd of mu", "sd of tau", "sd of theta_new"]
    posterior = fit_exact(trials([0.7], [0.3]), bm.Model("normal", mu="flat", tau="half_t(0.5, 1)"))
    assert posterior["mu"].mean is None
    assert posterior["theta_new"].sd is None
    assert "mean of tau" in posterior.diagnostics["moments_that_do_not_exist"]
    assert np.isfinite(posterior["mu"].interval()).all()


def test_a_proper_prior_of_mu_bounds_mu_whatever_tau_does():
    posterior = fit_exact(trials([0.7], [0.3]), bm.Model("normal", mu="normal(0, 2)", tau="half_cauchy(0.5)"))
    assert posterior["mu"].sd is not None
    assert posterior["mu"].sd < 2
    assert posterior.diagnostics["moments_that_do_not_exist"] == ["sd of tau", "sd of theta_new"]


def test_an_improper_posterior_is_refused_with_its_remedy():
    # Flat group means with one trial each say nothing of tau, and half_t(0.5, 1) alone is proper; one more flat
    # coefficient than trials is refused by the design. A prior with tail exponent a is improper with k - q <= 1 - a.
    class Heavy(bm.HalfCauchy, abstract=True):
        tail_exponent = 1.0

    with pytest.raises(bm.PriorError, match="2 trials and 2 flat coefficients: the posterior is improper"):
        fit_exact(
            trials([0.7, 0.1], [0.3, 0.3], group=["a", "b"]),
            bm.Model("normal", moderators="~ group", mu="flat", beta="flat", tau=Heavy(0.5)),
        )


def test_panels_end_where_the_density_jumps():
    found = tau_nodes(lambda tau: np.where((tau > 0.1) & (tau < 2.0), 0.0, -np.inf), 0.3, (0.1, 2.0))
    inside = (found.tau > 0.1) & (found.tau < 2.0)
    assert np.exp(found.log_weight[inside]).sum() == pytest.approx(1.9, rel=1e-14)
