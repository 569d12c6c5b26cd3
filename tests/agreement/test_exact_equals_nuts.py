"""Two engines, one posterior: NUTS against quadrature, within Monte Carlo error."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesmeta.checks import convergence, same_posterior
from bayesmeta.errors import ConvergenceError
from bayesmeta.fit import fit
from bayesmeta.model import Model
from bayesmeta.trials import Trials, load

az = pytest.importorskip("arviz")

pytestmark = pytest.mark.slow

EXPECTED = Path(__file__).parents[2] / "data" / "reference" / "expected"
LIMIT = 4.0  # Monte Carlo standard errors, for every number


@pytest.mark.parametrize(
    ("data", "model"),
    [
        ("attachment/secure", Model("normal")),
        ("attachment/disorganised", Model("normal")),
        ("crins2014", Model("normal", mu="normal(0, 4)")),
        ("attachment/secure", Model("normal", moderators="~ sensitivity_focused")),
        ("crins2014", Model("normal", moderators="~ randomized", beta="normal(0.5, 0.3)")),
        ("attachment/disorganised", Model("normal", tau="half_cauchy(0.5)")),
        ("attachment/secure", Model("normal", tau="uniform(0.1, 2)", mu="flat", moderators="~ sensitivity_focused")),
        ("crins2014", Model("normal", tau="lognormal(-1.28, 0.87)")),
        ("crins2014", Model("normal", random_effects="none")),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.mu}, {value.tau}, {value.moderators}",
)
def test_nuts_gives_the_exact_posterior_of_the_normal_model(data, model):
    trials = load(data)
    draws = fit(trials, model, engine="nuts")
    convergence(draws).require()
    same_posterior(fit(trials, model), draws).require()


@pytest.mark.parametrize("correlation", [0.5, 0.0])
def test_nuts_gives_the_exact_posterior_of_arms_that_share_a_control(correlation):
    trials, model = load("attachment/secure", rows="arms"), Model(arm_correlation=correlation)
    draws = fit(trials, model, engine="nuts")
    same_posterior(fit(trials, model), draws).require()


@pytest.mark.parametrize(
    "model",
    [Model("binomial"), Model("binomial", baseline_at="control"), Model("hypergeometric", arm_correlation=0.3)],
    ids=lambda model: f"{model.likelihood} {model.baseline_at}",
)
def test_nuts_gives_the_exact_posterior_of_counts_of_arms_that_share_a_control(model):
    trials = load("attachment/secure", rows="arms")
    exact, draws = fit(trials, model), fit(trials, model, engine="nuts")
    same_posterior(exact, draws).require()
    tree = draws.to_arviz()
    at = np.stack([tree.posterior["mu"].values] * 9, axis=-1)[:, :20], tree.posterior["tau"].values[:, :20]
    both = tree.log_likelihood["y"].values[:, :20].sum(axis=-1), exact.log_likelihood(*at).sum(axis=-1)
    assert np.abs(both[0] - both[1]).max() < 1e-4
    if model.likelihood == "binomial":
        replicated = tree.replicated_events["events"].values
        assert np.array_equal(replicated[..., 1, 0], replicated[..., 2, 0])


@pytest.mark.parametrize(
    "model",
    [
        Model("normal", tau_by="allocation"),
        Model("normal", scale="~ latitude", alpha="normal(0, 0.05)"),
        Model("normal", tau_by="allocation", tau={"alternate": "fixed(0.4)"}, moderators="~ allocation"),
    ],
    ids=lambda model: model.scale or f"{model.tau_by} {model.moderators}",
)
def test_nuts_gives_the_exact_posterior_of_heterogeneity_that_differs(model):
    trials = load("bcg")
    draws = fit(trials, model, engine="nuts")
    convergence(draws).require()
    exact = fit(trials, model)
    same_posterior(exact, draws).require()
    settings = ("random", "systematic") if model.tau_by else ({"latitude": 50.0}, {"latitude": 20.0})
    by_nuts, by_quadrature = (one.tau_ratio(*settings) for one in (draws, exact))
    error = az.mcse((by_nuts.chains > 1).astype(float))
    assert abs(by_nuts.probability(above=1) - by_quadrature.probability(above=1)) < LIMIT * error


@pytest.mark.parametrize("likelihood", ["binomial", "hypergeometric"])
def test_counts_of_one_level_by_nuts_are_the_ordinary_fit(likelihood):
    plain = load("crins2014")
    trials = Trials(plain.table.assign(all="x"))
    draws = fit(trials, Model(likelihood, tau_by="all"), engine="nuts")
    exact = fit(plain, Model(likelihood))
    for name, ours in (("mu", "mu"), ("tau", "tau[x]"), ("theta_new", "theta_new[x]")):
        chains = draws[ours].chains
        assert abs(chains.mean() - exact[name].mean) < LIMIT * az.mcse(chains)
    log_likelihood = draws.to_arviz().log_likelihood["y"].values[0, :5]
    tau = draws.draws(10)["spread"]
    assert tau.shape == (10, 1)
    at = draws.to_arviz().posterior
    mean = np.repeat(at["mu"].values[0, :5, None], plain.k, axis=-1)
    assert np.abs(log_likelihood - exact.log_likelihood(mean, at["tau[x]"].values[0, :5])).max() < 1e-6


def test_the_other_sampler_gives_it_too():
    trials, model = load("crins2014"), Model("normal")
    draws = fit(trials, model, engine="nuts", sampler="pymc")
    assert draws.diagnostics["sampler"] == "pymc"
    same_posterior(fit(trials, model), draws).require()


def reference(name, **priors):
    """One fit of an independent nested quadrature (shared reference, ten digits), and its trials."""
    found = json.loads((EXPECTED / f"exact_{name}_binomial.json").read_text(encoding="utf-8"))
    (one,) = [each for each in found["fits"] if all(each[key].startswith(text) for key, text in priors.items())]
    columns = ["events_treated", "total_treated", "events_control", "total_control"]
    table = pd.DataFrame({"study": found["studies"]} | dict(zip(columns, found["data"], strict=True)))
    return Trials(table, name=name), one


def scores(posterior, expected):
    """z of the mean and quantiles of mu, tau and theta_new, and of the mean of each study effect."""
    z = {}
    for name in ("mu", "tau", "theta_new"):
        chains = posterior[name].chains
        z[name, "mean"] = (chains.mean() - expected[name]["mean"]) / az.mcse(chains)
        for p, value in zip((0.025, 0.5, 0.975), expected[name]["q"], strict=True):
            z[name, p] = (np.quantile(chains, p) - value) / az.mcse(chains, method="quantile", prob=p)
    for study, value in zip(posterior.studies_in_model, expected["theta"]["mean"], strict=True):
        chains = posterior.study(study).chains
        z[study, "mean"] = (chains.mean() - value) / az.mcse(chains)
    return pd.Series(z)


BINOMIAL = [
    ("attachment_secure", "normal(0,2.82)", "half-normal(0.5)", "normal(0,10)"),
    ("attachment_disorganised", "normal(0,2.82)", "half-normal(0.5)", "normal(0,10)"),
    ("attachment_disorganised", "normal(0,2.82)", "half-normal(1)", "normal(0,2.5)"),
    ("crins2014_ar", "normal(0,2.82)", "half-normal(1)", "normal(0,10)"),
    ("crins2014_ar", "flat", "half-Cauchy(0.5)", "normal(0,2.5)"),
]


@pytest.mark.parametrize(("name", "mu", "tau", "gamma"), BINOMIAL)
def test_nuts_gives_the_reference_posterior_of_the_binomial_model(name, mu, tau, gamma):
    trials, expected = reference(name, prior_mu=mu, prior_tau=tau, prior_gamma=gamma)
    model = Model("binomial", mu=mu, tau=tau.replace("-", "_"), baseline=gamma)
    posterior = fit(trials, model, engine="nuts")
    assert scores(posterior, expected).abs().max() < LIMIT


def test_the_other_sampler_gives_the_reference_posterior_too():
    priors = {"prior_mu": "normal(0,2.82)", "prior_tau": "half-normal(0.5)", "prior_gamma": "normal(0,10)"}
    trials, expected = reference("attachment_disorganised", **priors)
    model = Model("binomial", mu="normal(0, 2.82)", tau="half_normal(0.5)", baseline="normal(0, 10)")
    posterior = fit(trials, model, engine="nuts", sampler="pymc")
    assert scores(posterior, expected).abs().max() < LIMIT


REPEAT = """
import hashlib, sys
import numpy as np
from bayesmeta.fit import fit
from bayesmeta.model import Model
from bayesmeta.trials import load

for name in sys.argv[1:]:
    draws = fit(load(name), Model("binomial"), engine="nuts", seed=11).draws(4000, seed=1)
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(draws[key]).tobytes() for key in sorted(draws)))
    print(name, digest.hexdigest())
"""


def digests(folder, *names):
    environment = os.environ | {"PYTENSOR_FLAGS": f"base_compiledir={folder}"}
    done = subprocess.run(
        [sys.executable, "-c", REPEAT, *names], capture_output=True, text=True, check=True, env=environment
    )
    return dict(line.split() for line in done.stdout.splitlines())


def test_a_seed_gives_the_same_draws_in_every_process_with_a_cold_or_a_warm_cache(tmp_path):
    # And whatever was sampled before: the second process takes the tables in the other order.
    cold = digests(tmp_path, "attachment/secure", "attachment/disorganised")
    warm = digests(tmp_path, "attachment/disorganised", "attachment/secure")
    assert cold == warm
    assert len(set(cold.values())) == 2


def test_another_seed_gives_other_draws_and_the_same_seed_the_same():
    trials = load("crins2014")
    one, again, other = (fit(trials, Model("normal"), engine="nuts", seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one["tau"].chains, again["tau"].chains)
    assert np.array_equal(one["theta_new"].chains, again["theta_new"].chains)
    assert not np.array_equal(one["tau"].chains, other["tau"].chains)


def test_a_sampler_that_is_not_given_time_is_refused():
    with pytest.raises(ConvergenceError, match=r"NUTS did not converge: .* at target_accept 0.99"):
        fit(load("attachment/disorganised"), Model("binomial"), engine="nuts", draws=30, tune=5)


def test_progress_goes_to_standard_error_alone(capfd):
    fit(load("crins2014"), Model("normal"), engine="nuts", progress=True)
    assert capfd.readouterr().out == ""
    fit(load("crins2014"), Model("normal"), engine="nuts")
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", "")


def test_a_retry_is_rare():
    # docs/decisions/nuts-defaults.md: 1 of 72 fits of the shipped tables needed one.
    model = Model("binomial")
    fits = [
        fit(load(name), model, engine="nuts", seed=seed)
        for name in ("attachment/secure", "attachment/disorganised", "crins2014")
        for seed in (1, 2, 3, 4)
    ]
    assert sum(bool(one.diagnostics["retried_because"]) for one in fits) <= 2
    assert np.median([one.diagnostics["min_ess_bulk"] for one in fits]) > 1000
