"""The chance that a trial's p value falls where it is published."""

import numpy as np
from scipy.special import ndtr

from bayesmeta.types import Array


def cumulative_chances(
    critical: Array, sign: float, two_sided: bool, se: Array, mean: Array, tau: Array | float
) -> Array:
    """P(p below each cut point), with y ~ N(mean, s^2 + tau^2).

    One-sided: P(sign y > s z_l) = Phi((sign mean - s z_l) / sqrt(s^2 + tau^2)); two-sided: the same for both signs.

    Parameters
    ----------
    critical : (L,) critical values z_l of the standardised estimate, one for each cut point.
    sign : which effects have small p values; of no meaning where `two_sided`.
    se : standard errors. mean, tau : of the random effects; all three broadcast.

    Returns
    -------
    (..., L), rising.

    References
    ----------
    Hedges 1992, Stat Sci 7:246; Vevea & Hedges 1995, Psychometrika 60:419, equation 6.

    Examples
    --------
    >>> cumulative_chances(np.array([1.959964]), 1.0, True, np.ones(1), np.zeros(1), 0.0).round(4).tolist()
    [[0.05]]
    """
    scale = 1.0 / np.sqrt(se**2 + np.square(tau))
    threshold = (se * scale)[..., None] * critical
    centre = (mean * scale)[..., None]
    if two_sided:
        return np.asarray(ndtr(centre - threshold) + ndtr(-centre - threshold))
    return np.asarray(ndtr(sign * centre - threshold))
