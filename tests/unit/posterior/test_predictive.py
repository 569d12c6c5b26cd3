"""Replicated trials follow the likelihood and the random effects of the model."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayesmeta as bm
from bayesmeta.effects import effect_sizes, independent_rows
from bayesmeta.posterior.predictive import noncentral_hypergeometric, replicates, standardised

COLUMNS = ["events_treated", "total_treated", "events_control", "total_control"]
N = 20_000


@pytest.mark.parametrize("counts", [(3, 10, 1, 12), (40, 80, 30, 90), (0, 20, 4, 25), (700, 9000, 650, 9100)])
def test_events_given_all_events_follow_fishers_distribution(counts):
    theta = np.repeat([-1.0, 0.0, 0.8], N)
    found = noncentral_hypergeometric(np.array(counts, dtype=float), theta, np.random.default_rng(2)).reshape(3, N)
    for drawn, odds in zip(found, np.exp([-1.0, 0.0, 0.8]), strict=True):
        law = stats.nchypergeom_fisher(counts[1] + counts[3], counts[0] + counts[2], counts[1], odds)
        assert abs(drawn.mean() - law.mean()) < 4 * law.std() / np.sqrt(N)
        assert drawn.var() == pytest.approx(law.var(), rel=4 * np.sqrt(3 / N))  # normal or lighter tails
        middle = law.median()
        assert np.mean(drawn <= middle) == pytest.approx(law.cdf(middle), abs=2 / np.sqrt(N))


def test_a_million_people_are_no_obstacle():
    theta = np.random.default_rng(1).normal(0.1, 0.3, 200)
    found = noncentral_hypergeometric(np.array([3e5, 1e6, 2.9e5, 1e6]), theta, np.random.default_rng(2))
    risk = found / (5.9e5 - found) * (1e6 - 5.9e5 + found) / (1e6 - found)  # the odds ratio of the replicated table
    assert np.abs(np.log(risk) - theta).max() < 5 * 0.0032


@pytest.mark.parametrize(
    ("effects", "law"),
    [("normal", stats.norm()), ("student_t(4)", stats.t(4)), ("student_t(1)", stats.t(1))],
)
def test_random_effects_have_their_distribution(effects, law):
    z = standardised(bm.Model(random_effects=effects), (N,), np.random.default_rng(3))
    assert stats.kstest(z, law.cdf).pvalue > 1e-4


def test_outliers_are_as_many_and_as_far_out_as_stated():
    z = standardised(bm.Model(random_effects="mixture(0.2, 4)"), (N,), np.random.default_rng(3))
    share = 0.8 * stats.norm.sf(2.0) + 0.2 * stats.norm.sf(0.5)
    assert np.mean(z > 2.0) == pytest.approx(share, abs=4 * np.sqrt(share / N))


def mixed():
    rows = {"study": list("ABCD"), "estimate": [np.nan] * 3 + [0.4], "se": [np.nan] * 3 + [0.3]}
    counts = np.array([[12, 40, 20, 41], [0, 30, 9, 28], [0, 25, 0, 24], [np.nan] * 4]).T
    return bm.read_trials(pd.DataFrame(rows | dict(zip(COLUMNS, counts))))


def test_replicated_events_keep_the_margins_and_estimates_have_none():
    posterior = bm.fit(mixed(), bm.Model("hypergeometric"))
    tree = posterior.to_arviz(draws=500, chains=2)
    events = tree["replicated_events"]["events"]
    assert events.dims == ("chain", "draw", "study", "arm")
    assert events["arm"].values.tolist() == ["control", "treated"]
    values = events.values.reshape(-1, 4, 2)
    assert np.all(values[:, :3].sum(axis=2) == [32, 9, 0])
    assert np.all(values[:, :3] <= tree["constant_data"]["total"].values[:3])
    assert np.isnan(values[:, 3]).all()
    assert np.isfinite(tree["posterior_predictive"]["y"].values).all()


def test_replicates_under_student_t_effects_have_their_spread():
    model = bm.Model("normal", random_effects="student_t(2.5)")
    effects = effect_sizes(mixed())
    posterior = SimpleNamespace(
        trials=mixed(), model=model, effects=effects, independent=independent_rows(effects, model.arm_correlation)
    )
    mean, tau = np.zeros((1, N, 4)), np.ones((1, N))
    y = replicates(posterior, mean, tau, np.random.default_rng(4))["y"][1][0]
    reference = stats.t.rvs(2.5, size=N, random_state=5) + 0.3 * stats.norm.rvs(size=N, random_state=6)
    assert stats.ks_2samp(y[:, 3], reference).pvalue > 1e-4
