"""The normal likelihood given tau: beta is Gaussian, everything is algebra on (nodes, k) arrays."""

from dataclasses import dataclass

import numpy as np

from bayesmeta.likelihoods.normal import LOG_2PI
from bayesmeta.types import Array


@dataclass(frozen=True)
class GivenTau:
    """What is known at each tau: log p(y | tau) and the Gaussian p(beta | tau, y).

    Attributes
    ----------
    tau : (T,).
    log_evidence : (T,) log p(y | tau), beta integrated out; a flat prior enters with density 1.
    mean : (T, p), covariance : (T, p, p) of beta.
    """

    tau: Array
    log_evidence: Array
    mean: Array
    covariance: Array

    def linear(self, rows: Array) -> tuple[Array, Array]:
        """Mean and variance of rows @ beta at each tau: rows (M, p) -> (M, T) twice."""
        mean = rows @ self.mean.T
        half = np.einsum("mp,tpq->mtq", rows, self.covariance)
        return mean, np.maximum(np.einsum("mtq,mq->mt", half, rows), 0.0)


@dataclass(frozen=True)
class NormalProblem:
    """Estimates, design and Gaussian priors of the coefficients.

    Parameters
    ----------
    y, se : (k,) estimates and standard errors.
    design : (k, p) full column rank.
    prior_location, prior_scale : (p,); a scale of inf is a flat prior with density 1.
    """

    y: Array
    se: Array
    design: Array
    prior_location: Array
    prior_scale: Array

    def given(self, tau: Array) -> GivenTau:
        """Condition on tau.

        Parameters
        ----------
        tau : (T,) nodes or draws.

        Returns
        -------
        GivenTau

        References
        ----------
        Roever 2020, J Stat Softw 93(6), equations 8-12; Gelman et al. 2013, Bayesian Data Analysis, section 5.4.
        """
        k, p = self.design.shape
        weight = 1.0 / (self.se**2 + tau[:, None] ** 2)  # (T, k)
        proper = np.isfinite(self.prior_scale)
        prior_precision = np.where(proper, self.prior_scale, np.inf) ** -2.0
        outer = (self.design[:, :, None] * self.design[:, None, :]).reshape(k, p * p)
        precision = (weight @ outer).reshape(-1, p, p) + np.diag(prior_precision)
        score = weight @ (self.design * self.y[:, None]) + prior_precision * self.prior_location
        if p == 1:
            covariance = 1.0 / precision
            mean = score * covariance[:, :, 0]
            log_determinant = np.log(precision[:, 0, 0])
        else:
            covariance = np.linalg.inv(precision)
            mean = np.einsum("tpq,tq->tp", covariance, score)
            log_determinant = np.linalg.slogdet(precision)[1]
        residual = self.y - mean @ self.design.T
        distance = np.einsum("tk,tk->t", weight * residual, residual)
        log_prior_scale = 0.0
        if proper.any():
            away = (mean[:, proper] - self.prior_location[proper]) / self.prior_scale[proper]
            distance = distance + np.einsum("tp,tp->t", away, away)
            log_prior_scale = float(np.sum(LOG_2PI + 2.0 * np.log(self.prior_scale[proper])))
        log_evidence = 0.5 * (
            np.log(weight).sum(axis=1) - distance - log_determinant - log_prior_scale + (p - k) * LOG_2PI
        )
        return GivenTau(tau, log_evidence, mean, covariance)

    def studies(self, given: GivenTau) -> tuple[Array, Array]:
        """Mean and variance of each study effect at each tau: (k, T) twice.

        theta_i | tau, y has mean (1 - B) y_i + B x_i' b and variance (1 - B) s_i^2 + B^2 x_i' V x_i, B = s_i^2/(s_i^2 + tau^2).

        References
        ----------
        Roever 2020, J Stat Softw 93(6), equation 16.
        """
        variance = self.se[:, None] ** 2
        shrink = variance / (variance + given.tau**2)  # B, (k, T)
        mean, spread = given.linear(self.design)
        return (1.0 - shrink) * self.y[:, None] + shrink * mean, (1.0 - shrink) * variance + shrink**2 * spread
