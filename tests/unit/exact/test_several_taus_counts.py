"""A tau for each level under likelihoods of counts: levels are independent given the mean effect."""

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.exact.several_taus_counts_posterior import fit_levels

CRINS = bm.load("crins2014")
TWO = bm.Trials(CRINS.table.assign(group=["a", "b"] * 3, all="x"))
COLUMNS = ["mean", "sd", "median", "lower", "upper"]


def test_level_by_level_is_what_nodes_over_all_taus_give():
    # Two independent ways to one posterior: under the normal likelihood both can be gone.
    model = bm.Model("normal", tau_by="group")
    one, other = fit_levels(TWO, model), bm.fit(TWO, model)
    assert one.summary()[COLUMNS].to_numpy() == pytest.approx(other.summary()[COLUMNS].to_numpy(), abs=1e-7)
    same = one.studies().set_index("study") - other.studies().set_index("study")
    assert np.abs(same.to_numpy()).max() < 1e-7
    assert one.log_marginal_likelihood == pytest.approx(other.log_marginal_likelihood, abs=1e-8)
    ratios = [posterior.tau_ratio("a", "b") for posterior in (one, other)]
    levels = np.array([0.025, 0.5, 0.975])
    assert ratios[0].quantile(levels) == pytest.approx(ratios[1].quantile(levels), rel=1e-6)
    assert ratios[0].probability(above=1) == pytest.approx(ratios[1].probability(above=1), abs=1e-8)


@pytest.mark.parametrize("likelihood", ["hypergeometric", "binomial"])
def test_one_level_is_the_ordinary_fit(likelihood):
    found, plain = bm.fit(TWO, bm.Model(likelihood, tau_by="all")), bm.fit(TWO, bm.Model(likelihood))
    assert found.summary()[COLUMNS].to_numpy() == pytest.approx(plain.summary()[COLUMNS].to_numpy(), abs=1e-8)
    assert found.log_marginal_likelihood == pytest.approx(plain.log_marginal_likelihood, abs=1e-9)


def test_each_level_tells_the_same_of_the_mean_they_share():
    posterior = bm.fit(TWO, bm.Model("hypergeometric", tau_by="group"))
    first, second = posterior._levels.posteriors
    assert first.log_marginal_likelihood == pytest.approx(second.log_marginal_likelihood, abs=1e-8)
    levels = np.array([0.025, 0.5, 0.975])
    assert first["mu"].quantile(levels) == pytest.approx(second["mu"].quantile(levels), abs=1e-7)


def test_counts_as_by_brute_force():
    model = bm.Model("hypergeometric", tau_by="group")
    posterior = bm.fit(TWO, model)
    mu, tau = np.linspace(-5.0, 2.0, 141), np.linspace(0.0, 3.5, 141)
    alone = bm.fit(TWO, bm.Model("hypergeometric"))  # its l_i(m, tau) are tested elsewhere
    each = np.stack([alone.log_likelihood(np.repeat(mu[:, None], 6, axis=1), np.full(141, one)) for one in tau])
    prior = model.tau_prior.log_density(tau)[:, None]
    of_level = [each[:, :, rows].sum(axis=2) + prior for rows in ([0, 2, 4], [1, 3, 5])]
    for one in of_level:
        one[0] -= np.log(2.0)  # the trapezoid rule's end
    step = tau[1] - tau[0]
    of_mu = model.prior_of("mu").log_density(mu) + sum(np.log(np.exp(one).sum(axis=0) * step) for one in of_level)
    log_marginal = np.log(np.exp(of_mu).sum() * (mu[1] - mu[0]))
    assert posterior.log_marginal_likelihood == pytest.approx(log_marginal, abs=2e-4)
    weight = np.exp(of_mu) / np.exp(of_mu).sum()
    assert posterior["mu"].mean == pytest.approx(weight @ mu, abs=2e-4)
    means = [((np.exp(one) * tau[:, None]).sum(axis=0) / np.exp(one).sum(axis=0)) @ weight for one in of_level]
    assert [posterior["tau[a]"].mean, posterior["tau[b]"].mean] == pytest.approx(means, abs=2e-4)


@pytest.mark.parametrize("random_effects", ["normal", "student_t(4)"])
def test_groups_with_a_mean_and_a_tau_each_are_separate_fits(random_effects):
    model = bm.Model("hypergeometric", random_effects, "~ 0 + group", tau_by="group", beta="normal(0, 2.82)")
    together = bm.fit(TWO, model)
    total = 0.0
    for level in ("a", "b"):
        own = TWO.select((TWO.table["group"] == level).to_numpy())
        alone = bm.fit(own, bm.Model("hypergeometric", random_effects, mu="normal(0, 2.82)"))
        total += alone.log_marginal_likelihood
        found = together.summary()[COLUMNS].loc[[f"group[{level}]", f"tau[{level}]", f"theta_new[{level}]"]]
        expected = alone.summary()[COLUMNS].loc[["mu", "tau", "theta_new"]]
        assert found.to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-9, nan_ok=True)
    assert together.log_marginal_likelihood == pytest.approx(total, abs=1e-9)
    difference = together.contrast([1.0, -1.0])
    parts = [together[f"group[{level}]"] for level in ("a", "b")]
    assert difference.mean == pytest.approx(parts[0].mean - parts[1].mean, abs=1e-8)
    assert difference.sd == pytest.approx(np.hypot(parts[0].sd, parts[1].sd), abs=1e-8)


def test_row_order_and_labels_do_not_matter():
    names = {"a": "second", "b": "first"}
    other = bm.Trials(TWO.table.assign(group=[names[one] for one in TWO.table["group"]])).select([5, 3, 1, 0, 2, 4])
    one, two = (bm.fit(table, bm.Model("hypergeometric", tau_by="group")) for table in (TWO, other))
    for here, there in (("mu", "mu"), ("tau[a]", "tau[second]"), ("theta_new[b]", "theta_new[first]")):
        assert one.summary()[COLUMNS].loc[here].to_numpy() == pytest.approx(
            two.summary()[COLUMNS].loc[there].to_numpy(), abs=1e-6
        )
    assert one.study("Heffron (2003)").mean == pytest.approx(two.study("Heffron (2003)").mean, abs=1e-6)


def test_arms_that_share_a_control_draws_and_every_answer():
    posterior = bm.fit(bm.load("attachment/disorganised", rows="arms"), bm.Model(tau_by="sensitivity_focused"))
    assert posterior.model.likelihood == "hypergeometric"
    assert posterior.accuracy()["change"].max() < 1e-6
    draws = posterior.draws(4000, seed=3)
    studies, parameters = posterior.studies(), posterior.summary()
    for name, values in (("mu", draws["beta"][:, 0]), *zip(posterior.heterogeneity.names, draws["spread"].T)):
        assert abs(values.mean() - parameters.loc[name, "mean"]) < 5 * parameters.loc[name, "sd"] / np.sqrt(4000)
    assert np.abs((draws["theta"].mean(axis=0) - studies["mean"]) / studies["sd"]).max() < 5 / np.sqrt(4000)
    tree = posterior.to_arviz(draws=20, chains=2)
    assert {"mu", "tau[no]", "theta_new[yes]"} <= set(tree["posterior"])
    assert list(posterior.to_dict()["parameters"]) == list(posterior.parameters)


def test_more_levels_than_nodes_go_over_are_fitted_level_by_level():
    trials = bm.load("bcg")
    table = bm.Trials(trials.table.assign(group=list("aaabbbcccdddd")))
    posterior = bm.fit(table, bm.Model("normal", tau_by="group"))
    assert [name for name in posterior.parameters if name.startswith("tau")] == [f"tau[{one}]" for one in "abcd"]


def test_what_is_not_carried_is_refused_with_what_does():
    with pytest.raises(bm.ModelError, match='moderators "~ 0 \\+ group"'):
        bm.fit(TWO, bm.Model("hypergeometric", moderators="~ randomized", tau_by="group"))
    with pytest.raises(bm.ModelError, match="not with hypergeometric and normal"):
        bm.fit(TWO, bm.Model("hypergeometric", scale="~ group"))
