"""The exact fit: in closed form given tau where everything is normal, by quadrature for any likelihood elsewhere."""

from collections.abc import Callable

from bayesmeta.effects import effect_sizes
from bayesmeta.exact.mixed_problem import problem_of
from bayesmeta.exact.outside import warn_of_mass_outside
from bayesmeta.exact.over_tau import known_tau, over_tau
from bayesmeta.exact.posterior import ExactPosterior
from bayesmeta.exact.prepared import prepare
from bayesmeta.exact.selection import fit_selection
from bayesmeta.exact.several_taus_counts_posterior import fit_levels
from bayesmeta.exact.several_taus_posterior import fit_several_taus
from bayesmeta.model import Model
from bayesmeta.posterior import Posterior
from bayesmeta.trials import Trials

CLOSED_FORM = ("normal", "none")  # random effects with which the normal likelihood is Gaussian given tau
#: Models with a fit of their own: what a model has that asks for it, and the fit. The first that applies is taken.
OWN: tuple[tuple[Callable[[Model], bool], Callable[[Trials, Model], Posterior]], ...] = (
    (lambda model: model.selection is not None, fit_selection),
    (lambda model: model.tau_differs and model.likelihood == model.random_effects == "normal", fit_several_taus),
    (lambda model: model.tau_differs, fit_levels),
)


def fit_exact(trials: Trials, model: Model) -> Posterior:
    """Posterior by quadrature over tau.

    p(tau | y) ~ p(tau) p(y | tau); with the normal likelihood p(y | tau) and p(beta | tau, y) have closed forms, with
    counts or other random effects the study effects and the coefficients are integrated out numerically.

    Parameters
    ----------
    trials : the evidence.
    model : any likelihood, random effects and priors.

    Returns
    -------
    ExactPosterior (closed form given tau: priors that are not normal are sums of normal ones) or CountPosterior

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
    model = model.for_trials(trials)
    for asks, fit in OWN:
        if asks(model):
            return fit(trials, model)
    if model.likelihood != "normal" or model.random_effects not in CLOSED_FORM:
        return _by_quadrature(trials, model)
    effects = effect_sizes(trials, zero_cells=model.zero_cells)
    design = model.design(trials.select(effects.rows) if effects.dropped else trials)
    problem = problem_of(effects, design, model.arm_correlation)
    if problem is None:
        return _by_quadrature(trials, model)
    solved = known_tau(problem, 0.0) if model.random_effects == "none" else over_tau(problem, model.tau_prior)
    return warn_of_mass_outside(ExactPosterior(trials, model, design, effects, problem, solved))


def _by_quadrature(trials: Trials, model: Model) -> Posterior:
    return warn_of_mass_outside(prepare(trials, model).posterior())
