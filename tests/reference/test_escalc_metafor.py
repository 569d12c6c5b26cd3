"""Effect sizes as metafor 5.0-1 gives them (`escalc`), for every 2x2 set in data/reference, to the ten digits printed.

Viechtbauer 2010, J Stat Softw 36(3). The settings stand in the note of each JSON file: 1/2 added to tables with a zero
("escalc", "escalc_RR", "escalc_RD") or to all tables ("escalc_OR_add_half_all"), tables without events kept.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from bayesmeta.effects import effect_sizes
from bayesmeta.trials import read_trials

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
TEN_DIGITS = 6e-10
ENTRIES = {
    "escalc": ("OR", "only_zero"),
    "escalc_RR": ("RR", "only_zero"),
    "escalc_RD": ("RD", "only_zero"),
    "escalc_OR_add_half_all": ("OR", "all"),
}
SETS = sorted(path.stem.removeprefix("metafor_") for path in (REFERENCE / "expected").glob("metafor_*.json"))
TABLES = [name for name in SETS if name != "rubin1981"]


def expected(name):
    return json.loads((REFERENCE / "expected" / f"metafor_{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("name", TABLES)
def test_effect_sizes_equal_escalc(name, entry):
    measure, rule = ENTRIES[entry]
    effects = effect_sizes(read_trials(REFERENCE / "inputs" / f"{name}.csv"), measure, rule)
    numbers = expected(name)[entry]
    np.testing.assert_allclose(effects.y, numbers["yi"], rtol=TEN_DIGITS, atol=1e-15)
    np.testing.assert_allclose(effects.se**2, numbers["vi"], rtol=TEN_DIGITS)


@pytest.mark.parametrize("name", TABLES)
def test_printed_log_odds_ratios_equal_those_from_counts(name):
    trials = read_trials(REFERENCE / "inputs" / f"{name}.csv")
    from_counts, printed = effect_sizes(trials), effect_sizes(trials.with_estimates())
    np.testing.assert_allclose(from_counts.y, printed.y, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(from_counts.se, printed.se, rtol=1e-13)


def test_eight_schools_enter_with_their_printed_estimates():
    # Rubin 1981, J Educ Stat 6:377: no counts, so y and se come back as they were given.
    numbers = expected("rubin1981")["escalc"]
    effects = effect_sizes(read_trials(REFERENCE / "inputs" / "rubin1981.csv"))
    assert effects.studies == tuple(numbers["slab"])
    np.testing.assert_allclose(effects.y, numbers["yi"], rtol=TEN_DIGITS)
    np.testing.assert_allclose(effects.se**2, numbers["vi"], rtol=TEN_DIGITS)


def test_every_reference_set_is_compared():
    assert len(TABLES) >= 6
