"""The log likelihood with study effects integrated out, of every likelihood and random effects."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import binom, norm, t

import bayesmeta as bm
from bayesmeta.effects import effect_sizes
from bayesmeta.exact import prepare
from bayesmeta.nuts.marginal import marginal_log_likelihood
from tests.unit.nuts.test_hypergeometric import SMALL

EFFECTS = ["normal", "none", "student_t(4)", "mixture(0.1, 5)", "mixture(0, 5)"]


@pytest.mark.parametrize("effects", EFFECTS)
@pytest.mark.parametrize("likelihood", ["normal", "binomial", "hypergeometric"])
def test_it_is_that_of_the_exact_engine(mixed, likelihood, effects):
    model = bm.Model(likelihood, random_effects=effects, tau="half_normal(0.5)")
    rng = np.random.default_rng(3)
    tau = np.zeros(5) if effects == "none" else rng.uniform(0.05, 1.0, 5)
    mean = np.repeat(rng.normal(-0.2, 0.4, (5, 1)), 2, axis=1)
    exact = prepare(mixed, model).convolution.log_marginal(mean[:, :1], tau, np.arange(2))[:, :, 0].T
    ours = marginal_log_likelihood(mixed, model, effect_sizes(mixed), mean, tau)
    # Counts with Student-t effects: an integral on a grid of a third of a standard error.
    assert ours == pytest.approx(exact, abs=1e-3 if "student" in effects else 1e-6)


def test_a_baseline_whose_prior_is_student_t(mixed):
    model = bm.Model("binomial", random_effects="none", baseline="student_t(4, -1, 1.5)")
    r1, n1, r0, n0 = mixed.counts[0]

    def integrand(gamma):
        return (
            binom.pmf(r0, n0, expit(gamma - 0.15)) * binom.pmf(r1, n1, expit(gamma + 0.15)) * t.pdf(gamma, 4, -1.0, 1.5)
        )

    found = marginal_log_likelihood(mixed, model, effect_sizes(mixed), np.full((1, 2), 0.3), np.zeros(1))
    assert found[0, 0] == pytest.approx(np.log(quad(integrand, -12, 8, points=[-1, 0, 1])[0]), abs=1e-3)
    assert found[0, 1] == pytest.approx(norm.logpdf(0.4, 0.3, 0.3))


def test_a_wide_support_and_heavy_tails_stay_finite():
    counts = dict(zip(["events_treated", "total_treated", "events_control", "total_control"], SMALL.T))
    trials = bm.read_trials(pd.DataFrame({"study": list("ABCDEF")} | counts))
    model = bm.Model("hypergeometric", random_effects="student_t(1)")
    found = marginal_log_likelihood(trials, model, effect_sizes(trials), np.zeros((3, 6)), np.array([0.0, 0.5, 5.0]))
    assert np.isfinite(found).all()
