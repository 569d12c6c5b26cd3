"""`bayesmeta reanalyse`: the main job, from counts to a checked posterior."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bayesmeta.cli.options import AsJson, Chains, Draws, Seed, evidence, is_data_set, whole_number
from bayesmeta.cli.output import print_json
from bayesmeta.fit import SEED
from bayesmeta.trials import load

Sources = Annotated[
    list[str] | None,
    typer.Argument(metavar="DATASET|FILE", help="Data sets or CSV files; both attachment outcomes if none."),
]
Out = Annotated[str, typer.Option(metavar="FOLDER", help="Where plots, tables, draws and the record are written.")]
Quick = Annotated[bool, typer.Option("--quick", help="Leave out NUTS, the binomial likelihood and most pictures.")]
Moderators = Annotated[
    str | None,
    typer.Option(metavar="FORMULA", help='By default "~ sensitivity_focused" where the table has it; "" for none.'),
]


Rows = Annotated[
    str,
    typer.Option(metavar="arms|main", help="Of data sets: the arms of multi-arm trials, or one row for each trial."),
]


def reanalyse_command(
    sources: Sources = None,
    out: Out = "results",
    quick: Quick = False,
    rows: Rows = "arms",
    moderators: Moderators = None,
    draws: Draws = "1000",
    chains: Chains = "4",
    seed: Seed = str(SEED),
    json: AsJson = False,
) -> None:
    """Reanalyse trials: pools, exact posteriors, NUTS, checks, plots. Without arguments the attachment trials."""
    from bayesmeta.workflow import ATTACHMENT, Options, reanalyse, terminal

    options = Options(
        quick=quick,
        draws=whole_number("--draws", draws, 1),
        chains=whole_number("--chains", chains, 1),
        seed=whole_number("--seed", seed, 0),
        moderators=moderators,
    )
    if sources:
        tables = [load(source, rows=rows) if is_data_set(source) else evidence(source) for source in sources]
    else:
        tables = [load(name, rows=rows) for name in ATTACHMENT]
    reports = reanalyse(tables, Path(out), options, say)
    if json:
        print_json({name: report.to_dict() for name, report in reports.items()})
        return
    for report in reports.values():
        terminal.show(report)
    say(f"Results are in {out}.")


def say(message: str) -> None:
    """A line of progress on standard error."""
    print(message, file=sys.stderr, flush=True)
