"""The posterior beside each pool: the difference in posterior standard deviations, and a sentence on why."""

import json

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.checks import against_pools
from bayesmeta.trials import PublishedPool

TRIALS = bm.load("crins2014")
POOLS = bm.pool(TRIALS)


def posterior(**model):
    return bm.fit(TRIALS, bm.Model("normal", **model))


def published(k: int) -> PublishedPool:
    return PublishedPool.from_odds_ratio("acute rejection", k, 0.3, 0.2, 0.45, 2014, "made up for this test")


def test_each_pool_has_its_row_and_its_sentence():
    mine = posterior()
    check = against_pools(mine, POOLS, published(6))
    assert check.table["method"].tolist() == [*POOLS.table["method"], "published"]
    row = check.table[(check.table["method"] == "REML") & (check.table["interval"] == "wald")].iloc[0]
    pool = POOLS.row("REML", "wald")
    assert row["difference"] == pytest.approx(mine["mu"].median - pool["estimate"])
    assert row["in_sd"] == pytest.approx(row["difference"] / mine["mu"].sd)
    lower, upper = mine["mu"].interval()
    assert row["width"] == pytest.approx((upper - lower) / (pool["upper"] - pool["lower"]))
    assert check.table["because"].str.endswith(".").all()
    assert check.sentence.endswith(check.table["because"].iloc[-1])


def test_without_heterogeneity_and_with_a_flat_prior_it_is_the_equal_effects_pool():
    check = against_pools(posterior(random_effects="none", mu="flat"), POOLS)
    row = check.table[check.table["method"] == "EE"].iloc[0]
    assert row["difference"] == pytest.approx(0.0, abs=1e-9)
    assert row["width"] == pytest.approx(1.0, abs=1e-8)
    assert "close by" in row["because"]


@pytest.mark.parametrize(
    ("method", "interval", "reason"),
    [
        ("MH", "wald", "it takes one effect for all trials"),
        ("DL", "wald", "takes tau as known"),
        ("REML", "hksj", "uses a t quantile"),
        ("REML", "hksj_adhoc", "never narrower than Wald's"),
    ],
)
def test_the_reason_is_what_the_method_assumes(method, interval, reason):
    table = against_pools(posterior(), POOLS).table
    assert reason in table[(table["method"] == method) & (table["interval"] == interval)].iloc[0]["because"]


@pytest.mark.parametrize(
    ("k", "words"),
    [(26, "not a replication"), (3, "not the same evidence"), (6, "see the reproduction check")],
)
def test_the_published_pool_is_compared_with_what_it_was_made_from(k, words):
    sentence = against_pools(posterior(), POOLS, published(k)).table["because"].iloc[-1]
    assert sentence.startswith(f"Published, OR 0.30 from {k} trials: the posterior median is")
    assert words in sentence


def test_a_posterior_without_sd_is_compared_by_its_interval():
    few = TRIALS.select([0, 1])
    check = against_pools(
        bm.fit(few, bm.Model("normal", mu="flat", tau="half_cauchy(0.5)")), bm.pool(few), published(2)
    )
    assert np.isfinite(check.table["in_sd"]).all()
    json.dumps(check.to_dict(), allow_nan=False)


def test_a_model_with_moderators_has_no_pooled_effect():
    trials = bm.load("bcg")
    with pytest.raises(bm.ModelError, match="without moderators"):
        against_pools(bm.fit(trials, bm.Model("normal", moderators="~ latitude")), bm.pool(trials))
