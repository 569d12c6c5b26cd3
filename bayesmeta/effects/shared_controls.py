"""Contrasts that share a control arm: their covariance, and the same trials written as independent rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.effects.effect_sizes import Effects
from bayesmeta.errors import DataError

Array = NDArray[np.float64]


def covariance(effects: Effects, positions: tuple[int, ...]) -> Array:
    """Sampling covariance of the contrasts of one trial: s_i^2 on the diagonal, the control arm's variance beside it.

    For log odds ratios the control arm's variance is 1 / r0 + 1 / (n0 - r0), after the zero-cell rule.

    Parameters
    ----------
    effects : of trials with shared controls.
    positions : of the rows of one trial, among the effects.

    Returns
    -------
    (n, n)

    Raises
    ------
    DataError : the variance of the control arm is not known, or larger than that of a contrast.

    References
    ----------
    Gleser & Olkin 2009, in Cooper, Hedges & Valentine (eds), The Handbook of Research Synthesis, 2nd ed., equation
    19.9.

    Examples
    --------
    >>> from bayesmeta.effects import effect_sizes
    >>> from bayesmeta.trials import load
    >>> effects = effect_sizes(load("attachment/secure", rows="arms"))
    >>> covariance(effects, effects.shared[0]).round(3)
    array([[1.169, 1.019],
           [1.019, 1.202]])
    """
    rows = list(positions)
    control = effects.control_variance[rows]
    names = " and ".join(effects.studies[row] for row in rows)
    if np.isnan(control).any():
        raise DataError(
            f"{names} share a control arm, whose variance is not known: estimates and standard errors alone do not say"
            " how far they move together. Give the counts, or the standard error of the control arm's log odds in a"
            " column se_control, or combine the treated arms into one row."
        )
    if np.ptp(control) > 1e-9 * control.max():
        raise DataError(
            f"{names} share a control arm, whose variance is {', '.join(f'{value:.6g}' for value in control)} in these"
            " rows. It is one arm: expected one value, so give all of them counts, or all of them se_control."
        )
    if np.any(control >= effects.se[rows] ** 2):
        raise DataError(
            f"{names} share a control arm, whose variance {control[0]:.6g} is not below the smallest variance of their"
            f" contrasts, {float(np.min(effects.se[rows] ** 2)):.6g}. Expected se_control, the standard error of the"
            " control arm's log odds alone, below each se."
        )
    return np.asarray(np.where(np.eye(len(rows)) == 1.0, effects.se[rows] ** 2, control[0]))


@dataclass(frozen=True, eq=False)
class IndependentRows:
    """Effects in coordinates in which all rows are independent, given mean effects and tau.

    In these, y'_i ~ N(theta'_i, s'_i^2) and theta'_i ~ N(x'_i beta, tau^2) with one tau, as in a table without shared
    controls; theta = back theta'.

    Attributes
    ----------
    y, se : (k,) estimates and standard errors.
    turn, back : (k, k) from the effects as they are to these rows, and back; None where they are the same.
    log_jacobian : log density of the effects as they are, less that of these rows.
    """

    y: Array
    se: Array
    turn: Array | None
    back: Array | None
    log_jacobian: float

    def of(self, rows: Array) -> Array:
        """Rows of a design (k, p), or effects (k,), in these coordinates."""
        return rows if self.turn is None else self.turn @ rows

    def returned(self, values: Array) -> Array:
        """Values (..., k) in these coordinates as values of the effects."""
        return values if self.back is None else values @ self.back.T


def independent_rows(effects: Effects, correlation: float) -> IndependentRows:
    """Turn the contrasts of multi-arm trials into independent rows.

    A trial's contrasts have sampling covariance V, its random effects tau^2 R with R = (1 - rho) I + rho 1 1'. With
    V = L L' and L^-1 R L^-T = Q D Q', the rows D^-1/2 Q' L^-1 y have covariance D^-1 + tau^2 I, whatever tau.

    Parameters
    ----------
    effects : of the trials.
    correlation : rho, of the random effects of two arms of one trial; at least 0, below 1.

    Returns
    -------
    IndependentRows

    Raises
    ------
    DataError : see `covariance`.

    Examples
    --------
    >>> from bayesmeta.effects import effect_sizes
    >>> from bayesmeta.trials import load
    >>> effects = effect_sizes(load("attachment/secure", rows="arms"))
    >>> rows = independent_rows(effects, 0.5)
    >>> bool(np.allclose(rows.returned(rows.of(effects.y)), effects.y))
    True
    """
    if not effects.shared:
        return IndependentRows(effects.y, effects.se, None, None, 0.0)
    k = effects.k
    turn, back, se, log_jacobian = np.eye(k), np.eye(k), effects.se.copy(), 0.0
    for positions in effects.shared:
        n, rows = len(positions), np.ix_(positions, positions)
        root = np.linalg.cholesky(covariance(effects, positions))
        between = np.full((n, n), correlation) + (1.0 - correlation) * np.eye(n)
        whitened = np.linalg.solve(root, np.linalg.solve(root, between).T)
        scale, vectors = np.linalg.eigh(0.5 * (whitened + whitened.T))
        turn[rows] = np.linalg.solve(root.T, vectors).T / np.sqrt(scale)[:, None]
        back[rows] = root @ vectors * np.sqrt(scale)
        se[list(positions)] = scale**-0.5
        log_jacobian -= 0.5 * float(np.linalg.slogdet(between)[1])
    return IndependentRows(turn @ effects.y, se, turn, back, log_jacobian)


def baselines(effects: Effects, *, at_midpoint: bool) -> tuple[Array, Array]:
    """How the control arm's log odds follow from baselines and effects: own gamma - share theta.

    Arms that share a control have one baseline, that of their first row. At the midpoint it is the mean of the log odds
    of all arms of the trial: with n treated arms the control arm lies sum(theta) / (n + 1) below it.

    Parameters
    ----------
    effects : of the trials.
    at_midpoint : where baselines sit; else at the control arm.

    Returns
    -------
    own (k, k), share (k, k)

    Examples
    --------
    >>> from bayesmeta.effects import effect_sizes
    >>> from bayesmeta.trials import load
    >>> effects = effect_sizes(load("attachment/disorganised", rows="arms"))
    >>> baselines(effects, at_midpoint=True)[1].round(2).tolist()[1:3]
    [[0.33, 0.33, 0.0, 0.0], [0.0, 0.0, 0.5, 0.0]]
    """
    own, together = np.eye(effects.k), np.eye(effects.k)
    for positions in effects.shared:
        rows = np.ix_(positions, positions)
        own[rows] = 0.0
        own[list(positions), positions[0]] = 1.0
        together[rows] = 1.0
    arms = 1.0 + together.sum(axis=1, keepdims=True)
    return own, together / arms if at_midpoint else np.zeros_like(together)
