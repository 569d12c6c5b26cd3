"""The PyMC model of a structure: what a statistician would write, with the numbers left open."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import pymc as pm

from bayesmeta.nuts.hypergeometric import log_p, pair_log_p
from bayesmeta.nuts.plan import COLUMNS, Family, Structure
from bayesmeta.nuts.prior_forms import KNOWN
from bayesmeta.nuts.random_effects import RANDOM_EFFECTS, Spread, marginal_normal, study_effects
from bayesmeta.nuts.selection import selected_normal
from bayesmeta.types import Array

# Any values will do that the families allow: sampling replaces them. They must not depend on a fit, because the point
# at which chains start is worked out from them.
PLACEHOLDERS = {"mu": 0.0, "lower": 0.0}
PLACEHOLDERS_OF_EFFECTS = {"student_t": (4.0,), "mixture": (0.1, 5.0)}
PLACEHOLDER_TRIALS = 3


def build(structure: Structure) -> pm.Model:
    """PyMC model with placeholders for the table of trials and the parameters of the priors.

    normal:          y_i ~ N(x_i' beta, s_i^2 + tau^2)           (theta_i integrated out)
    binomial:        r_ij ~ Bin(n_ij, expit(gamma_i + w_j theta_i))
    hypergeometric:  r_i1 given r_i0 + r_i1 by Fisher's noncentral hypergeometric distribution with odds exp(theta_i)

    with w = (-1/2, 1/2) for control and treated arm where the baseline is at the midpoint, (0, 1) where it is at the
    control arm. Under the last two a row may have an estimate instead of counts: y_i ~ N(theta_i, s_i^2).

    theta_i = x_i' beta + tau z_i, where z_i is standard normal; or N(0, 1 / lambda_i) with lambda_i ~ Gamma(df / 2,
    df / 2) sampled, which makes it Student-t; or a mixture of two normals. What is sampled is not z_i but e_i, in terms
    of which the normal likelihood would have

        theta_i = B_i x_i' beta + (1 - B_i) y_i + sqrt(1 - B_i) s_i e_i,   B_i = s_i^2 / (s_i^2 + tau^2)

    (with tau / sqrt(lambda_i) in place of tau) so that the e_i are nearly independent standard normals, whether tau is
    small against s_i (then e_i is z_i, non-centred) or large (centred at y_i). The map from e_i to z_i is one to one
    and its Jacobian is in the density: the posterior is exact however rough y_i and s_i are. Why:
    docs/decisions/nuts-defaults.md.

    Parameters
    ----------
    structure : likelihood, random effects, families of the priors, sizes.

    Returns
    -------
    pm.Model with data "trials" (study, column), "prior_parameters" and for the hypergeometric likelihood "ways", and
    variables beta (coefficient), tau or spread_0, ...; with counts e (study), gamma (study), precision (study).

    References
    ----------
    Higgins, Thompson & Spiegelhalter 2009, J R Stat Soc A 172:137; Smith, Spiegelhalter & Thomas 1995, Stat Med
    14:2685; Stijnen, Hamza & Oezdemir 2010, Stat Med 29:3046; Papaspiliopoulos, Roberts & Skoeld 2007, Stat Sci 22:59
    (centring that follows the data); Gelman et al. 2013, Bayesian Data Analysis, section 17.2 (scale mixtures).
    """
    first, design = COLUMNS[structure.likelihood], [f"column {j + 1}" for j in range(len(structure.coefficients))]
    placeholders = _placeholders(structure)
    names = [*first, *design, *_columns_of_tau(structure)]
    table = np.ones((structure.trials or PLACEHOLDER_TRIALS, len(names)))
    coords = {
        "study": np.arange(len(table)),
        "coefficient": design,
        "column": names,
        "arm": ["control", "treated"],
    }
    with pm.Model(coords=coords) as model:
        trials = pm.Data("trials", table, dims=("study", "column"))
        parameters = pm.Data("prior_parameters", placeholders)
        numbers = iter(range(len(placeholders)))
        beta = coefficients(structure.coefficients, parameters, numbers)
        tau = None if structure.tau is None else prior("tau", structure.tau, parameters, numbers)
        of_gamma, last = structure.baseline, len(first) + len(design)
        gamma = None if of_gamma is None else prior("gamma", of_gamma, parameters, numbers, dims="study")
        if structure.spread:
            tau = _several_taus(structure, trials[:, last:], parameters, numbers)
        mean = (trials[:, len(first) : last] * beta).sum(axis=1)
        spread = RANDOM_EFFECTS[structure.random_effects](tau, parameters, numbers)
        LIKELIHOODS[structure.likelihood](structure, trials, mean, spread, gamma)
    return model


def _placeholders(structure: Structure) -> Array:
    """Parameters of the priors and of the random effects, in the order of the structure."""
    families = [*structure.coefficients, *filter(None, (structure.tau, structure.baseline)), *structure.spread]
    numbers = [PLACEHOLDERS.get(name, 1.0) for _, names in families for name in names]
    return np.array([*numbers, *PLACEHOLDERS_OF_EFFECTS.get(structure.random_effects, ())])


def _columns_of_tau(structure: Structure) -> list[str]:
    """Names of the columns that heterogeneity depends on, where it differs between trials."""
    columns = len(structure.spread) if structure.by_level else max(len(structure.spread) - 1, 0)
    return [f"heterogeneity {j + 1}" for j in range(columns)]


def _several_taus(structure: Structure, matrix: Any, parameters: Any, numbers: Iterator[int]) -> Any:
    """tau_i of each trial: that of its level, or tau exp(z_i' alpha)."""
    each = [prior(f"spread_{j}", family, parameters, numbers) for j, family in enumerate(structure.spread)]
    if structure.by_level:
        return (matrix * pm.math.stack(each)).sum(axis=1)
    return each[0] * pm.math.exp((matrix * pm.math.stack(each[1:])).sum(axis=1))


def prior(name: str, family: Family, parameters: Any, numbers: Iterator[int], dims: str | None = None) -> Any:
    """A variable of a family, its parameters taken from the array of all, one after the other."""
    distribution, names = family
    values = {parameter: parameters[position] for parameter, position in zip(names, islice(numbers, len(names)))}
    if distribution == KNOWN:
        return values["value"]
    return getattr(pm, distribution)(name, **values, dims=dims)


def coefficients(families: tuple[Family, ...], parameters: Any, numbers: Iterator[int]) -> Any:
    """beta (coefficient): one vector where all priors are of one family, else (a flat one among them) one by one."""
    if len(set(families)) > 1:
        each = [prior(f"beta_{j}", family, parameters, numbers) for j, family in enumerate(families)]
        return pm.math.stack(each)
    distribution, names = families[0]
    used = list(islice(numbers, len(names) * len(families)))
    values = {name: parameters[np.array(used[j :: len(names)])] for j, name in enumerate(names)}
    return getattr(pm, distribution)("beta", **values, dims="coefficient")


def _normal(structure: Structure, trials: Any, mean: Any, spread: Spread, __: Any) -> None:
    if structure.selection is not None:
        tau = 0.0 if spread.scale is None else spread.scale
        selected_normal(structure.selection, trials[:, 0], trials[:, 1], mean, tau)
        return
    marginal_normal(trials[:, 0], mean, trials[:, 1], spread)


def _binomial(structure: Structure, trials: Any, mean: Any, spread: Spread, gamma: Any) -> None:
    theta = _effects_with_estimates(trials, mean, spread)
    if structure.arms:
        theta, arms = _of_arms(structure, theta)
        control = arms[1] @ gamma - arms[2] @ theta
        log_odds = pm.math.stack([control, control + theta], axis=1)
        pm.Binomial("events", trials[:, 5:7], logit_p=log_odds, observed=trials[:, 3:5], dims=("study", "arm"))
        return
    weight = np.array([-0.5, 0.5] if structure.baseline_at == "midpoint" else [0.0, 1.0])
    log_odds = gamma[:, None] + weight * theta[:, None]
    pm.Binomial("events", trials[:, 5:7], logit_p=log_odds, observed=trials[:, 3:5], dims=("study", "arm"))


def _hypergeometric(structure: Structure, trials: Any, mean: Any, spread: Spread, _: Any) -> None:
    theta = _effects_with_estimates(trials, mean, spread)
    if structure.arms:
        theta, _ = _of_arms(structure, theta)
        pairs = pm.Data("pairs", np.zeros((2, structure.arms, structure.trials)))
        terms = pm.Data("pair_terms", np.zeros((3, structure.arms, 1)))
        pm.Potential("events of arms", pair_log_p(pairs[0] @ theta, pairs[1] @ theta, terms))
    ways = pm.Data("ways", np.zeros(1))
    pm.Potential("events", log_p(theta, trials[:, 3:7], trials[:, 7], ways), dims="study")


def _of_arms(structure: Structure, theta: Any) -> tuple[Any, Any]:
    """Effects from the coordinates in which the rows of a trial with several arms are independent; see `plan._arms`.

    References
    ----------
    Lu & Ades 2004, Stat Med 23:3105.
    """
    arms = pm.Data("arms", np.stack([np.eye(structure.trials)] * 3))
    return arms[0] @ theta, arms


def _effects_with_estimates(trials: Any, mean: Any, spread: Spread) -> Any:
    """theta_i, and log p(y_i | theta_i) of the rows that have an estimate and no counts."""
    y, se, without_counts = trials[:, 0], trials[:, 1], trials[:, 2]
    theta = study_effects(mean, y, se, spread)
    pm.Potential("estimates", -0.5 * without_counts * ((y - theta) / se) ** 2, dims="study")
    return theta


LIKELIHOODS: dict[str, Callable[..., None]] = {
    "normal": _normal,
    "binomial": _binomial,
    "hypergeometric": _hypergeometric,
}
