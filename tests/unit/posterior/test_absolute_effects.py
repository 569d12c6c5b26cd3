"""Absolute effects at a stated control risk."""

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.posterior.absolute import risk_difference


@pytest.fixture(scope="module")
def posterior() -> bm.Posterior:
    return bm.fit(bm.load("crins2014"), bm.Model("hypergeometric"))


def test_an_odds_ratio_of_one_changes_no_risk():
    assert risk_difference(0.0, 0.3) == pytest.approx(0.0, abs=1e-15)
    assert risk_difference([-900.0, 900.0], 0.3) == pytest.approx([-0.3, 0.7])


def test_limits_follow_from_those_of_the_odds_ratio(posterior):
    row = posterior.absolute(0.4).loc["mu"]
    lower, upper = posterior["mu"].interval()
    assert row["difference_lower"] == pytest.approx(float(risk_difference(lower, 0.4)))
    assert row["difference_upper"] == pytest.approx(float(risk_difference(upper, 0.4)))
    assert row["nnt_median"] == pytest.approx(1.0 / row["difference_median"])
    assert row["nnt_median"] < 0.0  # fewer events with treatment


def test_mean_and_sd_as_by_draws(posterior):
    table = posterior.absolute(0.2)
    draws = posterior.draws(20000, seed=2)
    for name, theta in (("mu", draws["beta"][:, 0]), ("theta_new", draws["theta_new"])):
        difference = risk_difference(theta, 0.2)
        error = 5.0 * difference.std() / np.sqrt(len(difference))
        assert table.loc[name, "difference_mean"] == pytest.approx(difference.mean(), abs=error)
        assert table.loc[name, "difference_sd"] == pytest.approx(difference.std(), rel=0.05)


def test_swapping_what_is_counted_changes_the_sign(posterior):
    flipped = bm.load("crins2014").table.copy()
    flipped["events_treated"] = flipped["total_treated"] - flipped["events_treated"]
    flipped["events_control"] = flipped["total_control"] - flipped["events_control"]
    other = bm.fit(bm.read_trials(flipped), bm.Model("hypergeometric"))
    assert other.absolute(0.7).loc["mu", "difference_mean"] == pytest.approx(
        -posterior.absolute(0.3).loc["mu", "difference_mean"], abs=1e-8
    )


@pytest.mark.parametrize("risk", [0.0, 1.0, -0.2, 3, None, True, [0.2]])
def test_a_risk_lies_between_zero_and_one(posterior, risk):
    with pytest.raises(bm.ModelError, match=r"control_risk is .* between 0 and 1"):
        posterior.absolute(risk)


def test_groups_and_levels_have_risks_of_their_own():
    trials = bm.load("attachment/secure")
    groups = bm.fit(trials, bm.Model("normal", moderators="~ 0 + sensitivity_focused")).absolute(0.3)
    assert groups.index.tolist() == ["sensitivity_focused = no", "sensitivity_focused = yes", "theta_new"]
    levels = bm.fit(trials, bm.Model("normal", tau_by="sensitivity_focused")).absolute(0.3)
    assert levels.index.tolist() == ["mu", "theta_new[no]", "theta_new[yes]"]
