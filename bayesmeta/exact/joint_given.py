"""Two outcomes under the normal likelihood, given tau_1, tau_2 and rho: (mu_1, mu_2) is Gaussian."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayesmeta.effects import JointEffects
from bayesmeta.likelihoods.normal import LOG_2PI
from bayesmeta.types import Array, Booleans, Integers

BLOCK = 60_000  # nodes times trials at a time: what fits into the cache of a core


@dataclass(frozen=True, eq=False)
class JointGiven:
    """What is known at each node of (tau_1, tau_2, rho).

    Attributes
    ----------
    log_evidence : (N,) log p(y | node), mu integrated out; a flat prior enters with density 1.
    mean : (2, N) of mu.
    covariance : (3, N) of mu: var(mu_1), cov, var(mu_2).
    """

    log_evidence: Array
    mean: Array
    covariance: Array

    def at(self, nodes: Integers | Booleans) -> "JointGiven":
        """What is known at some of the nodes."""
        return JointGiven(self.log_evidence[nodes], self.mean[:, nodes], self.covariance[:, nodes])


@dataclass(frozen=True, eq=False)
class JointProblem:
    """Estimates of both outcomes, their within-trial covariances and Gaussian priors of mu.

    Parameters
    ----------
    y, se : (k, 2), NaN where a trial does not report an outcome.
    covariance : (k,) within-trial covariance.
    prior_location, prior_scale : (2,); a scale of inf is a flat prior with density 1.
    """

    y: Array
    se: Array
    covariance: Array
    prior_location: Array
    prior_scale: Array

    @classmethod
    def of(cls, effects: JointEffects, priors: tuple[tuple[float, float], tuple[float, float]]) -> "JointProblem":
        """From effect sizes, and location and scale of the prior of each mu."""
        numbers = np.array(priors)
        return cls(effects.y, effects.se, effects.covariance, numbers[:, 0], numbers[:, 1])

    @cached_property
    def reported(self) -> Booleans:
        """(k, 2)"""
        return ~np.isnan(self.y)

    @cached_property
    def both(self) -> Booleans:
        """(k,) trials with both estimates."""
        return np.asarray(self.reported.all(axis=1))

    @cached_property
    def _centre(self) -> Array:
        """(2,) about which squares are taken, so that none of their digits cancel."""
        return np.nanmedian(self.y, axis=0)

    def given(self, tau_1: Array, tau_2: Array, rho: Array) -> JointGiven:
        """Condition on the heterogeneity: generalised least squares with 2 x 2 blocks.

        y_i ~ N2(mu, S_i + T); with W_i = (S_i + T)^-1 the precision of mu is P = sum W_i + prior, its mean P^-1 h.

        Parameters
        ----------
        tau_1, tau_2, rho : (N,) each.

        Returns
        -------
        JointGiven

        References
        ----------
        van Houwelingen, Arends & Stijnen 2002, Stat Med 21:589, section 3; Gelman et al. 2013, section 14.8.
        """
        sums = np.empty((7, len(tau_1)))
        step = max(BLOCK // max(int(self.both.sum()), 1), 1)
        for start in range(0, len(tau_1), step):
            part = slice(start, start + step)
            sums[:, part] = self._of_pairs(tau_1[part], tau_2[part], rho[part])
        for j, tau in enumerate((tau_1, tau_2)):
            sums[[0, 2][j]] += (alone := self._of_singles(j, tau))[0]
            sums[3 + j] += alone[1]
            sums[5:] += alone[2:]
        return self._solved(sums)

    def precision(self, tau_1: Array, tau_2: Array, rho: Array) -> tuple[Array, Array, Array, Array]:
        """(S_i + T)^-1 of each trial with both estimates: entries 11, 12, 22 and log determinant of S_i + T, (N, k)."""
        se = self.se[self.both] ** 2
        first = se[:, 0] + tau_1[:, None] ** 2
        second = se[:, 1] + tau_2[:, None] ** 2
        between = self.covariance[self.both] + (rho * tau_1 * tau_2)[:, None]
        determinant = first * second - between**2
        return second / determinant, -between / determinant, first / determinant, np.log(determinant)

    def _of_pairs(self, tau_1: Array, tau_2: Array, rho: Array) -> Array:
        """Sums over trials with both: W11, W12, W22, (W y)_1, (W y)_2, y' W y, log determinants; (7, N)."""
        one, two = (self.y[self.both] - self._centre).T
        w11, w12, w22, log_determinant = self.precision(tau_1, tau_2, rho)
        of_11 = w11 @ np.stack([np.ones(len(one)), one, one * one], axis=1)
        of_12 = w12 @ np.stack([np.ones(len(one)), one, two, 2.0 * one * two], axis=1)
        of_22 = w22 @ np.stack([np.ones(len(one)), two, two * two], axis=1)
        return np.stack(
            [
                of_11[:, 0],
                of_12[:, 0],
                of_22[:, 0],
                of_11[:, 1] + of_12[:, 2],
                of_12[:, 1] + of_22[:, 1],
                of_11[:, 2] + of_12[:, 3] + of_22[:, 2],
                log_determinant.sum(axis=1),
            ]
        )

    def _of_singles(self, j: int, tau: Array) -> Array:
        """Sums over trials with outcome j alone: precision, precision y, precision y^2, log variances; (4, N)."""
        alone = self.reported[:, j] & ~self.both
        values, where = np.unique(tau, return_inverse=True)  # few: the nodes are a product grid
        y = self.y[alone, j] - self._centre[j]
        variance = self.se[alone, j] ** 2 + values[:, None] ** 2
        of_y = (1.0 / variance) @ np.stack([np.ones(len(y)), y, y * y], axis=1)
        return np.asarray(np.column_stack([of_y, np.log(variance).sum(axis=1)]).T[:, where])

    def _solved(self, sums: Array) -> JointGiven:
        w11, w12, w22, h1, h2, square, log_determinant = sums
        prior = self.prior_scale**-2.0
        away = self.prior_location - self._centre
        p11, p22 = w11 + prior[0], w22 + prior[1]
        h1, h2 = h1 + prior[0] * away[0], h2 + prior[1] * away[1]
        determinant = p11 * p22 - w12**2
        mean = np.stack([p22 * h1 - w12 * h2, p11 * h2 - w12 * h1]) / determinant
        proper = np.isfinite(self.prior_scale)
        constant = (self.reported.sum() + proper.sum() - 2) * LOG_2PI + 2.0 * np.log(self.prior_scale[proper]).sum()
        distance = square + prior @ away**2 - mean[0] * h1 - mean[1] * h2
        log_evidence = -0.5 * (log_determinant + distance + np.log(determinant) + constant)
        return JointGiven(log_evidence, mean + self._centre[:, None], np.stack([p22, -w12, p11]) / determinant)
