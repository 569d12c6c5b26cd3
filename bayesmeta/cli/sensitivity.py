"""`bayesmeta sensitivity`: the same conclusion under other priors, models and trials."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayesmeta.cli.joint_sensitivity import with_joint_sensitivity
from bayesmeta.cli.model_options import with_model
from bayesmeta.cli.options import AsJson, Data, Direction, File, Outcome, evidence, picture_folder
from bayesmeta.cli.output import print_json
from bayesmeta.cli.sensitivity_text import print_sensitivity
from bayesmeta.model import Model

if TYPE_CHECKING:  # the room loads with the command that needs it, not with every other one
    from bayesmeta.sensitivity import Sensitivity

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
