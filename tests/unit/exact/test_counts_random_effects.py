"""Random effects other than the normal, and moderators, in the exact engine."""

import warnings

import numpy as np
import pytest
from scipy.stats import norm
from scipy.stats import t as student_t

import bayesmeta as bm
from bayesmeta.exact import prepare
from bayesmeta.likelihoods.values import hypergeometric_log_p
from tests.unit.exact.test_counts_stories import CRINS, fit, same, trials

approx = pytest.approx
GROUPS = {"group": list("ababab")}


@pytest.mark.parametrize("likelihood", ["normal", "hypergeometric"])
def test_student_t_with_many_degrees_of_freedom_is_normal(likelihood):
    same(fit(CRINS, likelihood, random_effects="student_t(1000000)"), fit(CRINS, likelihood), 1e-5)


@pytest.mark.parametrize("likelihood", ["normal", "hypergeometric", "binomial"])
def test_a_mixture_without_outliers_is_normal(likelihood):
    same(fit(CRINS, likelihood, random_effects="mixture(0, 5)"), fit(CRINS, likelihood), 1e-6)


def test_outliers_that_are_no_farther_out_are_no_outliers():
    mixture = fit(CRINS, random_effects="mixture(0.2, 1)")
    same(mixture, fit(CRINS), 1e-6)
    assert mixture.outliers()["probability"].to_numpy() == approx(0.2, abs=1e-9)


def test_an_outlier_is_found():
    rows = [[20, 100, 20, 100]] * 8 + [[60, 100, 10, 100]]
    found = fit(rows, random_effects="mixture(0.1, 5)").outliers().set_index("study")["probability"]
    assert found["trial 9"] > 0.95
    assert found.drop("trial 9").max() < 0.1
    with pytest.raises(bm.ModelError, match="no outlying part"):
        fit(rows).outliers()


def test_heavy_tails_let_an_outlier_go():
    rows = [[20, 100, 20, 100]] * 8 + [[60, 100, 10, 100]]
    normal, student = fit(rows), fit(rows, random_effects="student_t(3)")
    assert student.study("trial 9").mean > normal.study("trial 9").mean
    assert student["mu"].mean < normal["mu"].mean


def test_theta_new_of_a_t_distribution_has_its_moments():
    assert fit(CRINS, random_effects="student_t(2)")["theta_new"].sd is None
    assert fit(CRINS, random_effects="student_t(4)")["theta_new"].sd is not None


@pytest.mark.parametrize("effects", ["student_t(4)", "mixture(0.1, 5)"])
def test_the_self_check_finds_nothing(effects):
    posterior = fit(CRINS[:4], random_effects=effects)
    assert posterior.accuracy()["change"].max() < 1e-6
    assert posterior._effects_of_studies.closure == approx(1.0, abs=1e-8)


def test_a_narrow_peak_on_the_wide_tails_of_outliers_is_resolved():
    posterior = fit([[12, 40, 9, 42], [5, 30, 1, 28]], random_effects="mixture(0.1, 10)")
    assert posterior.accuracy()["change"].max() < 1e-6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("student", "no such"),
        ("student_t", "expected df for student_t, found 0 numbers"),
        ("student_t(-1)", "positive"),
        ("mixture(1.5, 5)", "between 0 and 1"),
        ("mixture(0.1, 0.5)", "at least 1"),
        ("normal(3)", "expected no number for normal, found 1 number"),
    ],
)
def test_random_effects_that_do_not_exist_are_refused(text, message):
    with pytest.raises(bm.ModelError, match=message):
        bm.Model(random_effects=text)


def test_the_text_of_random_effects_is_kept_short():
    assert bm.Model(random_effects="student_t( df=4.0 )").random_effects == "student_t(4)"
    assert bm.Model(random_effects="mixture(0.10,5)").random_effects == "mixture(0.1, 5)"


@pytest.mark.parametrize("formula", ["~ group", "~ 0 + group", "~ x", "~ group + x"])
def test_moderators_by_lattice_as_in_closed_form(formula):
    table = trials(CRINS, group=list("ababab"), x=[0.3, -1.0, 0.5, 1.2, -0.4, 0.1])
    model = bm.Model("normal", moderators=formula)
    closed, lattice = bm.fit(table, model), prepare(table, model).posterior()
    assert lattice.log_marginal_likelihood == approx(closed.log_marginal_likelihood, abs=1e-7)
    same(lattice, closed, 1e-6)
    wanted, found = closed.studies(), lattice.studies()
    for column in ("mean", "sd", "lower", "upper"):
        assert found[column].to_numpy() == approx(wanted[column].to_numpy(), abs=1e-6)


def test_groups_without_shared_priors_are_separate_analyses():
    # With "~ 0 + group" and tau known, the groups have nothing in common.
    together = fit(CRINS, columns=GROUPS, moderators="~ 0 + group", beta="normal(0, 2)", tau="fixed(0.3)")
    alone = fit(CRINS[::2], mu="normal(0, 2)", tau="fixed(0.3)")
    first = together.design.columns[0]
    assert together[first].mean == approx(alone["mu"].mean, abs=1e-7)
    assert together[first].interval() == approx(alone["mu"].interval(), abs=1e-7)


def test_contrasts_and_groups():
    posterior = fit(CRINS, columns=GROUPS, moderators="~ group")
    difference = posterior.columns if hasattr(posterior, "columns") else posterior.design.columns
    effect = posterior.effect({"group": "b"})
    both = posterior.contrast([1.0, 1.0])
    assert effect.mean == approx(both.mean, abs=1e-9)
    assert posterior["mu"].mean + posterior[difference[1]].mean == approx(both.mean, abs=1e-7)
    assert posterior.contrast([-1.0, 0.0]).mean == approx(-posterior["mu"].mean, abs=1e-9)
    assert list(posterior.groups()["k"]) == [3, 3]


def test_a_group_without_events_needs_a_proper_prior():
    rows = [[0, 20, 5, 20], [0, 30, 4, 28], [5, 15, 3, 17], [6, 20, 8, 20]]
    columns = {"group": list("aabb")}
    posterior = fit(rows, columns=columns, moderators="~ group")
    assert posterior["mu"].mean < -1.0
    with pytest.raises((bm.ModelError, bm.PriorError)):
        fit(rows, columns=columns, moderators="~ group", mu="flat", beta="flat")


def test_too_many_columns_name_the_other_engine():
    rows = [[3, 20, 5, 20]] * 6
    with pytest.raises(bm.ModelError, match="nuts"):
        fit(rows, columns={"g": list("abcdef")}, moderators="~ g")


@pytest.mark.parametrize(
    "model",
    [{}, {"random_effects": "student_t(4)"}, {"random_effects": "mixture(0.2, 4)"}, {"moderators": "~ group"}],
    ids=str,
)
def test_draws_have_the_posterior_distribution(model):
    posterior = fit(CRINS[:4], columns={"group": list("abab")}, **model)
    draws = posterior.draws(4000, seed=3)
    studies = posterior.studies()
    error = 5.0 / np.sqrt(4000)
    assert draws["tau"].mean() == approx(posterior["tau"].mean, abs=error * posterior["tau"].sd)
    assert draws["theta"].mean(axis=0) == approx(studies["mean"].to_numpy(), abs=error * studies["sd"].max())
    for i, name in enumerate(posterior.studies_in_model):
        inside = (draws["theta"][:, i] < posterior.study(name).quantile(0.8)).mean()
        assert inside == approx(0.8, abs=5.0 * 0.4 / np.sqrt(4000))
    inside = (draws["theta_new"] < posterior["theta_new"].quantile(0.9)).mean()
    assert inside == approx(0.9, abs=5.0 * 0.3 / np.sqrt(4000))
    for j, column in enumerate(posterior.design.columns):
        inside = (draws["beta"][:, j] < posterior[column].quantile(0.3)).mean()
        assert inside == approx(0.3, abs=0.05)


def test_draws_for_arviz_have_marginal_log_likelihoods():
    posterior = fit(CRINS[:3])
    tree = posterior.to_arviz(50, 2)
    beta, tau = tree["posterior"]["mu"].to_numpy(), tree["posterior"]["tau"].to_numpy()
    found = tree["log_likelihood"]["y"].to_numpy()
    assert found.shape == (2, 50, 3)
    # l_i(m, tau) by a plain sum over theta.
    from bayesmeta.likelihoods.values import hypergeometric_log_p

    theta = np.linspace(-12.0, 12.0, 20001)
    p = np.exp(hypergeometric_log_p(np.array(CRINS[0], dtype=float), theta))
    normal = np.exp(-0.5 * ((theta - beta[0, 0]) / tau[0, 0]) ** 2) / (tau[0, 0] * np.sqrt(2.0 * np.pi))
    assert found[0, 0, 0] == approx(np.log(np.sum(p * normal) * (theta[1] - theta[0])), abs=1e-6)


def test_a_trial_that_says_nothing_is_an_outlier_with_the_probability_it_had_before():
    rows = [[20, 100, 25, 100], [30, 100, 20, 100], [0, 50, 0, 50]]
    found = fit(rows, random_effects="mixture(0.1, 5)").outliers()["probability"]
    assert found[2] == approx(0.1, abs=1e-9)
    assert found[:2].max() < 0.3


DISAGREEING = [[3, 30, 6, 31], [500_000, 1_000_000, 400_000, 900_000], [19, 20, 3, 18]]


@pytest.mark.parametrize("effects", ["normal", "mixture(0.1, 5)", "student_t(4)"])
@pytest.mark.parametrize("tau", [0.01, 0.2, 1.0])
def test_a_million_people_are_seen_from_afar_under_heavy_tails(effects, tau):
    # By sums over theta: a narrow peak, on panels as wide as the means are far apart.
    prepared = prepare(trials(DISAGREEING), bm.Model("hypergeometric", random_effects=effects))
    theta = np.sort(np.concatenate([np.linspace(-12.0, 14.0, 100_001), 0.22314 + np.linspace(-0.04, 0.04, 20_001)]))
    width = np.gradient(theta)
    density = {
        "normal": lambda z: norm.pdf(z),
        "mixture(0.1, 5)": lambda z: 0.9 * norm.pdf(z) + 0.1 * norm.pdf(z, 0.0, 5.0),
        "student_t(4)": lambda z: student_t.pdf(z, 4),
    }[effects]
    means = np.linspace(-3.0, 5.0, 17)
    found = prepared.convolution.log_marginal(means[None], np.array([tau]))[:, 0]
    for row, counts in enumerate(np.array(DISAGREEING, dtype=float)):
        likelihood = np.exp(hypergeometric_log_p(counts, theta)) * width
        wanted = np.log(np.maximum((density((theta - means[:, None]) / tau) / tau) @ likelihood, 1e-300))
        seen = wanted > wanted.max() - 100.0
        assert found[row][seen] == approx(wanted[seen], abs=2e-5)  # what sums over so many points are good for


def test_large_trials_that_disagree_with_small_ones_are_resolved_or_told():
    rows = [[3, 30, 6, 31], [5_000, 10_000, 4_000, 9_000], [19, 20, 3, 18]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        posterior = fit(rows, random_effects="mixture(0.1, 5)")
    assert posterior.accuracy()["change"].max() < 1e-6
    with pytest.warns(bm.errors.BayesmetaWarning, match="narrow peak and long tails, as where large trials"):
        fit(rows, random_effects="student_t(1)")


def test_outliers_are_found_where_each_level_has_a_tau():
    rows = [[20, 100, 20, 100]] * 4 + [[60, 100, 10, 100]] + [[20, 100, 20, 100]] * 4
    levels = {"group": list("aaaaabbbb")}
    found = fit(rows, columns=levels, random_effects="mixture(0.1, 5)", tau_by="group").outliers()["probability"]
    assert found[4] > 0.5
    assert found.drop(4).max() < 0.1
