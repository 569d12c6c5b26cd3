"""Tables of a posterior, one row a study, a group or a baseline."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from bayesmeta.posterior.posterior import Posterior

GROUPS = ["group", "k", "median", "lower", "upper", "new_median", "new_lower", "new_upper"]
BASELINES = ["study", "events", "total", "mean", "sd", "median", "lower", "upper"]


def table_of_studies(posterior: "Posterior", summaries: pd.DataFrame) -> pd.DataFrame:
    """Study, y and se beside the summaries of the study effects: see `Posterior.studies`."""
    names = pd.Index(["y", "se", *summaries.columns], dtype=object)
    values = np.column_stack([posterior.effects.y, posterior.effects.se, summaries])
    frame = pd.DataFrame(values, columns=names)
    frame.insert(0, "study", pd.Series(posterior.studies_in_model, dtype=object))
    return frame


def table_of_groups(posterior: "Posterior", level: float) -> pd.DataFrame:
    """Each group of a categorical moderator: see `Posterior.groups`."""
    label_of_trial = posterior.group_of_trials()
    rows = []
    for label, setting in posterior.design.settings().items():
        row: dict[str, object] = {"group": label, "k": label_of_trial.count(label)}
        for prefix, marginal in (("", posterior.effect(setting)), ("new_", posterior.new_setting(setting))):
            lower, median, upper = marginal.quantile(np.array([0.5 - level / 2, 0.5, 0.5 + level / 2]))
            row |= {f"{prefix}median": median, f"{prefix}lower": lower, f"{prefix}upper": upper}
        rows.append(row)
    return pd.DataFrame(rows, columns=GROUPS)


def table_of_baselines(posterior: "Posterior", level: float) -> pd.DataFrame:
    """The risk in the control arm of each trial: see `Posterior.baselines`."""
    counts = posterior.trials.counts[posterior.effects.rows][:, 2:]
    rows = []
    for name, (events, total) in zip(posterior.studies_in_model, counts.tolist(), strict=True):
        row = {"study": name, "events": events, "total": total}
        if np.isfinite(events) or posterior.model.likelihood != "binomial":
            risk = posterior.control_risk(name)
            lower, upper = risk.interval(level)
            row |= {"mean": risk.mean, "sd": risk.sd, "median": risk.median, "lower": lower, "upper": upper}
        rows.append(row)
    return pd.DataFrame(rows, columns=BASELINES)
