"""tau2 by maximum likelihood, and the check that a restricted maximum is the highest one.

Both likelihoods can have several modes when a few precise trials agree and imprecise ones do not. Every mode lies below
a bound (`_upper_bound`), so a grid up to it brackets them, Newton's method refines them, and the highest wins.
"""

from dataclasses import dataclass

import numpy as np

from bayesmeta.errors import ConvergenceError
from bayesmeta.types import Array

RELATIVE_TOLERANCE = 1e-13
GRID_POINTS_PER_DECADE = 16
LARGEST_ITERATIONS = 200


@dataclass(frozen=True, eq=False)
class ProfileLikelihood:
    """Log likelihood of tau2 with the coefficients profiled out (ML) or integrated out (REML).

    l(tau2) = -1/2 [sum log(v_i + tau2) + log|X'WX| (REML only) + (y - X beta)'W(y - X beta)], W = diag(1 / (v_i +
    tau2))

    Parameters
    ----------
    y, variance : (k,) effect sizes and sampling variances.
    matrix : (k, p) design.
    restricted : REML rather than ML.

    References
    ----------
    Harville 1977, JASA 72:320; Viechtbauer 2005, J Educ Behav Stat 30:261.
    """

    y: Array
    variance: Array
    matrix: Array
    restricted: bool

    def _solve(self, tau2: Array) -> tuple[Array, Array, Array]:
        """Weights (g, k), residuals (g, k) and X'WX (g, p, p) at each tau2 (g,)."""
        weights = 1.0 / (self.variance + tau2[:, None])
        gram = np.einsum("gk,ki,kj->gij", weights, self.matrix, self.matrix)
        right = np.einsum("gk,ki->gi", weights * self.y, self.matrix)
        beta = np.linalg.solve(gram, right[:, :, None])[:, :, 0]
        return weights, self.y - beta @ self.matrix.T, gram

    def log_likelihood(self, tau2: Array) -> Array:
        """l(tau2) without constants; (g,) for tau2 (g,)."""
        weights, residual, gram = self._solve(tau2)
        value = np.log(weights).sum(axis=1) - (weights * residual**2).sum(axis=1)
        if self.restricted:
            value = value - np.linalg.slogdet(gram)[1]
        return np.asarray(0.5 * value)

    def score(self, tau2: Array) -> Array:
        """dl / dtau2 = 1/2 [sum w_i^2 e_i^2 - trace], trace = sum w_i (ML) or tr P (REML); (g,)."""
        weights, residual, gram = self._solve(tau2)
        trace = weights.sum(axis=1)
        if self.restricted:
            squared = np.einsum("gk,ki,kj->gij", weights**2, self.matrix, self.matrix)
            trace = trace - np.trace(np.linalg.solve(gram, squared), axis1=1, axis2=2)
        return np.asarray(0.5 * ((weights * residual) ** 2).sum(axis=1) - 0.5 * trace)

    def curvature(self, tau2: float) -> float:
        """d2l / dtau2^2 = -y'PPPy + 1/2 trace of the squared matrix (W for ML, P for REML)."""
        weights, residual, gram = (part[0] for part in self._solve(np.array([tau2])))
        u = weights * residual
        projected = u - self.matrix @ np.linalg.solve(gram, self.matrix.T @ (weights * u))
        trace = float(np.sum(weights**2))
        if self.restricted:
            second = np.linalg.solve(gram, (self.matrix * weights[:, None] ** 2).T @ self.matrix)
            third = np.linalg.solve(gram, (self.matrix * weights[:, None] ** 3).T @ self.matrix)
            trace += float(np.trace(second @ second) - 2.0 * np.trace(third))
        return float(0.5 * trace - (weights * u) @ projected)

    def modes(self) -> Array:
        """Every local maximum that the grid can see, 0 included where the likelihood falls from there."""
        grid = self._grid()
        rising = self.score(grid) > 0.0
        turns = np.flatnonzero(rising[:-1] & ~rising[1:])
        interior = [self._refine(float(grid[i]), float(grid[i + 1])) for i in turns]
        return np.array(interior if rising[0] else [0.0, *interior])

    def highest_mode(self) -> float:
        """The global maximum."""
        modes = self.modes()
        return float(modes[np.argmax(self.log_likelihood(modes))])

    def _grid(self) -> Array:
        smallest = 1e-3 * float(self.variance.min())
        largest = max(self._upper_bound(), 10.0 * smallest)
        points = int(np.ceil(GRID_POINTS_PER_DECADE * np.log10(largest / smallest))) + 1
        return np.concatenate([[0.0], np.geomspace(smallest, largest, points)])

    def _upper_bound(self) -> float:
        """No mode lies above. With D the largest residual of an unweighted fit, sum w^2 e^2 <= k max(w)^2 D^2 and the
        trace is at least (k - p) min(w); for tau2 > max v the weights differ by a factor 2 at most, so the score is
        negative as soon as tau2 > 2 k D^2 / (k - p).
        """
        beta = np.linalg.lstsq(self.matrix, self.y, rcond=None)[0]
        k, p = self.matrix.shape
        largest_residual = float(np.abs(self.y - self.matrix @ beta).max())
        return 1.01 * max(float(self.variance.max()), float(2.0 * k * largest_residual**2 / (k - p)))

    def _refine(self, low: float, high: float) -> float:
        """Newton's method between a point where l rises and one where it falls; a step that leaves them is a
        bisection."""
        tau2 = 0.5 * (low + high)
        for _ in range(LARGEST_ITERATIONS):
            score = float(self.score(np.array([tau2]))[0])
            low, high = (tau2, high) if score > 0.0 else (low, tau2)
            curvature = self.curvature(tau2)
            proposal = tau2 - score / curvature if curvature < 0.0 else low
            if not low < proposal < high:
                proposal = 0.5 * (low + high)
            if abs(proposal - tau2) <= RELATIVE_TOLERANCE * tau2:
                return proposal
            tau2 = proposal
        raise ConvergenceError(
            f"{'REML' if self.restricted else 'ML'}: tau2 still moved after {LARGEST_ITERATIONS} iterations, between "
            f"{low} and {high}. Look for an estimate or a standard error on the wrong scale; DL needs no iteration."
        )


def maximum_likelihood_tau2(y: Array, variance: Array, matrix: Array) -> float:
    """tau2 by maximum likelihood: the highest mode of the profile likelihood.

    Parameters
    ----------
    y, variance : (k,) effect sizes and sampling variances.
    matrix : (k, p) design; a column of ones for the pooled effect.

    Returns
    -------
    tau2, to a relative 1e-13; exactly 0 at the boundary.

    Raises
    ------
    ConvergenceError

    References
    ----------
    Hardy & Thompson 1996, Stat Med 15:619.

    Examples
    --------
    Equal variances have a closed form, the mean squared deviation less the sampling variance:

    >>> import numpy as np
    >>> round(maximum_likelihood_tau2(np.array([-2.0, 0.0, 2.0]), np.ones(3), np.ones((3, 1))), 12)
    1.666666666667
    """
    return ProfileLikelihood(y, variance, matrix, restricted=False).highest_mode()


def higher_restricted_mode(y: Array, variance: Array, matrix: Array, tau2: float) -> float | None:
    """The mode of the restricted likelihood that is higher than the one at tau2, None when there is none.

    Parameters
    ----------
    y, variance : (k,) effect sizes and sampling variances.
    matrix : (k, p) design.
    tau2 : the root that a solver returned.
    """
    profile = ProfileLikelihood(y, variance, matrix, restricted=True)
    best = profile.highest_mode()
    at_best, at_given = profile.log_likelihood(np.array([best, tau2]))
    return best if at_best > at_given + 1e-9 else None
