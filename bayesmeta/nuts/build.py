"""The PyMC model of a structure: what a statistician would write, with the numbers left open."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import pymc as pm

from bayesmeta.nuts.plan import Family, Structure

# Any values will do that the families allow: sampling replaces them. They must not depend on a fit, because the point
# at which chains start is worked out from them.
PLACEHOLDERS = {"mu": 0.0, "lower": 0.0}
PLACEHOLDER_TRIALS = 3


def build(structure: Structure) -> pm.Model:
    """PyMC model with placeholders for the table of trials and the parameters of the priors.

    normal:    y_i ~ N(x_i' beta, s_i^2 + tau^2)           (theta_i integrated out)
    binomial:  r_ij ~ Bin(n_ij, expit(gamma_i + w_j theta_i)),  theta_i = x_i' beta + tau z_i,  z_i ~ N(0, 1)

    with w = (-1/2, 1/2) for control and treated arm where the baseline is at the midpoint, (0, 1) where it is at the
    control arm. What is sampled is not z_i but e_i, in terms of which the normal likelihood would have

        theta_i = B_i x_i' beta + (1 - B_i) y_i + sqrt(1 - B_i) s_i e_i,   B_i = s_i^2 / (s_i^2 + tau^2)

    so that the e_i are nearly independent standard normals, whether tau is small against s_i (then e_i is z_i,
    non-centred) or large (centred at y_i). The map from e_i to z_i is one to one and its Jacobian is in the density:
    the posterior is exact however rough y_i and s_i are. Why: docs/decisions/nuts-defaults.md.

    Parameters
    ----------
    structure : likelihood, families of the priors, sizes.

    Returns
    -------
    pm.Model with data "trials" (study, column) and "prior_parameters", and variables beta (coefficient), tau, and for
    the binomial likelihood e and gamma (study).

    References
    ----------
    Higgins, Thompson & Spiegelhalter 2009, J R Stat Soc A 172:137; Smith, Spiegelhalter & Thomas 1995, Stat Med
    14:2685; Papaspiliopoulos, Roberts & Skoeld 2007, Stat Sci 22:59 (centring that follows the data).
    """
    columns = [f"column {j + 1}" for j in range(len(structure.coefficients))]
    first = ["y", "se"] if structure.likelihood == "normal" else ["y", "se", "r0", "r1", "n0", "n1"]
    families = [*structure.coefficients, *filter(None, (structure.tau, structure.baseline))]
    placeholders = [PLACEHOLDERS.get(name, 1.0) for _, names in families for name in names]
    table = np.ones((structure.trials or PLACEHOLDER_TRIALS, len(first) + len(columns)))
    coords = {
        "study": np.arange(len(table)),
        "coefficient": columns,
        "column": first + columns,
        "arm": ["control", "treated"],
    }
    with pm.Model(coords=coords) as model:
        trials = pm.Data("trials", table, dims=("study", "column"))
        parameters = pm.Data("prior_parameters", np.array(placeholders))
        numbers = iter(range(len(placeholders)))
        beta = _coefficients(structure.coefficients, parameters, numbers)
        tau = 0.0 if structure.tau is None else _prior("tau", structure.tau, parameters, numbers)
        LIKELIHOODS[structure.likelihood](structure, trials, beta, tau, parameters, numbers)
    return model


def _prior(name: str, family: Family, parameters: Any, numbers: Iterator[int], dims: str | None = None) -> Any:
    distribution, names = family
    values = {parameter: parameters[position] for parameter, position in zip(names, islice(numbers, len(names)))}
    return getattr(pm, distribution)(name, **values, dims=dims)


def _coefficients(families: tuple[Family, ...], parameters: Any, numbers: Iterator[int]) -> Any:
    """beta (coefficient): one vector where all priors are of one family, else (a flat one among them) one by one."""
    if len(set(families)) > 1:
        each = [_prior(f"beta_{j}", family, parameters, numbers) for j, family in enumerate(families)]
        return pm.math.stack(each)
    distribution, names = families[0]
    used = list(islice(numbers, len(names) * len(families)))
    values = {name: parameters[np.array(used[j :: len(names)])] for j, name in enumerate(names)}
    return getattr(pm, distribution)("beta", **values, dims="coefficient")


def _normal(_: Structure, trials: Any, beta: Any, tau: Any, *__: Any) -> None:
    mean = (trials[:, 2:] * beta).sum(axis=1)
    pm.Normal("y", mean, pm.math.sqrt(trials[:, 1] ** 2 + tau**2), observed=trials[:, 0], dims="study")


def _binomial(structure: Structure, trials: Any, beta: Any, tau: Any, parameters: Any, numbers: Iterator[int]) -> None:
    assert structure.baseline is not None
    gamma = _prior("gamma", structure.baseline, parameters, numbers, dims="study")
    theta = (trials[:, 6:] * beta).sum(axis=1)
    if structure.tau is not None:
        theta = theta + tau * _standardised(trials[:, 0] - theta, trials[:, 1], tau)
    weight = np.array([-0.5, 0.5] if structure.baseline_at == "midpoint" else [0.0, 1.0])
    log_odds = gamma[:, None] + weight * theta[:, None]
    pm.Binomial("events", trials[:, 4:6], logit_p=log_odds, observed=trials[:, 2:4], dims=("study", "arm"))


def _standardised(residual: Any, se: Any, tau: Any) -> Any:
    """z = (theta - x' beta) / tau ~ N(0, 1) in terms of e: z = tau (y - x' beta) / (s^2 + tau^2) + sqrt(B) e."""
    e = pm.Flat("e", dims="study")
    variance = se**2 + tau**2
    root = se / pm.math.sqrt(variance)
    z = tau * residual / variance + root * e
    pm.Potential("z", -0.5 * z**2 + pm.math.log(root), dims="study")  # N(z; 0, 1) |dz / de|
    return z


LIKELIHOODS: dict[str, Callable[..., None]] = {"normal": _normal, "binomial": _binomial}
