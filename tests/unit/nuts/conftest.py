"""Small tables, and samples made by hand: most of the room can be tested without a sampler."""

import numpy as np
import pandas as pd
import pytest

from bayesmeta.nuts.samplers import Sample
from bayesmeta.trials import Trials

COUNTS = {
    "study": ["A", "B", "C"],
    "events_treated": [12, 5, 0],
    "total_treated": [40, 30, 25],
    "events_control": [20, 9, 4],
    "total_control": [41, 28, 24],
    "group": ["x", "y", "x"],
    "dose": [1.0, 2.0, 4.0],
}


@pytest.fixture
def trials():
    return Trials(pd.DataFrame(COUNTS), name="small")


@pytest.fixture
def mixed():
    """A row with counts, and one with an estimate only."""
    table = pd.DataFrame(COUNTS).iloc[:2].assign(estimate=[np.nan, np.nan], se=[np.nan, np.nan])
    table.loc[1, ["events_treated", "total_treated", "events_control", "total_control"]] = np.nan
    table.loc[1, ["estimate", "se"]] = [0.4, 0.3]
    return Trials(table, name="mixed", origin="mixed.csv")


def sample_of(plan, settings, *, seed=0, shift=0.0, divergences=0):
    """A sample as a sampler gives it: independent draws, spare columns and trials included; `shift` moves one chain."""
    rng = np.random.default_rng(seed)
    shape = (settings.chains, settings.draws)
    move = np.zeros(shape)
    move[-1] = shift
    variables = {"beta": rng.normal(size=(*shape, len(plan.structure.coefficients)))}
    variables["beta"][..., 0] += move
    if plan.structure.tau is not None:
        variables["tau"] = np.abs(rng.normal(size=shape))
    by_trial = (*shape, plan.structure.trials)
    if plan.structure.baseline is not None:
        variables["gamma"] = rng.normal(size=by_trial)
    if plan.structure.likelihood != "normal" and plan.structure.tau is not None:
        variables["e"] = rng.normal(size=by_trial)
    if plan.structure.random_effects == "student_t":
        variables["precision"] = rng.gamma(2.0, 0.5, size=by_trial)
    diverging = np.zeros(shape, dtype=bool)
    diverging[0, :divergences] = True
    return Sample(variables, {"diverging": diverging, "energy": rng.normal(size=shape), "lp": rng.normal(size=shape)})


class Scripted:
    """A sampler that gives out what it is told, one sample a call, and remembers how it was called."""

    def __init__(self, *changes):
        self.changes, self.calls = list(changes), []

    def __call__(self, plan, settings):
        self.calls.append(settings)
        return sample_of(plan, settings, **self.changes[min(len(self.calls), len(self.changes)) - 1])


@pytest.fixture
def scripted(monkeypatch):
    """Replace nutpie by scripted samples: scripted({}, {...}) for the first attempt and the retry."""

    def install(*changes):
        sampler = Scripted(*changes)
        monkeypatch.setitem(__import__("bayesmeta.nuts", fromlist=["SAMPLERS"]).SAMPLERS, "nutpie", sampler)
        return sampler

    return install
