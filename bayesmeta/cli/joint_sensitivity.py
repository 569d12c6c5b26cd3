"""`bayesmeta sensitivity --joint`: two outcomes at once under other priors, the other likelihood, and fewer trials."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayesmeta.cli.joint import Joint, Options, Rho, Within, joint_evidence, joint_model, or_joint
from bayesmeta.cli.options import picture_folder
from bayesmeta.cli.output import console, print_json, print_lines, print_table
from bayesmeta.wording import probability, ratio_figures

if TYPE_CHECKING:
    from bayesmeta.sensitivity import JointSensitivity

GridRho = Annotated[
    list[str] | None, typer.Option(metavar="PRIOR", help="Joint: a prior of rho to try; repeat for more.")
]
OWN: Options = {"joint": (Joint, False), "rho": (Rho, None), "within": (Within, None), "grid_rho": (GridRho, None)}
TITLES = {"without": "one trial left out", "likelihood": "the other likelihood"}
TAKEN = ("mu", "tau", "baseline", "likelihood", "zero_cells", "file", "grid_tau", "grid_mu", "pictures", "json")


def run_joint_sensitivity(typed: dict[str, Any], own: dict[str, Any]) -> None:
    """Read, vary, print."""
    from bayesmeta.sensitivity import joint

    folder = None if typed["pictures"] is None else picture_folder(typed["pictures"])
    grids = {"tau": typed["grid_tau"], "mu": typed["grid_mu"], "rho": own["grid_rho"]}
    asked = {name: priors or None for name, priors in grids.items()}
    found = joint(joint_evidence(typed["file"]), joint_model(typed, own), **asked)
    if folder is not None:
        from bayesmeta.plots import save_figure, sensitivity_joint

        figure = sensitivity_joint(found)
        save_figure(figure, folder / f"{figure.get_label()}.png")
    if typed["json"]:
        print_json(found.to_dict())
    else:
        print_joint_sensitivity(found)


with_joint_sensitivity = or_joint(run_joint_sensitivity, OWN, TAKEN)


def print_joint_sensitivity(found: "JointSensitivity") -> None:
    """The sentence, a table for each kind of variation, what could not be done, and what the trials are."""
    out, trials = console(), found.posterior.trials
    out.print(f"{trials.name}: {' and '.join(trials.outcomes)}", style="bold")
    print_lines(out, [found.sentence])
    outcomes = found.posterior.outcomes
    changes = bool(found.table["changes"].any())
    names = [outcome.split()[0] for outcome in outcomes]
    columns = [
        *(f"OR, {name}" for name in (outcomes if names[0] == names[1] else names)),
        "rho",
        "P(both)",
        "new setting",
    ]
    for kind, rows in found.table.groupby("kind", sort=False):
        lines = [
            [str(row["variation"]), *_cells(row, outcomes), *(["yes" if row["changes"] else ""] if changes else [])]
            for row in rows.to_dict("records")
        ]
        given = ["as given", *_cells(found.given, outcomes), *([""] if changes else [])]
        out.print()
        print_table(
            out, TITLES.get(str(kind), str(kind)), ["", *columns, *(["changes"] if changes else [])], [given, *lines]
        )
    for row in found.refused.to_dict("records"):
        print_lines(out, [f"{row['kind']} {row['variation']}: not done. {row['reason']}"])
    out.print()
    print_lines(out, found.posterior.remarks())


def _cells(row: Any, outcomes: tuple[str, str]) -> list[str]:
    effects: list[str] = []
    for outcome in outcomes:
        median, lower, upper = (ratio_figures(row[f"mu{end}[{outcome}]"]) for end in ("", "_lower", "_upper"))
        effects.append(f"{median} ({lower} to {upper})")
    return [*effects, f"{row['rho']:.2f}", probability(row["both"]), probability(row["new_both"])]
