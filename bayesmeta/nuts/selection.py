"""Selection models by NUTS: the chance of publication in the likelihood."""

from typing import Any

import numpy as np
import pymc as pm

from bayesmeta.nuts.selecting import Selecting

SQRT_HALF = float(np.sqrt(0.5))


def selected_normal(selection: Selecting, y: Any, se: Any, mean: Any, tau: Any) -> None:
    """The likelihood of published estimates, in a PyMC model.

    log N(y_i; m_i, s_i^2 + tau^2) + log omega_j(i) - log sum_j omega_j P_ij

    Parameters
    ----------
    selection : cut points and priors.
    y, se, mean : (study) of PyTensor. tau : scalar.

    References
    ----------
    Hedges 1992, Stat Sci 7:246.
    """
    scale = pm.math.sqrt(se**2 + tau**2)
    z = abs(y / se) if selection.sign == 0.0 else selection.sign * y / se
    chance_before: Any = 0.0
    own: Any = 1.0
    published: Any = 0.0
    weights = [1.0, *_weights(selection)]
    for critical, weight, following in zip(selection.critical, weights, weights[1:]):
        below = _chance(selection.sign, critical, se, mean, scale)
        published = published + weight * (below - chance_before)
        chance_before = below
        own = pm.math.where(pm.math.lt(z, critical * (1.0 - 1e-14)), following, own)
    published = published + weights[-1] * (1.0 - chance_before)
    pm.Normal("y", mean, scale, observed=y, dims="study")
    pm.Potential("selection", pm.math.log(own) - pm.math.log(published), dims="study")


def _weights(selection: Selecting) -> list[Any]:
    """omega_2 ... omega_J, as variables of the model."""
    if selection.known:
        return list(selection.known)
    a, b, uppers = np.array(selection.sticks).T
    sticks = pm.Beta("stick", a, b, shape=len(a))
    weights: list[Any] = []
    for j, upper in enumerate(uppers):
        stick = upper * sticks[j]
        weights.append(stick * weights[-1] if selection.chained and weights else stick)
    return weights


def _chance(sign: float, critical: float, se: Any, mean: Any, scale: Any) -> Any:
    if sign == 0.0:
        return _phi((mean - se * critical) / scale) + _phi((-mean - se * critical) / scale)
    return _phi((sign * mean - se * critical) / scale)


def _phi(x: Any) -> Any:
    return 0.5 * pm.math.erfc(-SQRT_HALF * x)
