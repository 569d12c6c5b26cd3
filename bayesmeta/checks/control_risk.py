"""The regression on the true control risk beside the naive one on the observed risk, which is biased."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmeta.errors import ModelError
from bayesmeta.frequentist import metaregression
from bayesmeta.likelihoods.arms import log_odds
from bayesmeta.posterior import Posterior
from bayesmeta.tables import records
from bayesmeta.types import Json

INDEPENDENT = (
    " The baselines are independent with a prior of their own, and that leaves the model's slope with the same bias:"
    " state exchangeable ones (docs/decisions/control-risk-regression.md)."
)
FEWEST = 3  # trials for a line with an error
WHY_BIASED = (
    "The naive slope is biased: the observed log odds of the control arm is part of the observed log odds ratio, with"
    " its sign turned, so that chance alone makes a falling line, and an observed risk varies more than the true one,"
    " which flattens any line."
)


@dataclass(frozen=True, eq=False)
class ControlRisk:
    """Change of the log odds ratio for one unit more of the control arm's log odds, by two regressions.

    Attributes
    ----------
    table : two rows, model and naive: regression, slope, lower, upper (95%), intercept (effect at the centre), tau;
        of the naive one NaN where it has no standard error.
    centre : log odds of the control arm at which the intercepts are.
    p_negative : posterior probability that the slope is below 0.
    exchangeable : whether the baselines are; without it the model's slope has the bias of the naive one.
    """

    table: pd.DataFrame
    centre: float
    p_negative: float
    exchangeable: bool = True

    @property
    def sentence(self) -> str:
        """Both slopes, and why the naive one is biased."""
        model, naive = (row for _, row in self.table.iterrows())
        risk = 1.0 / (1.0 + np.exp(-self.centre))
        beside = (
            f"naive meta-regression on the observed log odds {_slope(naive)}"
            if np.isfinite(naive["slope"])
            else "no naive meta-regression with so few trials"
        )
        return (
            f"Effect against control risk, change of the log OR for one unit more of the control log odds:"
            f" {_slope(model)}, P(below 0) {_probability(self.p_negative)}; {beside}. mu and theta_new are at the"
            f" centre, a control risk of {risk:.3g}. {WHY_BIASED}{'' if self.exchangeable else INDEPENDENT}"
        )

    def to_dict(self) -> Json:
        """Plain data, NaN as None."""
        return {
            "centre": self.centre,
            "p_negative": self.p_negative,
            "exchangeable": self.exchangeable,
            "regressions": records(self.table),
        }


def control_risk(posterior: Posterior) -> ControlRisk:
    """Set the slope of a regression on the true control risk beside that of the naive regression.

    naive: y_i = a + b (g_i - centre) + u_i + e_i, g_i the observed log odds of the control arm, by REML.

    Parameters
    ----------
    posterior : of a model with control_risk.

    Returns
    -------
    ControlRisk

    Raises
    ------
    ModelError
        A model without control_risk.

    References
    ----------
    Sharp, Thompson & Altman 1996, BMJ 313:735 (why not the naive one); Sharp & Thompson 1997, Stat Med 16:2741; Arends
    et al. 2000, Stat Med 19:3497.
    """
    if not posterior.model.control_risk:
        raise ModelError("control_risk: the model has no regression on the control risk. State control_risk=True.")
    slope, mu = posterior["control_risk"], posterior["mu"]
    lower, upper = slope.interval()
    centre = float(posterior.to_dict()["control_risk"]["centre"])
    model = ["model", slope.median, lower, upper, mu.median, posterior["tau"].median]
    columns = ["regression", "slope", "lower", "upper", "intercept", "tau"]
    table = pd.DataFrame([model, ["naive", *_naive(posterior, centre)]], columns=columns)
    tied = posterior.model.exchangeable is not None
    return ControlRisk(table, centre, slope.probability(below=0.0), tied)


def _naive(posterior: Posterior, centre: float) -> list[float]:
    counts = posterior.trials.counts
    if len(counts) < FEWEST:
        return [np.nan] * 5
    x = log_odds(counts[:, 2], counts[:, 3])[0] - centre
    if np.ptp(x) < 1e-9:
        return [np.nan] * 5
    found = metaregression(posterior.effects, np.column_stack([np.ones(len(x)), x]), ("mu", "control log odds"))
    return [found.beta[1], found.lower[1], found.upper[1], found.beta[0], float(np.sqrt(found.tau2))]


def _slope(row: "pd.Series[float]") -> str:
    return f"{row['slope']:.2f} ({row['lower']:.2f} to {row['upper']:.2f})"


def _probability(value: float) -> str:
    return "< 0.001" if value < 0.0005 else "> 0.999" if value >= 0.9995 else f"{value:.3f}"
