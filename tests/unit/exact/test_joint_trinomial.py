"""Two outcomes on counts by quadrature: against sums written out here, against the separate fits, and itself."""

import numpy as np
import pandas as pd
import pytest
from scipy.signal import convolve
from scipy.special import expit, gammaln, ndtr, xlogy

import bayesmeta as bm
from bayesmeta.errors import ModelError, PriorError
from bayesmeta.trials import JointTrials, Trials, join

COLUMNS = ["study", "events_treated", "total_treated", "events_control", "total_control"]


def table(rows, outcome, direction=""):
    return Trials(pd.DataFrame(rows, columns=COLUMNS), name=outcome, outcome=outcome, direction=direction)


#: Simulated: two trials with three counts, one with each outcome alone.
WELL = table([["A", 12, 40, 7, 41], ["B", 20, 61, 11, 58], ["C", 9, 30, 8, 33]], "well", "higher")
WORSE = table([["A", 9, 40, 14, 41], ["B", 21, 61, 30, 58], ["D", 3, 25, 6, 27]], "worse", "lower")
TINY = join(WELL, WORSE)


@pytest.fixture(scope="module")
def tiny():
    return bm.fit(TINY, bm.JointModel("trinomial", tau=("fixed(0.4)", "fixed(0.3)"), rho="fixed(-0.5)"))


# ---- sums written out


def of_both(categories, one, other):
    """p(counts | theta) of three categories at a grid of effects: sums over gamma_1 and the distance from its bound."""
    found = np.empty((len(one), len(other)))
    log_away = np.linspace(-8.0, 3.4, 60)
    apart = np.linspace(-3.5, 3.5, 60)[:, None]
    for i, first in enumerate(one):
        theta = np.array([first * np.ones_like(other), other])[:, :, None, None]
        bound = -0.5 * np.abs(first + other)[:, None, None]
        total = bound - np.exp(log_away)
        gamma = 0.5 * total + apart, 0.5 * total - apart
        value = log_away - 0.5 * (gamma[0] ** 2 + gamma[1] ** 2) / 25
        for people, side in zip(categories, (0.5, -0.5)):
            odds = gamma[0] + side * theta[0], gamma[1] + side * theta[1]
            p = expit(odds[0]), expit(odds[1])
            middle = p[0] * p[1] * np.expm1(np.maximum(-odds[0] - odds[1], 1e-300))
            value = value + gammaln(people.sum() + 1) - gammaln(people + 1).sum()
            value = value + xlogy(people[0], p[0]) + xlogy(people[1], middle) + xlogy(people[2], p[1])
        cell = (log_away[1] - log_away[0]) * (apart[1, 0] - apart[0, 0]) / (2 * np.pi * 25)
        share = ndtr(bound[:, 0, 0] / (5 * np.sqrt(2)))
        found[i] = np.exp(value).sum(axis=(1, 2)) * cell / share
    return found


def of_one(counts, theta):
    """p(counts | theta) of a 2x2 table."""
    gamma = np.linspace(-8, 6, 400)
    value = -0.5 * (gamma / 5) ** 2 - np.log(5 * np.sqrt(2 * np.pi))
    for r, n, side in ((counts[0], counts[1], 0.5), (counts[2], counts[3], -0.5)):
        p = expit(gamma + side * theta[:, None])
        value = value + gammaln(n + 1) - gammaln(r + 1) - gammaln(n - r + 1) + xlogy(r, p) + xlogy(n - r, 1 - p)
    return np.exp(value).sum(axis=1) * (gamma[1] - gamma[0])


def test_a_known_posterior_by_sums_over_mu_effects_and_baselines(tiny):
    # Heterogeneity known, so that four sums are left: over mu, over theta given mu, over both baselines.
    tau, rho, h = (0.4, 0.3), -0.5, 0.14
    x = np.arange(-2.2, 3.3, h)
    y = np.arange(-3.3, 2.2, h)
    inverse = np.linalg.inv([[tau[0] ** 2, rho * tau[0] * tau[1]], [rho * tau[0] * tau[1], tau[1] ** 2]])
    shift = np.arange(-15, 16) * h  # 5 standard deviations of the random effects
    kernel = np.exp(
        -0.5
        * (inverse[0, 0] * shift[:, None] ** 2 + 2 * inverse[0, 1] * np.outer(shift, shift) + inverse[1, 1] * shift**2)
    )
    kernel *= h * h * np.sqrt(np.linalg.det(inverse)) / (2 * np.pi)
    log_p = np.zeros((len(x), len(y)))
    wide = [np.concatenate([a[0] + shift[:15], a, a[-1] + shift[16:]]) for a in (x, y)]
    likelihoods = [of_both(TINY.categories[i], *wide) for i in (0, 1)]
    single = np.exp(-0.5 * (shift / tau[0]) ** 2) * h / (tau[0] * np.sqrt(2 * np.pi))
    other = np.exp(-0.5 * (shift / tau[1]) ** 2) * h / (tau[1] * np.sqrt(2 * np.pi))
    log_p += sum(np.log(convolve(one, kernel, mode="valid", method="direct")) for one in likelihoods)
    log_p += np.log(np.convolve(of_one(TINY.counts[2, 0], wide[0]), single, mode="valid"))[:, None]
    log_p += np.log(np.convolve(of_one(TINY.counts[3, 1], wide[1]), other, mode="valid"))
    sd = tiny.model.mu_priors[0].gaussian[1]
    log_p += -0.5 * (x[:, None] ** 2 + y**2) / sd**2 - np.log(2 * np.pi * sd**2)
    p = np.exp(log_p)
    total = p.sum()
    assert tiny.log_marginal_likelihood == pytest.approx(np.log(total * h * h), abs=1e-4)
    p /= total
    for j, (side, points) in enumerate(((p.sum(axis=1), x), (p.sum(axis=0), y))):
        mean = side @ points
        spread = np.sqrt(side @ (points - mean) ** 2)
        row = tiny.summary().iloc[j]
        assert (row["mean"] - mean) / spread == pytest.approx(0.0, abs=1e-4)
        assert row["sd"] / spread == pytest.approx(1.0, abs=1e-4)
        new = tiny.summary().iloc[5 + j]
        assert new["sd"] == pytest.approx(np.hypot(spread, tau[j]), rel=1e-4)
    # A study's own effects, by the same sums: likelihood times random effects times mu given the other trials.
    with np.errstate(divide="ignore"):
        rest = np.exp(log_p - np.log(convolve(likelihoods[0], kernel, mode="valid", method="direct")))
    theta = likelihoods[0] * convolve(rest, kernel, mode="full", method="direct")
    theta /= theta.sum()
    for j, (side, points) in enumerate(((theta.sum(axis=1), wide[0]), (theta.sum(axis=0), wide[1]))):
        marginal = tiny.study("A", tiny.outcomes[j])
        assert marginal.mean == pytest.approx(side @ points, abs=2e-4)
        assert marginal.sd == pytest.approx(np.sqrt(side @ (points - side @ points) ** 2), abs=2e-4)


# ---- limits that are known


def test_trials_of_one_outcome_each_without_correlation_are_the_exact_binomial_fits():
    apart = join(WELL.select([0, 2]), WORSE.select([2]))
    priors = {"mu": "normal(0.3, 1.5)", "tau": "half_normal(0.5)", "baseline": "normal(-0.5, 3)"}
    joint = bm.fit(join(apart.first.select([0, 1]), apart.second), bm.JointModel("trinomial", rho="fixed(0)", **priors))
    evidence = 0.0
    for j, (outcome, part) in enumerate(zip(joint.outcomes, apart.parts)):
        alone = bm.fit(part, bm.Model("binomial", **priors))
        evidence += alone.log_marginal_likelihood
        for kind in ("mu", "tau", "theta_new"):
            ours, theirs = joint.summary().loc[f"{kind}[{outcome}]"], alone.summary().loc[kind]
            assert ((ours - theirs) / theirs["sd"]).abs().max() < 1e-4
        for study in part.studies:
            ours, theirs = joint.study(study, outcome), alone.study(study)
            assert abs(ours.mean - theirs.mean) < 1e-4 * theirs.sd
            assert ours.quantile(0.975) == pytest.approx(float(theirs.quantile(0.975)), abs=3e-4 * theirs.sd)
        assert joint.separate[j].summary().loc["mu", "mean"] == pytest.approx(alone.summary().loc["mu", "mean"])
    assert joint.log_marginal_likelihood == pytest.approx(evidence, abs=1e-4)


def test_rows_labels_and_the_order_of_the_outcomes_do_not_matter(tiny):
    renamed = []
    for part, rows in ((TINY.second, [2, 0, 1]), (TINY.first, [1, 2, 0])):
        frame = part.table.iloc[rows].copy()
        frame["study"] = "trial " + frame["study"]
        renamed.append(Trials(frame, name=part.name, outcome=part.outcome, direction=part.direction))
    model = tiny.model.but(tau=("fixed(0.3)", "fixed(0.4)"))
    other = bm.fit(JointTrials(*renamed), model)
    for name, row in tiny.summary().iterrows():
        assert ((other.summary().loc[name] - row).abs() < 2e-5 * max(row["sd"], 1e-9) + 1e-12).all()
    assert other.joint_probability() == pytest.approx(tiny.joint_probability(), abs=2e-6)
    assert other.log_marginal_likelihood == pytest.approx(tiny.log_marginal_likelihood, abs=1e-6)
    assert other.study("trial A", "worse").mean == pytest.approx(tiny.study("A", "worse").mean, abs=1e-4)


def test_no_heterogeneity_at_all_is_no_special_case():
    known = bm.fit(TINY, bm.JointModel("trinomial", tau="fixed(0)", rho="fixed(0)"))
    nearly = bm.fit(TINY, bm.JointModel("trinomial", tau="fixed(0.001)", rho="fixed(0)"))
    for name in known.parameters[:2]:
        assert known[name].mean == pytest.approx(nearly[name].mean, abs=1e-4)
        assert known[name].sd == pytest.approx(nearly[name].sd, abs=1e-4)


def test_nobody_in_a_category_of_an_arm_needs_no_correction():
    rows = WORSE.table.copy()
    rows.loc[rows["study"] == "A", "events_treated"] = 0
    trials = join(WELL, Trials(rows, name="worse", outcome="worse", direction="lower"))
    found = bm.fit(trials, bm.JointModel("trinomial", tau="fixed(0.3)", rho="fixed(0)"))
    assert np.isfinite(found.summary().to_numpy()).all()
    assert found["mu[worse]"].mean < bm.fit(TINY, found.model)["mu[worse]"].mean
    assert found.study("A", "worse").quantile(0.025) < -1.5


# ---- what can be asked of it


def test_finer_nodes_change_next_to_nothing(tiny):
    assert tiny.accuracy()["change"].max() < 2e-5


def test_draws_have_the_moments_of_the_quadrature(tiny):
    n = 20_000
    draws = tiny.draws(n, seed=3)
    for kind, positions in (("mu", (0, 1)), ("theta_new", (0, 1))):
        for j in positions:
            marginal = tiny[f"{kind}[{tiny.outcomes[j]}]"]
            assert abs(draws[kind][:, j].mean() - marginal.mean) < 4.5 * marginal.sd / np.sqrt(n)
            assert (draws[kind][:, j] < marginal.quantile(0.975)).mean() == pytest.approx(0.975, abs=0.005)
    for i, j in ((0, 0), (1, 1), (2, 0), (3, 1), (2, 1)):
        marginal = tiny.study(tiny.studies_in_model[i], tiny.outcomes[j])
        assert draws["theta"][:, i, j].mean() == pytest.approx(marginal.mean, abs=5.0 * marginal.sd / np.sqrt(n))
        assert draws["theta"][:, i, j].std() == pytest.approx(marginal.sd, rel=0.03)
    # Every proportion of every arm is possible, and those that were seen are likely.
    odds = draws["gamma"][:, :2] + 0.5 * draws["theta"][:, :2]
    p = expit(odds)
    assert (p.sum(axis=-1) < 1).all()
    assert p[:, 0, 0].mean() == pytest.approx(12 / 40, abs=0.05)
    wished = ((draws["mu"][:, 0] > 0) & (draws["mu"][:, 1] < 0)).mean()
    assert wished == pytest.approx(tiny.joint_probability(), abs=4.5 * np.sqrt(wished * (1 - wished) / n))


def test_everything_that_a_joint_posterior_answers(tiny):
    difference = tiny.contrast([1.0, -1.0])
    mu = tiny.summary()["mean"].iloc[:2].to_numpy()
    assert difference.mean == pytest.approx(mu[0] - mu[1], abs=1e-8)
    x, y = np.linspace(-1.5, 2.5, 41), np.linspace(-2.5, 1.5, 41)
    assert tiny.density(x, y).sum() * (x[1] - x[0]) * (y[1] - y[0]) == pytest.approx(1.0, abs=0.01)
    assert tiny.moved_children((0.3, 0.3)).table["change"].iloc[0] > 0
    assert set(tiny.borrowing().table["quantity"]) == {"mu", "tau", "theta_new"}
    tree = tiny.to_arviz(draws=50, chains=2)
    assert tree["posterior"]["theta"].shape == (2, 50, 4, 2)
    assert np.isfinite(tree["posterior_predictive"]["y"]).all()
    assert tiny.to_dict()["engine"] == "exact"


def test_what_it_does_not_carry_is_refused_with_the_remedy():
    with pytest.raises(PriorError, match=r"normal or flat prior.*nuts"):
        bm.fit(TINY, bm.JointModel("trinomial", mu="student_t(4, 0, 1)"))
    with pytest.raises(PriorError, match=r"baseline prior.*needs a normal one"):
        bm.fit(TINY, bm.JointModel("trinomial", baseline="student_t(4, 0, 1)"))
    estimate = Trials(pd.DataFrame({"study": ["A"], "estimate": [0.1], "se": [0.3]}), outcome="other")
    with pytest.raises(ModelError, match=r"\(A\): no counts of other.*--likelihood normal"):
        bm.fit(join(WELL, estimate), bm.JointModel("trinomial"))
