"""Right draws agree with the exact posterior; a small error in any of them is seen."""

import numpy as np
import pytest

from bayesmeta.checks import same_posterior
from bayesmeta.errors import BayesmetaError, ModelError
from bayesmeta.exact import fit_exact
from bayesmeta.model import Model
from bayesmeta.nuts import fit_nuts
from bayesmeta.trials import load
from tests.unit.checks.samples import SPARSE, from_exact, install

MODEL = Model("normal", tau="half_normal(0.5)")


def compared(monkeypatch, trials=SPARSE, model=MODEL, wrong=None, draws=2000):
    install(monkeypatch, from_exact(trials, model, wrong))
    return same_posterior(fit_exact(trials, model), fit_nuts(trials, model, draws=draws))


def test_right_draws_agree(monkeypatch):
    found = compared(monkeypatch).require()
    assert found.ok
    assert found.table["z"].abs().max() < 4
    assert abs(found.worst["z"]) == found.table["z"].abs().max()
    assert found.sentence.startswith(
        "normal, nuts: exact quadrature and NUTS agree on all 24 numbers within Monte Carlo error"
    )


def test_every_quantity_is_compared_by_mean_and_quantiles(monkeypatch):
    table = compared(monkeypatch, load("crins2014"), MODEL.but(moderators="~ randomized")).require().table
    wanted = ["mu", "randomized[T.yes]", "tau", "theta_new", *(f"theta[{name}]" for name in load("crins2014").studies)]
    assert table["quantity"].unique().tolist() == wanted
    assert (
        table.groupby("quantity", sort=False)["statistic"].agg(list).tolist() == [["mean", "2.5%", "50%", "97.5%"]] * 10
    )


def scaled(name, factor):
    def change(variables):
        centre = variables[name].mean()
        variables[name] = centre + factor * (variables[name] - centre)

    return change


def moved(name, by):
    def change(variables):
        variables[name] = variables[name] + by

    return change


@pytest.mark.parametrize(
    ("wrong", "quantity"),
    [(moved("beta", 0.03), "mu"), (moved("tau", 0.03), "tau"), (scaled("beta", 1.1), "mu")],
    ids=["mu moved", "tau moved", "mu too wide"],
)
def test_a_small_error_is_seen(monkeypatch, wrong, quantity):
    found = compared(monkeypatch, wrong=wrong, draws=10_000)
    assert not found.ok
    of_it = found.table.loc[found.table["quantity"] == quantity, "z"]
    assert of_it.abs().max() > 4
    with pytest.raises(
        BayesmetaError, match=r"Exact quadrature and NUTS disagree: .* Monte Carlo standard errors apart"
    ):
        found.require()


def test_z_has_the_spread_of_a_standard_normal(monkeypatch):
    # Over seeds, (draws - exact) / MCSE of the same number: independent draws, so sd 1 up to its own error.
    install(monkeypatch, from_exact(SPARSE, MODEL))
    exact = fit_exact(SPARSE, MODEL)
    tables = [same_posterior(exact, fit_nuts(SPARSE, MODEL, draws=500, seed=seed)).table for seed in range(30)]
    z = np.array([table["z"] for table in tables])
    assert np.abs(z.mean(axis=0)).max() < 4.5 / np.sqrt(30)
    assert 0.8 < np.sqrt((z**2).mean()) < 1.2


def test_a_number_that_does_not_exist_is_not_compared(monkeypatch):
    two, model = SPARSE.select([0, 1]), Model("normal", mu="flat", tau="half_cauchy(0.5)")
    table = compared(monkeypatch, two, model).table
    assert "mean" not in table.loc[table["quantity"] == "tau", "statistic"].tolist()
    assert "50%" in table.loc[table["quantity"] == "tau", "statistic"].tolist()


def test_what_is_known_needs_no_comparison(monkeypatch):
    table = compared(monkeypatch, model=MODEL.but(random_effects="none")).require().table
    assert "tau" not in table["quantity"].tolist()


def test_other_models_and_other_trials_are_refused(monkeypatch):
    install(monkeypatch, from_exact(SPARSE, MODEL))
    draws, exact = fit_nuts(SPARSE, MODEL), fit_exact(SPARSE, MODEL)
    with pytest.raises(
        ModelError, match=r"the models differ in tau: half_normal\(1\) \(exact\) and half_normal\(0.5\)"
    ):
        same_posterior(fit_exact(SPARSE, MODEL.but(tau="half_normal(1)")), draws)
    with pytest.raises(ModelError, match="the trials differ"):
        same_posterior(fit_exact(SPARSE.select([0, 2]), MODEL), draws)
    for pair in ((exact, exact), (draws, draws), (draws, exact)):
        with pytest.raises(ModelError, match="one by draws; it was given engines"):
            same_posterior(*pair)
