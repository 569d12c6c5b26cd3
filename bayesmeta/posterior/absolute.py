"""Absolute effects: what an odds ratio means at a risk in the control arm, stated or uncertain itself."""

from collections.abc import Callable
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from bayesmeta.errors import ModelError
from bayesmeta.posterior.control_risk import ControlRisk, probability_nodes
from bayesmeta.posterior.marginal import Marginal
from bayesmeta.types import Array

if TYPE_CHECKING:
    from bayesmeta.posterior.posterior import Posterior

BISECTIONS = 60


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


def absolute(posterior: "Posterior", control_risk: float | ControlRisk, level: float = 0.95) -> pd.DataFrame:
    """Risk differences and numbers needed to treat at a risk in the control arm.

    P(difference <= d) = E_c[ P(theta <= logit(expit(c) + d) - c) ], over the log odds c of the control risk, which is
    independent of theta.

    Parameters
    ----------
    posterior : of log odds ratios.
    control_risk : risk of the counted event without treatment: a number between 0 and 1, or with its uncertainty.
    level : probability of the intervals.

    Returns
    -------
    DataFrame indexed by mu and theta_new, or what stands for them (`Posterior.typical`): control_risk (median) with
    control_lower and control_upper, treated_risk (median), difference_mean, difference_sd, difference_median,
    difference_lower, difference_upper, nnt_median, nnt_lower, nnt_upper, p_more_events.
    A number needed to treat is 1 / risk difference, with its sign: treated people for one event more (positive) or one
    fewer (negative). Where the interval of the difference holds 0, its limits lie on the two sides of infinity.

    Raises
    ------
    ModelError : a risk that is not between 0 and 1.

    References
    ----------
    Altman 1998, BMJ 317:1309 (confidence intervals for the number needed to treat); Dias et al. 2013, Med Decis Making
    33:657 (absolute effects from a baseline with its uncertainty).
    """
    if isinstance(control_risk, ControlRisk):
        if posterior.model.control_risk:
            raise ModelError(
                "absolute effects of a regression on the control risk: the effect is another one at every risk. State"
                " the risk as one number, such as 0.2."
            )
        rows = {name: _row_uncertain(one, control_risk, level) for name, one in posterior.typical().items()}
    else:
        if isinstance(control_risk, bool) or not isinstance(control_risk, Real) or not 0.0 < control_risk < 1.0:
            raise ModelError(
                f"control_risk is {control_risk!r}. It must be a number between 0 and 1, such as 0.2, or one with its"
                ' uncertainty, such as "beta(20, 80)" or "new_setting".'
            )
        at_risk = posterior.at_risk(control_risk)
        rows = {name: _row(marginal, control_risk, level) for name, marginal in at_risk.items()}
    return pd.DataFrame.from_dict(rows, orient="index")


def _row(marginal: Marginal, control_risk: float, level: float) -> dict[str, float]:
    probability, share = probability_nodes()
    difference = risk_difference(marginal.quantile(probability), control_risk)
    mean = float(share @ difference)
    sd = float(np.sqrt(share @ (difference - mean) ** 2))
    ends = risk_difference(marginal.quantile(_levels(level)), control_risk)
    risk = (control_risk, control_risk, control_risk, control_risk + float(ends[1]))
    return _named(risk, mean, sd, ends, marginal)


def _row_uncertain(marginal: Marginal, control_risk: ControlRisk, level: float) -> dict[str, float]:
    log_odds, weight = control_risk.nodes()
    probability, share = probability_nodes()
    effect = marginal.quantile(probability)
    difference = expit(log_odds[:, None] + effect) - expit(log_odds)[:, None]
    mean = float(weight @ difference @ share)
    sd = float(np.sqrt(weight @ (difference - mean) ** 2 @ share))
    risk = expit(log_odds)

    def up_to(differences: Array) -> Array:
        """P(difference <= d)."""
        treated = risk[:, None] + differences
        beyond = np.where(treated >= 1.0, np.inf, -np.inf)
        with np.errstate(invalid="ignore", divide="ignore"):
            limit = np.where((treated > 0.0) & (treated < 1.0), logit(treated) - log_odds[:, None], beyond)
        return np.asarray(weight @ _cdf(marginal, limit), dtype=float)

    def treated_up_to(risks: Array) -> Array:
        return np.asarray(weight @ _cdf(marginal, logit(risks) - log_odds[:, None]))

    ends = _solved(up_to, _levels(level), -1.0, 1.0)
    treated = float(_solved(treated_up_to, np.array([0.5]), 0.0, 1.0)[0])
    lower, upper = control_risk.interval(level)
    return _named((control_risk.median, lower, upper, treated), mean, sd, ends, marginal)


def _cdf(marginal: Marginal, x: Array) -> Array:
    inside = np.isfinite(x)
    value = np.where(x > 0.0, 1.0, 0.0)
    value[inside] = marginal.cdf(x[inside])
    return np.asarray(value)


def _solved(cdf: Callable[[Array], Array], levels: Array, low: float, high: float) -> Array:
    """Quantiles by halving."""
    lower, upper = np.full(levels.shape, low), np.full(levels.shape, high)
    for _ in range(BISECTIONS):
        middle = 0.5 * (lower + upper)
        above = cdf(middle) > levels
        lower, upper = np.where(above, lower, middle), np.where(above, middle, upper)
    return np.asarray(0.5 * (lower + upper))


def _levels(level: float) -> Array:
    return np.array([0.5 - level / 2.0, 0.5, 0.5 + level / 2.0])


def _named(
    risk: tuple[float, float, float, float], mean: float, sd: float, ends: Array, marginal: Marginal
) -> dict[str, float]:
    lower, median, upper = ends.tolist()
    return {
        "control_risk": risk[0],
        "control_lower": risk[1],
        "control_upper": risk[2],
        "treated_risk": risk[3],
        "difference_mean": mean,
        "difference_sd": sd,
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
