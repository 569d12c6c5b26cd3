"""Two outcomes pass the same gate as one: one retry, then a refusal with a remedy that exists."""

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.errors import ConvergenceError
from bayesmeta.model import joint
from bayesmeta.nuts.samplers import Sample

BOTH = bm.load("attachment/classification")
APART = {"shift": 5.0}


def sample_of(plan, settings, *, shift=0.0, divergences=0):
    """What a sampler gives of two outcomes: independent draws; `shift` moves one chain."""
    rng = np.random.default_rng(0)
    shape = (settings.chains, settings.draws)
    drawn = {"mu_0": rng.normal(size=shape), "mu_1": rng.normal(size=shape)}
    drawn["mu_0"][-1] += shift
    drawn |= {"x_0": rng.normal(size=shape), "x_1": rng.normal(size=shape), "rho_share": rng.beta(1, 1, size=shape)}
    if plan.structure.likelihood == "trinomial":
        drawn |= {name: rng.normal(size=(*shape, plan.structure.trials, 2)) for name in ("e", "g")}
    diverging = np.zeros(shape, dtype=bool)
    diverging[0, :divergences] = True
    statistics = {"diverging": diverging, "energy": rng.normal(size=shape), "lp": rng.normal(size=shape)}
    return Sample(plan.variables(drawn), statistics)


@pytest.fixture
def scripted(monkeypatch):
    """Replace nutpie by samples made by hand: scripted({}, {...}) for the first attempt and the retry."""

    def install(*changes):
        calls = []

        def sampler(plan, settings):
            calls.append(settings)
            return sample_of(plan, settings, **changes[min(len(calls), len(changes)) - 1])

        monkeypatch.setitem(__import__("bayesmeta.nuts", fromlist=["SAMPLERS"]).SAMPLERS, "nutpie", sampler)
        return calls

    return install


@pytest.mark.parametrize("likelihood", ["normal", "trinomial"])
def test_a_sample_that_has_not_converged_is_tried_once_more_with_smaller_steps(scripted, likelihood):
    calls = scripted({"divergences": 3}, {})
    posterior = bm.fit(BOTH, bm.JointModel(likelihood), engine="nuts")
    assert [call.target_accept for call in calls] == [0.95, 0.99]
    assert posterior.diagnostics["retried_because"] == ["3 divergences"]
    assert posterior.diagnostics["target_accept"] == 0.99
    assert posterior.diagnostics["divergences"] == 0


def test_spare_trials_are_not_in_the_result(scripted):
    scripted({})
    draws = bm.fit(BOTH, bm.JointModel("trinomial"), engine="nuts").draws(100)
    assert draws["theta"].shape == draws["gamma"].shape == (100, BOTH.k, 2)


def test_the_second_failure_is_a_refusal_with_a_remedy_that_exists(scripted, monkeypatch):
    calls = scripted(APART)
    with pytest.raises(ConvergenceError, match=r"R-hat of mu\[secure .* Fit with --engine exact, which"):
        bm.fit(BOTH, bm.JointModel(), engine="nuts")
    assert len(calls) == 2
    # What the exact engine does not carry it is not recommended for: asked of the registry, whatever is in it.
    with pytest.raises(ConvergenceError) as refused:
        bm.fit(BOTH, bm.JointModel(mu="student_t(4, 0, 1)"), engine="nuts")
    assert "exact" not in str(refused.value)
    assert str(refused.value).endswith("State a narrower tau prior.")
    for carried in (False, True):
        monkeypatch.setitem(joint.EXACT, "trinomial", lambda _, answer=carried: answer)
        with pytest.raises(ConvergenceError) as refused:
            bm.fit(BOTH, bm.JointModel("trinomial"), engine="nuts")
        assert ("--engine exact" in str(refused.value)) == carried
