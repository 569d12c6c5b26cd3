"""Why draws are not given out, and what to do instead."""

from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.model import JointModel, Model
from bayesmeta.nuts.posterior import NutsPosterior
from bayesmeta.posterior.chains import LIMITS

if TYPE_CHECKING:
    from bayesmeta.nuts.joint_posterior import NutsJointPosterior

FEW_TRIALS = 5
NUMBER_WORDS = ("No", "One", "Two", "Three", "Four", "Five")


def refusal(found: list[str], posterior: "NutsPosterior | NutsJointPosterior", draws: int) -> str:
    """One message: what the limits found, and the remedy.

    Parameters
    ----------
    found : from `shortcomings`, not empty.
    posterior : whose chains have not converged.
    draws : number of draws of each chain that were asked for.
    """
    settings = posterior.diagnostics
    message = f"NUTS did not converge: {', '.join(found)} at target_accept {settings['target_accept']}."
    if all(phrase.startswith("effective sample size") for phrase in found):
        return f"{message} The chains agree but are too short: sample longer, with --draws {_enough(posterior, draws)}."
    uncertain = _tau_is_uncertain(posterior.model)
    remedies = ["fit with --engine exact, which needs no sampling"] if _has_exact(posterior.model) else []
    if uncertain:
        remedies.append("state a narrower tau prior")
    if isinstance(posterior.model, Model) and posterior.model.exchangeable:
        remedies.append("state a narrower prior for the spread of the baselines")
    remedies = remedies or ["state narrower priors"]
    remedy = ", or ".join(remedies)
    k = len(posterior.studies_in_model)
    if k <= FEW_TRIALS and uncertain:
        return f"{message} {NUMBER_WORDS[k]} trial{'s say' if k != 1 else ' says'} little about tau: {remedy}."
    return f"{message} {remedy[0].upper()}{remedy[1:]}."


def _has_exact(model: Model | JointModel) -> bool:
    return model.has_exact if isinstance(model, JointModel) else not model.ties_baselines


def _tau_is_uncertain(model: Model | JointModel) -> bool:
    if isinstance(model, JointModel):
        return any(prior.point is None for prior in model.tau_priors)
    return model.random_effects != "none"


def _enough(posterior: "NutsPosterior | NutsJointPosterior", draws: int) -> int:
    """Draws of each chain that would reach the limit with half as much again, and at least twice those there are."""
    table = posterior.chain_statistics
    smallest = min(float(table["ess_bulk"].min()), float(table["ess_tail"].min()))
    smallest = smallest if np.isfinite(smallest) and smallest >= 1.0 else 1.0
    wanted = max(2 * draws, 500, int(np.ceil(1.5 * draws * LIMITS.ess / smallest)))
    return min(int(np.ceil(wanted / 500)) * 500, 20000)
