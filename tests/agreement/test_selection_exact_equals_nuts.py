"""Selection models: NUTS against quadrature, within Monte Carlo error."""

import arviz as az
import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.checks import convergence, same_posterior

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("data", "changes"),
    [
        ("attachment/secure", {"selection": "one_sided(0.025, 0.5)"}),
        ("attachment/disorganised", {"selection": "two_sided(0.05)", "omega": "uniform(0, 2)"}),
    ],
)
def test_nuts_gives_the_exact_posterior_of_a_selection_model(data, changes):
    trials, model = bm.load(data), bm.Model("normal", **changes)
    draws = bm.fit(trials, model, engine="nuts")
    convergence(draws).require()
    exact = bm.fit(trials, model)
    same_posterior(exact, draws).require()
    assert set(draws.selection.names) <= set(draws.summary().index)
    for group in ("posterior_predictive", "prior_predictive", "log_likelihood"):
        ours, theirs = (posterior.to_arviz()[group]["y"] for posterior in (exact, draws))
        assert ours.dims == theirs.dims
        error = np.sqrt(az.mcse(ours.mean("study").values) ** 2 + az.mcse(theirs.mean("study").values) ** 2)
        assert abs(float(ours.mean()) - float(theirs.mean())) < 4 * error


def test_moderators_by_nuts_with_weights_of_one_are_the_regression_without_selection():
    trials, model = bm.load("attachment/secure"), bm.Model("normal", moderators="~ sensitivity_focused")
    draws = bm.fit(trials, model.but(selection="one_sided(0.025)", omega="fixed(1)"), engine="nuts")
    exact = bm.fit(trials, model)
    for name in exact.parameters:
        chains = draws[name].chains
        assert abs(chains.mean() - exact[name].mean) < 4 * az.mcse(chains)
