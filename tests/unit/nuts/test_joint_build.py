"""The density that NUTS sees of two outcomes, against the same density written down in another way."""

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.nuts.joint_plan import joint_plan
from bayesmeta.posterior.joint_before_data import JointAssumed
from bayesmeta.trials import Trials, join

pytestmark = pytest.mark.slow

BOTH = bm.load("attachment/classification")
TAU, RHO, BASELINE = (0.6, 0.4), -0.5, (0.3, 2.0)


def sampled_density(trials, model):
    """The log density as PyMC has it, and the names and shapes of what is sampled."""
    from bayesmeta.nuts.joint_build import build_joint

    effects = JointAssumed.of(trials, model).effects
    plan = joint_plan(trials, model, effects, model.tau_priors)
    built = build_joint(plan.structure)
    with built:
        import pymc as pm

        pm.set_data(plan.data, coords={"study": np.arange(len(plan.table))})
    return built.compile_logp(), effects, len(plan.table)


def written_down(trials, effects, mu, e, g):
    """log p(counts, theta, gamma | mu) |d(theta, gamma) / d(e, g)| of the trials, from SciPy's distributions."""
    from scipy.integrate import quad
    from scipy.special import expit
    from scipy.stats import binom, multinomial, multivariate_normal, norm

    between = np.array([[TAU[0] ** 2, RHO * TAU[0] * TAU[1]], [RHO * TAU[0] * TAU[1], TAU[1] ** 2]])

    one = norm(*BASELINE)

    def place(i, z):
        """theta and gamma of a trial from its e and g, in matrices."""
        root = np.linalg.cholesky(between)
        s = np.diag(np.where(effects.reported[i], effects.se[i] ** 2, np.inf))
        if effects.reported[i].all():
            s[0, 1] = s[1, 0] = effects.covariance[i]
            k = np.linalg.inv(s)
        else:
            k = np.diag([1 / value if np.isfinite(value) else 0.0 for value in np.diag(s)])
        p = np.eye(2) + root.T @ k @ root
        mean = np.linalg.solve(p, root.T @ k @ (np.nan_to_num(effects.y[i]) - mu))
        theta = mu + root @ (mean + np.linalg.cholesky(np.linalg.inv(p)) @ z[:2])
        if not effects.reported[i].all():
            return np.concatenate([theta, z[2:]])
        second = -np.sqrt(np.exp(2 * z[3]) + (theta.sum() / 2) ** 2) - z[2]
        return np.array([*theta, z[2], second])

    total = 0.0
    for i in range(effects.k):
        z = np.concatenate([e[i], g[i]])
        step = 1e-6
        jacobian = np.column_stack(
            [(place(i, z + step * unit) - place(i, z - step * unit)) / (2 * step) for unit in np.eye(4)]
        )
        theta, gamma = np.split(place(i, z), 2)
        total += np.log(abs(np.linalg.det(jacobian))) + multivariate_normal(mu, between).logpdf(theta)
        total += norm(*BASELINE).logpdf(gamma).sum()
        counts = trials.counts[effects.rows[i]]
        arms = [expit(gamma + theta / 2), expit(gamma - theta / 2)]
        if effects.reported[i].all():
            middle = [1 - p.sum() for p in arms]
            assert min(middle) > 0
            # The share of baselines at which these effects are possible, by quadrature over the first baseline.
            bound = -abs(theta.sum()) / 2
            total -= np.log(quad(lambda x, b=bound: one.pdf(x) * one.cdf(b - x), -20, 20, epsabs=1e-12)[0])
            for people, p, rest in zip(trials.categories[effects.rows[i]], arms, middle):
                total += multinomial(people.sum(), [p[0], rest, p[1]]).logpmf(people)
        else:
            j = int(np.flatnonzero(effects.reported[i])[0])
            for column, p in ((0, arms[0]), (2, arms[1])):
                total += binom(counts[j, column + 1], p[j]).logpmf(counts[j, column])
    return total


def test_the_trinomial_density_is_that_of_the_multinomial_counts():
    # Constants apart (multinomial coefficients, 2 pi), so differences between points are compared.
    baseline = f"normal({BASELINE[0]}, {BASELINE[1]})"
    model = bm.JointModel("trinomial", tau=("fixed(0.6)", "fixed(0.4)"), rho="fixed(-0.5)", baseline=baseline)
    first, second = BOTH.first.select([1, 2, 5]), BOTH.second
    trials = join(first, second)  # two trials with three counts, one with each cut alone
    assert trials.in_both.sum() == 2
    density, effects, size = sampled_density(trials, model)
    rng = np.random.default_rng(4)
    ours, theirs = [], []
    for _ in range(6):
        mu = rng.normal(0, 0.7, 2)
        e, g = rng.normal(0, 0.8, (size, 2)), rng.normal(0, 0.8, (size, 2))
        point = {"mu_0": np.array(mu[0]), "mu_1": np.array(mu[1]), "e": e, "g": g}
        spare = -0.5 * (e[effects.k :] ** 2).sum()
        spare += -0.5 * (((g[effects.k :] - BASELINE[0]) / BASELINE[1]) ** 2).sum()
        prior = sum(float(p.log_density(value)) for p, value in zip(model.mu_priors, mu))
        ours.append(float(density(point)) - spare - prior)
        theirs.append(written_down(trials, effects, mu, e[: effects.k], g[: effects.k]))
    assert np.diff(ours) == pytest.approx(np.diff(theirs), abs=2e-6)


def test_trials_without_counts_are_refused_with_the_remedy():
    import pandas as pd

    other = Trials(pd.DataFrame({"study": ["A"], "estimate": [0.1], "se": [0.3]}), outcome="other")
    with pytest.raises(bm.ModelError, match=r"\(A\): no counts of other.*--likelihood normal"):
        bm.fit(join(BOTH.first, other), bm.JointModel("trinomial"), engine="nuts")


@pytest.mark.parametrize("likelihood", ["normal", "trinomial"])
def test_the_order_of_rows_and_the_names_of_studies_do_not_matter(likelihood):
    model = bm.JointModel(likelihood, tau=("fixed(0.6)", "fixed(0.4)"), rho="fixed(-0.5)")
    names = {study: f"trial {i}" for i, study in enumerate(BOTH.studies)}
    parts = []
    for part, rows in ((BOTH.first, [4, 2, 7, 0, 1, 6, 3, 5]), (BOTH.second, [2, 0, 1])):
        table = part.table.iloc[rows].copy()
        table["study"] = table["study"].map(names)
        parts.append(Trials(table, name="renamed", outcome=part.outcome))
    density, effects, size = sampled_density(BOTH, model)
    other, renamed, _ = sampled_density(join(*parts), model)
    where = [renamed.studies.index(names[study]) for study in effects.studies]
    assert where != sorted(where)
    rng = np.random.default_rng(8)
    for _ in range(3):
        point = {name: np.array(rng.normal(0, 0.7)) for name in ("mu_0", "mu_1")}
        again = dict(point)
        for name in ("e", "g") if likelihood == "trinomial" else ():
            value = rng.normal(0, 0.8, (size, 2))
            moved = value.copy()
            moved[where] = value[: effects.k]
            point[name], again[name] = value, moved
        assert float(other(again)) == pytest.approx(float(density(point)), abs=1e-9)
