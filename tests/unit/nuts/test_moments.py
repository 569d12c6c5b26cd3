"""Which moments exist, and which posteriors do not."""

import numpy as np
import pandas as pd
import pytest

from bayesmeta.effects import effect_sizes
from bayesmeta.errors import ModelError, PriorError
from bayesmeta.model import Model
from bayesmeta.nuts.moments import moments_of
from bayesmeta.priors import HalfCauchy
from bayesmeta.trials import Trials


def moments(trials, **model):
    model = Model(**{"likelihood": "normal"} | model)
    return moments_of(trials, model, model.design(trials), effect_sizes(trials))


@pytest.mark.parametrize(
    ("mu", "tau", "k", "expected"),
    [
        # tau^-(a + k - q) with a = 2 for the half-Cauchy: a moment r exists where a + k - q > r + 1.
        ("normal(0, 4)", "half_cauchy(0.5)", 2, 2),
        ("flat", "half_cauchy(0.5)", 2, 1),
        ("normal(0, 4)", "half_cauchy(0.5)", 1, 1),
        ("flat", "half_normal(0.5)", 2, 2),
    ],
)
def test_moments_follow_the_tail(trials, mu, tau, k, expected):
    assert moments(trials.select(range(k)), mu=mu, tau=tau).of_tau == expected


def test_the_exact_engine_finds_the_same_moments_missing(trials):
    from bayesmeta.exact import fit_exact

    two = trials.select([0, 1])
    model = Model("normal", mu="flat", tau="half_cauchy(0.5)")
    exact = fit_exact(two, model)
    assert exact["tau"].sd is None
    assert exact["tau"].mean is not None
    assert moments(two, mu="flat", tau="half_cauchy(0.5)").of_tau == 1


def test_an_improper_posterior_is_refused(trials, monkeypatch):
    # As a prior that does not fall would have it: two trials and a flat mu leave tau^-1.
    monkeypatch.setattr(HalfCauchy, "tail_exponent", 0.0)
    with pytest.raises(
        PriorError, match=r"with 2 trials that bound tau and 1 flat coefficient: the posterior is improper"
    ):
        moments(trials.select([0, 1]), mu="flat", tau="half_cauchy(0.5)")
    assert moments(trials, mu="flat", tau="half_cauchy(0.5)").of_tau == 0


def perfect():
    """All events in one arm, none in the other: the data are content with an endless effect."""
    return Trials(
        pd.DataFrame(
            {
                "study": ["A", "B"],
                "events_treated": [10, 12],
                "total_treated": [10, 12],
                "events_control": [0, 0],
                "total_control": [9, 11],
            }
        )
    )


def test_trials_that_do_not_bound_their_effect_do_not_bound_tau(trials):
    # Study C has no event in the treated arm: with its baseline at the control arm nothing bounds theta from below.
    control = moments(trials, likelihood="binomial", baseline_at="control", tau="half_cauchy(0.5)")
    assert control.bounding.tolist() == [True, True, False]
    # At the midpoint its control arm does: a baseline with a proper prior cannot follow.
    assert moments(trials, likelihood="binomial").bounding.all()
    assert not moments(perfect(), likelihood="binomial").bounding.any()


def test_a_flat_mu_needs_trials_that_bound_it():
    with pytest.raises(ModelError, match="the posterior is improper"):
        moments(perfect(), likelihood="binomial", mu="flat")
    assert moments(perfect(), likelihood="binomial").of_tau == 2  # half-normal tau, proper mu


def test_an_improper_baseline_is_refused(trials):
    with pytest.raises(PriorError, match=r"baseline prior flat: .* such as normal\(0, 5\)"):
        moments(trials, likelihood="binomial", baseline="flat")


def test_flat_columns_are_known(trials):
    assert moments(trials, mu="flat", moderators="~ dose").flat.tolist() == [True, False]
    assert np.array_equal(moments(trials).flat, [False])
