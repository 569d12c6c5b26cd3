"""Priors from standard errors and tables against an independent quadrature (data/reference/README.md).

The prior's density enters an integral over log tau that is written here, so that an error of the prior and nothing else
would show. The reference prints ten significant digits.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from bayesmeta.priors import LogNormal, Turner, parse_prior

REFERENCE = Path(__file__).parents[2] / "data" / "reference" / "expected"
NAMES = [
    "crins2014_ar",
    "crins2014_ar_k2",
    "crins2014_ar_k3",
    "goralczyk2011_ar",
    "peto1980",
    "rubin1981",
    "sidikjonkman2007",
]
PRIORS = {
    "uniform": "improper_uniform",
    "sqrt": "sqrt",
    "Jeffreys": "jeffreys",
    "BergerDeely": "berger_deely",
    "conventional": "conventional",
    "DuMouchel": "dumouchel",
    "shrinkage": "uniform_shrinkage",
    "I2": "i2",
    "Turner_mortality": "turner(all_cause_mortality, drug_v_control)",
    "Turner_surgical": "turner(surgical, drug_v_control)",
}
PRINTED = 6e-10  # relative: half a unit of the tenth digit


def cases():
    for name in NAMES:
        fits = json.loads((REFERENCE / f"nnhm_quad_{name}.json").read_text())["fits"]
        yield from ((name, fit) for fit in fits if fit.partition("|")[0] in PRIORS)


def log_likelihood(tau, y, se, mu_prior):
    """log p(y | tau), mu integrated out: (T,). A flat mu has density 1."""
    weight = 1 / (se**2 + tau[:, None] ** 2)
    precision = 0.0 if mu_prior == "flat" else float(mu_prior.partition("sd = ")[2].rstrip(")")) ** -2
    total = weight.sum(axis=1) + precision
    mean = weight @ y / total
    distance = (weight * (y - mean[:, None]) ** 2).sum(axis=1) + precision * mean**2
    constant = -0.5 * len(y) * np.log(2 * np.pi) + 0.5 * (np.log(precision) if precision else np.log(2 * np.pi))
    return constant + 0.5 * np.log(weight).sum(axis=1) - 0.5 * np.log(total) - 0.5 * distance


@pytest.mark.parametrize(("name", "fit"), list(cases()))
def test_posterior_of_tau_as_by_independent_quadrature(name, fit):
    reference = json.loads((REFERENCE / f"nnhm_quad_{name}.json").read_text())
    expected, y, se = reference["fits"][fit], np.array(reference["yi"]), np.array(reference["sei"])
    prior = parse_prior(PRIORS[fit.partition("|")[0]]).given(se)
    flat = int(expected["mu_prior"] == "flat")
    if "error" in expected:
        assert expected["error"] == "posterior improper"
        assert len(y) < prior.least_k(flat)
        return
    assert len(y) >= prior.least_k(flat)
    # The trapezoid rule in log tau, in which the integrand is analytic for |imaginary part| < pi / 2: exact to rounding
    # where the range is wide enough. At either end the density is a power of tau.
    step = 0.02
    u = np.log(se.min()) + np.arange(-90.0, 180.0, step)
    tau = np.exp(u)
    log_density = prior.log_density(tau) + log_likelihood(tau, y, se, expected["mu_prior"]) + u
    mass = np.exp(log_density - log_density.max()) * step
    assert np.log(mass.sum()) + log_density.max() == pytest.approx(expected["log_marginal"], rel=PRINTED, abs=1e-9)
    posterior = mass / mass.sum()
    tail = prior.tail_exponent + len(y) - flat
    for moment, exists in (("mean", tail > 2.05), ("sd", tail > 3.05)):
        printed = expected["tau"].get(moment)
        if printed is None:
            assert tail <= (2 if moment == "mean" else 3)
        elif exists:
            mean = posterior @ tau
            found = mean if moment == "mean" else np.sqrt(posterior @ (tau - mean) ** 2)
            assert found == pytest.approx(printed, rel=1e-8)
    for p, column in ((0.5, "median"), (0.025, "central_lb"), (0.975, "central_ub")):
        cumulative = np.cumsum(posterior) - 0.5 * posterior
        found = np.exp(np.interp(p, cumulative, u))
        assert found == pytest.approx(expected["tau"][column], rel=2e-3)  # of the interpolation between steps


@pytest.mark.parametrize("name", NAMES)
def test_the_constant_of_the_conventional_prior_as_by_independent_quadrature(name):
    reference = json.loads((REFERENCE / f"nnhm_quad_{name}.json").read_text())
    prior = parse_prior("conventional").given(reference["sei"])
    printed = reference["fits"]["conventional|flat"]["tau_prior_normalising_constant"]
    assert np.exp(prior.log_constant) == pytest.approx(printed, rel=PRINTED)


def test_turner_2015_cells_as_in_r_bayesmeta():
    # R bayesmeta 3.4, TurnerEtAlPrior: log(tau) ~ N(-1.975, 0.67^2) and N(-1.07, 0.87^2).
    assert Turner("all_cause_mortality", "drug_v_control").stands_for == LogNormal(-1.975, 0.67)
    assert Turner("surgical", "drug_v_control").stands_for == LogNormal(-1.07, 0.87)
