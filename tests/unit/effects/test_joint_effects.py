"""The covariance of two log odds ratios from the same people."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from bayesmeta.effects import effect_sizes, joint_effects
from bayesmeta.effects.joint import category_correlation, category_covariance
from bayesmeta.errors import DataError
from bayesmeta.trials import Trials, join, load


def joined(treated, control, studies=("A",)):
    """Trials from people in the first, middle and second category of each arm."""
    parts = []
    for j, outcome in ((0, "well"), (2, "worse")):
        frame = pd.DataFrame(
            {
                "study": list(studies),
                "events_treated": [arm[j] for arm in treated],
                "total_treated": [sum(arm) for arm in treated],
                "events_control": [arm[j] for arm in control],
                "total_control": [sum(arm) for arm in control],
            }
        )
        parts.append(Trials(frame, name=outcome, outcome=outcome))
    return join(*parts)


def multinomial(n, p):
    """Counts (N, 3) of an arm of n people, with their probabilities."""
    from scipy.special import gammaln

    counts = np.array([(a, n - a - b, b) for a, b in product(range(n + 1), repeat=2) if a + b <= n], dtype=float)
    log_p = gammaln(n + 1) - gammaln(counts + 1).sum(axis=1) + counts @ np.log(p)
    return counts, np.exp(log_p)


def test_the_delta_method_is_the_covariance_of_large_trials():
    # Enumerated: the covariance of both empirical logits of one arm, 1/2 added to events and others.
    n, p = 600, np.array([0.5, 0.15, 0.35])
    counts, probability = multinomial(n, p)
    logits = np.log((counts[:, [0, 2]] + 0.5) / (n - counts[:, [0, 2]] + 0.5))
    deviation = logits - probability @ logits
    exact = probability @ (deviation[:, 0] * deviation[:, 1])
    assert probability.sum() == pytest.approx(1.0)
    assert category_covariance((n * p)[None, None]) == pytest.approx(exact, rel=0.01)


def test_each_outcome_has_the_numbers_that_it_has_alone():
    both = load("attachment/classification")
    effects = joint_effects(both)
    for j, part in enumerate(both.parts):
        alone = effect_sizes(part)
        there = effects.reported[:, j]
        assert [study for study, here in zip(effects.studies, there) if here] == list(alone.studies)
        assert effects.y[there, j].tolist() == alone.y.tolist()
        assert effects.se[there, j].tolist() == alone.se.tolist()
    assert np.all(effects.correlation[both.in_both] < -0.3)
    assert np.all(effects.covariance[~both.in_both] == 0.0)


def test_without_a_middle_category_the_two_are_one():
    # r_1 + r_2 = n in both arms: y_2 = -y_1, and only the 1/2 in the empty category keeps them apart.
    counts = np.array([[[12.0, 0.0, 8.0], [7.0, 0.0, 13.0]]])
    assert category_correlation(counts) == pytest.approx(-1.0)
    effects = joint_effects(joined([(12, 0, 8)], [(7, 0, 13)]))
    assert effects.y[0].sum() == pytest.approx(0.0, abs=1e-12)
    assert -1.0 < effects.correlation[0] < -0.9
    assert effects.empty == ("A",)


@pytest.mark.parametrize("rule", ["only_zero", "all", "treatment_arm"])
def test_the_covariance_matrix_of_every_trial_can_be_inverted(rule):
    # Every three-way table of two arms of four people.
    arms = [(a, 4 - a - b, b) for a in range(5) for b in range(5 - a)]
    tables = list(product(arms, repeat=2))
    trials = joined([t for t, _ in tables], [c for _, c in tables], [f"table {i}" for i in range(len(tables))])
    effects = joint_effects(trials, zero_cells=rule)
    assert np.abs(effects.correlation).max() < 1.0
    assert np.isfinite(effects.covariance).all()


def test_a_trial_that_a_rule_drops_from_one_outcome_stays_in_the_other():
    effects = joint_effects(joined([(5, 3, 0), (4, 2, 2)], [(3, 5, 0), (2, 3, 3)], ["A", "B"]), zero_cells="drop")
    assert effects.reported.tolist() == [[True, False], [True, True]]
    assert effects.covariance[0] == 0.0


def test_a_stated_correlation_takes_the_place_of_the_counts():
    effects = joint_effects(load("attachment/classification"), within=0.0)
    assert not effects.covariance.any()
    with pytest.raises(DataError, match=r"within is 1\.0"):
        joint_effects(load("attachment/classification"), within=1.0)


def test_estimates_of_both_outcomes_need_a_stated_correlation():
    parts = [
        Trials(pd.DataFrame({"study": ["A"], "estimate": [0.3], "se": [0.2]}), outcome=outcome)
        for outcome in ("well", "worse")
    ]
    with pytest.raises(DataError, match=r"\(A\): both outcomes, but not the counts.*within"):
        joint_effects(join(*parts))
    assert joint_effects(join(*parts), within=-0.5).covariance.tolist() == pytest.approx([-0.02])
