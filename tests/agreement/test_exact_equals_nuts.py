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
        ("attachment/secure", Model()),
        ("attachment/disorganised", Model()),
        ("crins2014", Model(mu="normal(0, 4)")),
        ("attachment/secure", Model(moderators="~ sensitivity_focused")),
        ("crins2014", Model(moderators="~ randomized", beta="normal(0.5, 0.3)")),
        ("bcg", Model(moderators="~ ablat + alloc", tau="half_normal(1)")),
        ("attachment/disorganised", Model(tau="half_cauchy(0.5)")),
        ("attachment/secure", Model(tau="uniform(0.1, 2)")),
        ("crins2014", Model(tau="lognormal(-1.28, 0.87)")),
        ("attachment/secure", Model(mu="flat", moderators="~ sensitivity_focused")),
        ("crins2014", Model(random_effects="none")),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.mu}, {value.tau}, {value.moderators}",
)
def test_nuts_gives_the_exact_posterior_of_the_normal_model(data, model):
    trials = load(data)
    draws = fit(trials, model, engine="nuts")
    convergence(draws).require()
    same_posterior(fit(trials, model), draws).require()


def test_the_other_sampler_gives_it_too():
    trials, model = load("crins2014"), Model()
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
    ("attachment_disorganised", "normal(0,2.82)", "half-Cauchy(0.5)", "normal(0,2.5)"),
    ("crins2014_ar", "normal(0,2.82)", "half-normal(1)", "normal(0,10)"),
    ("crins2014_ar", "flat", "half-normal(0.5)", "normal(0,2.5)"),
]


@pytest.mark.parametrize(("name", "mu", "tau", "gamma"), BINOMIAL)
@pytest.mark.parametrize("sampler", ["nutpie"])
def test_nuts_gives_the_reference_posterior_of_the_binomial_model(name, mu, tau, gamma, sampler):
    trials, expected = reference(name, prior_mu=mu, prior_tau=tau, prior_gamma=gamma)
    model = Model("binomial", mu=mu, tau=tau.replace("-", "_"), baseline=gamma)
    posterior = fit(trials, model, engine="nuts", sampler=sampler)
    assert scores(posterior, expected).abs().max() < LIMIT


def test_the_other_sampler_gives_the_reference_posterior_too():
    priors = {"prior_mu": "normal(0,2.82)", "prior_tau": "half-normal(0.5)", "prior_gamma": "normal(0,10)"}
    trials, expected = reference("attachment_disorganised", **priors)
    model = Model("binomial", mu="normal(0, 2.82)", tau="half_normal(0.5)", baseline="normal(0, 10)")
    posterior = fit(trials, model, engine="nuts", sampler="pymc")
    assert scores(posterior, expected).abs().max() < LIMIT


def test_a_trial_of_nobody_changes_nothing():
    """The rounding up of the table, from outside: one more spare trial is one more nobody."""
    trials, expected = reference(
        "attachment_secure", prior_mu="normal(0,2.82)", prior_tau="half-normal(0.5)", prior_gamma="normal(0,10)"
    )
    # Eight trials fill the table; with the last one doubled away into a ninth row there are sixteen rows, seven spare.
    model = Model("binomial", mu="normal(0, 2.82)", tau="half_normal(0.5)", baseline="normal(0, 10)")
    from bayesmeta.nuts import plan

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "TRIALS_STEP", 12)
        posterior = fit(trials, model, engine="nuts")
    assert posterior.draws(10)["gamma"].shape == (10, 8)
    assert scores(posterior, expected).abs().max() < LIMIT


REPEAT = """
import hashlib, sys
import numpy as np
from bayesmeta.fit import fit
from bayesmeta.model import Model
from bayesmeta.trials import load

for likelihood in sys.argv[1:]:
    posterior = fit(load("attachment/disorganised"), Model(likelihood), engine="nuts", seed=11)
    draws = posterior.draws(4000, seed=1)
    print(hashlib.sha256(b"".join(np.ascontiguousarray(draws[name]).tobytes() for name in sorted(draws))).hexdigest())
"""


def digests(folder, *likelihoods):
    environment = os.environ | {"PYTENSOR_FLAGS": f"base_compiledir={folder}"}
    done = subprocess.run(
        [sys.executable, "-c", REPEAT, *likelihoods], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout.split()


def test_a_seed_gives_the_same_draws_in_every_process_with_a_cold_or_a_warm_cache(tmp_path):
    # Also whatever was compiled or sampled before: the second process takes the likelihoods in the other order.
    cold = digests(tmp_path, "normal", "binomial")
    warm = digests(tmp_path, "binomial", "normal")
    assert cold == warm[::-1]
    assert len(set(cold)) == 2


def test_another_seed_gives_other_draws_and_the_same_seed_the_same():
    trials = load("crins2014")
    one, again, other = (fit(trials, Model(), engine="nuts", seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one["tau"].chains, again["tau"].chains)
    assert np.array_equal(one["theta_new"].chains, again["theta_new"].chains)
    assert not np.array_equal(one["tau"].chains, other["tau"].chains)


def test_too_short_a_warm_up_is_refused_or_right():
    """A real sampler that is not given the time to converge: no numbers."""
    from bayesmeta.errors import ConvergenceError

    with pytest.raises(ConvergenceError, match="NUTS did not converge: .* at target_accept 0.99"):
        fit(load("attachment/disorganised"), Model("binomial"), engine="nuts", draws=30, tune=5)


def test_progress_goes_to_standard_error_alone(capfd):
    fit(load("crins2014"), Model(), engine="nuts", progress=True)
    assert capfd.readouterr().out == ""
    fit(load("crins2014"), Model(), engine="nuts")
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", "")
