"""A script's results where the evidence is a survey of practice, not a table of trials."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bayesmeta.practice import PracticeAgainstEvidence, Survey, read_survey, simulated_survey
from bayesmeta.report import versions
from bayesmeta.workflow.outputs import RECORD, slug, staged, write_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def survey_of(data: str | None) -> tuple[Survey, str]:
    """The user's table or, without one, the simulated example; and a sentence that says which."""
    if data is None:
        survey = simulated_survey()
        return survey, (
            f"{survey.name}: {len(survey.interventions)} interventions, SIMULATED: no service was asked and no trial"
            " was run. Give a table of your own by --data."
        )
    survey = read_survey(data)
    tried = int(survey.has_evidence.sum())
    return survey, f"{survey.name}: {len(survey.interventions)} interventions, {tried} of them with trials."


def write(
    out: Path,
    found: PracticeAgainstEvidence,
    figures: Sequence["Figure"],
    tables: Mapping[str, pd.DataFrame],
    options: Mapping[str, object],
) -> None:
    """Figures, tables, results.json and record.json; the survey itself as a table, simulated or not.

    Parameters
    ----------
    out : folder.
    found : the analysis.
    figures, tables : to write, tables by name.
    options : stored in the record: the seed and whatever the run was asked to do.
    """
    from bayesmeta.plots import save_figure

    own = {
        found.survey.name: found.survey.table,
        "interventions": found.table,
        "correlation": found.correlation_table(),
    }
    with staged(out) as folder:
        for figure in figures:
            save_figure(figure, folder / f"{figure.get_label()}.png")
        for name, table in {**own, **tables}.items():
            table.to_csv(folder / f"{slug(name)}.csv", index=False, lineterminator="\n")
        write_json(folder / "results.json", {found.survey.name: found.to_dict()})
        files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        write_json(folder / RECORD, {**options, "versions": versions(), "files": files})
