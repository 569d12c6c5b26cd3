"""`bayesmeta data`: the data sets that come with the package, each row with its source, and an empty template."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bayesmeta.cli.options import AsJson, not_a_replication, output_file
from bayesmeta.cli.output import console, json_text, print_lines, print_table
from bayesmeta.errors import DataError
from bayesmeta.trials import Trials, dataset_names, load, template
from bayesmeta.trials.datasets import DATA_SETS, JOINT_SETS
from bayesmeta.trials.place import shown
from bayesmeta.wording import counted

Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="A data set; without it, the list of all.")]
AsTemplate = Annotated[
    bool,
    typer.Option("--template", help='An empty CSV to fill in, for the outcome NAME ("secure" if not said).'),
]
AsCsv = Annotated[bool, typer.Option("--csv", help="The data as CSV that FILE of other commands may be.")]
Out = Annotated[
    str | None, typer.Option(metavar="FILE", help="Write CSV, template or JSON there, not to standard output.")
]


def data_command(
    name: Name = None, as_template: AsTemplate = False, as_csv: AsCsv = False, out: Out = None, json: AsJson = False
) -> None:
    """List the data sets of the package. Show one with the source of each row, or make a template."""
    if as_template + as_csv + json > 1:
        raise DataError("--template, --csv and --json exclude each other. Choose one.")
    if as_template:
        save_or_print(template(name or "secure"), out, replace=False)
    elif name is None:
        if as_csv or (out is not None and not json):
            raise DataError(
                "which data set? `bayesmeta data` lists them; name one, such as `bayesmeta data bcg --csv`."
            )
        if json:
            save_or_print(f"{json_text([entry(one) for one in dataset_names()])}\n", out)
        else:
            print_list()
    elif json:
        save_or_print(f"{json_text(contents(load(name)))}\n", out)
    elif as_csv or out is not None:
        save_or_print(load(name).to_csv(), out)
    else:
        print_data_set(name)


def save_or_print(text: str, out: str | None, replace: bool = True) -> None:
    """Text to a file, or to standard output. A template never replaces a file: it may be one that was filled in."""
    if out is None:
        typer.echo(text, nl=False)
        return
    path = Path(out)
    if path.exists() and not replace:
        raise DataError(f"{shown(path)}: is there already. Give another name, or remove it first.")
    with output_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def entry(name: str) -> dict[str, Any]:
    """One line of the list."""
    trials = load(name)
    return {
        "name": name,
        "about": DATA_SETS[name].about,
        "outcome": trials.outcome,
        "direction": trials.direction,
        "k": trials.k,
        "k_published": None if trials.published is None else trials.published.k,
        "source": source_of(trials),
    }


def source_of(trials: Trials) -> str:
    """Where the data are from: the one source of all rows, or that each row has its own."""
    if trials.published is not None:
        return f"a source for each row; pooled result: {trials.published.source}"
    sources = trials.sources["source"].unique().tolist() if "source" in trials.sources else []
    return str(sources[0]) if len(sources) == 1 else "a source for each row"


def print_list() -> None:
    """Every data set: name, what it is, where from."""
    out = console()
    for name in dataset_names():
        about = entry(name)
        out.print(name, style="bold")
        print_lines(out, [f"  {about['about']}", f"  {about['source']}"])
    joined = [
        f"`bayesmeta fit {name} --joint` fits {' and '.join(both)} together." for name, both in JOINT_SETS.items()
    ]
    print_lines(out, ["", "`bayesmeta data NAME` shows one; `bayesmeta fit NAME` fits it.", *joined])


def contents(trials: Trials) -> dict[str, Any]:
    """A data set as plain data."""
    published = trials.published
    return {
        "name": trials.name,
        "outcome": trials.outcome,
        "direction": trials.direction,
        "k": trials.k,
        "published": None
        if published is None
        else {
            "k": published.k,
            "odds_ratio": published.odds_ratio,
            "lower": published.odds_ratio_interval[0],
            "upper": published.odds_ratio_interval[1],
            "year": published.year,
            "source": published.source,
        },
        "notes": not_a_replication(trials),
        "trials": trials.table.to_dict("records"),
        "set_aside": trials.set_aside[["study", "reason"]].to_dict("records"),
    }


def print_data_set(name: str) -> None:
    """The counts, what was published, the source of each row, and the rows that are not used."""
    trials = load(name)
    out = console()
    rows = trials.table.to_dict("records")
    marks = [column for column in ("status", "certainty") if column in trials.columns]
    print_table(
        out,
        f"{name}: {trials.outcome}, {counted(trials.k)}",
        ["trial", "treated", "control", *marks],
        [
            [
                row["study"],
                f"{row['events_treated']:.0f}/{row['total_treated']:.0f}",
                f"{row['events_control']:.0f}/{row['total_control']:.0f}",
                *(row[mark] for mark in marks),
            ]
            for row in rows
        ],
    )
    wished = {"higher": "more", "lower": "fewer"}[trials.direction]
    print_lines(out, [f"Events: {trials.outcome}; {wished} are wished.", *as_published(trials)])
    print_lines(out, not_a_replication(trials))
    out.print("\nSources")
    sources = {row["source"] for row in rows}
    single = len(sources) == 1
    print_lines(out, [f"  {rows[0]['source']}"] if single else [f"  {row['study']}: {row['source']}" for row in rows])
    if len(trials.set_aside):
        out.print("\nRows set aside")
        aside = trials.set_aside.to_dict("records")
        print_lines(out, [f"  {row['study']}: {row['reason']}" for row in aside])


def as_published(trials: Trials) -> list[str]:
    """The pooled result as it was printed."""
    published = trials.published
    if published is None:
        return []
    lower, upper = published.odds_ratio_interval
    return [
        f"Published: odds ratio {published.odds_ratio:.2f} ({lower:.2f} to {upper:.2f}), {published.k} trials "
        f"({published.source})."
    ]
