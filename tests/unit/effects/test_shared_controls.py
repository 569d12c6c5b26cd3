"""Arms that share a control: what their contrasts have in common, and the same trials as independent rows."""

import numpy as np
import pandas as pd
import pytest

from bayesmeta.effects import covariance, effect_sizes, independent_rows
from bayesmeta.errors import DataError
from bayesmeta.trials import Trials, load, with_arms_combined

COUNTS = ["events_treated", "total_treated", "events_control", "total_control"]


def arms(*rows, **columns):
    table = pd.DataFrame(list(rows), columns=COUNTS)
    table.insert(0, "study", [f"A{row}" for row in range(len(rows))])
    return Trials(table.assign(trial="A", **columns))


def estimates(**columns):
    table = {"study": ["A1", "A2", "B"], "trial": ["A", "A", ""], "estimate": [0.4, 0.7, 0.1], "se": [0.5, 0.4, 0.3]}
    return Trials(pd.DataFrame(table | columns))


def test_the_covariance_of_log_odds_ratios_is_the_variance_of_the_control_arms_log_odds():
    # Gleser & Olkin 2009: 1 / r0 + 1 / (n0 - r0); simulated here as well.
    effects = effect_sizes(arms([60, 200, 80, 250], [90, 180, 80, 250]))
    both = covariance(effects, effects.shared[0])
    assert both[0, 1] == pytest.approx(1 / 80 + 1 / 170)
    assert np.diag(both) == pytest.approx(effects.se**2)
    rng = np.random.default_rng(1)
    log_odds = [np.log(r / (n - r)) for r, n in ((rng.binomial(n, p, 40_000), n) for n, p in PROPORTIONS)]
    simulated = np.cov(log_odds[0] - log_odds[2], log_odds[1] - log_odds[2])
    assert simulated == pytest.approx(both, rel=0.05)


PROPORTIONS = ((200, 60 / 200), (180, 90 / 180), (250, 80 / 250))


def test_a_zero_in_one_arm_corrects_the_shared_control_once_and_for_all_arms():
    effects = effect_sizes(arms([0, 20, 3, 30], [5, 25, 3, 30]))
    assert effects.control_variance == pytest.approx([1 / 3.5 + 1 / 27.5] * 2)
    assert effects.y[1] == pytest.approx(np.log(5.5 * 27.5 / (20.5 * 3.5)))
    assert effects.corrected == ("A0", "A1")
    with pytest.raises(DataError, match='"treatment_arm" has no form for the several arms of A'):
        effect_sizes(arms([0, 20, 3, 30], [5, 25, 3, 30]), zero_cells="treatment_arm")
    assert effect_sizes(arms([0, 20, 3, 30], [5, 25, 3, 30], [6, 25, 3, 30]), zero_cells="drop").shared == ((0, 1),)


def test_estimates_that_share_a_control_need_its_standard_error():
    with pytest.raises(DataError, match=r"A1 and A2 share a control arm, whose variance is not known.*se_control"):
        independent_rows(effect_sizes(estimates()), 0.5)
    effects = effect_sizes(estimates(se_control=[0.2, 0.2, np.nan]))
    assert covariance(effects, (0, 1))[0, 1] == pytest.approx(0.04)
    with pytest.raises(DataError, match="It is one arm: expected one value"):
        independent_rows(effect_sizes(estimates(se_control=[0.2, 0.3, np.nan])), 0.5)
    with pytest.raises(DataError, match=r"not below the smallest variance of their contrasts, 0\.16"):
        independent_rows(effect_sizes(estimates(se_control=[0.45, 0.45, np.nan])), 0.5)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_independent_rows_have_the_covariance_of_the_arms_whatever_tau(correlation):
    effects = effect_sizes(arms([12, 40, 7, 41], [9, 35, 7, 41], [20, 44, 7, 41]))
    rows = independent_rows(effects, correlation)
    between = np.full((3, 3), correlation) + (1 - correlation) * np.eye(3)
    for tau in (0.0, 0.3, 4.0):
        back = rows.back @ np.diag(rows.se**2 + tau**2) @ rows.back.T
        assert back == pytest.approx(covariance(effects, (0, 1, 2)) + tau**2 * between, abs=1e-12)
    assert rows.log_jacobian == pytest.approx(-np.linalg.slogdet(rows.back)[1], abs=1e-12)
    assert rows.returned(rows.y) == pytest.approx(effects.y)


def test_a_table_without_shared_controls_is_left_as_it_is():
    effects = effect_sizes(load("bcg"))
    rows = independent_rows(effects, 0.5)
    assert rows.y is effects.y
    assert rows.se is effects.se
    assert rows.turn is rows.back is None


@pytest.mark.parametrize("outcome", ["secure", "disorganised"])
def test_the_arms_of_cicchetti_2006_combined_are_the_main_row(outcome):
    combined, main = with_arms_combined(load(f"attachment/{outcome}", rows="arms")), load(f"attachment/{outcome}")
    assert combined.studies == main.studies
    assert combined.counts.tolist() == main.counts.tolist()
    assert with_arms_combined(main) is main


def test_arms_without_counts_cannot_be_added_up():
    with pytest.raises(DataError, match="The arms of A are combined by their counts"):
        with_arms_combined(estimates())
