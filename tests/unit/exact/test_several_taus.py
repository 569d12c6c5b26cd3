"""Heterogeneity that differs: a tau for each level, or log tau linear in moderators, by nodes over all parameters."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

import bayesmeta as bm
from bayesmeta.effects import covariance, effect_sizes
from bayesmeta.exact.given_tau import NormalProblem
from bayesmeta.exact.several_taus import SpreadProblem
from bayesmeta.model import heterogeneity_of

BCG = bm.load("bcg")
TWO = bm.Trials(BCG.table.assign(group=["a", "b"] * 6 + ["a"], all="x"))
COLUMNS = ["mean", "sd", "median", "lower", "upper"]
WIDE = "normal(0, 0.05)"  # of alpha per degree of latitude: a factor of 1/5 to 5 over 16 degrees


def brute_force(model, trials, first, second):
    """log p(y) and means of mu and of both parameters: matrices of all rows at a lattice of Gauss-Legendre nodes."""
    effects, design = effect_sizes(trials), model.design(trials)
    heterogeneity = heterogeneity_of(model, trials)
    sampling, between = np.diag(effects.se**2), np.eye(len(effects.y))
    for group in effects.shared:
        sampling[np.ix_(group, group)] = covariance(effects, group)
        between[np.ix_(group, group)] = 0.5 + 0.5 * np.eye(len(group))
    total, log_p, mean = [], [], []
    for x, w in zip(*first):
        for z, v in zip(*second):
            tau = heterogeneity.tau(np.array([x, z]))
            marginal = sampling + np.outer(tau, tau) * between
            precision = np.linalg.inv(marginal)
            of_beta = design.matrix.T @ precision @ design.matrix + np.diag(design.prior_scale**-2.0)
            mean.append(np.linalg.solve(of_beta, design.matrix.T @ precision @ effects.y)[0])
            marginal = marginal + design.matrix @ np.diag(design.prior_scale**2) @ design.matrix.T
            prior = sum(
                one.log_density(np.array([value]))[0]
                for one, value in zip((*heterogeneity.tau_priors, *heterogeneity.alpha_priors), (x, z))
            )
            log_p.append(multivariate_normal(np.zeros(len(tau)), marginal).logpdf(effects.y) + prior + np.log(w * v))
            total.append((x, z))
    log_p, total = np.array(log_p), np.array(total)
    weight = np.exp(log_p - log_p.max())
    log_marginal = log_p.max() + np.log(weight.sum())
    weight /= weight.sum()
    return log_marginal, weight @ np.array(mean), weight @ total, total, weight


def nodes(low, high, n=60):
    x, w = np.polynomial.legendre.leggauss(n)
    return low + (high - low) * 0.5 * (x + 1), w * 0.5 * (high - low)


def test_two_groups_as_by_brute_force():
    model = bm.Model("normal", tau_by="group")
    posterior = bm.fit(TWO, model)
    log_marginal, mu, taus, values, weight = brute_force(model, TWO, nodes(0, 4), nodes(0, 4))
    assert posterior.log_marginal_likelihood == pytest.approx(log_marginal, abs=1e-8)
    found = [posterior[name].mean for name in ("mu", "tau[a]", "tau[b]")]
    assert found == pytest.approx([mu, *taus], abs=1e-8)
    above, equal = values[:, 0] > values[:, 1], values[:, 0] == values[:, 1]
    more = weight[above].sum() + 0.5 * weight[equal].sum()  # a step on a lattice is known to a cell
    assert posterior.tau_ratio("a", "b").probability(above=1) == pytest.approx(more, abs=5e-3)


def test_log_tau_linear_in_a_moderator_as_by_brute_force():
    model = bm.Model("normal", scale="~ latitude", alpha=WIDE)
    posterior = bm.fit(BCG, model)
    second = nodes(-0.25, 0.25, 110)
    parts = [brute_force(model, BCG, nodes(low, high, 44), second) for low, high in ((0, 1.5), (1.5, 5))]
    log_marginal = np.logaddexp(*(part[0] for part in parts))
    share = np.exp([part[0] - log_marginal for part in parts])
    # The lattice is good to 5e-8; that finer nodes change less than that is tested below.
    assert posterior.log_marginal_likelihood == pytest.approx(log_marginal, abs=1e-7)
    assert posterior["mu"].mean == pytest.approx(share @ [part[1] for part in parts], abs=1e-7)
    assert [posterior["tau"].mean, posterior["alpha[latitude]"].mean] == pytest.approx(
        share @ [part[2] for part in parts], abs=1e-7
    )


def test_arms_that_share_a_control_have_the_tau_of_their_level():
    trials = bm.load("attachment/secure", rows="arms")
    model = bm.Model("normal", tau_by="sensitivity_focused")
    posterior = bm.fit(trials, model)
    log_marginal, mu, taus, _, _ = brute_force(model, trials, nodes(0, 4), nodes(0, 4))
    assert posterior.log_marginal_likelihood == pytest.approx(log_marginal, abs=1e-8)
    assert [posterior[name].mean for name in ("mu", "tau[no]", "tau[yes]")] == pytest.approx([mu, *taus], abs=1e-8)
    apart = bm.Trials(trials.table.assign(arm=[str(row) for row in range(trials.k)]))
    with pytest.raises(bm.ModelError, match="share a control arm and differ in arm"):
        bm.fit(apart, bm.Model("normal", tau_by="arm"))


@pytest.mark.parametrize(
    ("changes", "names"),
    [({"tau_by": "all"}, ("tau[x]", "theta_new[x]")), ({"scale": "~ year", "alpha": "normal(0, 1e-9)"}, None)],
    ids=["one level", "alpha known to be 0"],
)
@pytest.mark.parametrize("moderators", [None, "~ latitude"])
def test_no_difference_is_the_ordinary_fit(changes, names, moderators):
    model = bm.Model("normal", moderators=moderators)
    plain, found = bm.fit(TWO, model), bm.fit(TWO, model.but(**changes))
    own, ordinary = found.summary()[COLUMNS], plain.summary()[COLUMNS]
    own = own.rename(index=dict(zip(names or (), ("tau", "theta_new"))))
    assert own.loc[ordinary.index].to_numpy() == pytest.approx(ordinary.to_numpy(), abs=1e-8)
    same = found.studies().set_index("study") - plain.studies().set_index("study")
    assert np.abs(same.to_numpy()).max() < 1e-8
    assert found.log_marginal_likelihood == pytest.approx(plain.log_marginal_likelihood, abs=1e-8)


def test_groups_with_a_mean_and_a_tau_each_are_separate_fits():
    model = bm.Model("normal", moderators="~ 0 + group", tau_by="group", beta="normal(0, 2.82)")
    together = bm.fit(TWO, model)
    total = 0.0
    for level in ("a", "b"):
        alone = bm.fit(TWO.select((TWO.table["group"] == level).to_numpy()), bm.Model("normal", mu="normal(0, 2.82)"))
        total += alone.log_marginal_likelihood
        found = together.summary()[COLUMNS].loc[[f"group[{level}]", f"tau[{level}]"]]
        assert found.to_numpy() == pytest.approx(alone.summary()[COLUMNS].loc[["mu", "tau"]].to_numpy(), abs=1e-8)
        new = together.new_setting({"group": level}).quantile(np.array([0.025, 0.5, 0.975]))
        assert new == pytest.approx(alone["theta_new"].quantile(np.array([0.025, 0.5, 0.975])), abs=1e-8)
    assert together.log_marginal_likelihood == pytest.approx(total, abs=1e-8)


def test_row_order_and_labels_do_not_matter():
    model = bm.Model("normal", tau_by="group")
    names = {"a": "second", "b": "first"}
    other = bm.Trials(TWO.table.assign(group=[names[level] for level in TWO.table["group"]])).select(range(12, -1, -1))
    one, two = bm.fit(TWO, model), bm.fit(other, model)
    for here, there in (("mu", "mu"), ("tau[a]", "tau[second]"), ("theta_new[b]", "theta_new[first]")):
        assert one.summary()[COLUMNS].loc[here].to_numpy() == pytest.approx(
            two.summary()[COLUMNS].loc[there].to_numpy(), abs=1e-8
        )
    ratio, inverse = one.tau_ratio("a", "b"), two.tau_ratio("first", "second")
    assert ratio.probability(above=1) == pytest.approx(inverse.probability(below=1), abs=1e-8)
    assert ratio.median == pytest.approx(1 / inverse.median, rel=1e-7)


@pytest.mark.parametrize(
    "how",
    [{"tau_by": "group"}, {"scale": "~ latitude", "alpha": WIDE}, {"tau_by": "group", "tau": "half_cauchy(0.5)"}],
    ids=str,
)
def test_finer_nodes_change_nothing(how):
    posterior = bm.fit(TWO, bm.Model("normal", **how), accuracy=True)
    assert posterior.diagnostics["accuracy"]["worst_change"] < 1e-7
    assert posterior.diagnostics["accuracy"]["log_marginal_likelihood_change"] < 1e-8


@pytest.mark.parametrize("how", [{"tau_by": "group"}, {"scale": "~ latitude"}], ids=str)
@pytest.mark.parametrize("moderators", [None, "~ latitude"])
def test_the_flat_prior_mode_is_the_maximum_likelihood_estimate(how, moderators):
    # The engine's p(y, beta | tau_i) with flat priors of beta, at its highest; and log N(y; X beta, V + T) by itself.
    model = bm.Model("normal", mu="flat", beta="flat", moderators=moderators, **how)
    effects, design, heterogeneity = effect_sizes(TWO), model.design(TWO), heterogeneity_of(model, TWO)
    spread = SpreadProblem(NormalProblem.of(effects, design, 0.5), heterogeneity)
    p = design.matrix.shape[1]

    def parts(x):
        return x[:p], np.concatenate([np.exp(x[p : p + 1]), np.exp(x[p + 1 :]) if "tau_by" in how else x[p + 1 :]])

    def by_engine(x):
        beta, parameters = parts(x)
        given = spread.given(parameters[None])
        z = np.linalg.solve(given.root[0], beta - given.mean[0])
        log_normal = -0.5 * (z @ z + p * np.log(2 * np.pi)) - np.log(np.abs(np.linalg.det(given.root[0])))
        return -(given.log_evidence[0] + log_normal)

    def by_itself(x):
        beta, parameters = parts(x)
        variance = effects.se**2 + heterogeneity.tau(parameters) ** 2
        away = effects.y - design.matrix @ beta
        return 0.5 * np.sum(np.log(2 * np.pi * variance) + away**2 / variance)

    start = np.concatenate([[-0.7], np.zeros(p - 1), [-0.6, -0.6 if "tau_by" in how else 0.0]])
    options = {"xatol": 1e-9, "fatol": 1e-13, "maxiter": 20_000, "maxfev": 20_000}
    found, own = (minimize(f, start, method="Nelder-Mead", options=options) for f in (by_engine, by_itself))
    assert -found.fun == pytest.approx(-own.fun, abs=1e-9)
    for one, other in zip(parts(found.x), parts(own.x), strict=True):  # a tau at 0 is at any log tau
        assert one == pytest.approx(other, abs=1e-4)
    assert by_engine(own.x) == pytest.approx(own.fun, abs=1e-10)


def test_the_ratio_of_two_settings_is_known_from_alpha():
    posterior = bm.fit(BCG, bm.Model("normal", scale="~ latitude", alpha=WIDE))
    ratio = posterior.tau_ratio({"latitude": 50.0}, {"latitude": 20.0})
    levels = np.array([0.025, 0.5, 0.975])
    assert np.log(ratio.quantile(levels)) / 30 == pytest.approx(
        posterior["alpha[latitude]"].quantile(levels), abs=1e-10
    )
    assert ratio.probability(above=1) == pytest.approx(posterior["alpha[latitude]"].probability(above=0), abs=1e-10)
    draws = ratio.draws(200_000, 1)
    assert ratio.mean == pytest.approx(draws.mean(), abs=6 * draws.std() / np.sqrt(200_000))


def test_draws_have_the_posterior_moments_and_every_answer_is_there():
    posterior = bm.fit(TWO, bm.Model("normal", tau_by="group", tau={"a": "half_cauchy(0.5)"}))
    draws = posterior.draws(40_000, seed=4)
    for j, name in enumerate(("tau[a]", "tau[b]")):
        at = posterior[name].quantile(np.array([0.1, 0.5, 0.9]))
        share = (draws["spread"][:, j : j + 1] < at).mean(axis=0)
        assert share == pytest.approx([0.1, 0.5, 0.9], abs=0.01)
    studies = posterior.studies()
    assert np.abs((draws["theta"].mean(axis=0) - studies["mean"]) / studies["sd"]).max() < 5 / np.sqrt(40_000)
    assert list(posterior.to_dict()["parameters"]) == list(posterior.parameters)
    tree = posterior.to_arviz(draws=50, chains=2)
    assert {"mu", "tau[a]", "theta_new[b]", "theta"} <= set(tree["posterior"])
    assert set(tree["log_prior"]) == {"mu", "tau[a]", "tau[b]"}
    assert bm.Model.from_dict(posterior.model.to_dict()) == posterior.model


def test_a_known_tau_in_one_level():
    model = bm.Model("normal", tau_by="group", tau={"a": "fixed(0.3)"})
    posterior = bm.fit(TWO, model)
    assert posterior["tau[a]"].median == 0.3
    nearly = bm.fit(TWO, model.but(tau={"a": "uniform(0.299999, 0.300001)"}))
    assert posterior["tau[b]"].mean == pytest.approx(nearly["tau[b]"].mean, abs=1e-6)
    with pytest.raises(bm.ModelError, match=r"tau\[a\] is known"):
        posterior.tau_ratio("a", "b")


@pytest.mark.parametrize("moderators", [None, "~ group", "~ 0 + group"])
def test_flat_coefficients_are_the_limit_of_vague_ones(moderators):
    flat = bm.fit(TWO, bm.Model("normal", tau_by="group", mu="flat", beta="flat", moderators=moderators))
    vague = bm.fit(TWO, bm.Model("normal", tau_by="group", mu="normal(0, 1000)", beta="normal(0, 1000)",
                                 moderators=moderators))  # fmt: skip
    np.testing.assert_allclose(flat.summary(), vague.summary(), rtol=1e-4, atol=1e-5)


def test_the_ratios_of_taus_are_in_the_table_and_in_plain_data():
    by_level = bm.fit(TWO, bm.Model("normal", tau_by="group"))
    (row,) = by_level.to_dict()["tau_ratios"]
    assert row["ratio"] == "tau[b] / tau[a]"
    assert row["median"] == pytest.approx(by_level.tau_ratio("b", "a").median, rel=1e-9)
    by_column = bm.fit(TWO, bm.Model("normal", scale="~ latitude", alpha="normal(0, 0.1)"))
    column = TWO.table["latitude"]
    (row,) = by_column.to_dict()["tau_ratios"]
    ratio = by_column.tau_ratio({"latitude": column.max()}, {"latitude": column.min()})
    assert (row["lower"], row["upper"]) == pytest.approx(ratio.interval(), rel=1e-9)
    known = bm.fit(TWO, bm.Model("normal", tau_by="group", tau={"a": "fixed(0.3)"}))
    assert known.to_dict()["tau_ratios"] == []


def test_moments_that_do_not_exist_are_named():
    few = TWO.select([0, 1, 3, 5, 7])  # one trial of level a
    posterior = bm.fit(few, bm.Model("normal", tau_by="group", tau="half_cauchy(0.5)"))
    assert posterior["tau[a]"].sd is None
    assert posterior["tau[b]"].sd is not None
    assert "sd of tau[a]" in posterior.diagnostics["moments_that_do_not_exist"]
    with pytest.raises(bm.PriorError, match=r"uniform.*tau\[a\] with 1 trials: the posterior is improper"):
        bm.fit(few, bm.Model("normal", tau_by="group", tau="improper_uniform"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tau_by": "colour"}, "tau by 'colour': no such column"),
        ({"tau_by": "group", "tau": {"c": "half_normal(1)"}}, "'c', which is no level of group: a, b"),
        ({"scale": "~ latitude", "alpha": {"year": "normal(0, 1)"}}, "'year', which is no column of scale: latitude"),
        ({"scale": "~ latitude", "alpha": "student_t(3, 0, 1)"}, "the exact engine needs a normal one"),
        ({"scale": "~ latitude + year"}, "up to 1 of this kind.*nuts"),
        ({"tau_by": "study", "moderators": "~ latitude"}, "up to 3 of this kind.*nuts"),
        ({"scale": "~ latitude", "random_effects": "student_t(4)"}, "not with normal and student_t"),
    ],
)
def test_what_does_not_go_is_refused(changes, message):
    with pytest.raises(bm.ModelError, match=message):
        bm.fit(TWO, bm.Model("normal", **changes))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"tau_by": "group", "scale": "~ year"}, "two ways"),
        ({"tau": {"a": "half_normal(1)"}}, "State tau_by"),
        ({"alpha": "normal(0, 0.1)"}, "State scale"),
        ({"tau_by": "group", "random_effects": "none"}, "no tau that could differ"),
    ],
)
def test_a_model_that_contradicts_itself_is_refused(parts, message):
    with pytest.raises(bm.ModelError, match=message):
        bm.Model(**parts)


def test_settings_and_names_that_do_not_exist_are_refused():
    posterior = bm.fit(TWO, bm.Model("normal", tau_by="group"))
    with pytest.raises(bm.ModelError, match="group must be one of a, b"):
        posterior.tau_ratio("a", "c")
    with pytest.raises(bm.ModelError, match=r"one for each level: tau\[a\], tau\[b\]"):
        posterior["tau"]
    with pytest.raises(bm.ModelError, match="'year' is no moderator"):
        posterior.new_setting({"group": "a", "year": 1970})
