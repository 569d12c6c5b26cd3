"""`bayesmeta practice`: what services use against what the trials say works."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from bayesmeta.cli.options import AsJson, Seed, whole_number
from bayesmeta.cli.output import console, print_json, print_lines, print_table
from bayesmeta.errors import DataError
from bayesmeta.fit import SEED
from bayesmeta.practice import Survey, against_evidence, read_survey, simulated_survey, template
from bayesmeta.wording import figures, probability, spanned

SIMULATED = "simulated"

File = Annotated[
    str | None,
    typer.Argument(
        metavar="[FILE]", help=f'CSV file, - for standard input, or "{SIMULATED}" for an example that is simulated.'
    ),
]
AsTemplate = Annotated[bool, typer.Option("--template", help="Print the header of FILE, and stop.")]
Direction = Annotated[
    str | None, typer.Option(metavar="higher|lower", help="Which odds ratios are wished; as FILE says if not.")
]
Answers = Annotated[str, typer.Option(metavar="several|one", help="How many interventions a service may name.")]
Best = Annotated[str, typer.Option(metavar="N", help="How many interventions are the most effective ones.")]
Correlation = Annotated[str, typer.Option(metavar="spearman|kendall", help="Which rank correlation.")]
EffectPrior = Annotated[str, typer.Option(metavar="PRIOR", help="Prior of each effect: flat or normal.")]


def practice_command(
    file: File = None,
    as_template: AsTemplate = False,
    direction: Direction = None,
    answers: Answers = "several",
    best: Best = "3",
    correlation: Correlation = "spearman",
    effect_prior: EffectPrior = "flat",
    seed: Seed = str(SEED),
    json: AsJson = False,
) -> None:
    """Set what services use against what the trials say works.

    FILE has one row for each intervention: intervention, services_using, services (how many were asked), odds_ratio,
    lower, upper (95% interval; blank without trials), k (trials), direction.
    """
    if as_template:
        typer.echo(template(), nl=False)
        return
    if file is None:
        raise DataError(
            f'which survey? Name a CSV file (`bayesmeta practice --template` prints its header), or "{SIMULATED}".'
        )
    found = against_evidence(
        _survey(file, direction),
        answers=answers,
        best=whole_number("--best", best, smallest=1),
        correlation=correlation,
        effect_prior=effect_prior,
        seed=whole_number("--seed", seed, smallest=0),
    )
    if json:
        print_json(found.to_dict())
        return
    out = console()
    wished = "above" if found.survey.direction == "higher" else "below"
    print_table(
        out,
        f"{found.survey.name}: {len(found.table)} interventions; odds ratios {wished} 1 are wished",
        [
            "intervention",
            "used by",
            "share (95%)",
            "P(most used)",
            "k",
            "odds ratio (95%)",
            "P(1st)",
            f"P(first {best})",
        ],
        [_row(row) for _, row in found.table.iterrows()],
    )
    print_lines(out, found.sentences)


def _row(row: "pd.Series[float]") -> list[str]:
    tried = row["k"] > 0
    effect = spanned(row["odds_ratio"], row["odds_ratio_lower"], row["odds_ratio_upper"], figures)
    return [
        str(row["intervention"]),
        f"{row['services_using']:.0f}/{row['services']:.0f}",
        f"{row['use']:.0%} ({row['use_lower']:.0%} to {row['use_upper']:.0%})",
        probability(row["p_most_used"]),
        f"{row['k']:.0f}",
        effect if tried else "no trials",
        *(probability(row[name]) if tried else "-" for name in ("p_most_effective", "p_among_best")),
    ]


def _survey(file: str, direction: str | None) -> Survey:
    """The survey that FILE means; a file goes before the simulated one."""
    if file == SIMULATED and not Path(file).is_file():
        return simulated_survey()
    if file == "-":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "standard input"
            path.write_bytes(sys.stdin.buffer.read())
            return read_survey(path, direction=direction)
    return read_survey(file, direction=direction)
