"""Absolute effects: what an odds ratio means at a stated risk in the control arm."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayesmeta.errors import ModelError
from bayesmeta.posterior.marginal import Marginal
from bayesmeta.types import Array

if TYPE_CHECKING:
    from bayesmeta.posterior.posterior import Posterior

POINTS = 64  # Gauss-Legendre nodes in probability, on each of the pieces below
PIECES = np.array([0.0, 1e-8, 1e-5, 1e-3, 0.03, 0.2, 0.5, 0.8, 0.97, 1 - 1e-3, 1 - 1e-5, 1 - 1e-8, 1.0])


def risk_difference(log_odds_ratio: Array | float, control_risk: float) -> Array:
    """Risk with treatment minus risk without: expit(logit(p) + theta) - p.

    Parameters
    ----------
    log_odds_ratio : theta, any shape.
    control_risk : p, between 0 and 1.

    Returns
    -------
    Array of theta's shape; positive where the event is more frequent with treatment.

    Examples
    --------
    >>> import numpy as np
    >>> float(risk_difference(np.log(2.0), 0.5).round(4))
    0.1667
    """
    theta = np.asarray(log_odds_ratio, dtype=float)
    with np.errstate(over="ignore"):
        treated = 1.0 / (1.0 + (1.0 - control_risk) / control_risk * np.exp(-theta))
    return np.asarray(treated - control_risk)


def absolute(posterior: "Posterior", control_risk: float, level: float = 0.95) -> pd.DataFrame:
    """Risk differences and numbers needed to treat at a stated risk in the control arm.

    Parameters
    ----------
    posterior : of log odds ratios.
    control_risk : risk of the counted event without treatment, between 0 and 1.
    level : probability of the intervals.

    Returns
    -------
    DataFrame indexed by mu and theta_new: control_risk, treated_risk (median), difference_mean, difference_sd,
    difference_median, difference_lower, difference_upper, nnt_median, nnt_lower, nnt_upper, p_more_events.
    A number needed to treat is 1 / risk difference, with its sign: treated people for one event more (positive) or one
    fewer (negative). Where the interval of the difference holds 0, its limits lie on the two sides of infinity.

    Raises
    ------
    ModelError : a risk that is not between 0 and 1.

    References
    ----------
    Altman 1998, BMJ 317:1309 (confidence intervals for the number needed to treat).
    """
    if not 0.0 < control_risk < 1.0:
        raise ModelError(f"control_risk is {control_risk!r}. It must lie between 0 and 1.")
    at_risk = posterior.at_risk(control_risk)
    rows = {name: _row(marginal, control_risk, level) for name, marginal in at_risk.items()}
    return pd.DataFrame.from_dict(rows, orient="index")


def _row(marginal: Marginal, control_risk: float, level: float) -> dict[str, float]:
    nodes, weights = np.polynomial.legendre.leggauss(POINTS)
    half = 0.5 * np.diff(PIECES)[:, None]
    probability = np.clip((PIECES[:-1, None] + half * (1.0 + nodes)).ravel(), 1e-13, 1.0 - 1e-13)
    share = (half * weights).ravel()
    difference = risk_difference(marginal.quantile(probability), control_risk)
    mean = float(share @ difference)
    lower, median, upper = risk_difference(
        marginal.quantile(np.array([0.5 - level / 2.0, 0.5, 0.5 + level / 2.0])), control_risk
    ).tolist()
    return {
        "control_risk": control_risk,
        "treated_risk": control_risk + median,
        "difference_mean": mean,
        "difference_sd": float(np.sqrt(share @ (difference - mean) ** 2)),
        "difference_median": median,
        "difference_lower": lower,
        "difference_upper": upper,
        "nnt_median": _inverse(median),
        "nnt_lower": _inverse(lower),
        "nnt_upper": _inverse(upper),
        "p_more_events": marginal.probability(above=0.0),
    }


def _inverse(difference: float) -> float:
    return 1.0 / difference if difference != 0.0 else np.inf
