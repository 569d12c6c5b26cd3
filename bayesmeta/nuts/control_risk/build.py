"""The PyMC model of binomial counts whose baselines tell of each other."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pymc as pm

from bayesmeta.nuts.build import PLACEHOLDERS, coefficients, prior
from bayesmeta.nuts.control_risk.plan import FIRST, TiedStructure


def build(structure: TiedStructure) -> pm.Model:
    """PyMC model with placeholders for the table of trials and the parameters of the priors.

    r_ij ~ Bin(n_ij, expit(gamma_i + w_j theta_i)),  gamma_i ~ N(m, s^2),
    theta_i ~ N(x_i' beta + control_risk (gamma_i - centre), tau^2)

    with w = (0, 1) for control and treated arm where the baseline is in the control arm, (-1/2, 1/2) where it is at the
    midpoint (never with control_risk). m and s have priors (exchangeable baselines) or are numbers (independent ones).

    Sampled are u_i and e_i, in terms of which gamma_i and theta_i follow the data: gamma_i = m + s z_i with

        z_i = s (g_i - m) / (v_i^2 + s^2) + sqrt(v_i^2 / (v_i^2 + s^2)) u_i

    where g_i is the observed log odds of the control arm with standard error v_i; theta_i likewise about x_i' beta +
    control_risk (gamma_i - centre), the treated arm's observed log odds less gamma_i in place of g_i. At the midpoint
    they are the observed midpoint and the observed log odds ratio. The densities of z have the Jacobian, so the
    posterior is exact whatever the g_i: docs/decisions/nuts-defaults.md.

    Parameters
    ----------
    structure : families of the priors, where the baseline sits, sizes.

    Returns
    -------
    pm.Model with data "trials" (study, column) and "prior_parameters", and variables beta (coefficient; control_risk
    after the columns of the design), tau, baseline_mean, baseline_sd, u and e (study), as far as they are in the model.

    References
    ----------
    Sharp & Thompson 1997, Stat Med 16:2741; Arends et al. 2000, Stat Med 19:3497, section 2; Papaspiliopoulos, Roberts
    & Skoeld 2007, Stat Sci 22:59.
    """
    columns = [f"column {j + 1}" for j in range(len(structure.coefficients))]
    families = [*structure.coefficients, *filter(None, (structure.tau, structure.mean, structure.sd))]
    placeholders = [PLACEHOLDERS.get(name, 1.0) for _, names in families for name in names]
    placeholders += [0.0] if structure.mean is not None else [0.0, 1.0, 0.0]
    coords = {
        "study": np.arange(structure.trials),
        "coefficient": columns,
        "column": [*FIRST, *columns],
        "arm": ["control", "treated"],
    }
    with pm.Model(coords=coords) as model:
        trials = pm.Data("trials", np.ones((structure.trials, len(FIRST) + len(columns))), dims=("study", "column"))
        parameters = pm.Data("prior_parameters", np.array(placeholders))
        _arms(structure, trials, parameters, iter(range(len(placeholders))))
    return model


def _arms(structure: TiedStructure, trials: Any, parameters: Any, numbers: Iterator[int]) -> None:
    beta = coefficients(structure.coefficients, parameters, numbers)
    tau = None if structure.tau is None else prior("tau", structure.tau, parameters, numbers)
    if structure.mean is not None and structure.sd is not None:
        m = prior("baseline_mean", structure.mean, parameters, numbers)
        s = prior("baseline_sd", structure.sd, parameters, numbers)
    else:
        m, s = parameters[next(numbers)], parameters[next(numbers)]
    centre = parameters[next(numbers)]
    gamma = m + s * standardised("u", trials[:, 0] - m, trials[:, 1], s)
    theta = (trials[:, len(FIRST) :] * beta).sum(axis=1)
    if structure.slope >= 0:
        theta = theta + beta[structure.slope] * (gamma - centre)
    at_control = structure.baseline_at == "control"
    if tau is not None:
        seen = trials[:, 2] - gamma if at_control else trials[:, 2]
        theta = theta + tau * standardised("e", seen - theta, trials[:, 3], tau)
    weight = np.array([0.0, 1.0] if at_control else [-0.5, 0.5])
    log_odds = gamma[:, None] + weight * theta[:, None]
    pm.Binomial("events", trials[:, 6:8], logit_p=log_odds, observed=trials[:, 4:6], dims=("study", "arm"))


def standardised(name: str, residual: Any, se: Any, scale: Any) -> Any:
    """z ~ N(0, 1) in terms of coordinates of that name: z = scale residual / (se^2 + scale^2) + sqrt(B) coordinate."""
    coordinate = pm.Flat(name, dims="study")
    variance = se**2 + scale**2
    root = se / pm.math.sqrt(variance)
    z = scale * residual / variance + root * coordinate
    pm.Potential(f"z of {name}", -0.5 * z**2 + pm.math.log(root), dims="study")
    return z
