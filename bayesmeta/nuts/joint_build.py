"""The PyMC model of two outcomes, in scalar densities: they compile in seconds where matrices take minutes."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayesmeta.likelihoods.whitened import whitened
from bayesmeta.nuts.build import PLACEHOLDERS
from bayesmeta.nuts.joint_plan import COLUMNS, JointStructure
from bayesmeta.nuts.plan import Family


def build_joint(structure: JointStructure) -> pm.Model:
    """PyMC model with placeholders for the table of trials and the parameters of the priors.

    normal:     y_i ~ N2(mu, S_i + T), written as y_i1 and y_i2 given y_i1
    trinomial:  counts of both arms, see `_trinomial`

    Parameters
    ----------
    structure : likelihood, families of the priors, sizes.

    Returns
    -------
    pm.Model with data "trials" (study, column) and "prior_parameters".

    References
    ----------
    van Houwelingen, Arends & Stijnen 2002, Stat Med 21:589; Trikalinos, Hoaglin & Schmid 2014, Stat Med 33:1441.
    """
    columns = COLUMNS[structure.likelihood]
    units = [(family[0], (*family[1], "unit")) for family in structure.tau if family is not None]
    families: list[Family] = [*structure.mu, *units]
    placeholders = [PLACEHOLDERS.get(name, 1.0) for _, names in families for name in names]
    known = sum(family is None for family in structure.tau)
    # Then: known taus; low end, width and eta of rho, or rho; location and scale of the baselines.
    placeholders += [0.5] * known + ([0.0] if structure.rho_known else [-1.0, 2.0, 1.0]) + [0.0, 5.0]
    table = np.ones((structure.trials or 3, len(columns)))
    coords = {"study": np.arange(len(table)), "column": list(columns), "outcome": [0, 1]}
    with pm.Model(coords=coords) as model:
        trials = pm.Data("trials", table, dims=("study", "column"))
        parameters = pm.Data("prior_parameters", np.array(placeholders))
        numbers = iter(range(len(placeholders)))
        mu = [_prior(f"mu_{j}", family, parameters, numbers) for j, family in enumerate(structure.mu)]
        free = {
            j: (_tau if structure.through_zero[j] else _log_tau)(j, family, parameters, numbers)
            for j, family in enumerate(structure.tau)
            if family is not None
        }
        tau = [free[j] if j in free else parameters[next(numbers)] for j in (0, 1)]
        rho = _rho(structure.rho_known, parameters, numbers)
        baseline = parameters[next(numbers)], parameters[next(numbers)]
        column = dict(zip(columns, (trials[:, i] for i in range(len(columns)))))
        LIKELIHOODS[structure.likelihood](column, mu, tau, rho, baseline)
    return model


def _prior(name: str, family: Family, parameters: Any, numbers: Iterator[int]) -> Any:
    distribution, names = family
    values = {parameter: parameters[i] for parameter, i in zip(names, islice(numbers, len(names)))}
    return getattr(pm, distribution)(name, **values)


def _tau(j: int, family: Family, parameters: Any, numbers: Iterator[int]) -> Any:
    """tau = c |sinh(x)|, for priors with a density at 0, with the unit c as last parameter.

    About 0 it is linear in x, so that a chain passes through 0 and does not creep up to it as on the logarithm's scale;
    far out it is exponential, for heavy tails. What it is worth: docs/decisions/joint-models.md.
    """
    distribution, names = family
    values = {parameter: parameters[i] for parameter, i in zip(names, islice(numbers, len(names)))}
    unit = parameters[next(numbers)]
    x = pm.Flat(f"x_{j}", initval=1.0)
    tau = unit * pt.abs(pt.sinh(x))
    pm.Potential(f"tau_{j}", pm.logp(getattr(pm, distribution).dist(**values), tau) + pt.log(pt.cosh(x)))
    return tau


def _log_tau(j: int, family: Family, parameters: Any, numbers: Iterator[int]) -> Any:
    """On PyMC's own scale, for priors without a density at 0 or with an upper end."""
    tau = _prior(f"tau_{j}", family, parameters, numbers)
    next(numbers)  # the unit, which this scale does not need
    return tau


def _rho(known: bool, parameters: Any, numbers: Iterator[int]) -> Any:
    if known:
        return parameters[next(numbers)]
    low, width, eta = (parameters[next(numbers)] for _ in range(3))
    return low + width * pm.Beta("rho_share", eta, eta)


def _normal(column: dict[str, Any], mu: list[Any], tau: list[Any], rho: Any, _: Any) -> None:
    first = column["variance_1"] + tau[0] ** 2
    second = column["variance_2"] + tau[1] ** 2
    slope = (column["covariance"] + rho * tau[0] * tau[1]) / first
    pm.Normal("y_first", mu[0], pm.math.sqrt(first), observed=column["y_1"])
    mean = mu[1] + slope * (column["y_1"] - mu[0])
    pm.Normal("y_second", mean, pm.math.sqrt(second - slope**2 * first), observed=column["y_2"])


def _trinomial(column: dict[str, Any], mu: list[Any], tau: list[Any], rho: Any, baseline: Any) -> None:
    """Counts of three categories in each arm, or of one cut where a trial reports only that.

    With a and b the log odds of the first and of the second category in an arm, s = a + b < 0,

        p_1 = expit(a),  p_2 = expit(b),  p_middle = p_1 p_2 (e^-s - 1),

    so that (r_1, r_m, r_2) has log likelihood (r_1 + r_m) log p_1 + (r_2 + r_m) log p_2 + r_m log(e^-s - 1). The log
    odds are gamma_j +- theta_j / 2. Both s are negative where gamma_1 + gamma_2 = -sqrt(w^2 + t^2 / 4), t = theta_1 +
    theta_2, for some w > 0: w is the geometric mean of both -s. Sampled are gamma_1 and log w. Why, and why the prior
    of the baselines is normalised given theta: docs/decisions/joint-models.md.
    """
    theta = _effects(column, mu, tau, rho)
    sampled = pm.Flat("g", dims=("study", "outcome"))
    both = column["both"]
    log_w = pt.switch(both, sampled[:, 1], 0.0)
    half = 0.5 * (theta[0] + theta[1])
    apart = pt.arcsinh(half * pt.exp(-log_w))
    first = sampled[:, 0]
    second = pt.switch(both, -pt.exp(log_w) * pt.cosh(apart) - first, sampled[:, 1])
    location, scale = baseline
    prior = -0.5 * ((first - location) ** 2 + (second - location) ** 2) / scale**2
    # Of both baselines independent and normal, the share at which such effects are possible.
    possible = pt.log(0.5 * pt.erfc((pt.abs(half) + 2.0 * location) / (2.0 * scale)))
    pm.Potential("baselines", prior + pt.switch(both, log_w - pt.log(pt.cosh(apart)) - possible, 0.0))
    for arm, side in (("treated", 0.5), ("control", -0.5)):
        a, b = first + side * theta[0], second + side * theta[1]
        below = pt.exp(log_w - 2.0 * side * apart)  # -s
        log_likelihood = (
            column[f"a_{arm}"] * _log_expit(a)
            + column[f"b_{arm}"] * _log_expit(b)
            + column[f"middle_{arm}"] * (below + pt.log(-pt.expm1(-below)))
            + column[f"not_a_{arm}"] * _log_expit(-a)
            + column[f"not_b_{arm}"] * _log_expit(-b)
        )
        pm.Potential(f"counts_{arm}", log_likelihood)


def _effects(column: dict[str, Any], mu: list[Any], tau: list[Any], rho: Any) -> tuple[Any, Any]:
    """theta = mu + A z, A A' = T, z in terms of e: what the normal likelihood would say of z has e ~ N(0, I)."""
    e = pm.Flat("e", dims=("study", "outcome"))
    k11, k12, k22 = column["k_11"], column["k_12"], column["k_22"]
    a11, a21, a22 = tau[0], rho * tau[1], tau[1] * pt.sqrt(1.0 - rho**2)
    z, log_determinant = whitened(
        (k11, k12, k22),
        (a11, a21, a22),
        (column["y_1"] - mu[0], column["y_2"] - mu[1]),
        (e[:, 0], e[:, 1]),
        pt.sqrt,
        pt.log,
    )
    pm.Potential("z", -0.5 * (z[0] ** 2 + z[1] ** 2 + log_determinant))
    return mu[0] + a11 * z[0], mu[1] + a21 * z[0] + a22 * z[1]


def _log_expit(x: Any) -> Any:
    return -pt.softplus(-x)


LIKELIHOODS: dict[str, Callable[..., None]] = {"normal": _normal, "trinomial": _trinomial}
