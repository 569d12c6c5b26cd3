"""The normal likelihood with priors that are mixtures of normal ones: closed form for each part of the prior."""

from dataclasses import dataclass, fields, replace

import numpy as np

from bayesmeta.effects import Effects
from bayesmeta.exact.given_tau import GivenTau, NormalProblem
from bayesmeta.exact.prior_parts import NormalParts
from bayesmeta.model import Design
from bayesmeta.types import Array

ACCURACY = 1e-10  # relative, of a prior's density as a sum of normal ones
MOST_PARTS = 400  # beyond, the coefficients are integrated out numerically


@dataclass(frozen=True, eq=False, kw_only=True)
class MixedProblem(NormalProblem):
    """p(beta) = sum_c w_c prod_j N(beta_j; b_cj, s_cj^2): given tau the posterior is a mixture of C Gaussians.

    Conditioned on T values of tau it has C * T entries, part by part, whose log evidence holds log w_c.

    Parameters
    ----------
    parts : C problems, each with one part of the prior.
    log_weight : (C,) of the parts.

    References
    ----------
    Bernardo & Smith 1994, Bayesian Theory, section 5.2.3 (mixtures of conjugate priors).
    """

    parts: tuple[NormalProblem, ...]
    log_weight: Array

    @property
    def components(self) -> int:
        return len(self.parts)

    def given(self, tau: Array) -> GivenTau:
        found = [one.given(tau) for one in self.parts]
        return GivenTau(
            np.tile(tau, len(found)),
            np.concatenate([one.log_evidence + weight for one, weight in zip(found, self.log_weight, strict=True)]),
            np.concatenate([one.mean for one in found]),
            np.concatenate([one.root for one in found]),
        )


def problem_of(effects: Effects, design: Design, correlation: float) -> NormalProblem | None:
    """The normal likelihood of these effects under the priors of the design; None where it has too many parts.

    Parameters
    ----------
    effects, design : of the trials.
    correlation : of the random effects of the arms of one trial.
    """
    problem = NormalProblem.of(effects, design, correlation)
    if design.normal:
        return problem
    parts = NormalParts.of(design, problem, ACCURACY).separate(MOST_PARTS)
    if parts is None:
        return None
    each = zip(parts.location, parts.typical, strict=True)
    return MixedProblem(
        **{part.name: getattr(problem, part.name) for part in fields(problem)},
        parts=tuple(replace(problem, prior_location=location, prior_scale=scale) for location, scale in each),
        log_weight=np.log(parts.share),
    )
