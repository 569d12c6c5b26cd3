"""`bayesmeta sensitivity`: the same conclusion under other priors, models and trials."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
import typer

from bayesmeta.cli.joint_sensitivity import with_joint_sensitivity
from bayesmeta.cli.model_options import with_model
from bayesmeta.cli.options import AsJson, Data, Direction, File, Outcome, evidence, not_a_replication, picture_folder
from bayesmeta.cli.output import console, print_json, print_lines, print_table
from bayesmeta.model import Model
from bayesmeta.wording import figures, probability, ratio_figures

if TYPE_CHECKING:  # the room loads with the command that needs it, not with every other one
    from bayesmeta.sensitivity import Bias, Part, Sensitivity

MOST_ROWS = 12

Parts = Annotated[
    list[str] | None,
    typer.Option("--part", metavar="NAME", help="Only this part, by the title it has in the output; repeat for more."),
]
GridTau = Annotated[
    list[str] | None, typer.Option(metavar="PRIOR", help="A prior of tau for the grid; repeat for more.")
]
GridMu = Annotated[list[str] | None, typer.Option(metavar="PRIOR", help="A prior of mu for the grid; repeat for more.")]
By = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Order of the cumulative part: precision, order, a column.")
]
Pictures = Annotated[str | None, typer.Option(metavar="FOLDER", help="Also draw each part into this folder.")]


@with_joint_sensitivity
@with_model
def sensitivity_command(
    file: File,
    model: Model,
    part: Parts = None,
    grid_tau: GridTau = None,
    grid_mu: GridMu = None,
    by: By = None,
    pictures: Pictures = None,
    data: Data = "auto",
    outcome: Outcome = None,
    direction: Direction = None,
    json: AsJson = False,
) -> None:
    """Vary priors, models and trials. What changes, and what would it take to change it?

    PRIOR is text such as "normal(0, 4)" or "half_normal(0.5)"; `bayesmeta priors` lists all.
    """
    from bayesmeta.sensitivity import all as all_parts

    folder = None if pictures is None else picture_folder(pictures)
    analysis = all_parts(
        evidence(file, data=data, outcome=outcome, direction=direction),
        model,
        only=tuple(name.replace(" ", "_") for name in part or ()),
        tau=grid_tau or None,
        mu=grid_mu or None,
        by=by,
    )
    if folder is not None:
        draw(analysis, folder)
    if json:
        print_json(analysis.to_dict())
    else:
        print_sensitivity(analysis)


def draw(analysis: "Sensitivity", folder: Path) -> None:
    """One PNG a part."""
    from bayesmeta.plots.saving import save_figure
    from bayesmeta.plots.sensitivity_pictures import sensitivity

    for figure in sensitivity(analysis):
        save_figure(figure, folder / f"{figure.get_label()}.png")


def print_sensitivity(analysis: "Sensitivity") -> None:
    """The verdict, then a table and a sentence for each part."""
    out = console()
    trials = analysis.posterior.trials
    out.print(f"{trials.name}: {trials.outcome}" if trials.outcome else trials.name, style="bold")
    print_lines(out, [analysis.verdict])
    for name, part in analysis.parts.items():
        out.print()
        columns, rows = TABLES.get(name, effects_table)(part)
        shown = rows if len(rows) <= MOST_ROWS else [*rows[:MOST_ROWS], [f"... {len(rows) - MOST_ROWS} more: --json"]]
        print_table(out, name.replace("_", " "), columns, [[*row, *[""] * (len(columns) - len(row))] for row in shown])
        print_lines(out, [part.sentence])
    closing = [] if analysis.published is None else [analysis.published.sentence]
    closing += [f"{name}: not done. {reason}" for name, reason in analysis.not_done.items()]
    closing += not_a_replication(trials)
    if closing:
        out.print()
        print_lines(out, closing)


Table = tuple[list[str], list[list[str]]]
LABELS = {
    "prior_grid": ("tau_prior", "mu_prior"),
    "model_grid": ("model",),
    "leave_one_out": ("study",),
    "cumulative": ("study", "k"),
}
FURTHER = ("alpha_prior", "omega_prior")


def effects_table(part: "Part") -> Table:
    """Odds ratio, new setting, tau and P of one side; rows that change the conclusion first."""
    table = part.table.sort_values("changes", ascending=False, kind="stable")
    names = [str(name) for name in table.columns]
    labels = [*LABELS[part.name], *(name for name in FURTHER if name in names)]
    more = [name for name in names if name.endswith("]") and f"{name}_lower" in names]
    taus = [*([] if any(name.startswith("tau[") for name in more) else ["tau"]), *more]
    chance = f"P(OR {'>' if part.side > 0 else '<'} 1)"
    rows, some = [], bool(table["changes"].any())
    for row in table.to_dict("records"):
        above = row["above"] if part.side > 0 else 1.0 - row["above"]
        rows.append(
            [
                *(str(row[label]) for label in labels),
                _effect(row, ""),
                _interval(row, "new_"),
                *(figures(row[name]) if row[name] == row[name] else "-" for name in taus),
                probability(above) if above == above else "-",
                *(["yes" if row["changes"] else ""] if some else []),
            ]
        )
    return [*labels, "odds ratio (95%)", "new setting (95%)", *taus, chance, *(["changes"] if some else [])], rows


def power_table(part: "Part") -> Table:
    """Sensitivities by parameter."""
    names = ["prior", "likelihood", "prior_of_mu", "prior_of_tau"]
    rows = [
        [row["parameter"], *(figures(row[name]) for name in names), row["diagnosis"]]
        for row in part.table.to_dict("records")
    ]
    return ["parameter", *names, "diagnosis"], rows


def tipping_table(part: "Part") -> Table:
    """Each question with the point at which it flips."""
    rows = [
        [row["question"], f"{row['bound']:g}", row["status"], figures(row["scale"]), figures(row["removed"])]
        for row in part.table.to_dict("records")
    ]
    return ["question", "bound", "status", "scale", "trials"], rows


def reference_table(part: "Part") -> Table:
    """Distances with their signs."""
    rows = [[row["quantity"], figures(row["signed"]), row["side"]] for row in part.table.to_dict("records")]
    return ["quantity", "signed Hellinger distance", "side"], rows


def bias_table(part: "Bias") -> Table:
    """Effect, heterogeneity and bias with their Bayes factors, then mu averaged over some of the models."""
    rows = [
        [row["question"], probability(row["posterior"]), figures(row["bayes_factor"]), ""]
        for row in part.questions.to_dict("records")
    ]
    rows += [
        [row["models"], probability(row["posterior"]), "", _effect(row, "")] for row in part.averages.to_dict("records")
    ]
    return ["question, or models", "probability", "Bayes factor", "odds ratio (95%)"], rows


TABLES: dict[str, Callable[[Any], Table]] = {
    "power_scaling": power_table,
    "tipping_point": tipping_table,
    "reference": reference_table,
    "bias": bias_table,
}


def _effect(row: dict[Any, Any], prefix: str) -> str:
    return f"{ratio_figures(row[f'{prefix}median'])} ({_interval(row, prefix)})"


def _interval(row: dict[Any, Any], prefix: str) -> str:
    ends: Sequence[float] = [row[f"{prefix}lower"], row[f"{prefix}upper"]]
    return "-" if any(pd.isna(end) for end in ends) else f"{ratio_figures(ends[0])} to {ratio_figures(ends[1])}"
