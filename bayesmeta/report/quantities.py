"""The answers of one fit as a tidy table: odds ratios at the edge, everything with its interval."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from bayesmeta.posterior import Marginal, Posterior
from bayesmeta.posterior.selected import SelectedPosterior
from bayesmeta.posterior.several_taus import PosteriorOfSeveralTaus

WEIGHT = "weight"
COLUMNS = ["outcome", "fit", "quantity", "of", "scale", "mean", "sd", "median", "lower", "upper", "wished", "above_1"]


def quantities(posterior: Posterior) -> pd.DataFrame:
    """Every quantity that a reader asks for, one row each.

    Without moderators the pooled OR; with a categorical moderator the OR of each group and the ratio of each group's OR
    to the first one's; tau; the OR in a new setting; each trial's shrunken OR.

    Parameters
    ----------
    posterior : from either engine.

    Returns
    -------
    DataFrame: outcome, fit, quantity, of (group or study), scale ("OR", "ratio of ORs", "log OR", "weight"), mean and
    sd on the log scale (of a weight: its own), median, lower, upper (95%) on the named scale, wished (probability that
    the OR lies in the wished direction; NaN where no direction is named), above_1 (probability that the OR, or ratio,
    lies above 1); under random_effects="mixture(w, c)" also outlier (probability of a trial to be one).
    """
    direction = posterior.trials.direction
    table = pd.DataFrame([_row(*quantity, direction) for quantity in _asked(posterior)])
    table.insert(0, "outcome", posterior.trials.outcome or posterior.trials.name)
    table.insert(1, "fit", posterior.label)
    for column in ("mean", "sd", "wished", "above_1"):
        table[column] = table[column].astype(float) if column in table else np.nan
    if not posterior.has_outliers:
        return table[COLUMNS]
    outlier = posterior.outliers().set_index("study")["probability"]
    of_studies = table["of"].map(outlier).where(table["quantity"] == "study")
    return table[COLUMNS].assign(outlier=of_studies.astype(float))


def _asked(posterior: Posterior) -> Iterator[tuple[str, str, str, Marginal]]:
    """Each quantity with the group or study that it is of, its scale and its marginal."""
    settings = posterior.design.settings()
    if posterior.model.moderators is None:
        yield "pooled", "", "OR", posterior["mu"]
    else:
        for column in posterior.design.columns:
            yield "coefficient", column, "log OR", posterior[column]
        for name, setting in settings.items():
            yield "group", name, "OR", posterior.effect(setting)
        rows = {name: posterior.design.row(setting) for name, setting in settings.items()}
        first, *others = list(rows) or [""]
        for name in others:
            ratio = posterior.contrast(rows[name] - rows[first], name="ratio")
            yield "ratio of groups", f"{name} v {first}", "ratio of ORs", ratio
    if isinstance(posterior, PosteriorOfSeveralTaus):
        yield from _several_taus(posterior)
        return
    if posterior.model.control_risk:
        yield "coefficient", "control_risk", "log OR", posterior["control_risk"]
    yield "tau", "", "log OR", posterior["tau"]
    for name, setting in settings.items():
        yield "new setting", name, "OR", posterior.new_setting(setting)
    if not settings:
        yield "new setting", "", "OR", posterior["theta_new"]
    if isinstance(posterior, SelectedPosterior):
        for name in posterior.selection.names:
            yield "relative probability of publication", name, WEIGHT, posterior[name]
    for study in posterior.studies_in_model:
        yield "study", study, "OR", posterior.study(study)


def _several_taus(posterior: PosteriorOfSeveralTaus) -> Iterator[tuple[str, str, str, Marginal]]:
    for name in posterior.heterogeneity.names:
        yield "tau" if name.startswith("tau") else "alpha", within(name), "log OR", posterior[name]
    for name in posterior.heterogeneity.new_names:
        yield "new setting", within(name), "OR", posterior[name]
    for study in posterior.studies_in_model:
        yield "study", study, "OR", posterior.study(study)


def within(name: str) -> str:
    """What stands in the brackets of a parameter's name.

    Examples
    --------
    >>> within("tau[random]"), within("tau")
    ('random', '')
    """
    return name[name.index("[") + 1 : -1] if name.endswith("]") else ""


def _row(quantity: str, of: str, scale: str, marginal: Marginal, direction: str) -> dict[str, object]:
    row: dict[str, object] = {"quantity": quantity, "of": of, "scale": scale, "mean": marginal.mean, "sd": marginal.sd}
    limits = marginal.quantile(np.array([0.5, 0.025, 0.975]))
    if scale in ("log OR", WEIGHT):
        return row | dict(zip(("median", "lower", "upper"), limits))
    above = marginal.probability(above=0.0)
    wished = wished_probability(above, direction) if scale == "OR" else None
    return row | dict(zip(("median", "lower", "upper"), np.exp(limits))) | {"above_1": above, "wished": wished}


def wished_probability(above: float, direction: str) -> float | None:
    """Probability of the wished direction from that of an OR above 1; None where none is named."""
    return {"higher": above, "lower": 1.0 - above}.get(direction)
