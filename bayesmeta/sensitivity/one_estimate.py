"""The posterior of an effect from one estimate of it, under any prior of an effect."""

import numpy as np

from bayesmeta.errors import PriorError
from bayesmeta.priors import EffectPrior
from bayesmeta.types import Array

ACCURACY = 1e-9  # relative, of the density of a prior that is written as a mixture of normal ones
REACH = 12.0  # standard errors each way from the estimates over which the prior has that accuracy


def given_estimate(estimate: Array, se: Array, prior: EffectPrior) -> tuple[Array, Array, Array]:
    """What estimates ~ N(mu, se^2) say of mu, for each normal part of its prior.

    With p(mu) = sum_c share_c N(mu; m_c, s_c^2) each estimate has, for each part, the evidence
    share_c N(estimate; m_c, se^2 + s_c^2), and mu is normal given both. A flat prior is one part, of evidence 1.

    Parameters
    ----------
    estimate, se : arrays of one shape, or shapes that broadcast.
    prior : of mu, any of the catalogue.

    Returns
    -------
    Log evidence, mean and sd of mu, each of the shape of the estimates with one more axis for the C parts.

    Raises
    ------
    PriorError : a prior that is no mixture of normal ones.

    Examples
    --------
    >>> from bayesmeta.priors import Normal
    >>> _, mean, sd = given_estimate(np.array([0.6]), np.array([0.3]), Normal(0, 0.3))
    >>> mean.round(3).tolist(), sd.round(3).tolist()
    ([[0.3]], [[0.212]])
    """
    estimate, se = (values[..., None] for values in np.broadcast_arrays(estimate, se))
    if not prior.proper:
        return np.zeros(estimate.shape), estimate, se
    away = REACH * float(se.max())
    parts = prior.as_normal_mixture(ACCURACY, (float(estimate.min()) - away, float(estimate.max()) + away))
    if parts is None:
        raise PriorError(f'mu prior "{prior}": it is no mixture of normal ones. Take one that is: student_t(4, 0, 1).')
    share, location, scale = parts
    total = se**2 + scale**2
    log_evidence = np.log(share) - 0.5 * ((estimate - location) ** 2 / total + np.log(2.0 * np.pi * total))
    mean = (estimate * scale**2 + location * se**2) / total
    return log_evidence, mean, se * scale / np.sqrt(total)
