"""The same model with another prior or without some trials, keeping what the exact engine has worked out already."""

from collections.abc import Collection
from typing import Any

import numpy as np

from bayesmeta.fit import fit
from bayesmeta.model import ByColumn
from bayesmeta.posterior import Posterior
from bayesmeta.priors import EffectPrior, HeterogeneityPrior


def with_priors(
    posterior: Posterior, tau: HeterogeneityPrior | ByColumn | None = None, mu: EffectPrior | None = None
) -> Posterior:
    """The posterior under other priors; those of the model where None.

    Likelihoods of counts are integrated once (`Prepared` of the exact engine): a prior of tau then only reweights.
    """
    changes: dict[str, Any] = {name: prior for name, prior in (("tau", tau), ("mu", mu)) if prior is not None}
    prepared = getattr(posterior, "prepared", None)
    if prepared is None:
        return fit(posterior.trials, posterior.model.but(**changes))
    if changes.get("mu") == posterior.model.mu:
        del changes["mu"]
    found: Posterior = prepared.posterior(**changes)
    return found


def without(posterior: Posterior, studies: Collection[str]) -> Posterior:
    """The posterior without some trials."""
    prepared = getattr(posterior, "prepared", None)
    if prepared is None or not set(studies) <= set(posterior.studies_in_model):
        kept = np.array([study not in studies for study in posterior.trials.studies])
        return fit(posterior.trials.select(kept), posterior.model)
    for study in studies:
        prepared = prepared.without(study)
    found: Posterior = prepared.posterior()
    return found
