"""The settings that a picture speaks of: groups of a categorical moderator, or all trials."""

import pandas as pd

from bayesmeta.model import Setting
from bayesmeta.posterior import Marginal, Posterior
from bayesmeta.posterior.several_taus import PosteriorOfSeveralTaus


def group_title(setting: Setting) -> str:
    """A group as a heading.

    Examples
    --------
    >>> group_title({"sensitivity_focused": "yes", "year": 2001.5})
    'sensitivity focused: yes'
    """
    parts = [f"{name.replace('_', ' ')}: {value}" for name, value in setting.items() if not _is_number(value)]
    return ", ".join(parts)


def groups_of(posterior: Posterior) -> dict[str, Setting]:
    """The groups by the label that `Posterior.groups` gives them; empty without a categorical moderator."""
    return posterior.design.settings()


def settings_of(posterior: Posterior) -> dict[str, Setting | None]:
    """Title and setting of everything that a mean effect exists for.

    Groups where a moderator is categorical; the mean of the moderators where all are numeric; else all trials, with
    None for a setting.
    """
    groups = groups_of(posterior)
    if groups:
        return {group_title(setting): setting for setting in groups.values()}
    if posterior.design.moderators:
        at = mean_setting(posterior)
        return {", ".join(f"{name.replace('_', ' ')} = {value:.4g}" for name, value in at.items()) + " (mean)": at}
    return {"All trials": None}


def mean_setting(posterior: Posterior) -> dict[str, float]:
    """Numeric moderators at their mean over the trials in the model."""
    table = posterior.trials.select(posterior.effects.rows).table
    return {name: float(table[name].mean()) for name in posterior.design.moderators}


def new_settings(posterior: Posterior, setting: Setting | None) -> dict[str, Marginal]:
    """The effect in a new setting, by what is said of it beyond the setting itself.

    Where tau differs by a column that the setting does not name, that is one for each of its levels; where log tau is
    linear in numbers, it is that of their means.
    """
    if not isinstance(posterior, PosteriorOfSeveralTaus):
        return {"": posterior.new_setting(setting)}
    named, description = dict(setting or {}), posterior.heterogeneity
    if description.levels and description.by not in named:
        by = description.by
        return {
            f", {group_title({by: level})}": posterior.new_setting({**named, by: level}) for level in description.levels
        }
    table = posterior.trials.select(posterior.effects.rows).table
    missing = [name for name in description.moderators if name not in named]
    if not all(pd.api.types.is_numeric_dtype(table[name]) for name in missing):
        return {" (reference)": posterior.new_setting(setting)}
    means = {name: float(table[name].mean()) for name in missing}
    where = ", ".join(f"{name.replace('_', ' ')} = {value:.4g}" for name, value in means.items())
    return {f", {where}" if where else "": posterior.new_setting({**named, **means})}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
