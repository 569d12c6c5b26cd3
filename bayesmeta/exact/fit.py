"""The exact fit: nodes of tau, conditional Gaussians there, posterior weights."""

from bayesmeta.effects import effect_sizes
from bayesmeta.errors import ModelError
from bayesmeta.exact.given_tau import NormalProblem
from bayesmeta.exact.over_tau import no_heterogeneity, over_tau
from bayesmeta.exact.posterior import ExactPosterior
from bayesmeta.model import Model
from bayesmeta.trials import Trials


def fit_exact(trials: Trials, model: Model) -> ExactPosterior:
    """Posterior of the normal likelihood by quadrature over tau.

    p(tau | y) ~ p(tau) p(y | tau), with p(y | tau) and p(beta | tau, y) in closed form.

    Parameters
    ----------
    trials : the evidence.
    model : likelihood "normal"; random effects "normal" or "none"; any proper prior of tau; normal or flat beta.

    Returns
    -------
    ExactPosterior

    Raises
    ------
    ModelError
        A likelihood that this engine does not carry, or a design that the trials do not determine.
    PriorError
        Priors that leave the posterior improper.

    References
    ----------
    Roever 2020, J Stat Softw 93(6), section 2.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> round(fit_exact(bm.load("crins2014"), bm.Model("normal", mu=bm.Normal(0, 4)))["tau"].median, 3)
    0.345
    """
    if model.likelihood != "normal":
        raise ModelError(
            f"likelihood {model.likelihood!r}: the exact engine has the normal likelihood. Fit with --engine nuts"
            ' (engine="nuts"), or with --likelihood normal.'
        )
    effects = effect_sizes(trials, zero_cells=model.zero_cells)
    design = model.design(trials.select(effects.rows) if effects.dropped else trials)
    problem = NormalProblem(effects.y, effects.se, design.matrix, design.prior_location, design.prior_scale)
    solved = no_heterogeneity(problem) if model.random_effects == "none" else over_tau(problem, model.tau_prior)
    return ExactPosterior(trials, model, design, effects, problem, solved)
