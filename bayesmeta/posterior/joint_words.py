"""What must be said with every result of a joint model."""

from bayesmeta.effects import JointEffects
from bayesmeta.model import JointModel
from bayesmeta.trials import JointTrials

SMALL = 5  # people in a category, below which the delta method is poor
#: Against the enumerated covariance, in the three trials of attachment/classification: docs/decisions/joint-models.md.
MEASURED = "measured, it is off by 0 to 10% in arms of 32 to 60 people, by 19% where a category holds 1 of 54"


def by_delta_method(model: JointModel, effects: JointEffects) -> bool:
    """Whether the within-trial covariance is the large-sample one."""
    return model.likelihood == "normal" and model.within is None and bool(effects.reported.all(axis=1).any())


def caution(model: JointModel, effects: JointEffects) -> str:
    """What stands behind the finding itself, so that nobody quotes it without; "" where there is nothing to say."""
    if not by_delta_method(model, effects):
        return ""
    return " The within-trial covariance is approximate here (delta method): report the trinomial likelihood."


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
    if by_delta_method(model, effects):
        small = trials.classified & (trials.categories < SMALL).any(axis=(1, 2))
        named = [study for study, here in zip(trials.studies, small) if here]
        poor = f", poor where a category holds fewer than {SMALL} people ({', '.join(named)})" if named else ""
        found.append(
            "Normal likelihood: the within-trial covariance of the two log odds ratios is a large-sample formula (delta"
            f" method): {MEASURED}{poor}. Report the trinomial likelihood, which needs none"
            " (--likelihood trinomial)."
        )
    if effects.empty and model.likelihood == "normal":
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
