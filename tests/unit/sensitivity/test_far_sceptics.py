"""A sceptic who pulls the posterior out of its own range: the tipping point is a root there too."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import bayesmeta as bm
from bayesmeta.errors import ConvergenceError
from bayesmeta.sensitivity import tipping_point
from bayesmeta.sensitivity.crossing import crossing
from bayesmeta.sensitivity.refit import with_priors
from bayesmeta.sensitivity.sceptics import Sceptics


def simulated(k, mu, tau, seed):
    """Trials of 20 to 119 a group, events as binomial draws."""
    rng = np.random.default_rng(seed)
    effect, base = mu + tau * rng.normal(size=k), -0.5 + 0.4 * rng.normal(size=k)
    n0, n1 = rng.integers(20, 120, k), rng.integers(20, 120, k)
    names = [f"Trial {i + 1}" for i in range(k)]
    events = {"events_treated": rng.binomial(n1, expit(base + effect)), "events_control": rng.binomial(n0, expit(base))}
    frame = pd.DataFrame({"study": names} | events | {"total_treated": n1, "total_control": n0})
    frame["setting"] = ["home", "clinic"] * (k // 2)
    return bm.read_trials(frame)


@pytest.fixture(scope="module")
def many_trials():
    return bm.fit(simulated(60, 0.9, 0.3, 5))


def test_at_the_tipping_point_a_fit_gives_the_bound_however_far_the_sceptic_pulls(many_trials):
    table = tipping_point(many_trials, trials=False).table
    rows = table[table["question"] == "sceptical prior of mu"]
    assert rows["status"].tolist() == ["found", "found"]
    for bound, scale in zip(rows["bound"], rows["scale"], strict=True):
        fresh = bm.fit(many_trials.trials, bm.Model(mu=bm.Normal(0.0, scale)))["mu"].probability(above=0.0)
        assert fresh == pytest.approx(bound, abs=1e-7)
    assert rows["probability"].tolist() == pytest.approx(rows["bound"].tolist(), abs=1e-7)


@pytest.mark.parametrize("scale", [0.01, 0.03, 0.06, 0.1, 0.5, 2.0])
def test_where_a_posterior_holds_the_answer_of_a_sceptic_it_is_that_of_a_fit(many_trials, scale):
    sceptics = Sceptics.of(many_trials)
    fitted = with_priors(many_trials, mu=bm.Normal(0.0, scale))["mu"].probability(above=0.0)
    off = abs(sceptics.above(np.array([scale]))[0] - fitted)
    assert off < 1e-6 if sceptics.holds(scale) else scale < 0.5


def test_in_a_setting_no_sceptic_is_answered_from_beyond_what_the_posterior_holds(many_trials):
    model = bm.Model(moderators="~ setting", setting={"setting": "home"}, likelihood="binomial")
    given = bm.fit(many_trials.trials, model)
    curve = tipping_point(given, trials=False).curve
    scales = curve.loc[curve["question"] == "sceptical prior of mu", "scale"]
    sceptics = Sceptics.of(given)
    assert all(sceptics.holds(scale) for scale in scales)
    assert scales.min() > 0.01


def test_a_curve_that_jumps_over_the_bound_has_no_root():
    with pytest.raises(ConvergenceError, match=r"jumps over 0\.5"):
        crossing(lambda s: np.where(s < 3.0, 0.2, 0.9), np.geomspace(0.01, 100, 9), 0.5, rising=True)
