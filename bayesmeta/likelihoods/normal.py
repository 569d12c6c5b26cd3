"""The normal likelihood: y_i ~ N(theta_i, s_i^2) with s_i known."""

import numpy as np

from bayesmeta.types import Array

LOG_2PI = float(np.log(2.0 * np.pi))


def log_likelihood(y: Array, se: Array, theta: Array) -> Array:
    """Log density of each estimate given its own effect: log N(y_i; theta_i, s_i^2).

    Parameters
    ----------
    y, se : (k,) estimates and standard errors, on the model's scale (log odds ratio).
    theta : (..., k) study effects.

    Returns
    -------
    (..., k) log densities.

    Examples
    --------
    >>> import numpy as np
    >>> log_likelihood(np.array([0.0]), np.array([1.0]), np.array([0.0])).round(4)
    array([-0.9189])
    """
    return marginal_log_likelihood(y, se, theta, np.asarray(0.0))


def marginal_log_likelihood(y: Array, se: Array, m: Array, tau: Array) -> Array:
    """Log density of each estimate with its effect integrated out: l_i(m, tau) = log N(y_i; m_i, s_i^2 + tau^2).

    Parameters
    ----------
    y, se : (k,) estimates and standard errors.
    m : (..., k) means of the random effects.
    tau : broadcastable against m: standard deviation of the random effects.

    Returns
    -------
    (..., k) log densities.

    References
    ----------
    Roever 2020, J Stat Softw 93(6), equation 2.

    Examples
    --------
    >>> import numpy as np
    >>> marginal_log_likelihood(np.array([0.0]), np.array([0.6]), np.array([0.0]), np.array([0.8])).round(4)
    array([-0.9189])
    """
    variance = se**2 + np.asarray(tau) ** 2
    return np.asarray(-0.5 * (LOG_2PI + np.log(variance) + (y - m) ** 2 / variance))


def arms_log_likelihood(y: Array, variance: Array, m: Array, tau: Array, correlation: float) -> Array:
    """Log densities of the contrasts of one multi-arm trial, each given those before it: they add to the trial's.

    log N(y; m, V + tau^2 R), R = (1 - rho) I + rho 1 1'.

    Parameters
    ----------
    y : (n,) contrasts; variance : (n, n) their sampling covariance V.
    m : (..., n) means of the random effects; tau : (...) their standard deviation.
    correlation : rho.

    Returns
    -------
    (..., n)

    Examples
    --------
    >>> import numpy as np
    >>> y, m, tau = np.array([0.3, 0.8]), np.zeros(2), np.asarray(0.4)
    >>> one = marginal_log_likelihood(y, np.ones(2), m, tau)
    >>> bool(np.allclose(arms_log_likelihood(y, np.eye(2), m, tau, 0.0), one))
    True
    """
    n = len(y)
    between = np.full((n, n), correlation) + (1.0 - correlation) * np.eye(n)
    root = np.linalg.cholesky(variance + np.asarray(tau)[..., None, None] ** 2 * between)
    z = np.linalg.solve(root, (y - m)[..., None])[..., 0]
    scale = np.diagonal(root, axis1=-2, axis2=-1)
    return np.asarray(-0.5 * (LOG_2PI + z * z) - np.log(scale))
