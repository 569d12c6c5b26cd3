"""What trials that cannot be read must have shown: the constraint, its integral, and hidden trials that come back."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.errors import DataError, ModelError
from bayesmeta.plots.unread_trials import unread_trials as draw_unread_trials
from bayesmeta.sensitivity.impossible_pools import least_spread
from bayesmeta.sensitivity.split_pool import Constraint
from bayesmeta.sensitivity.unread_trials import Summary, summary, unread_trials
from bayesmeta.trials import PublishedPool

SECURE, DISORGANISED = bm.load("attachment/secure"), bm.load("attachment/disorganised")


def estimates(y, se):
    names = [f"simulated {number + 1}" for number in range(len(y))]
    return bm.Trials(pd.DataFrame({"study": names, "estimate": y, "se": se}))


def pool_of(y, se, tau, decimals=None):
    """The pool of all trials by inverse variance, exact or as printed."""
    weight = 1 / (se**2 + tau**2)
    mean, error = weight @ y / weight.sum(), weight.sum() ** -0.5
    figures = np.exp(mean + error * np.array([0.0, -1.959963984540054, 1.959963984540054]))
    figures = figures if decimals is None else figures.round(decimals)
    return PublishedPool.from_odds_ratio("simulated", len(y), *figures.tolist(), year=2023, source="simulated")


def der_simonian_laird(y, se):
    w = se**-2.0
    q = w @ (y - w @ y / w.sum()) ** 2
    return np.sqrt(max(0.0, (q - (len(y) - 1)) / (w.sum() - w @ w / w.sum())))


@pytest.fixture(scope="module")
def secure():
    return unread_trials(SECURE)


@pytest.fixture(scope="module")
def disorganised():
    return unread_trials(DISORGANISED)


@pytest.fixture(scope="module")
def constraint():
    return Constraint(bm.effect_sizes(SECURE), 26, np.array([SECURE.published.se]), 0.35)


# The constraint


def test_at_the_tau_of_its_weights_a_pool_comes_apart_exactly():
    rng = np.random.default_rng(1)
    y, se, tau = rng.normal(0.5, 0.7, 12), rng.uniform(0.2, 0.8, 12), 0.4
    rest = 1 / (se[5:] ** 2 + tau**2)
    pool = pool_of(y, se, tau)
    split = Constraint(bm.effect_sizes(estimates(y[:5], se[:5])), 12, np.array([pool.se]), 0.35).split(np.array([tau]))
    assert split.rest_precision[0, 0] == pytest.approx(rest.sum(), rel=1e-9)
    mean = (pool.estimate / pool.se**2 - split.read_precision[0] * split.read_mean[0]) / split.rest_precision[0, 0]
    assert mean == pytest.approx(rest @ y[5:] / rest.sum(), rel=1e-9)
    # The typical variance of equal trials is theirs.
    alike = pool_of(y, np.full(12, 0.3), tau)
    same = Constraint(bm.effect_sizes(estimates(y[:5], np.full(5, 0.3))), 12, np.array([alike.se]), 0.35)
    assert same.split(np.array([tau])).log_ratio[0, 0] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("tau", [0.0, 0.3, 0.6, 1.2])
def test_given_tau_the_density_of_the_standard_error_integrates_to_one(constraint, tau):
    # Only with the right Jacobian. From v_rest near 0 to v_rest without bound: SE up to 1 / sqrt(sum of read weights).
    read = np.sum(1 / (constraint.effects.se**2 + tau**2))
    typical = constraint.effects.k / read - tau**2
    size = np.exp(np.linspace(-8, 8, 4001) * constraint.log_size) * typical
    se = (constraint.k_rest / (size + tau**2) + read) ** -0.5
    density = np.exp(replace(constraint, se=se).split(np.array([tau])).log_density[:, 0])
    assert np.trapezoid(density, se) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("tau", [0.05, 0.5, 1.5])
def test_given_tau_its_estimate_has_all_of_its_probability(constraint, tau):
    variance = 0.25  # the sampling variance stays, so k SE^2 = estimate^2 + variance moves with the estimate
    used = np.linspace(1e-4, 6.0, 1501)
    se = np.sqrt((used**2 + variance) / constraint.k)
    density = np.exp(np.einsum("ssn->sn", replace(constraint, se=se).log_used(used, np.array([tau]))))[:, 0]
    zero = replace(constraint, se=np.array([np.sqrt(variance / constraint.k)])).log_zero(np.array([tau]))
    assert np.trapezoid(density, used) + np.exp(zero[0, 0, 0]) == pytest.approx(1.0, abs=1e-4)


# The integration


def test_the_posterior_is_that_of_a_dense_grid():
    trials, prior = DISORGANISED, bm.HalfNormal(0.5)
    found = unread_trials(trials, decimals=None, size=4)
    exact = Constraint(bm.effect_sizes(trials), 20, np.array([trials.published.se]), np.log(4) / 1.959963984540054)
    used, tau = np.linspace(1e-6, 0.85, 1701), np.linspace(0, 3, 1501)
    split = exact.split(used)
    with np.errstate(over="ignore"):
        joint = np.exp(exact.log_used(used, tau)[0] + split.log_density[0, :, None]) * prior.density(tau)
    at_zero = np.exp(exact.log_zero(tau)[0, 0] + exact.split(np.zeros(1)).log_density[0, 0]) * prior.density(tau)
    of_tau = np.trapezoid(joint, used, axis=0) + at_zero
    total = np.trapezoid(of_tau, tau)
    assert found.tau_used.zero == pytest.approx(np.trapezoid(at_zero, tau) / total, rel=1e-3)
    assert found.tau.mean == pytest.approx(np.trapezoid(of_tau * tau, tau) / total, rel=1e-4)
    of_used = np.trapezoid(joint, tau, axis=1) / total
    assert found.tau_used.mean == pytest.approx(np.trapezoid(of_used * used, used), rel=1e-3)
    assert found.tau_used.pdf(used[200:1400:100]) == pytest.approx(of_used[200:1400:100], rel=1e-3)
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = trials.published.estimate / trials.published.se**2 - split.read_precision * split.read_mean
        rest = np.where(split.rest_precision[0] > 0, rest / split.rest_precision[0], 0.0)
    at_common = found.rest.mean - np.trapezoid(of_used * rest, used)  # what t = 0 adds
    common = exact.split(np.zeros(1))
    value = trials.published.estimate / trials.published.se**2 - common.read_precision[0] * common.read_mean[0]
    assert at_common == pytest.approx(found.tau_used.zero * value / common.rest_precision[0, 0], abs=1e-3)


def test_density_cdf_and_quantile_of_both_taus_agree(disorganised):
    wide = unread_trials(DISORGANISED, size=4)
    assert wide.tau_used.zero > 0.01
    for marginal in (disorganised.tau, wide.tau, disorganised.tau_used, wide.tau_used):
        p = np.array([0.1, 0.4, 0.9, 0.99])
        assert marginal.cdf(marginal.quantile(p)) == pytest.approx(p, abs=1e-8)
        x = np.linspace(0, float(marginal.quantile(1 - 1e-9)), 4001)
        zero = float(marginal.cdf(0.0))
        assert np.trapezoid(marginal.pdf(x), x) + zero == pytest.approx(1.0, abs=1e-5)
        draws = marginal.draws(4000, 3)
        assert draws.mean() == pytest.approx(marginal.mean, abs=4 * marginal.sd / np.sqrt(4000))
    assert wide.tau_used.quantile(0.5 * wide.tau_used.zero) == 0.0
    assert wide.tau_used.interval(kind="shortest")[0] == 0.0


def test_read_and_unread_give_the_published_pool_again(secure):
    # At the median of tau in the weights, by hand.
    tau = secure.tau_used.median
    effects = bm.effect_sizes(SECURE)
    weight = 1 / (effects.se**2 + tau**2)
    whole = 1 / SECURE.published.se**2
    rest = (SECURE.published.estimate * whole - weight @ effects.y) / (whole - weight.sum())
    assert secure.rest_pooled.median == pytest.approx(rest, abs=0.01)


def test_by_hand_the_unread_trials_are_where_they_were_worked_out_roughly(secure, disorganised):
    # data/DATA.md: about OR 1.4 to 1.55 and 0.6 to 0.7 for the published figures to hold.
    assert 1.4 < np.exp(secure.rest_pooled.median) < 1.55
    assert 0.6 < np.exp(disorganised.rest_pooled.median) < 0.7
    assert secure.difference.probability(above=0) > 0.975
    assert disorganised.difference.probability(below=0) > 0.975


def test_swapping_the_arms_negates_effects_and_keeps_tau(secure):
    pool = SECURE.published
    mirrored = PublishedPool(pool.outcome, pool.k, -pool.estimate, -pool.upper, -pool.lower, pool.year, pool.source)
    swap = {"events_treated": "events_control", "total_treated": "total_control"}
    table = SECURE.table.rename(columns=swap | {new: old for old, new in swap.items()})
    other = unread_trials(replace(SECURE, table=table), mirrored, decimals=None)
    same = unread_trials(SECURE, decimals=None)
    assert other.rest_pooled.median == pytest.approx(-same.rest_pooled.median, abs=1e-9)
    assert other.difference.mean == pytest.approx(-same.difference.mean, abs=1e-9)
    assert other.tau.quantile(0.9) == pytest.approx(same.tau.quantile(0.9), abs=1e-9)


def test_sizes_known_better_leave_less_open_and_rounding_adds_little(secure):
    widths = [np.ptp(unread_trials(SECURE, size=size).rest_pooled) for size in (1.2, 2.0, 4.0)]
    assert widths == sorted(widths)
    table = secure.varied(taus=["half_normal(0.5)"], sizes=[2.0])
    averaged, exact = table.iloc[0], table.iloc[1]
    assert np.isnan(exact["decimals"])
    assert averaged["rest_median"] == pytest.approx(np.exp(secure.rest_pooled.median))
    assert abs(np.log(averaged["rest_median"] / exact["rest_median"])) < 0.02


def test_mu_is_the_published_result_and_a_new_setting_adds_tau(secure):
    assert np.exp(summary(secure.mu)) == pytest.approx([1.85, 1.36, 2.52], abs=0.01)
    assert secure.theta_new.sd**2 == pytest.approx(secure.mu.sd**2 + secure.tau.sd**2 + secure.tau.mean**2, rel=1e-3)
    flat, doubtful = (unread_trials(SECURE, mu=prior).mu.mean for prior in ("flat", "normal(0, 0.2)"))
    assert doubtful < 0.8 * flat


@pytest.mark.parametrize("prior", ["flat", "student_t(4, 0, 1)", "bartos_effect(cochrane)",
                                   "mixture(0.5, sceptical(2), 0.5, normal(0, 2.82))"])  # fmt: skip
def test_mu_has_the_posterior_of_the_published_pool_under_every_kind_of_prior(prior):
    found = unread_trials(SECURE, mu=prior, decimals=None)
    mu = bm.sensitivity.published_pool(SECURE, [prior], decimals=None).posteriors[prior]
    levels = np.array([0.01, 0.5, 0.99])
    assert found.mu.quantile(levels) == pytest.approx(mu.quantile(levels), abs=1e-8)
    assert found.theta_new.mean == pytest.approx(mu.mean, abs=1e-8)
    assert found.theta_new.sd**2 == pytest.approx(mu.sd**2 + found.tau.sd**2 + found.tau.mean**2, rel=1e-6)


# Hidden trials come back


def hidden_and_found(seed, preference):
    """One meta-analysis of 26 simulated trials, printed with two decimals; 18 are hidden and worked out."""
    rng = np.random.default_rng([7, seed])
    prior = bm.HalfNormal(0.5)
    tau = float(prior.draws(1, rng)[0])
    se = np.sqrt(rng.lognormal(np.log(0.2), 0.5, 26))
    y = rng.normal(0.6, np.hypot(tau, se))
    order = np.argsort(-preference(y, se) - rng.gumbel(size=26))
    read, hidden = order[:8], order[8:]
    used = der_simonian_laird(y, se)
    weight = 1 / (se[hidden] ** 2 + used**2)
    found = unread_trials(estimates(y[read], se[read]), pool_of(y, se, used, decimals=2), tau=prior)
    return tau, used, weight @ y[hidden] / weight.sum(), found


def test_trials_hidden_at_random_are_recovered():
    runs = [hidden_and_found(seed, lambda y, se: np.zeros(26)) for seed in range(120)]
    pooled = np.mean([found.rest_pooled.lower <= hidden <= found.rest_pooled.upper for _, _, hidden, found in runs])
    weights = np.mean([abs(found.tau_used.cdf(used) - 0.5) <= 0.475 for _, used, _, found in runs])
    true = np.mean([abs(found.tau.cdf(tau) - 0.5) <= 0.475 for tau, _, _, found in runs])
    mean = np.mean([abs(found.rest.cdf(0.6) - 0.5) <= 0.475 for _, _, _, found in runs])
    error = 3.5 * np.sqrt(0.95 * 0.05 / len(runs))  # binomial
    assert min(pooled, weights) >= 0.95 - error
    assert abs(true - 0.95) <= error
    assert abs(mean - 0.95) <= error
    assert np.mean([found.rest_pooled.median - hidden for _, _, hidden, found in runs]) == pytest.approx(0.0, abs=0.02)


def test_trials_hidden_because_they_do_not_convince_are_recovered_and_the_difference_is_seen():
    runs = [hidden_and_found(seed, lambda y, se: y / se) for seed in range(60)]
    covered = np.mean([found.rest_pooled.lower <= hidden <= found.rest_pooled.upper for _, _, hidden, found in runs])
    assert covered >= 0.95 - 3.5 * np.sqrt(0.95 * 0.05 / len(runs))
    assert np.mean([found.difference.median > 0 for *_, found in runs]) > 0.9


def test_a_pool_of_equal_trials_with_no_heterogeneity_may_have_had_an_estimate_of_zero():
    y = np.tile([0.5, 0.7], 10)
    found = unread_trials(estimates(y[:6], np.full(6, 0.4)), pool_of(y, np.full(20, 0.4), 0.0), decimals=None)
    assert found.tau_used.zero > 0.2
    assert found.tau_used.interval()[0] == 0.0
    assert found.i2.lower == 0.0


# Can both be right?


def generalised_q(y, se, tau):
    weight = 1 / (se**2 + tau**2)
    return weight @ (y - weight @ y / weight.sum()) ** 2


@pytest.mark.parametrize("seed", range(5))
def test_no_pool_has_a_smaller_q_than_its_read_trials_leave(seed):
    rng = np.random.default_rng(seed)
    se, tau = rng.uniform(0.2, 0.8, 15), rng.uniform(0.0, 1.0)
    y = rng.normal(0.5, np.hypot(0.6, se))
    used = np.array([tau])

    def least(y):
        pool = pool_of(y, se, tau)
        part = Constraint(bm.effect_sizes(estimates(y[:5], se[:5])), 15, np.array([pool.se]), 0.35)
        return 14 * least_spread(part, part.split(used), used, np.array([[pool.estimate]]))[0, 0, 0]

    assert least(y) < generalised_q(y, se, tau)
    # Reached where the unread trials all show one effect.
    alike = np.where(np.arange(15) < 5, y, y[5])
    assert least(alike) == pytest.approx(generalised_q(alike, se, tau), rel=1e-9)


def published_as(*figures):
    return PublishedPool.from_odds_ratio("secure attachment", 26, *figures, 2023, "simulated")


def test_a_pool_on_the_other_side_of_what_was_read_is_refused():
    refused(r"OR 0\.20\) cannot hold these 8 trials \(OR 3\.\d+\): .* times its 25 degrees of freedom",
            published=published_as(0.20, 0.15, 0.27))  # fmt: skip


def test_a_pool_that_only_some_estimates_of_tau_allow_is_doubted_and_the_real_ones_are_not(secure, disorganised):
    found = unread_trials(SECURE, published_as(1.00, 0.74, 1.35))
    # By hand at t = 0.63: 37 of 25.
    assert found.doubtful
    assert found.spread.median == pytest.approx(37 / 25, abs=0.1)
    assert f"{found.spread.median:.2f} (" in found.sentence
    assert "read trials and pool hardly fit" in found.sentence
    assert found.to_dict()["doubtful"] is True
    for right in (secure, disorganised):
        assert not right.doubtful
        assert right.spread.upper < 1.0
        assert "hardly fit" not in right.sentence
        assert right.table.set_index("quantity").loc["least Q over k - 1", "median"] == right.spread.median


@pytest.mark.parametrize("preference", [lambda y, se: 0.0 * y, lambda y, se: y / se], ids=["random", "unfavourable"])
def test_pools_that_are_right_are_not_doubted(preference):
    runs = [hidden_and_found(1000 + seed, preference)[-1] for seed in range(60)]  # none is refused
    assert np.mean([found.doubtful for found in runs]) <= 0.05


# What people see


def test_table_sentence_and_plain_data_agree(secure):
    rows = secure.table.set_index("quantity")
    assert rows.loc["read trials", "k"] + rows.loc["unread trials, pooled", "k"] == rows.loc["pooled", "k"] == 26
    assert rows.loc["unread trials, pooled", "median"] == pytest.approx(np.exp(secure.rest_pooled.median))
    assert rows.loc["tau", "upper"] == pytest.approx(float(secure.tau.quantile(0.975)))
    assert 0 < rows.loc["I2", "lower"] < rows.loc["I2", "upper"] < 1
    assert rows.loc["new setting", "wished"] == pytest.approx(secure.theta_new.probability(above=0))
    assert rows["assumes"].str.len().min() > 0
    assert f"pool to OR {rows.loc['unread trials, pooled', 'median']:.2f} (" in secure.sentence
    plain = json.loads(json.dumps(secure.to_dict(), allow_nan=False))
    assert [row["quantity"] for row in plain["rows"]] == list(rows.index)
    assert (plain["k_read"], plain["k_unread"]) == (8, 18)


@pytest.mark.parametrize("result", ["secure", "disorganised"])
def test_the_picture_shows_the_numbers_of_the_table(result, request):
    found = request.getfixturevalue(result)
    figure = draw_unread_trials(found)
    drawn = {line.get_gid(): line.get_xdata() for axes in figure.axes for line in axes.get_lines()}
    of = {"unread pooled": found.rest_pooled, "unread": summary(found.rest), "new setting": summary(found.theta_new)}
    for name, expected in (of | {"difference": summary(found.difference), "read": summary(found.read)}).items():
        assert [float(drawn[f"{name} median"][0]), *drawn[name]] == pytest.approx(np.exp(expected).tolist())
    texts = [text.get_text() for axes in figure.axes for text in axes.get_yticklabels()]
    assert f"Unread, k = {found.k_rest}: their pool" in texts
    figure.canvas.draw()


# What cannot be right


def refused(message, error=ModelError, **changes):
    trials = changes.pop("trials", SECURE)
    with pytest.raises(error, match=message):
        unread_trials(trials, **changes)


def test_arms_are_read_as_one_trial():
    arms = unread_trials(bm.load("attachment/secure", rows="arms"))
    assert arms.to_dict() == unread_trials(SECURE).to_dict()


def test_no_unread_trials_and_no_published_pool_are_refused():
    refused("8 trials, and the published pool of secure attachment has 8: none is unread", DataError,
            published=replace(SECURE.published, k=8))  # fmt: skip
    refused("bcg: no published pooled result", DataError, trials=bm.load("bcg"))
    refused("size is 1", size=1.0)
    refused("size is nan", size=float("nan"))


def test_read_trials_more_precise_than_the_pool_are_refused_with_both_precisions():
    pool = PublishedPool.from_odds_ratio("secure attachment", 26, 1.85, 0.6, 5.7, 2023, "simulated")
    refused(r"standard error 0\.574\) cannot hold these 8 trials \(standard error 0\.1\d\d at tau 0", published=pool)


def test_a_pool_too_precise_for_trials_of_that_size_is_refused():
    pool = PublishedPool.from_odds_ratio("secure attachment", 26, 1.85, 1.75, 1.96, 2023, "simulated")
    refused(r"at best the other 18 would need 0\.\d+ times their typical sampling variance", published=pool)


def test_a_prior_that_leaves_no_heterogeneity_contradicts_the_secure_pool():
    # The 8 read trials alone are more precise than the published pool of 26 at tau = 0.
    refused("they alone are more precise than the pool", tau="half_normal(0.02)")


def test_a_summary_is_its_three_numbers():
    assert Summary(0.6, 0.3, 0.9)._asdict() == {"median": 0.6, "lower": 0.3, "upper": 0.9}
