"""Which posteriors are proper: the engine decides by an argument, and fits what is proper however heavy its tails."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import bayesmeta as bm
from bayesmeta.exact import prepare
from bayesmeta.exact.proper import refuse_unbounded, unbounded_direction

FALLING = np.array([[0, 20, 5, 20], [0, 30, 4, 28], [0, 15, 3, 17]])  # nobody treated has an event: open to the left
RISING = FALLING[:, [2, 3, 0, 1]]
BOUNDED = np.array([[9, 20, 5, 20]])


def trials(rows, **columns) -> bm.Trials:
    names = ["events_treated", "total_treated", "events_control", "total_control"]
    table = {"study": [f"trial {i + 1}" for i in range(len(rows))]} | dict(zip(names, np.array(rows).T)) | columns
    return bm.read_trials(pd.DataFrame(table))


def fit(rows, tau="half_normal(0.5)", mu="flat", random_effects="normal", likelihood="hypergeometric", **more):
    columns = {name: more.pop(name) for name in ("group", "x") if name in more}
    return bm.fit(trials(rows, **columns), bm.Model(likelihood, random_effects, mu=mu, tau=tau, **more))


# One column


@pytest.mark.parametrize("likelihood", ["hypergeometric", "binomial"])
def test_three_trials_with_a_flat_mu_and_a_half_cauchy_tau_are_proper(likelihood):
    # p(y | tau) falls as tau^-(3 - 1), half-Cauchy as tau^-2: tail tau^-4, with two moments.
    posterior = bm.fit(bm.load("attachment/disorganised"), bm.Model(likelihood, mu="flat", tau="half_cauchy(0.5)"))
    assert posterior.diagnostics["moments_that_do_not_exist"] == []
    assert posterior.diagnostics["beyond_the_nodes"] < 1e-12
    # Far out the density of mu falls as |mu|^-4, as the argument says: 16 times at twice the distance.
    ratio = posterior["mu"].pdf(np.array([400.0, -400.0])) / posterior["mu"].pdf(np.array([800.0, -800.0]))
    assert ratio == pytest.approx(16.0, rel=0.05)


@pytest.mark.parametrize("tau", ["half_cauchy(0.5)", "jeffreys", "dumouchel", "uniform_shrinkage", "half_t(4, 1)"])
def test_heavy_tails_numerically_as_in_closed_form(tau):
    # The same data with the normal likelihood, where mu given tau has a closed form.
    table, model = bm.load("attachment/disorganised"), bm.Model("normal", mu="flat", tau=tau)
    closed, numerical = bm.fit(table, model).summary(), prepare(table, model).posterior().summary()
    unit = closed["sd"].fillna(closed["upper"] - closed["lower"])
    assert closed["sd"].isna().equals(numerical["sd"].isna())
    assert np.nanmax(np.abs((closed - numerical).div(unit, axis=0))) < 1e-8


def test_half_cauchy_with_counts_as_by_brute_sums():
    # mu = m + sinh(u) and tau = e^v reach far out; theta by the trapezoid rule in z where tau is small against the
    # likelihood, by a sum over theta where it is large.
    table = bm.load("attachment/disorganised")
    grid = prepare(table, bm.Model("hypergeometric")).grid
    theta = np.linspace(*grid.panels.edges[[0, -1]], 2001)
    p = np.exp(grid.panels.interpolate(grid.series, theta))
    u, v = np.arange(-14.0, 14.0, 0.04), np.arange(-9.0, 12.0, 0.1)
    mu, tau = -1.4 + np.sinh(u), np.exp(v)
    z = np.arange(-7.0, 7.01, 0.2)
    share = np.exp(-0.5 * z * z) * 0.2 / np.sqrt(2 * np.pi)
    log_joint = np.log(np.cosh(u)) + (bm.HalfCauchy(0.5).log_density(tau) + v)[:, None]
    for t, scale in enumerate(tau):
        if scale > 0.25:
            kernel = np.exp(-0.5 * ((theta[:, None] - mu) / scale) ** 2) / (scale * np.sqrt(2 * np.pi))
            totals = p @ kernel * (theta[1] - theta[0])
        else:
            totals = np.stack([np.interp(mu[:, None] + scale * z, theta, row, 0.0, 0.0) @ share for row in p])
        log_joint[t] += np.log(np.maximum(totals, 1e-300)).sum(axis=0)
    of_mu = np.exp(log_joint - log_joint.max()).sum(axis=0)
    of_mu /= of_mu.sum()
    posterior = bm.fit(table, bm.Model("hypergeometric", mu="flat", tau="half_cauchy(0.5)"))
    mean = of_mu @ mu
    assert posterior["mu"].mean == pytest.approx(mean, abs=1e-4)
    assert posterior["mu"].sd == pytest.approx(np.sqrt(of_mu @ (mu - mean) ** 2), rel=1e-3)
    below = of_mu.cumsum() - 0.5 * of_mu
    chosen = (below > 0.001) & (below < 0.999)
    assert posterior["mu"].cdf(mu[chosen]) == pytest.approx(below[chosen], abs=6e-4)


@pytest.mark.parametrize("likelihood", ["hypergeometric", "binomial"])
def test_no_pair_of_the_default_grid_that_is_proper_is_refused(likelihood):
    grid = bm.sensitivity.prior_grid(bm.load("attachment/disorganised"), bm.Model(likelihood))
    assert len(grid.table) == 72
    assert grid.refused.empty
    # A prior fitted after heavier ones is what it is alone.
    alone = bm.fit(bm.load("attachment/disorganised"), bm.Model(likelihood, mu="flat", tau="half_t(4, 1)"))
    row = grid.table.query("tau_prior == 'half_t(4, 1)' and mu_prior == 'flat'").iloc[0]
    assert [row["lower"], row["upper"]] == pytest.approx(alone["mu"].interval(), abs=1e-7)


@pytest.mark.parametrize("rows", [FALLING, RISING])
@pytest.mark.parametrize("tau", ["half_normal(0.5)", "fixed(0.2)"])
def test_an_empty_arm_in_every_trial_and_a_flat_mu_are_improper(rows, tau):
    with pytest.raises(bm.PriorError, match=r"flat prior of mu: the posterior is improper.*odds_ratio_within\(250\)"):
        fit(rows, tau=tau)
    assert np.isfinite(fit(rows, tau=tau, mu="normal(0, 2)")["mu"].mean)


def test_trials_that_are_open_on_opposite_sides_bound_mu_together():
    posterior = fit([*FALLING, *RISING])
    assert posterior["mu"].interval() == pytest.approx([-end for end in posterior["mu"].interval()][::-1], abs=1e-6)


def test_trials_open_on_one_side_do_not_make_the_tail_of_tau_lighter():
    # Six trials, none of which bounds its effect on both sides: p(y | tau) grows as tau, a half-Cauchy falls as tau^-2.
    with pytest.raises(bm.PriorError, match="0 trials whose data bound their effect on both sides"):
        fit([*FALLING, *RISING], tau="half_cauchy(0.5)")
    assert fit([*FALLING, *RISING, *BOUNDED], tau="half_cauchy(0.5)")["mu"].mean is None


def test_heavy_random_effects_need_more_of_one_sided_trials():
    # L(m) of a trial open to the left falls to the right as m^-df: its integral needs df > 1.
    with pytest.raises(bm.PriorError, match="flat prior of mu"):
        fit([FALLING[0], RISING[0]], random_effects="student_t(1)")
    prepared = prepare(trials([FALLING[0], RISING[0]]), bm.Model("hypergeometric", "student_t(3)", mu="flat"))
    refuse_unbounded(prepared.design, prepared.bounded, order=3.0)
    with pytest.raises(bm.PriorError, match="flat prior of mu"):
        refuse_unbounded(prepared.design, prepared.bounded, order=1.0)


# Several columns


def test_a_group_that_is_open_on_one_side_is_refused_by_name():
    rows, group = [*FALLING, *BOUNDED, *BOUNDED], ["a"] * 3 + ["b"] * 2
    model = {"moderators": "~ 0 + group", "group": group}
    with pytest.raises(bm.PriorError, match=r"flat prior of group\[a\]: the posterior is improper"):
        fit(rows, beta="flat", **model)
    proper = fit(rows, beta={"group[a]": "normal(0, 2)", "group[b]": "flat"}, **model)
    assert np.isfinite(proper["group[b]"].mean)


def test_groups_at_a_known_tau_are_separate_analyses_however_skewed():
    rows, group = [*FALLING, *BOUNDED, *BOUNDED], ["a"] * 3 + ["b"] * 2
    model = {"tau": "fixed(0.3)", "moderators": "~ 0 + group", "group": group}
    both = fit(rows, beta={"group[a]": "normal(0, 2)", "group[b]": "student_t(4, 0, 0.58)"}, **model)
    for name, alone in (
        ("group[a]", fit(FALLING, mu="normal(0, 2)", tau="fixed(0.3)")),
        ("group[b]", fit([*BOUNDED, *BOUNDED], mu="student_t(4, 0, 0.58)", tau="fixed(0.3)")),
    ):
        unit = alone["mu"].sd
        assert both[name].mean == pytest.approx(alone["mu"].mean, abs=1e-6 * unit)
        assert both[name].sd == pytest.approx(unit, rel=1e-6)
        assert both[name].interval() == pytest.approx(alone["mu"].interval(), abs=1e-6 * unit)


def test_only_directions_that_no_trial_sees_are_improper():
    rows, x = [*BOUNDED, *BOUNDED, *FALLING[:1]], [0.0, 1.0, 5.0]
    assert np.isfinite(fit(rows, x=x, moderators="~ x", beta="flat")["x"].mean)
    with pytest.raises(bm.PriorError, match=r"flat priors? of (mu, )?x: the posterior is improper"):
        fit([*BOUNDED, *FALLING[:2]], x=x, moderators="~ x", beta="flat")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_direction_is_found_if_and_only_if_there_is_one(data):
    # Against a linear programme for every coordinate: max and min of d_j where every trial allows d.
    q, k = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 7))
    number = st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0])
    matrix = np.array(data.draw(st.lists(st.lists(number, min_size=q, max_size=q), min_size=k, max_size=k)))
    bounded = np.array(data.draw(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=k, max_size=k)))
    found = unbounded_direction(matrix, bounded)
    barred = np.concatenate([matrix[bounded[:, 1]], -matrix[bounded[:, 0]]])
    limits = {"A_ub": barred, "b_ub": np.zeros(len(barred))} if len(barred) else {}
    best = max(
        -linprog(sign * np.eye(q)[j], bounds=(-1.0, 1.0), **limits).fun for j in range(q) for sign in (-1.0, 1.0)
    )
    assert (found is not None) == (best > 1e-7)
    if found is not None:
        assert np.abs(found).max() > 1e-6
        assert (barred @ found <= 1e-7 * np.abs(found).max()).all()


@pytest.mark.parametrize("likelihood", ["normal", "hypergeometric"])
@pytest.mark.parametrize("engine", ["exact", "nuts"])
def test_the_remedy_is_a_prior_that_is_not_proper_already(likelihood, engine):
    one = bm.load("crins2014").select([True, False, False, False, False, False])
    for mu, remedy in (("normal(0, 4)", "State a tau prior with"), ("flat", "State a proper prior for mu")):
        with pytest.raises(bm.PriorError, match=f"the posterior is improper. {remedy}") as refusal:
            bm.fit(one, bm.Model(likelihood, mu=mu, tau="improper_uniform"), engine)
        assert ("flat coefficient" in str(refusal.value)) == (mu == "flat")
