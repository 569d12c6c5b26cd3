"""The exact engine against an independent quadrature of the normal-normal model (data/reference/README.md).

The reference prints ten significant digits; it agrees with itself at three times the nodes to 1e-14. Modes and limits
of shortest intervals are themselves only found to 3e-7, so those are held to 1e-5.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.exact import ExactPosterior, fit_exact

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
NAMES = [
    "crins2014_ar",
    "crins2014_ar_k2",
    "crins2014_ar_k3",
    "goralczyk2011_ar",
    "peto1980",
    "rubin1981",
    "sidikjonkman2007",
]
DIGITS = 1e-8  # of a posterior standard deviation, or absolute for what has none
PRINTED = 6e-10  # relative: half a unit of the tenth digit


# The improper priors enter with the unnormalised density that the reference writes.
BY_DENSITY = {
    "1": "improper_uniform",
    "tau^(-1/2)": "sqrt",
    "sqrt(sum((tau/(s_i^2+tau^2))^2))": "jeffreys",
    "tau * prod(s_i^2+tau^2)^(-1/k)": "berger_deely",
    "tau * prod(s_i^2+tau^2)^(-3/(2k)), normalised": "conventional",
    "s0/(s0+tau)^2, s0^2 = harmonic mean of s_i^2": "dumouchel",
    "2 tau s0^2/(s0^2+tau^2)^2": "uniform_shrinkage",
    "2 tau sh^2/(sh^2+tau^2)^2, sh^2 = Higgins-Thompson typical variance": "i2",
}


def tau_prior(text: str) -> str:
    """The prior's text form."""
    if found := re.fullmatch(r"half-normal\(scale = ([\d.]+)\)", text):
        return f"half_normal({found[1]})"
    if found := re.fullmatch(r"half-Cauchy\(scale = ([\d.]+)\)", text):
        return f"half_cauchy({found[1]})"
    if found := re.search(r"log\(tau\) ~ N\((-?[\d.]+), ([\d.]+)\^2\)", text):
        return f"lognormal({found[1]}, {found[2]})"
    return BY_DENSITY[text]


def mu_prior(text: str) -> str:
    return "flat" if text == "flat" else f"normal(0, {re.search(r'sd = (\d+)', text)[1]})"


def cases() -> list[tuple[str, str]]:
    found = []
    for name in NAMES:
        fits = json.loads((REFERENCE / "expected" / f"nnhm_quad_{name}.json").read_text())["fits"]
        found += [(name, key) for key, fit in fits.items() if "error" not in fit]
    return found


def mean_of(expected: dict, parameter: str, mu: str) -> float | None:
    """The mean printed, or None where it does not exist.

    Where tau has no mean and mu a flat prior, E|mu| is infinite. The reference still prints the average of the
    conditional means, which converges; that is not the mean of mu.
    """
    if mu == "flat" and expected["tau"].get("mean") is None:
        return None
    return expected[parameter].get("mean")


def fitted(name: str, key: str) -> tuple[ExactPosterior, dict]:
    fit = json.loads((REFERENCE / "expected" / f"nnhm_quad_{name}.json").read_text())["fits"][key]
    trials = bm.read_trials(REFERENCE / "inputs" / f"{name}.csv", data="estimates")
    return fit_exact(trials, bm.Model("normal", mu=mu_prior(fit["mu_prior"]), tau=tau_prior(fit["tau_prior"]))), fit


def agrees(found: float | None, printed: float | None, sd: float, within: float = DIGITS) -> bool:
    if printed is None:
        return found is None or np.isnan(found)
    return found is not None and abs(found - printed) <= within * sd + PRINTED * abs(printed)


@pytest.mark.parametrize(("name", "key"), cases())
def test_posterior_of_each_quantity_as_by_independent_quadrature(name: str, key: str):
    posterior, expected = fitted(name, key)
    assert posterior.log_marginal_likelihood == pytest.approx(expected["log_marginal"], rel=PRINTED, abs=DIGITS)
    summary = posterior.summary()
    for parameter in ("tau", "mu", "theta_new"):
        wanted, row, marginal = expected[parameter], summary.loc[parameter], posterior[parameter]
        mean = mean_of(expected, parameter, expected["mu_prior"])
        unit = wanted.get("sd") or row["upper"] - row["lower"]
        for found, printed in [
            (row["mean"], mean),
            (row["sd"], wanted.get("sd")),
            (row["median"], wanted["median"]),
            (row["lower"], wanted["central_lb"]),
            (row["upper"], wanted["central_ub"]),
            (marginal.mean, mean),
            (marginal.sd, wanted.get("sd")),
        ]:
            assert agrees(found, printed, unit), (parameter, found, printed)
        if parameter == "tau":
            assert agrees(float(marginal.quantile(0.95)), wanted["upper95"], unit)
        else:
            assert marginal.probability(above=0) == pytest.approx(wanted["p_gt_0"], abs=DIGITS, rel=PRINTED)


@pytest.mark.parametrize(("name", "key"), cases())
def test_study_effects_as_by_independent_quadrature(name: str, key: str):
    posterior, expected = fitted(name, key)
    studies = posterior.studies()
    for ours, theirs in [
        ("mean", "mean"),
        ("sd", "sd"),
        ("median", "median"),
        ("lower", "central_lb"),
        ("upper", "central_ub"),
    ]:
        printed = np.array(expected["theta"][theirs], dtype=float)
        unit = np.array(expected["theta"]["sd"], dtype=float)
        found = studies[ours].to_numpy()
        assert np.all(np.abs(found - printed) <= DIGITS * unit + PRINTED * np.abs(printed)), ours


@pytest.mark.parametrize(("name", "key"), cases())
def test_modes_and_shortest_intervals_as_by_independent_quadrature(name: str, key: str):
    posterior, expected = fitted(name, key)
    for parameter in ("tau", "mu", "theta_new"):
        wanted, marginal = expected[parameter], posterior[parameter]
        lower, upper = marginal.interval(0.95, kind="shortest")
        unit = wanted.get("sd") or upper - lower
        if parameter == "tau" and tau_prior(expected["tau_prior"]) == "sqrt":
            # Its density is unbounded at 0, on a set of no mass: mode and highest density are a matter of convention.
            continue
        assert agrees(marginal.mode, wanted["mode"], unit, 1e-5), (parameter, "mode")
        if wanted.get("shortest_lb") is not None:
            assert agrees(lower, wanted["shortest_lb"], unit, 1e-5), parameter
            assert agrees(upper, wanted["shortest_ub"], unit, 1e-5), parameter


def test_an_improper_posterior_is_refused_as_the_reference_refuses_it():
    # Two trials, flat mu, improper uniform tau: the reference says "posterior improper".
    trials = bm.read_trials(REFERENCE / "inputs" / "crins2014_ar_k2.csv", data="estimates")
    with pytest.raises(bm.PriorError, match="improper"):
        fit_exact(trials, bm.Model("normal", mu="flat", tau="improper_uniform"))
