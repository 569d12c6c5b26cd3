"""The command `bayesmeta`: the table of its commands, and the way in.

A new command is one file with one function, and one row of COMMANDS. Its options are text and flags: see `TextCommand`.
"""

import gc
from collections.abc import Callable
from typing import Annotated

import typer

from bayesmeta.cli.check import check_command
from bayesmeta.cli.data import data_command
from bayesmeta.cli.fit import fit_command
from bayesmeta.cli.group import CommandGroup, TextCommand
from bayesmeta.cli.pool import pool_command
from bayesmeta.cli.practice import practice_command
from bayesmeta.cli.priors import priors_command
from bayesmeta.cli.reanalyse import reanalyse_command
from bayesmeta.cli.sensitivity import sensitivity_command
from bayesmeta.version import __version__

COMMANDS: dict[str, Callable[..., None]] = {
    "reanalyse": reanalyse_command,
    "fit": fit_command,
    "pool": pool_command,
    "sensitivity": sensitivity_command,
    "check": check_command,
    "practice": practice_command,
    "data": data_command,
    "priors": priors_command,
}

# Plain help: it reads the same in a terminal, in a pipe and in a log, and Rich need not be loaded for it.
app = typer.Typer(cls=CommandGroup, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bayesmeta {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def bayesmeta(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Bayesian meta-analysis of trials.

    FILE is a CSV file with one row for each comparison, "-" for standard input, or the name of a data set that comes
    with the package (`bayesmeta data` lists them). Each command has --json: JSON, and nothing else, on standard output.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for name, command in COMMANDS.items():
    app.command(name, cls=TextCommand)(command)


def main() -> None:
    """Run the command that the arguments of this process ask for."""
    # All that was imported stays to the end. Kept from the garbage collector, it is not searched through again and
    # again, nor once more on leaving: a tenth of the time of a fit.
    gc.freeze()
    app(prog_name="bayesmeta")
