"""Which moments the posterior has: an average of draws is always a number, also where there is no mean."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bayesmeta.effects import Effects
from bayesmeta.errors import ModelError, PriorError
from bayesmeta.model import Design, Heterogeneity, Model
from bayesmeta.nuts.plan import neutral
from bayesmeta.priors.tails import posterior_tail
from bayesmeta.trials import Trials
from bayesmeta.types import Array, Booleans


@dataclass(frozen=True, eq=False)
class Moments:
    """Number of moments that exist (0, 1 or 2).

    Attributes
    ----------
    of_tau : for tau, and for coefficients with a flat prior; all else but what follows has both.
    bounding : (k,) trials whose own data bound their effect on both sides. Where they do not, as with no event in one
        arm, theta_i has the tail of theta_new.
    flat : (p,) columns whose prior is flat.
    of_effects : for the random effects about their mean; theta_new has the fewer of both.
    """

    of_tau: int
    bounding: Booleans
    flat: Booleans
    of_effects: int = 2

    @property
    def of_new(self) -> int:
        return min(self.of_tau, self.of_effects)

    def of_study(self, position: int) -> int:
        return 2 if self.bounding[position] else self.of_new


def moments_of(
    trials: Trials, model: Model, design: Design, effects: Effects, heterogeneity: Heterogeneity | None = None
) -> Moments:
    """Moments of the posterior, from the power with which it falls for large tau.

    The likelihood falls as tau^-(b - q): b trials that bound their effect, q flat coefficients. The prior falls as
    tau^-a. A power r of tau has an expectation where a + b - q > r + 1.

    Parameters
    ----------
    trials, model, design, effects : what is fitted; `effects.rows` are the trials in the model.
    heterogeneity : where it differs between trials.

    Returns
    -------
    Moments

    Raises
    ------
    ModelError
        A flat prior on a coefficient that the trials do not determine.
    PriorError
        An improper posterior, or an improper prior of the baselines.
    """
    bounding = np.ones(len(design.matrix), dtype=bool)
    if model.likelihood == "binomial" and not model.baseline_prior.proper:
        raise PriorError(
            f"baseline prior {model.baseline_prior}: the binomial likelihood needs a proper one, such as normal(0, 5)."
        )
    if model.likelihood != "normal":
        counted = trials.has_counts[effects.rows]
        counts = trials.counts[effects.rows][counted]
        bounding[counted] = BOUNDING[model.likelihood](counts, model)
    flat = np.isinf(design.prior_scale)
    q = int(flat.sum())
    if q and np.linalg.matrix_rank(design.matrix[np.ix_(bounding, flat)]) < q:
        raise ModelError(
            "A flat prior on coefficients that the trials do not determine: the posterior is improper. State a proper"
            " prior, such as odds_ratio_within(250) for mu or normal(0, 1) for a moderator."
        )
    name, parameters = model.random_effects_parts
    if name == "none":
        return Moments(2, bounding, flat)
    of_effects = int(parameters[0] > 1.0) + int(parameters[0] > 2.0) if name == "student_t" else 2
    if heterogeneity is not None:
        return Moments(_of_several(heterogeneity, bounding, q), bounding, flat, of_effects)
    b = int(bounding.sum())
    tail = posterior_tail(model.tau_prior, b, q, f"that bound{'s' if b == 1 else ''} tau")
    return Moments(int(tail > 2.0) + int(tail > 3.0), bounding, flat, of_effects)


def _of_several(heterogeneity: Heterogeneity, bounding: Booleans, q: int) -> int:
    """The fewest moments that a tau has, as if all flat coefficients were determined by its trials."""
    fewest = 2
    for j, (name, prior) in enumerate(zip(heterogeneity.tau_names, heterogeneity.tau_priors, strict=True)):
        own = heterogeneity.matrix[:, j] > 0.0 if heterogeneity.levels else np.ones(len(bounding), dtype=bool)
        tail = prior.tail_exponent + int((bounding & own).sum()) - q
        if not tail > 1.0:
            raise PriorError(
                f"tau prior {prior} of {name}, {int((bounding & own).sum())} trials that bound it: the posterior may"
                " be improper. State a tau prior with a lighter tail, such as half_normal(0.5)."
            )
        fewest = min(fewest, int(tail > 2.0) + int(tail > 3.0))
    return fewest


def _hypergeometric(counts: Array, _: Model) -> Booleans:
    """Both neighbours of the observed count are possible."""
    treated, total_treated, control, total_control = counts.T
    inside = (treated > 0) & (treated < total_treated) & (control > 0) & (control < total_control)
    return np.asarray(inside & ~neutral(counts))


def _binomial(counts: Array, model: Model) -> Booleans:
    """A baseline has a proper prior, so it cannot follow theta far.

    At the control arm the treated arm alone bounds theta; at the midpoint the two arms do, unless one has no events and
    the other nothing but events.
    """
    treated, total_treated, control, total_control = counts.T
    if model.baseline_at == "control":
        return np.asarray((treated > 0) & (treated < total_treated))
    apart = ((treated == 0) & (control == total_control)) | ((treated == total_treated) & (control == 0))
    return np.asarray(~apart)


BOUNDING: dict[str, Callable[[Array, Model], Booleans]] = {"hypergeometric": _hypergeometric, "binomial": _binomial}
