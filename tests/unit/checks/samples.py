"""Samplers that draw from a known posterior, independently: what a perfect NUTS would give."""

import numpy as np
import pandas as pd

from bayesmeta.exact import fit_exact
from bayesmeta.nuts import SAMPLERS
from bayesmeta.nuts.samplers import Sample
from bayesmeta.trials import Trials

SPARSE = Trials(pd.DataFrame({"study": ["A", "B", "C"], "estimate": [0.1, 0.6, -0.2], "se": [0.3, 0.4, 0.5]}))


def independent(plan, settings):
    """Standard normal coefficients and half-normal tau, whatever the data."""
    rng = np.random.default_rng(settings.seed)
    shape = (settings.chains, settings.draws)
    variables = {"beta": rng.normal(size=(*shape, len(plan.structure.coefficients)))}
    if plan.structure.tau is not None:
        variables["tau"] = np.abs(rng.normal(size=shape))
    return Sample(variables, statistics(rng, shape))


def from_exact(trials, model, wrong=None):
    """A sampler that draws from the exact posterior; `wrong` changes its draws."""

    def sampler(plan, settings):
        shape = (settings.chains, settings.draws)
        draws = fit_exact(trials, model).draws(shape[0] * shape[1], seed=settings.seed)
        beta = draws["beta"].reshape(*shape, -1)
        spare = np.zeros((*shape, len(plan.structure.coefficients) - beta.shape[-1]))
        variables = {"beta": np.concatenate([beta, spare], axis=-1), "tau": draws["tau"].reshape(shape)}
        if plan.structure.tau is None:
            del variables["tau"]
        if wrong is not None:
            wrong(variables)
        return Sample(variables, statistics(np.random.default_rng(settings.seed), shape))

    return sampler


def statistics(rng, shape):
    return {"diverging": np.zeros(shape, dtype=bool), "energy": rng.normal(size=shape), "lp": rng.normal(size=shape)}


def install(monkeypatch, sampler):
    monkeypatch.setitem(SAMPLERS, "nutpie", sampler)
