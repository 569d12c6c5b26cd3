"""Two outcomes at once by quadrature: against brute force, against the separate fits, and against itself."""

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.effects import joint_effects
from bayesmeta.errors import ModelError, PriorError
from bayesmeta.exact.joint_given import JointProblem
from bayesmeta.exact.rho_nodes import rho_nodes
from bayesmeta.model import JOINT_LIKELIHOODS
from bayesmeta.posterior.bivariate import both_below
from bayesmeta.priors.correlation import CorrelationPrior
from bayesmeta.trials import JointTrials, Trials, join

BOTH = bm.load("attachment/classification")


def estimates(y, se, outcome, studies=None):
    names = studies or [f"simulated {i}" for i in range(len(y))]
    return Trials(pd.DataFrame({"study": names, "estimate": y, "se": se}), name=outcome, outcome=outcome)


def simulated(k, seed=1, tau=(0.5, 0.4), rho=-0.6, se=(0.15, 0.6)):
    """Simulated trials, all with both outcomes."""
    rng = np.random.default_rng(seed)
    spread = rng.uniform(*se, (2, k))
    noise = rng.standard_normal((2, k))
    first = 0.6 + tau[0] * noise[0]
    second = -0.5 + tau[1] * (rho * noise[0] + np.sqrt(1 - rho**2) * noise[1])
    y = np.stack([first, second]) + spread * rng.standard_normal((2, k))
    return join(estimates(y[0], spread[0], "well"), estimates(y[1], spread[1], "worse"))


def test_given_the_heterogeneity_it_is_the_multivariate_normal_density_of_all_estimates():
    from scipy.stats import multivariate_normal

    effects = joint_effects(BOTH)
    problem = JointProblem.of(effects, ((0.2, 2.0), (-0.1, 1.5)))
    tau, rho = (0.4, 0.3), -0.7
    found = problem.given(np.array([tau[0]]), np.array([tau[1]]), np.array([rho]))
    # The covariance of all 11 estimates, written out: errors, random effects, and the prior of mu that they share.
    where = [(i, j) for i in range(effects.k) for j in (0, 1) if effects.reported[i, j]]
    between = np.array([[tau[0] ** 2, rho * tau[0] * tau[1]], [rho * tau[0] * tau[1], tau[1] ** 2]])
    covariance = np.zeros((len(where), len(where)))
    for a, (i, j) in enumerate(where):
        for b, (m, n) in enumerate(where):
            if i == m:
                within = effects.se[i, j] ** 2 if j == n else effects.covariance[i]
                covariance[a, b] += within + between[j, n]
            if j == n:
                covariance[a, b] += (2.0, 1.5)[j] ** 2
    y = np.array([effects.y[i, j] for i, j in where])
    mean = np.array([(0.2, -0.1)[j] for _, j in where])
    assert found.log_evidence[0] == pytest.approx(multivariate_normal(mean, covariance).logpdf(y), abs=1e-10)
    # mu given y, by the rules for partitioned normal vectors.
    shared = np.array([[(2.0, 1.5)[j] ** 2 * (j == n) for _, n in where] for j in (0, 1)])
    gain = shared @ np.linalg.inv(covariance)
    assert found.mean[:, 0] == pytest.approx(np.array([0.2, -0.1]) + gain @ (y - mean), abs=1e-10)
    spread = np.diag([4.0, 2.25]) - gain @ shared.T
    assert found.covariance[:, 0] == pytest.approx([spread[0, 0], spread[0, 1], spread[1, 1]], abs=1e-10)


@pytest.mark.parametrize("mu", ["odds_ratio_within(250)", "normal(0.3, 0.5)"])
@pytest.mark.parametrize("tau", ["half_normal(0.5)", "half_cauchy(0.5)", "uniform(0, 2)", "fixed(0.3)"])
def test_without_any_correlation_it_is_the_two_separate_fits(mu, tau):
    joint = bm.fit(BOTH, bm.JointModel(mu=mu, tau=tau, rho="fixed(0)", within=0.0))
    evidence = 0.0
    for outcome, alone in zip(joint.outcomes, joint.separate):
        for kind in ("mu", "tau", "theta_new"):
            together, expected = joint.summary().loc[f"{kind}[{outcome}]"], alone.summary().loc[kind]
            assert together.to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-8, rel=1e-8, nan_ok=True)
        ours = joint.studies().query("outcome == @outcome").set_index("study")
        theirs = alone.studies().set_index("study")
        assert np.abs(ours[theirs.columns] - theirs).to_numpy().max() < 1e-8
        evidence += alone.log_marginal_likelihood
    assert joint.log_marginal_likelihood == pytest.approx(evidence, abs=1e-10)


STEEP = simulated(5, tau=(2.0, 1.5), se=(0.05, 0.1), rho=-0.95)


@pytest.mark.parametrize(
    ("trials", "rho"),
    [
        (BOTH, "uniform(-1, 1)"),
        (BOTH, "lkj(2)"),
        (simulated(12), "lkj(1.5)"),
        (simulated(12), "uniform(-1, 0)"),
        (STEEP, "uniform(-1, 1)"),
    ],
)
def test_finer_nodes_change_nothing(trials, rho):
    within = None if trials is BOTH else -0.4
    change = bm.fit(trials, bm.JointModel(rho=rho, within=within)).accuracy()["change"]
    of_shape = change.index.str.startswith(("tau", "rho"))
    assert change[of_shape].max() < 2e-7
    assert change[~of_shape].max() < 1e-8


def test_a_known_posterior_by_brute_force():
    # Sums over a fine midpoint grid of the bounded triple, with the density of `given`, which is tested above.
    joint = bm.fit(BOTH, bm.JointModel(tau="uniform(0, 1)", rho="uniform(-0.9, 0.8)"))
    n = 60
    middle = (np.arange(n) + 0.5) / n
    one, other, rho = (part.ravel() for part in np.meshgrid(middle, middle, -0.9 + 1.7 * middle))
    given = JointProblem.of(joint_effects(BOTH), (joint.model.mu_priors[0].gaussian,) * 2).given(one, other, rho)
    weight = np.exp(given.log_evidence - given.log_evidence.max())
    weight /= weight.sum()
    summary = joint.summary()
    assert summary["mean"].iloc[0] == pytest.approx(weight @ given.mean[0], abs=2e-5)
    assert summary.loc["rho", "mean"] == pytest.approx(weight @ rho, abs=2e-5)
    assert summary["mean"].iloc[2] == pytest.approx(weight @ one, abs=2e-5)
    assert joint["rho"].cdf(-0.05) == pytest.approx(weight @ (rho < -0.05), abs=1e-3)


@pytest.mark.parametrize("r", [-0.9999, -0.5, 0.0, 0.3, 0.99])
def test_the_probability_of_two_sides_is_the_bivariate_normal_one(r):
    from scipy.stats import multivariate_normal

    points = [(0.0, 0.0), (1.2, -0.4), (-2.0, -1.0), (0.0, 0.7), (3.0, 2.0)]
    for h, k in points:
        expected = multivariate_normal.cdf([h, k], cov=[[1.0, r], [r, 1.0]], abseps=1e-12, releps=1e-12)
        assert both_below(np.array([h]), np.array([k]), np.array([r]))[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("delta", [1.0, 0.05, 1e-4])
@pytest.mark.parametrize("prior", ["uniform(-1, 1)", "lkj(1.5)", "lkj(4)", "uniform(-1, 0.3)"])
def test_nodes_of_a_correlation_integrate_its_prior(prior, delta):
    from scipy.integrate import quad

    one = CorrelationPrior.of(prior)
    nodes = rho_nodes(one, delta)
    expected = quad(lambda rho: rho**2 * one.density(rho), one.low, one.high, epsabs=1e-11)[0]
    assert nodes.weight.sum() == pytest.approx(1.0, abs=1e-10)
    assert nodes.weight @ nodes.rho**2 == pytest.approx(expected, abs=1e-9)


def test_the_order_of_rows_and_names_of_studies_do_not_matter():
    model = bm.JointModel()
    reference = bm.fit(BOTH, model)
    order = np.random.default_rng(3).permutation(BOTH.first.k)
    names = {study: f"trial {i}" for i, study in enumerate(BOTH.studies)}
    parts = []
    for part, rows in ((BOTH.first, order), (BOTH.second, [2, 0, 1])):
        table = part.table.iloc[rows].copy()
        table["study"] = table["study"].map(names)
        parts.append(Trials(table, name=part.name, outcome=part.outcome, direction=part.direction))
    other = bm.fit(JointTrials(*parts), model)
    assert other.summary().to_numpy() == pytest.approx(reference.summary().to_numpy(), abs=1e-8)
    ours = reference.studies().assign(study=lambda table: table["study"].map(names))
    both = [table.set_index(["study", "outcome"]).sort_index() for table in (ours, other.studies())]
    assert np.abs(both[0] - both[1]).to_numpy().max() < 1e-8


def test_exchanging_the_outcomes_exchanges_the_answers():
    reference, swapped = bm.fit(BOTH), bm.fit(join(BOTH.second, BOTH.first))
    assert set(reference.parameters) == set(swapped.parameters)
    for name in reference.parameters:
        assert swapped.summary().loc[name].to_numpy() == pytest.approx(
            reference.summary().loc[name].to_numpy(), abs=1e-8
        )
    assert swapped.joint_probability() == pytest.approx(reference.joint_probability(), abs=1e-9)


def test_a_trial_of_one_outcome_tells_the_other_what_the_correlation_lets_through():
    # One more large trial of the first outcome moves the second only where they are correlated.
    table = BOTH.first.table[["study", "events_treated", "total_treated", "events_control", "total_control"]].copy()
    table.loc[len(table)] = ["simulated", 300, 400, 100, 400]
    more = join(Trials(table, outcome="secure attachment"), BOTH.second)
    second = "mu[disorganised attachment]"
    apart = bm.JointModel(rho="fixed(0)", within=0.0)
    assert bm.fit(more, apart)[second].mean == pytest.approx(bm.fit(BOTH, apart)[second].mean, abs=1e-8)
    tied = bm.JointModel(rho="fixed(-0.9)", tau="fixed(0.6)", within=0.0)
    assert bm.fit(more, tied)[second].mean < bm.fit(BOTH, tied)[second].mean - 0.01


def test_exact_draws_have_the_exact_moments():
    joint = bm.fit(BOTH)
    n = 40_000
    draws, summary = joint.draws(n, seed=2), joint.summary()
    found = {
        f"{kind}[{o}]": draws[kind][:, j] for kind in ("mu", "tau", "theta_new") for j, o in enumerate(joint.outcomes)
    }
    for name, values in (found | {"rho": draws["rho"]}).items():
        z = (values.mean() - summary.loc[name, "mean"]) / (summary.loc[name, "sd"] / np.sqrt(n))
        assert abs(z) < 4.5
        for p in (0.025, 0.5, 0.975):
            share = (values < joint[name].quantile(p)).mean()
            assert abs(share - p) < 4.5 * np.sqrt(p * (1 - p) / n)
    for study, outcome in (("Moss 2011", 1), ("Cooper 2009", 1), ("Cooper 2009", 0)):
        marginal = joint.study(study, joint.outcomes[outcome])
        values = draws["theta"][:, joint.studies_in_model.index(study), outcome]
        assert abs(values.mean() - marginal.mean) < 4.5 * marginal.sd / np.sqrt(n)
    wished = (draws["theta_new"][:, 0] > 0) & (draws["theta_new"][:, 1] < 0)
    p = joint.joint_probability(new_setting=True)
    assert abs(wished.mean() - p) < 4.5 * np.sqrt(p * (1 - p) / n)


def test_large_random_effects_show_their_correlation():
    found = bm.fit(simulated(40, seed=2, rho=-0.8, tau=(0.8, 0.8), se=(0.05, 0.1)), bm.JointModel(within=0.0))
    low, high = found["rho"].interval()
    assert low < -0.8 < high < -0.5


@pytest.mark.parametrize("likelihood", JOINT_LIKELIHOODS)
@pytest.mark.parametrize("mu", ["normal(0, 2)", "student_t(4, 0, 1)"])
def test_the_model_knows_whether_the_exact_engine_carries_it(likelihood, mu):
    model = bm.JointModel(likelihood, mu=mu, tau="half_normal(0.3)", rho="fixed(0)")
    trials = join(BOTH.first.select([0, 1]), BOTH.second)
    if model.has_exact:
        assert bm.fit(trials, model).engine == "exact"
    else:
        with pytest.raises((ModelError, PriorError), match="nuts"):
            bm.fit(trials, model)


def test_what_it_does_not_carry_is_refused_with_the_remedy():
    with pytest.raises(PriorError, match=r"normal or flat prior.*nuts"):
        bm.fit(BOTH, bm.JointModel(mu="student_t(4, 0, 1)"))
    with pytest.raises(PriorError, match="improper"):
        bm.fit(join(BOTH.first, BOTH.second.select([0])), bm.JointModel(tau="improper_uniform"))
    with pytest.raises(ModelError, match="two outcomes: expected a JointModel"):
        bm.fit(BOTH, bm.Model())
    with pytest.raises(ModelError, match="one outcome: expected a Model"):
        bm.fit(BOTH.first, bm.JointModel())
