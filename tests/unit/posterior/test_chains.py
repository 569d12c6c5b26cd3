"""The limits find what they are there to find."""

import numpy as np
import pytest

from bayesmeta.posterior.chains import Limits, bfmi, chain_statistics, shortcomings

RNG = np.random.default_rng(5)
GOOD = RNG.normal(size=(4, 1000))
ENERGY_IS_FINE = np.ones(4)


def walk(scale):
    """Chains that hardly move: an autoregression near one."""
    chains = np.zeros((4, 1000))
    for t in range(1, 1000):
        chains[:, t] = 0.99 * chains[:, t - 1] + scale * RNG.normal(size=4)
    return chains


def test_independent_draws_have_nothing_wrong():
    statistics = chain_statistics({"mu": GOOD})
    assert shortcomings(statistics, 0, ENERGY_IS_FINE) == []
    assert statistics.loc["mu", "ess_bulk"] == pytest.approx(4000, rel=0.2)
    assert statistics.loc["mu", "mcse_mean"] == pytest.approx(1 / np.sqrt(4000), rel=0.15)


def test_a_chain_elsewhere_is_found_and_named():
    apart = GOOD + np.array([[0.0], [0.0], [0.0], [3.0]])
    found = shortcomings(chain_statistics({"mu": GOOD, "tau": apart}), 0, ENERGY_IS_FINE)
    assert found[0].startswith("R-hat of tau ")
    assert "limit 1.01" in found[0]


def test_chains_that_hardly_move_are_found_by_their_effective_sample_size():
    found = shortcomings(chain_statistics({"mu": GOOD, "tau": walk(0.1)}), 0, ENERGY_IS_FINE)
    assert any(phrase.startswith("effective sample size of tau") and "bulk (limit 400)" in phrase for phrase in found)


def test_a_heavy_tail_that_mixes_badly_is_found_in_the_tail():
    # Locations mix well, but half of the chains never visit the upper tail.
    tail = np.abs(GOOD)
    tail[:2] = np.minimum(tail[:2], 1.5)
    found = shortcomings(chain_statistics({"tau": tail}), 0, ENERGY_IS_FINE)
    assert any("in the tail" in phrase or "R-hat" in phrase for phrase in found)


def test_one_divergence_is_too_many():
    assert shortcomings(chain_statistics({"mu": GOOD}), 1, ENERGY_IS_FINE) == ["1 divergence"]


def test_an_energy_that_wanders_is_found():
    wandering = walk(1.0)
    found = shortcomings(chain_statistics({"mu": GOOD}), 0, bfmi(wandering))
    assert len(found) == 1
    assert found[0].startswith("E-BFMI 0.0")
    # Independent energies: E (e_t - e_{t-1})^2 = 2 var(e).
    assert bfmi(GOOD) == pytest.approx(np.full(4, 2.0), abs=0.2)


def test_what_cannot_be_judged_has_not_arrived():
    found = shortcomings(chain_statistics({"mu": np.ones((4, 1000))}), 0, ENERGY_IS_FINE)
    assert found[0].startswith("R-hat of mu undefined")
    assert len(shortcomings(chain_statistics({"mu": GOOD[:, :3]}), 0, ENERGY_IS_FINE)) == 3


def test_limits_are_those_of_the_papers():
    # Vehtari et al. 2021, section 4; Betancourt 2016, section 3.
    assert Limits() == Limits(rhat=1.01, ess=400, bfmi=0.3)
