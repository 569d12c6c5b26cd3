"""What must be said with every result of a joint model."""

from bayesmeta.effects import JointEffects
from bayesmeta.model import JointModel
from bayesmeta.trials import JointTrials

SMALL = 5  # people in a category, below which the delta method is poor


def remarks(trials: JointTrials, model: JointModel, effects: JointEffects) -> list[str]:
    """How good the within-trial covariance is, where the correlation comes from, and whose trials are missing.

    Parameters
    ----------
    trials, model, effects : of a fit.

    Returns
    -------
    list of sentences
    """
    both = int(effects.reported.all(axis=1).sum())
    found = []
    if model.likelihood == "normal" and model.within is None and both:
        small = trials.classified & (trials.categories < SMALL).any(axis=(1, 2))
        named = [study for study, here in zip(trials.studies, small) if here]
        poor = f" and poor where a category holds fewer than {SMALL} people ({', '.join(named)})" if named else ""
        found.append(
            "The within-trial covariance of the two log odds ratios is a large-sample formula (delta method):"
            f" approximate in trials of this size{poor}. The trinomial likelihood needs none; prefer it"
            " (--likelihood trinomial)."
        )
    if effects.empty:
        found.append(
            f"An empty category in {', '.join(effects.empty)}: 1/2 was added to each category for the within-trial"
            " correlation."
        )
    if both < 5 and model.rho_prior.point is None:
        number = (
            f"{both} trial{'s report' if both != 1 else ' reports'} both outcomes" if both else "No trial reports both"
        )
        found.append(f"{number}: rho is little more than its prior, {model.rho_prior}. Vary it.")
    for part in trials.parts:
        if part.published is not None and part.k < part.published.k:
            found.append(
                f"{part.outcome}: counts of {part.k} of the {part.published.k} published trials could be read. They are"
                " not a fair sample of them, and results from them are not a replication."
            )
    return found
