"""The answers in sentences."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayesmeta.practice.survey import Survey
from bayesmeta.wording import probability


def sentences(
    survey: Survey, table: pd.DataFrame, correlation: "pd.Series[float]", most_used: Mapping[str, float], best: int
) -> list[str]:
    """What was found, one sentence for each question; first, where it is so, that the table is simulated.

    Parameters
    ----------
    survey : the table.
    table, correlation, most_used, best : of `PracticeAgainstEvidence`.
    """
    found = ["SIMULATED table: no service was asked and no trial was run."] if survey.simulated else []
    found.append(
        f"{correlation['correlation']} of use and effect over {correlation['interventions']} interventions with trials:"
        f" {correlation['median']:.2f} ({correlation['lower']:.2f} to {correlation['upper']:.2f}), above 0 with"
        f" probability {probability(correlation['p_positive'])} (posterior mean {correlation['expected']:.3f}; by"
        f" {correlation['draws']} draws, Monte Carlo error {correlation['mcse_mean']:.1g})."
    )
    favourite = table.iloc[int(np.argmax(table["p_most_used"]))]
    found.append(
        f"Most used: {favourite['intervention']} (probability {probability(favourite['p_most_used'])}), by"
        f" {favourite['use']:.0%} of services ({favourite['use_lower']:.0%} to {favourite['use_upper']:.0%})."
    )
    leader = table.iloc[int(np.nanargmax(table["p_most_effective"]))]
    found.append(
        f"Most effective: {leader['intervention']} (probability {probability(leader['p_most_effective'])}), odds ratio"
        f" {leader['odds_ratio']:.2f} ({leader['odds_ratio_lower']:.2f} to {leader['odds_ratio_upper']:.2f})."
    )
    found.append(
        f"The most used intervention is among the {best} most effective of those with trials with probability"
        f" {probability(most_used['among the best'])}"
        + (
            f"; it is one without any trial with probability {probability(most_used['without trials'])}."
            if not survey.has_evidence.all()
            else "."
        )
    )
    untried = table.loc[~survey.has_evidence, "intervention"].tolist()
    if untried:
        found.append(
            f"Without trials, so without an effect and outside the correlation: {', '.join(map(str, untried))}."
        )
    return found
