"""What is asked about: an exact posterior, the effect that the conclusion is drawn on, the direction of interest."""

from collections.abc import Mapping
from copy import copy
from typing import cast

import numpy as np

from bayesmeta.errors import BayesmetaError
from bayesmeta.fit import fit
from bayesmeta.model import Model, setting_of
from bayesmeta.posterior import Posterior
from bayesmeta.posterior.several_taus import PosteriorOfSeveralTaus
from bayesmeta.trials import Trials


def analysis(posterior: Posterior | Trials, model: Model | None = None) -> Posterior:
    """The analysis that is varied, by the exact engine: draws would hide small changes behind their own error.

    Parameters
    ----------
    posterior : a posterior of either engine, or trials.
    model : with trials, the model; None for the default one.

    Returns
    -------
    Posterior of the exact engine.

    Raises
    ------
    BayesmetaError
        A posterior together with a model, or something that is neither a posterior nor trials.
    """
    if isinstance(posterior, Trials):
        return _with_level(fit(posterior, model))
    if not isinstance(posterior, Posterior):
        raise BayesmetaError(f"sensitivity takes a posterior, or trials and a model, not {type(posterior).__name__}.")
    if model is not None:
        raise BayesmetaError("sensitivity takes a posterior, or trials and a model: a posterior has its own model.")
    return _with_level(posterior if posterior.engine == "exact" else fit(posterior.trials, posterior.model))


def _with_level(posterior: Posterior) -> Posterior:
    """With the level stated whose tau is asked about, so that fits without its trials do not speak of another."""
    if not isinstance(posterior, PosteriorOfSeveralTaus) or not posterior.heterogeneity.levels:
        return posterior
    level, by = posterior.heterogeneity.level_of(names_asked(posterior)[0]), posterior.heterogeneity.by
    stated = setting_of(cast(str | None, posterior.model.setting))
    if by in stated or (posterior.model.moderators is not None and by in posterior.design.moderators):
        return posterior
    found = copy(posterior)
    found.model = posterior.model.but(setting=stated | {by: level})
    return found


def about(posterior: Posterior, setting: str | Mapping[str, object] | None) -> Posterior:
    """The same analysis with its question about another setting: a category of a moderator, a number."""
    if setting is None:
        return posterior
    return _with_level(fit(posterior.trials, posterior.model.but(setting=setting)))


def names_asked(posterior: Posterior) -> tuple[str, str]:
    """Which tau and which new setting the tables show: where tau differs by level, those of the setting's level."""
    return posterior.asked if isinstance(posterior, PosteriorOfSeveralTaus) else ("tau", "theta_new")


def names_beside(posterior: Posterior) -> tuple[str, ...]:
    """What else the tables show: the taus of all levels, alpha, the weights of a selection."""
    usual = {*posterior.design.columns, "tau", "theta_new"}
    return tuple(name for name in posterior.parameters if name not in usual and not name.startswith("theta_new"))


def level_asked(posterior: Posterior) -> str:
    """Where tau differs by level, which level "tau" and "in a new setting" are about, as " (site = home)"; else ""."""
    if not isinstance(posterior, PosteriorOfSeveralTaus) or not posterior.heterogeneity.levels:
        return ""
    return f" ({posterior.heterogeneity.by} = {posterior.heterogeneity.level_of(names_asked(posterior)[0])})"


def trials_of(posterior: Posterior) -> dict[str, tuple[str, ...]]:
    """The names of each trial's rows: arms that share a control are one trial."""
    studies, shared = posterior.trials.studies, posterior.trials.shared_controls
    name_of = {row: trial for trial, rows in shared.items() for row in rows}
    found: dict[str, list[str]] = {}
    for row, study in enumerate(studies):
        found.setdefault(name_of.get(row, study), []).append(study)
    return {name: tuple(rows) for name, rows in found.items()}


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
    """What the effect in question is: with moderators it is that of the setting, else of the intercept's category."""
    moderators, design = posterior.model.moderators, posterior.design
    if moderators is None:
        return "pooled OR"
    if design.setting is not None:
        return f"OR where {', '.join(f'{name} = {value}' for name, value in design.setting.items())}"
    for label, setting in design.settings().items():
        if np.array_equal(design.row(setting), design.reference):
            return f"OR where {label} (the reference category)"
    return f"OR of the reference category ({moderators})"
