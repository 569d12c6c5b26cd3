"""Hypergeometric, binomial and normal likelihood: on large tables they say the same."""

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm

SIZES = np.array([1, 10, 100, 1000])
PAIRS = [("hypergeometric", "normal"), ("binomial", "normal"), ("hypergeometric", "binomial")]
NUMBERS = ["mean", "median", "lower", "upper"]


def times(factor):
    """Six simulated trials of 40 to 90 people an arm, every count multiplied: the same odds ratios, known better."""
    rng = np.random.default_rng(4)
    total_treated, total_control = rng.integers(40, 90, (2, 6))
    risk, effect = rng.uniform(0.15, 0.5, 6), rng.normal(0.4, 0.3, 6)
    control = np.maximum(rng.binomial(total_control, risk), 3)
    treated = np.maximum(rng.binomial(total_treated, 1.0 / (1.0 + (1.0 - risk) / risk * np.exp(-effect))), 3)
    columns = ["events_treated", "total_treated", "events_control", "total_control"]
    counts = np.stack([treated, total_treated, control, total_control]) * factor
    return bm.read_trials(pd.DataFrame({"study": list("ABCDEF")} | dict(zip(columns, counts))))


@pytest.fixture(scope="module")
def fits():
    likelihoods = ("hypergeometric", "binomial", "normal")
    return [{name: bm.fit(times(factor), bm.Model(name)) for name in likelihoods} for factor in SIZES]


@pytest.fixture(scope="module")
def differences(fits):
    """(pair, size, quantity) largest difference of mean, median and interval, in posterior standard deviations."""
    found = np.empty((len(PAIRS), len(SIZES), 4))
    for p, (one, other) in enumerate(PAIRS):
        for s, by_name in enumerate(fits):
            a, b = by_name[one].summary(), by_name[other].summary()
            away = (a[NUMBERS] - b[NUMBERS]).abs().div(b["sd"], axis=0).max(axis=1)
            x, y = by_name[one].studies(), by_name[other].studies()
            of_studies = (x[NUMBERS] - y[NUMBERS]).abs().div(y["sd"], axis=0).to_numpy().max()
            found[p, s] = [away["mu"], away["tau"], away["theta_new"], of_studies]
    return found


def test_what_they_say_of_the_trials_together_differs_by_1_over_n(differences):
    together = differences[:, :, :3]
    assert together[:, 0].max() < 0.1  # of a posterior sd, at some 65 people an arm
    # Ten times the people, a tenth of the difference.
    shrinks = together[:, :-1] / together[:, 1:]
    assert np.all(shrinks > 6.0)
    assert np.all(shrinks < 14.0)
    assert np.all(together[:, -1] < 1.2e-4)


def test_what_they_say_of_one_trial_differs_by_1_over_root_n(differences):
    # Its posterior sd shrinks with its size: what is left is the skewness of its likelihood.
    alone = differences[:, :, 3]
    assert np.all(alone[:, 0] < 0.12)
    assert alone[:, 1] / alone[:, -1] == pytest.approx(np.sqrt(SIZES[-1] / SIZES[1]), rel=0.25)
    assert np.all(alone[:, -1] < 5e-3)
