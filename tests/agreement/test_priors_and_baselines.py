"""Two engines, one posterior: priors of the effect that are not normal, and the baselines of the trials."""

import numpy as np
import pytest
from scipy.special import expit

from bayesmeta.checks import same_posterior
from bayesmeta.fit import fit
from bayesmeta.model import Model
from bayesmeta.trials import load

az = pytest.importorskip("arviz")

pytestmark = pytest.mark.slow

LIMIT = 4.0  # Monte Carlo standard errors, for every number


@pytest.mark.parametrize(
    "model",
    [
        Model(mu="student_t(4, 0, 0.58)"),
        Model(mu="bartos_effect(cochrane)", beta="student_t(3, 0, 0.5)", moderators="~ randomized"),
        Model("binomial", mu="student_t(4, 0, 0.58)"),
    ],
    ids=["normal", "normal with a moderator", "binomial"],
)
def test_nuts_gives_the_exact_posterior_under_a_student_t_prior(model):
    trials = load("crins2014")
    same_posterior(fit(trials, model), fit(trials, model, engine="nuts")).require()


@pytest.mark.parametrize("at", ["midpoint", "control"])
def test_nuts_gives_the_exact_baselines(at):
    trials, model = load("crins2014"), Model("binomial", baseline_at=at)
    exact, draws = fit(trials, model).baselines().set_index("study"), fit(trials, model, engine="nuts")
    for position, study in enumerate(exact.index):
        risk = expit(draws._baseline(position).chains)
        assert abs(risk.mean() - exact.loc[study, "mean"]) < LIMIT * az.mcse(risk)
        for p, name in ((0.025, "lower"), (0.5, "median"), (0.975, "upper")):
            error = az.mcse(risk, method="quantile", prob=p)
            assert abs(np.quantile(risk, p) - exact.loc[study, name]) < LIMIT * error
    assert draws.baselines()["mean"].tolist() == pytest.approx(exact["mean"].tolist(), abs=0.02)
