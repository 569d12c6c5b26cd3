"""What is asked about: an exact posterior, the effect that the conclusion is drawn on, the direction of interest."""

import numpy as np

from bayesmeta.errors import BayesmetaError, ModelError
from bayesmeta.fit import fit
from bayesmeta.model import Model
from bayesmeta.posterior import Posterior
from bayesmeta.trials import Trials


def analysis(posterior: Posterior | Trials, model: Model | None = None, *, selection: bool = False) -> Posterior:
    """The analysis that is varied, by the exact engine: draws would hide small changes behind their own error.

    Parameters
    ----------
    posterior : a posterior of either engine, or trials.
    model : with trials, the model; None for the default one.
    selection : whether what is asked can be asked of a selection model.

    Returns
    -------
    Posterior of the exact engine.

    Raises
    ------
    BayesmetaError
        A posterior together with a model, or something that is neither a posterior nor trials.
    """
    stated = model if isinstance(posterior, Trials) else getattr(posterior, "model", None)
    if stated is not None and stated.tau_differs:
        raise ModelError(
            "heterogeneity that differs between trials (tau_by, scale): the sensitivity analysis varies one tau. Fit"
            " each variation with `fit`, or analyse the model with one tau."
        )
    if stated is not None and stated.selection is not None and not selection:
        raise ModelError(
            f"sensitivity of a selection model ({stated.selection}): this part reweights a fit without selection. The"
            " parts model_grid and bias can be asked; fit other priors or trials one by one."
        )
    if isinstance(posterior, Trials):
        return fit(posterior, model)
    if not isinstance(posterior, Posterior):
        raise BayesmetaError(f"sensitivity takes a posterior, or trials and a model, not {type(posterior).__name__}.")
    if model is not None:
        raise BayesmetaError("sensitivity takes a posterior, or trials and a model: a posterior has its own model.")
    return posterior if posterior.engine == "exact" else fit(posterior.trials, posterior.model)


def side_of(posterior: Posterior) -> int:
    """The side of OR 1 that is asked about: +1 above, -1 below.

    What is wished where the data say so, otherwise the side on which the pooled effect lies.
    """
    known = {"higher": 1, "lower": -1}.get(posterior.trials.direction)
    return known if known is not None else (1 if posterior.effect().median >= 0.0 else -1)


def probability_name(posterior: Posterior) -> str:
    """The probability by name: "P(OR > 1)", with what it means where the data say what is wished."""
    return name_of_probability(side_of(posterior), bool(posterior.trials.direction))


def name_of_probability(side: int, wished: bool) -> str:
    """The same from the side of OR 1.

    Examples
    --------
    >>> name_of_probability(-1, True), name_of_probability(1, False)
    ('P(OR < 1), the wished direction,', 'P(OR > 1)')
    """
    name = f"P(OR {'>' if side > 0 else '<'} 1)"
    return f"{name}, the wished direction," if wished else name


def effect_name(posterior: Posterior) -> str:
    """What the effect in question is: with moderators it is that of the reference row, the intercept's.

    Another category is asked about by making it the reference: `C(x, contr.treatment('yes'))` in the formula.
    """
    moderators, design = posterior.model.moderators, posterior.design
    if moderators is None:
        return "pooled OR"
    for label, setting in design.settings().items():
        if np.array_equal(design.row(setting), design.reference):
            return f"OR where {label} (the reference category)"
    return f"OR of the reference category ({moderators})"
