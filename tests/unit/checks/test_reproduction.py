"""Is a published pool what the trials give? Tried on simulated trials, "published" as their own pools rounded.

No trial here is real: 26 trials are drawn with a fixed seed, written as CSV, and pooled; the pools, rounded to the two
decimals that a paper prints, take the place of what was published.
"""

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.checks import reproduction
from bayesmeta.trials import PublishedPool

K = 26


@pytest.fixture(scope="module")
def csv(tmp_path_factory):
    rng = np.random.default_rng(12)
    lines = ["study,events_treated,total_treated,events_control,total_control"]
    for i in range(K):
        n1, n0 = rng.integers(20, 90, size=2)
        baseline, effect = rng.normal(-0.4, 0.5), rng.normal(0.6, 0.55)
        events = [rng.binomial(n, 1 / (1 + np.exp(-logit))) for n, logit in ((n1, baseline + effect), (n0, baseline))]
        lines.append(f"Simulated {i + 1:02d},{events[0]},{n1},{events[1]},{n0}")
    path = tmp_path_factory.mktemp("simulated") / "simulated.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def pools(csv):
    return bm.pool(bm.read_trials(csv))


def printed(pools, method: str, k: int = K) -> PublishedPool:
    """The figures of a method as a paper would print them."""
    row = pools.row(method, "wald")
    estimate, lower, upper = (round(float(np.exp(row[name])), 2) for name in ("estimate", "lower", "upper"))
    return PublishedPool.from_odds_ratio("simulated events", k, estimate, lower, upper, 2023, "rounded for this test")


@pytest.mark.parametrize("method", ["RevMan", "REML", "DL", "MH"])
def test_a_pool_is_recognised_by_its_method_and_both_decimals(pools, method):
    found = reproduction(pools, printed(pools, method))
    assert found.possible
    row = found.table[(found.table["method"] == method) & (found.table["interval"] == "wald")].iloc[0]
    assert row["decimals"] == 2
    assert row["off"] < 0.005
    assert found.sentence.startswith("Reproduced: the published OR")
    assert f"{method} (wald)" in found.sentence
    assert "both printed decimals" in found.sentence
    # Methods that pool differently are not named.
    for other in found.table[found.table["decimals"] < 2]["method"].unique():
        assert f" {other} (" not in found.sentence or other in set(found.table[found.table["decimals"] == 2]["method"])


def test_wrongly_read_rows_are_not_a_reproduction_and_the_nearest_is_named(csv, pools):
    lines = csv.read_text(encoding="utf-8").splitlines()
    cells = lines[3].split(",")
    cells[1:] = [*cells[3:], *cells[1:3]]  # the arms exchanged in typing
    trials = csv.with_name("mistyped.csv")
    trials.write_text("\n".join([*lines[:3], ",".join(cells), *lines[4:]]) + "\n", encoding="utf-8")
    found = reproduction(bm.pool(bm.read_trials(trials)), printed(pools, "RevMan"))
    assert found.possible
    assert found.table["decimals"].max() < 2
    assert found.sentence.startswith("Not reproduced: no method gives the published OR")
    nearest = found.table.loc[found.table["off"].idxmin()]
    assert f"Nearest is {nearest['method']} ({nearest['interval']})" in found.sentence
    assert "Check the rows" in found.sentence


def test_other_numbers_of_trials_are_no_replication(csv, pools):
    trials = bm.read_trials(csv).select(np.arange(K - 1))
    found = reproduction(bm.pool(trials), printed(pools, "RevMan"))
    assert not found.possible
    assert found.sentence.startswith(f"Not a replication: the table has {K - 1} trials, the published OR")
    assert reproduction(pools, printed(pools, "RevMan", k=K + 1)).possible is False


def test_figures_on_the_edge_of_rounding_count_as_reproduced_to_the_decimals_they_share(pools):
    row = pools.row("REML", "wald")
    exact = np.exp(row[["estimate", "lower", "upper"]].to_numpy(dtype=float))
    for off, decimals in ((0.0049, 2), (0.03, 1), (0.4, 0), (0.6, -1)):
        shifted = PublishedPool.from_odds_ratio("simulated", K, exact[0], exact[1], exact[2] + off, 2023, "shifted")
        table = reproduction(pools, shifted).table
        found = table[(table["method"] == "REML") & (table["interval"] == "wald")].iloc[0]
        assert found["decimals"] == decimals


def test_the_finding_as_plain_data(pools):
    found = reproduction(pools, printed(pools, "REML")).to_dict()
    assert found["possible"] is True
    assert {row["method"] for row in found["methods"]} == set(pools.table["method"])
    assert all(type(row["odds_ratio"]) is float and type(row["decimals"]) is int for row in found["methods"])
