"""What must not matter, does not; what must carry over, carries over."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayesmeta as bm
from bayesmeta.exact import ExactPosterior, fit_exact, nodes

SD = 1e-8  # of a posterior standard deviation
TAU = st.sampled_from(["half_normal(0.5)", "half_cauchy(0.3)", "lognormal(-1.3, 0.9)", "uniform(0.1, 2)"])
MU = st.sampled_from(["flat", "normal(0, 3)"])

estimates = st.floats(-3, 3).map(lambda y: round(y, 3))
errors = st.floats(0.02, 3).map(lambda se: round(se, 3))
tables = st.lists(st.tuples(estimates, errors), min_size=3, max_size=12)


def trials(y, se, names=None) -> bm.Trials:
    names = names if names is not None else [f"trial {i}" for i in range(len(y))]
    return bm.read_trials(pd.DataFrame({"study": names, "estimate": y, "se": se}))


def fitted(table, tau="half_normal(0.5)", mu="flat", **model) -> ExactPosterior:
    y, se = np.array(table).T
    return fit_exact(trials(y, se), bm.Model("normal", tau=tau, mu=mu, **model))


def assert_same(found: pd.DataFrame, expected: pd.DataFrame, within: float = SD) -> None:
    """Numbers agree within a fraction of the spread of their row."""
    unit = (expected["upper"] - expected["lower"]).to_numpy()[:, None] / 4
    columns = ["mean", "sd", "median", "lower", "upper"]
    difference = np.abs(found[columns].to_numpy() - expected[columns].to_numpy())
    rounding = 1e-13 * np.abs(expected[columns].to_numpy())
    assert np.all(difference <= within * unit + rounding)


@settings(max_examples=30)
@given(tables, TAU)
def test_swapping_the_arms_negates_mu_and_keeps_tau(table, tau):
    posterior = fitted(table, tau, "normal(0, 3)").summary()
    swapped = fitted([(-y, se) for y, se in table], tau, "normal(0, 3)").summary()
    turned = swapped.copy()
    for name in ("mu", "theta_new"):
        turned.loc[name, ["mean", "median", "lower", "upper"]] = -swapped.loc[
            name, ["mean", "median", "upper", "lower"]
        ].to_numpy()
    assert_same(turned, posterior)


@settings(max_examples=30)
@given(tables, TAU.filter(lambda text: "cauchy" not in text), MU)  # a heavy tail of tau reaches beyond any error
def test_a_trial_without_information_changes_nothing(table, tau, mu):
    with_it = fitted([*table, (1.0, 1e9)], tau, mu)
    assert_same(with_it.summary(), fitted(table, tau, mu).summary())
    # and its own effect is that of a new setting
    own, new = with_it.studies().iloc[[-1]], with_it.summary().loc[["theta_new"]]
    assert_same(own, new)


@settings(max_examples=30)
@given(st.permutations(range(6)), TAU)
def test_the_order_of_the_rows_and_the_names_do_not_matter(order, tau):
    y, se = np.linspace(-1, 1.5, 6), np.array([0.1, 0.7, 0.3, 1.2, 0.5, 0.2])
    model = bm.Model("normal", tau=tau)
    posterior = fit_exact(trials(y, se), model)
    index = np.array(order)
    other = fit_exact(trials(y[index], se[index], [f"anything {i}" for i in index]), model)
    assert_same(other.summary(), posterior.summary())
    assert_same(other.studies(), posterior.studies().iloc[index])


@settings(max_examples=30)
@given(tables, TAU, st.floats(-50, 50))
def test_a_constant_added_to_all_estimates_shifts_mu_under_a_flat_prior(table, tau, shift):
    posterior, moved = fitted(table, tau), fitted([(y + shift, se) for y, se in table], tau)
    back = moved.summary()
    back.loc[["mu", "theta_new"], ["mean", "median", "lower", "upper"]] -= shift
    assert_same(back, posterior.summary(), 1e-7)
    assert moved.log_marginal_likelihood == pytest.approx(posterior.log_marginal_likelihood, abs=1e-8)


@settings(max_examples=30)
@given(tables, st.floats(1e-6, 1e6))
def test_another_unit_of_measurement_scales_everything(table, unit):
    posterior = fitted(table, bm.HalfNormal(0.5))
    scaled = fitted([(y * unit, se * unit) for y, se in table], bm.HalfNormal(0.5 * unit))
    assert_same(scaled.summary() / unit, posterior.summary(), 1e-7)


@settings(max_examples=20)
@given(tables, TAU, MU)
def test_more_nodes_change_nothing(table, tau, mu):
    posterior = fitted(table, tau, mu)
    with pytest.MonkeyPatch.context() as finer:
        finer.setattr(nodes, "NODES_PER_PANEL", 28)
        finer.setattr(nodes, "RESOLVED", 1e-13)
        refined = fitted(table, tau, mu)
    assert len(refined.diagnostics["moments_that_do_not_exist"]) == 0
    assert_same(posterior.summary(), refined.summary())
    assert_same(posterior.studies(), refined.studies())
    assert posterior.log_marginal_likelihood == pytest.approx(refined.log_marginal_likelihood, abs=1e-9)


@settings(max_examples=20)
@given(tables, TAU)
def test_coding_a_group_without_intercept_is_the_same_model_under_flat_priors(table, tau):
    y, se = np.array(table).T
    frame = pd.DataFrame({"study": [f"t{i}" for i in range(len(y))], "estimate": y, "se": se})
    frame["group"] = ["a", "b", *["a"] * (len(y) - 2)]
    both = [
        fit_exact(bm.read_trials(frame), bm.Model("normal", moderators=text, mu="flat", beta="flat", tau=tau))
        for text in ("~ group", "~ 0 + group")
    ]
    for group in ("a", "b"):
        rows = [pd.DataFrame([_row(p.effect({"group": group}))]) for p in both]
        assert_same(rows[0], rows[1])
    assert_same(both[0].studies(), both[1].studies())


def _row(marginal) -> dict[str, float]:
    lower, median, upper = marginal.quantile(np.array([0.025, 0.5, 0.975]))
    missing = 0.0  # where a moment does not exist it exists in neither
    return {
        "mean": missing if marginal.mean is None else marginal.mean,
        "sd": missing if marginal.sd is None else marginal.sd,
        "median": median,
        "lower": lower,
        "upper": upper,
    }
