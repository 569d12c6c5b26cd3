"""Two outcomes at once, two engines, one posterior."""

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.checks import convergence, same_posterior
from bayesmeta.trials import join

pytest.importorskip("arviz")

pytestmark = pytest.mark.slow

BOTH = bm.load("attachment/classification")
LIMIT = 4.0


@pytest.mark.parametrize(
    "model",
    [
        bm.JointModel(),
        bm.JointModel(rho="lkj(2)", tau=("half_normal(1)", "half_normal(0.2)"), mu="normal(0.5, 1)"),
        bm.JointModel(rho="uniform(-1, 0)", mu="flat", tau="lognormal(-1.28, 0.87)"),
        bm.JointModel(rho="fixed(-0.5)", tau=("fixed(0.4)", "half_normal(0.5)")),
    ],
    ids=lambda model: f"{model.to_dict()['rho']}, {model.to_dict()['tau']}",
)
def test_nuts_gives_the_exact_posterior_of_the_bivariate_normal_model(model):
    draws = bm.fit(BOTH, model, engine="nuts")
    convergence(draws).require()
    same_posterior(bm.fit(BOTH, model), draws).require()


@pytest.mark.parametrize(
    "model",
    [
        bm.JointModel("trinomial"),
        bm.JointModel(
            "trinomial", rho="uniform(-1, 0)", tau=("half_normal(1)", "half_normal(0.2)"), mu="normal(0.5, 1)"
        ),
    ],
    ids=lambda model: f"{model.to_dict()['rho']}, {model.to_dict()['tau']}",
)
def test_nuts_gives_the_exact_posterior_of_the_trinomial_model(model):
    draws = bm.fit(BOTH, model, engine="nuts", draws=2000)
    convergence(draws).require()
    exact = bm.fit(BOTH, model)
    same_posterior(exact, draws).require()
    for new in (False, True):
        p = exact.joint_probability(new_setting=new)
        # Draws of a chain count for less than independent ones: a quarter of them does for every quantity here.
        assert abs(draws.joint_probability(new_setting=new) - p) < LIMIT * np.sqrt(p * (1 - p) / 2000) + 1e-4


def test_the_trinomial_model_of_one_outcome_is_the_binomial_model():
    # The second outcome by one trial that does not report the first: with rho = 0 it tells the first nothing, whose
    # counts are those of two categories.
    import pandas as pd

    table = pd.DataFrame(
        {
            "study": ["elsewhere"],
            "events_treated": [9.0],
            "total_treated": [30.0],
            "events_control": [12.0],
            "total_control": [30.0],
        }
    )
    other = bm.Trials(table, name="elsewhere", outcome="other")
    model = bm.JointModel("trinomial", rho="fixed(0)", tau=("half_normal(0.5)", "fixed(0)"))
    draws = bm.fit(join(BOTH.first, other), model, engine="nuts")
    alone = bm.fit(BOTH.first, bm.Model("binomial"))
    summary = draws.summary()
    for kind in ("mu", "tau", "theta_new"):
        row = summary.loc[f"{kind}[secure attachment]"]
        assert abs(row["mean"] - alone.summary().loc[kind, "mean"]) < LIMIT * row["mcse_mean"]
    theta = draws.studies().query("outcome == 'secure attachment'").set_index("study")
    assert ((theta["mean"] - alone.studies().set_index("study")["mean"]) / theta["mcse_mean"]).abs().max() < LIMIT


def test_a_seed_gives_the_same_draws_again():
    one, again, other = (bm.fit(BOTH, engine="nuts", seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one["rho"].chains, again["rho"].chains)
    assert not np.array_equal(one["rho"].chains, other["rho"].chains)


def test_every_pooled_quantity_of_the_trinomial_model_has_a_thousand_draws_worth():
    draws = bm.fit(BOTH, bm.JointModel("trinomial"), engine="nuts")
    assert draws.summary()["ess_bulk"].min() > 1000
    assert draws.diagnostics["divergences"] == 0


def test_without_any_correlation_nuts_gives_the_two_separate_fits():
    draws = bm.fit(BOTH, bm.JointModel(rho="fixed(0)", within=0.0), engine="nuts")
    summary = draws.summary()
    for part in BOTH.parts:
        alone = bm.fit(part, bm.Model("normal")).summary()
        for kind in ("mu", "tau", "theta_new"):
            row = summary.loc[f"{kind}[{part.outcome}]"]
            assert abs(row["mean"] - alone.loc[kind, "mean"]) < LIMIT * row["mcse_mean"]
