"""dumouchel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import ClassVar

import numpy as np

from bayesmeta.priors.base import Array
from bayesmeta.priors.reference import ReferencePrior


@dataclass(frozen=True)
class DuMouchel(ReferencePrior, text_name="dumouchel"):
    """DuMouchel's prior for tau: p(tau) = s0 / (s0 + tau)^2, s0^2 the harmonic mean of the squared standard errors.

    Proper, highest at tau = 0, with its median at s0: heterogeneity is a priori as likely below as above what the
    trials could measure. It has no mean, and the precision of the trials enters it.

    Parameters
    ----------
    standard_errors : of the trials, set by `prior.given(se)`; not part of the text form.

    References
    ----------
    DuMouchel & Normand 2000, in Stangl & Berry (eds), Meta-analysis in medicine and health policy; Spiegelhalter,
    Abrams & Myles 2004, Bayesian approaches to clinical trials and health-care evaluation, section 5.7.3.

    Examples
    --------
    >>> DuMouchel().given([0.5, 0.5]).quantile(0.5)
    0.5
    """

    examples: ClassVar[tuple[str, ...]] = ("dumouchel",)

    @cached_property
    def _scale(self) -> float:
        return harmonic_scale(self._se())

    @property
    def mean(self) -> float:
        return np.inf

    @property
    def sd(self) -> float:
        return np.inf

    @property
    def tail_exponent(self) -> float:
        return 2.0

    def _formula(self, tau: Array) -> Array:
        return -log(self._scale) - 2.0 * np.log1p(tau / self._scale)

    def _cdf(self, tau: Array) -> Array:
        return 1.0 / (1.0 + self._scale / tau)

    def _survival(self, tau: Array) -> Array:
        return 1.0 / (1.0 + tau / self._scale)

    def _quantile(self, p: Array) -> Array:
        return self._scale * (p / (1.0 - p))

    def _quantile_upper(self, q: Array) -> Array:
        return self._scale * ((1.0 - q) / q)


def harmonic_scale(se: Array) -> float:
    """s0: the square root of the harmonic mean of the squared standard errors."""
    smallest = float(se.min())
    return smallest / float(np.sqrt(np.mean((smallest / se) ** 2)))
