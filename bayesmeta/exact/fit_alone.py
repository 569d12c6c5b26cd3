"""The fit of each outcome by itself, for comparison with a joint one."""

from bayesmeta.exact.fit import fit_exact
from bayesmeta.model import JointModel, Model
from bayesmeta.posterior import Posterior
from bayesmeta.trials import JointTrials

#: The likelihood of one outcome that goes with a joint one.
ALONE = {"normal": "normal", "trinomial": "binomial"}


def fit_alone(trials: JointTrials, model: JointModel) -> tuple[Posterior, Posterior]:
    """Separate exact posteriors with the priors of a joint model.

    Parameters
    ----------
    trials, model : of the joint fit.

    Returns
    -------
    two Posterior, in the order of the outcomes.
    """
    one, other = (
        fit_exact(
            part,
            Model(
                ALONE[model.likelihood],
                mu=model.mu_priors[j],
                tau=model.tau_priors[j],
                baseline=model.baseline_prior,
                zero_cells=model.zero_cells,
            ),
        )
        for j, part in enumerate(trials.parts)
    )
    return one, other
