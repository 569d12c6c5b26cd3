"""Why draws are not given out, and what to do instead."""

import numpy as np

from bayesmeta.nuts.posterior import NutsPosterior
from bayesmeta.posterior.chains import LIMITS

FEW_TRIALS = 5
NUMBER_WORDS = ("No", "One", "Two", "Three", "Four", "Five")


def refusal(found: list[str], posterior: NutsPosterior, draws: int) -> str:
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
    remedies = ["fit with --engine exact, which needs no sampling"]
    if posterior.model.random_effects != "none":
        remedies.append("state a narrower tau prior")
    remedy = ", or ".join(remedies)
    k = len(posterior.studies_in_model)
    if k <= FEW_TRIALS and posterior.model.random_effects != "none":
        return f"{message} {NUMBER_WORDS[k]} trial{'s say' if k != 1 else ' says'} little about tau: {remedy}."
    return f"{message} {remedy[0].upper()}{remedy[1:]}."


def _enough(posterior: NutsPosterior, draws: int) -> int:
    """Draws of each chain that would reach the limit with half as much again, and at least twice those there are."""
    table = posterior.chain_statistics
    smallest = min(float(table["ess_bulk"].min()), float(table["ess_tail"].min()))
    smallest = smallest if np.isfinite(smallest) and smallest >= 1.0 else 1.0
    wanted = max(2 * draws, 500, int(np.ceil(1.5 * draws * LIMITS.ess / smallest)))
    return min(int(np.ceil(wanted / 500)) * 500, 20000)
