"""The answers of one fit as a tidy table: odds ratios at the edge, everything with its interval."""

import numpy as np
import pandas as pd

from bayesmeta.posterior import Marginal, Posterior

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
    DataFrame: outcome, fit, quantity, of (group or study), scale ("OR", "ratio of ORs", "log OR"), mean and sd on the
    log scale, median, lower, upper (95%) on the named scale, wished (probability that the OR lies in the wished
    direction; NaN where no direction is named), above_1 (probability that the OR, or ratio, lies above 1).
    """
    rows: list[dict[str, object]] = []

    def add(quantity: str, of: str, marginal: Marginal, scale: str = "OR") -> None:
        median, lower, upper = marginal.quantile(np.array([0.5, 0.025, 0.975]))
        row: dict[str, object] = {
            "quantity": quantity,
            "of": of,
            "scale": scale,
            "mean": marginal.mean,
            "sd": marginal.sd,
        }
        if scale == "log OR":
            rows.append(row | {"median": median, "lower": lower, "upper": upper})
            return
        above = marginal.probability(above=0.0)
        wished = wished_probability(above, posterior.trials.direction) if scale == "OR" else None
        rows.append(
            row
            | dict(zip(("median", "lower", "upper"), np.exp([median, lower, upper])))
            | {"above_1": above, "wished": wished}
        )

    settings = posterior.design.settings()
    if posterior.model.moderators is None:
        add("pooled", "", posterior["mu"])
    else:
        for column in posterior.design.columns:
            add("coefficient", column, posterior[column], "log OR")
        rows_of = {name: posterior.design.row(setting) for name, setting in settings.items()}
        for name in settings:
            add("group", name, posterior.effect(settings[name]))
        first, *others = list(rows_of) or [""]
        for name in others:
            ratio = posterior.contrast(rows_of[name] - rows_of[first], name="ratio")
            add("ratio of groups", f"{name} v {first}", ratio, "ratio of ORs")
    add("tau", "", posterior["tau"], "log OR")
    if settings:
        for name, setting in settings.items():
            add("new setting", name, posterior.new_setting(setting))
    else:
        add("new setting", "", posterior["theta_new"])
    for study in posterior.studies_in_model:
        add("study", study, posterior.study(study))
    table = pd.DataFrame(rows)
    table.insert(0, "outcome", posterior.trials.outcome or posterior.trials.name)
    table.insert(1, "fit", posterior.label)
    for column in ("mean", "sd", "wished", "above_1"):
        table[column] = table[column].astype(float) if column in table else np.nan
    return table[COLUMNS]


def wished_probability(above: float, direction: str) -> float | None:
    """Probability of the wished direction from that of an OR above 1; None where none is named."""
    return {"higher": above, "lower": 1.0 - above}.get(direction)
