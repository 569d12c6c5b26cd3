"""The normal likelihood given tau: beta is Gaussian, everything is linear algebra."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayesmeta.effects import Effects, independent_rows
from bayesmeta.likelihoods.normal import LOG_2PI
from bayesmeta.model import Design
from bayesmeta.types import Array, Integers


@dataclass(frozen=True, eq=False)
class GivenTau:
    """What is known at each tau: log p(y | tau) and the Gaussian p(beta | tau, y).

    Attributes
    ----------
    tau : (T,).
    log_evidence : (T,) log p(y | tau), beta integrated out; a flat prior enters with density 1.
    mean : (T, p) of beta.
    root : (T, p, p) with root @ root' the covariance of beta.
    """

    tau: Array
    log_evidence: Array
    mean: Array
    root: Array

    def linear(self, rows: Array) -> tuple[Array, Array]:
        """Mean and variance of rows @ beta at each tau: rows (M, p) -> (M, T) twice."""
        spread = rows @ self.root  # (T, M, p)
        return rows @ self.mean.T, np.einsum("tmp,tmp->mt", spread, spread)


@dataclass(frozen=True, eq=False)
class NormalProblem:
    """Estimates, design and Gaussian priors of the coefficients.

    Parameters
    ----------
    y, se : (k,) estimates and standard errors.
    design : (k, p) full column rank.
    prior_location, prior_scale : (p,); a scale of inf is a flat prior with density 1.
    back : (k, k) where the rows are multi-arm trials in independent coordinates: study effects are back @ theta'.
    log_jacobian : added to the log evidence, for the same reason.
    """

    y: Array
    se: Array
    design: Array
    prior_location: Array
    prior_scale: Array
    back: Array | None = None
    log_jacobian: float = 0.0

    @classmethod
    def of(cls, effects: Effects, design: Design, correlation: float) -> "NormalProblem":
        """The problem of a table: contrasts that share a control are turned into independent rows first.

        Parameters
        ----------
        effects, design : of the trials.
        correlation : of the random effects of the arms of one trial.
        """
        rows = independent_rows(effects, correlation)
        return cls(
            rows.y,
            rows.se,
            rows.of(design.matrix),
            design.prior_location,
            design.prior_scale,
            rows.back,
            rows.log_jacobian,
        )

    @cached_property
    def _proper(self) -> Integers:
        return np.flatnonzero(np.isfinite(self.prior_scale))

    @property
    def components(self) -> int:
        """How many Gaussians the coefficients are a mixture of at each tau."""
        return 1

    def given(self, tau: Array) -> GivenTau:
        """Condition on tau.

        Least squares on the trials' rows, each over its standard deviation sqrt(s_i^2 + tau^2), with one row more for
        each prior: N(b, s^2) is an observation b of beta_j with standard deviation s.

        Parameters
        ----------
        tau : (T,) nodes or draws.

        Returns
        -------
        GivenTau

        References
        ----------
        Roever 2020, J Stat Softw 93(6), equations 8-12; Gelman et al. 2013, Bayesian Data Analysis, sections 5.4, 14.8.
        """
        return self.at(tau, tau[:, None] ** 2)

    def at(self, tau: Array, between: Array) -> GivenTau:
        """The same where the variance of the random effects is `between`, (T, 1) or, of each row its own, (T, k).

        Parameters
        ----------
        tau : kept beside what is found.
        """
        k, p = self.design.shape
        precision = 1.0 / (self.se**2 + between)  # (T, k)
        mean, root, log_determinant = (self._one_column if p == 1 else self._many_columns)(precision)
        residual = self.y - mean @ self.design.T
        prior_scale = self.prior_scale[self._proper]
        away = (mean[:, self._proper] - self.prior_location[self._proper]) / prior_scale
        distance = np.einsum("tk,tk->t", precision * residual, residual) + np.einsum("tp,tp->t", away, away)
        constant = (k + len(prior_scale) - p) * LOG_2PI + 2.0 * float(np.log(prior_scale).sum())
        log_evidence = 0.5 * (np.log(precision).sum(axis=1) - distance - log_determinant - constant)
        return GivenTau(tau, log_evidence + self.log_jacobian, mean, root)

    def _one_column(self, precision: Array) -> tuple[Array, Array, Array]:
        x, prior_precision = self.design[:, 0], self.prior_scale[0] ** -2.0
        total = precision @ (x * x) + prior_precision
        mean = (precision @ (x * self.y) + prior_precision * self.prior_location[0]) / total
        return mean[:, None], 1.0 / np.sqrt(total)[:, None, None], np.log(total)

    def _many_columns(self, precision: Array) -> tuple[Array, Array, Array]:
        """By QR: normal equations would square the condition of designs such as a calendar year, not centred."""
        p = len(self.prior_scale)
        # With the most precise rows first, Householder's QR stays exact however unequal the precisions are.
        order = np.argsort(self.se)
        trials = np.sqrt(precision[:, order, None]) * np.column_stack([self.design, self.y])[order]
        priors = np.column_stack([np.eye(p), self.prior_location])[self._proper] / self.prior_scale[self._proper, None]
        priors = np.broadcast_to(priors, (len(precision), *priors.shape))
        triangle = np.linalg.qr(np.concatenate([trials, priors], axis=1), mode="r")  # of [X y]: R, and Q'y beside it
        upper = triangle[:, :p, :p]
        root = np.linalg.inv(upper)
        mean = (root @ triangle[:, :p, p:])[:, :, 0]
        return mean, root, 2.0 * np.log(np.abs(np.diagonal(upper, axis1=1, axis2=2))).sum(axis=1)

    def studies(self, given: GivenTau) -> tuple[Array, Array]:
        """Mean and variance of each study effect at each tau: (k, T) twice.

        theta_i | tau, y has mean (1 - B) y_i + B x_i' b and variance (1 - B) s_i^2 + B^2 x_i' V x_i, with
        B = s_i^2 / (s_i^2 + tau^2).

        References
        ----------
        Roever 2020, J Stat Softw 93(6), equation 16.
        """
        variance, between = self.se[:, None] ** 2, np.atleast_2d(given.tau.T) ** 2
        shrink, keep = variance / (variance + between), between / (variance + between)
        mean, spread = given.linear(self.design)
        centre, own = keep * self.y[:, None] + shrink * mean, keep * variance
        if self.back is None:
            return centre, own + shrink**2 * spread
        mixed = np.einsum("ij,jt,tjp->itp", self.back, shrink, self.design @ given.root, optimize=True)
        return self.back @ centre, self.back**2 @ own + np.einsum("itp,itp->it", mixed, mixed)

    def effects(self, beta: Array, tau: Array, rng: np.random.Generator) -> Array:
        """Draws of the study effects given beta (n, p) and tau (n,), or of each row its own (n, k): (n, k)."""
        variance, between = self.se**2, tau.reshape(len(tau), -1) ** 2
        keep = between / (variance + between)
        centre = keep * self.y + (1.0 - keep) * (beta @ self.design.T)
        theta = centre + np.sqrt(keep * variance) * rng.standard_normal(centre.shape)
        return theta if self.back is None else theta @ self.back.T
