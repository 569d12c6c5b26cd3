"""What is sampled of a selection model: cut points, side and priors of the weights. PyMC is not needed for it."""

from dataclasses import dataclass

import numpy as np

from bayesmeta.errors import ModelError
from bayesmeta.model import Model
from bayesmeta.trials import Trials
from bayesmeta.types import Array


@dataclass(frozen=True)
class Selecting:
    """What a compiled selection model depends on.

    Attributes
    ----------
    critical : critical values of y / s, one for each cut point; they fall.
    sign : +1 or -1, the side of a one-sided p value; 0 for two-sided ones.
    sticks : a, b and upper end of the Beta distribution of each stick; none where the weights are known.
    chained : weights are products of sticks.
    known : the weights, where they are known.
    """

    critical: tuple[float, ...]
    sign: float
    sticks: tuple[tuple[float, float, float], ...]
    chained: bool
    known: tuple[float, ...]


def selecting(trials: Trials, model: Model) -> Selecting | None:
    """The selection of a model, for these trials; None where it has none.

    Raises
    ------
    ModelError
        Counts, which have no p value here, or a one-sided selection without a side.
    """
    selection = model.selection_parts
    if selection is None:
        return None
    if model.likelihood != "normal":
        raise ModelError(
            f"selection {selection.text} with likelihood {model.likelihood!r}: a p value is that of an estimate with"
            ' its standard error. State likelihood="normal" (--likelihood normal).'
        )
    if model.random_effects_parts[0] not in ("normal", "none"):
        raise ModelError(
            f"selection {selection.text} with random effects {model.random_effects!r}: selection models have normal"
            ' ones, or none. State random_effects="normal" (--random-effects normal).'
        )
    selection = selection.towards(trials.direction)
    sticks = model.omega_prior.sticks(selection.intervals - 1)
    known = () if sticks else tuple(model.omega_prior.draws(selection.intervals - 1, 1, np.random.default_rng(0))[0])
    return Selecting(
        tuple(selection.critical.tolist()),
        selection.sign if selection.kind == "one_sided" else 0.0,
        tuple((stick.a, stick.b, stick.upper) for stick in sticks),
        model.omega_prior.chained,
        tuple(float(weight) for weight in known),
    )


def omega_of(sticks: Array, model: Model, selection: Selecting) -> Array:
    """Weights (chain, draw, J - 1) from the sticks, each Beta on (0, 1), that were sampled."""
    if selection.known:
        return np.broadcast_to(np.array(selection.known), (*sticks.shape[:2], len(selection.known))).copy()
    return model.omega_prior.weights_of(sticks * np.array([upper for *_, upper in selection.sticks]))
