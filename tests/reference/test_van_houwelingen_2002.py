"""van Houwelingen, Arends & Stijnen 2002, Stat Med 21:589, pages 604-605: BCG, log odds of both arms jointly normal.

Printed (and reproduced by metafor's own test of the paper): means -4.834 (vaccinated) and -4.096 (not vaccinated),
variances 1.431 and 2.407, correlation 0.947, maximum likelihood with normal within-trial errors. Ours has binomial
errors, which with up to 88,000 people in an arm is nearly the same.
"""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from bayesmeta.likelihoods import joint_log_likelihood
from bayesmeta.likelihoods.arms import log_odds
from bayesmeta.trials import load

TREATED, CONTROL, VARIANCE_TREATED, VARIANCE_CONTROL, RHO = -4.834, -4.096, 1.431, 2.407, 0.947


def mode(log_likelihood):
    """Mode in (m, effect, slope, s, tau): control log odds x ~ N(m, s^2), effects N(effect + slope (x - m), tau^2)."""

    def minus(x):
        m, effect, slope, s, tau = *x[:3], *np.exp(x[3:])
        covariance = s**2 * np.array([[1.0, 1.0 + slope], [1.0 + slope, (1.0 + slope) ** 2]])
        covariance[1, 1] += tau**2
        return -log_likelihood(np.array([m, m + effect]), covariance)

    options = {"maxiter": 4000, "xatol": 1e-6, "fatol": 1e-9}
    found = minimize(minus, [-4.0, -0.7, 0.0, 0.5, -1.0], method="Nelder-Mead", options=options)
    assert found.success
    return [*found.x[:3], *np.exp(found.x[3:])]


def implied():
    """Slope of the effect on the true control log odds, and its tau^2, that the printed covariance implies."""
    return RHO * np.sqrt(VARIANCE_TREATED / VARIANCE_CONTROL) - 1.0, VARIANCE_TREATED * (1.0 - RHO**2)


def test_with_normal_errors_the_printed_numbers():
    treated, total_treated, control, total_control = load("bcg").counts.T
    (x, x_se), (y, y_se) = log_odds(control, total_control), log_odds(treated, total_treated)

    def log_likelihood(mean, covariance):
        return sum(
            multivariate_normal(mean, covariance + np.diag([a**2, b**2])).logpdf([c, t])
            for c, t, a, b in zip(x, y, x_se, y_se)
        )

    m, effect, slope, s, tau = mode(log_likelihood)
    assert m == pytest.approx(CONTROL, abs=5e-4)
    assert m + effect == pytest.approx(TREATED, abs=5e-4)
    assert s**2 == pytest.approx(VARIANCE_CONTROL, abs=1e-3)
    assert slope == pytest.approx(implied()[0], abs=1e-3)
    assert tau**2 == pytest.approx(implied()[1], abs=2e-3)


def test_with_binomial_errors_nearly_the_same():
    # An observed log odds of few events is too high by about 1 / (2 events): the exact m lies 0.03 lower.
    counts = load("bcg").counts
    m, effect, slope, s, tau = mode(lambda mean, covariance: joint_log_likelihood(counts, mean, covariance).sum())
    assert m == pytest.approx(CONTROL, abs=0.05)
    assert m + effect == pytest.approx(TREATED, abs=0.05)
    assert s**2 == pytest.approx(VARIANCE_CONTROL, abs=0.05)
    assert slope == pytest.approx(implied()[0], abs=0.01)
    assert tau**2 == pytest.approx(implied()[1], abs=0.02)
