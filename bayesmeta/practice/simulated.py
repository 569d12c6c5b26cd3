"""A survey that is simulated, and says so wherever it goes."""

import numpy as np
import pandas as pd

from bayesmeta.fit import SEED
from bayesmeta.practice.reader import read_survey
from bayesmeta.practice.survey import Survey, Z

SERVICES = 80
SIMULATED = "simulated: no survey and no trials, bayesmeta.practice.simulated_survey"


def simulated_survey(seed: int = SEED, interventions: int = 9, link: float = 0.0) -> Survey:
    """A simulated survey of services beside simulated pooled odds ratios.

    True effects d_i ~ N(0.5, 0.4^2) (log odds ratios, higher is wished); true use logit u_i = -0.5 + 1.2 (link e_i +
    sqrt(1 - link^2) v_i) with e_i the standardised d_i, v_i ~ N(0, 1); services_using ~ Bin(80, u_i); k from 1 to 12,
    se = 0.6 / sqrt(k), and the pooled estimate about d_i with that se. The last intervention has no trials.

    Parameters
    ----------
    seed : integer seed.
    interventions : how many, at least 4.
    link : correlation of true use and true effect on these scales, from -1 to 1; 0 by default.

    Returns
    -------
    Survey, whose interventions, name and sources say that it is simulated.

    Examples
    --------
    >>> survey = simulated_survey()
    >>> survey.simulated, survey.interventions[0]
    (True, 'Simulated A')
    """
    rng = np.random.default_rng(seed)
    standard, other = rng.standard_normal((2, interventions))
    effect = 0.5 + 0.4 * standard
    use = 1.0 / (1.0 + np.exp(0.5 - 1.2 * (link * standard + np.sqrt(1.0 - link**2) * other)))
    k = rng.integers(1, 13, interventions).astype(float)
    k[-1] = 0.0
    with np.errstate(divide="ignore"):
        se = np.where(k > 0, 0.6 / np.sqrt(k), np.nan)
    estimate = effect + se * rng.standard_normal(interventions)
    table = pd.DataFrame(
        {
            "intervention": [f"Simulated {_letters(i)}" for i in range(interventions)],
            "services_using": rng.binomial(SERVICES, use),
            "services": SERVICES,
            "odds_ratio": np.exp(estimate).round(2),
            "lower": np.exp(estimate - Z * se).round(2),
            "upper": np.exp(estimate + Z * se).round(2),
            "k": k,
            "direction": "higher",
            "source": SIMULATED,
        }
    )
    return read_survey(table, name="simulated-survey")


def _letters(position: int) -> str:
    return chr(65 + position % 26) + (str(position // 26) if position >= 26 else "")
