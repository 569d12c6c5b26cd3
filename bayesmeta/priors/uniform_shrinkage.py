"""uniform_shrinkage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from bayesmeta.priors.dumouchel import harmonic_scale
from bayesmeta.priors.uniform_ratio import UniformRatioPrior


@dataclass(frozen=True)
class UniformShrinkage(UniformRatioPrior):
    """Uniform shrinkage prior for tau: p(tau) = 2 tau s0^2 / (s0^2 + tau^2)^2, s0^2 the harmonic mean of the s_i^2.

    Uniform in s0^2 / (s0^2 + tau^2), the factor by which a typical trial is shrunk to the mean. Proper, 0 at tau = 0,
    with its median at s0; the precision of the trials enters it.

    Parameters
    ----------
    standard_errors : of the trials, set by `prior.given(se)`; not part of the text form.

    References
    ----------
    Daniels 1999, Can J Stat 27:567; Spiegelhalter, Abrams & Myles 2004, Bayesian approaches to clinical trials and
    health-care evaluation, section 5.7.3.

    Examples
    --------
    >>> UniformShrinkage().given([0.5, 0.5]).quantile(0.5)
    0.5
    """

    examples: ClassVar[tuple[str, ...]] = ("uniform_shrinkage",)

    @cached_property
    def scale(self) -> float:
        """s0."""
        return harmonic_scale(self._se())
