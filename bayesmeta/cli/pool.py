"""`bayesmeta pool`: the frequentist yardstick, all methods."""

from typing import Annotated, Any

import typer

from bayesmeta.cli.options import AsJson, Data, File, Outcome, ZeroCells, evidence, not_a_replication
from bayesmeta.cli.output import console, print_json, print_lines, print_table
from bayesmeta.effects import MEASURES
from bayesmeta.errors import ModelError
from bayesmeta.frequentist import METHODS, Pools, SmallStudyEffects, pool, small_study_effects
from bayesmeta.report import small_study_cells
from bayesmeta.report.small_study import COLUMNS
from bayesmeta.trials import Trials, with_arms_combined
from bayesmeta.trials.place import shown
from bayesmeta.wording import counted, figures, probability, ratio_figures, spanned

Measure = Annotated[str, typer.Option(metavar="|".join(MEASURES), help="Odds ratio, risk ratio or risk difference.")]

SmallStudy = Annotated[
    bool, typer.Option("--small-study", help="Tests of asymmetry, trim and fill, PET-PEESE: do small trials differ?")
]
NAMES = {"OR": "odds ratio", "RR": "risk ratio", "RD": "risk difference"}


def pool_command(
    file: File,
    zero_cells: ZeroCells = "only_zero",
    measure: Measure = "OR",
    data: Data = "auto",
    outcome: Outcome = None,
    small_study: SmallStudy = False,
    json: AsJson = False,
) -> None:
    """Pool the trials by every frequentist method. The yardstick beside the Bayesian results."""
    if small_study and measure != "OR":
        raise ModelError(
            f"--small-study with --measure {shown(measure)}: its methods are for odds ratios. Leave out one of them."
        )
    trials = evidence(file, data=data, outcome=outcome)
    pools = pool(trials, zero_cells=zero_cells, measure=measure)
    found = small_study_effects(with_arms_combined(trials), zero_cells) if small_study else None
    if json:
        print_json(pools.to_dict() | ({} if found is None else {"small_study_effects": found.to_dict()}))
        return
    print_pools(pools, trials)
    if found is not None:
        print_small_study(found, trials)


def print_pools(pools: Pools, trials: Trials) -> None:
    """A row for each method and interval, then heterogeneity and notes."""
    out = console()
    as_ratio = pools.effects.measure != "RD" and bool(trials.has_counts.any())
    name = NAMES[pools.effects.measure] if trials.has_counts.any() else "effect, as given"
    write = ratio_figures if as_ratio else figures
    what = f"{trials.name}: {trials.outcome}" if trials.outcome else trials.name
    print_table(
        out,
        f"{what}, {counted(pools.k)}",
        ["method", "interval", f"{name} (95%)", "tau2", "95% prediction"],
        [_row(row, write) for row in pools.table.to_dict("records")],
    )
    print_lines(out, [_heterogeneity(pools.heterogeneity), *pools.notes, _methods(pools), *not_a_replication(trials)])


def print_small_study(found: SmallStudyEffects, trials: Trials) -> None:
    """A row for each method, then what to know about them."""
    out = console()
    counts = bool(trials.has_counts.any())
    out.print()
    write, what = (ratio_figures, "odds ratios") if counts else (figures, "effects as given")
    print_table(out, f"Small-study effects: {counted(found.k)}, {what}", COLUMNS, small_study_cells(found, write))
    print_lines(out, found.notes)


def _row(row: dict[Any, Any], write: Any) -> list[str]:
    predicted = row["prediction_lower"] == row["prediction_lower"]  # NaN where there is none
    return [
        row["method"],
        row["interval"],
        spanned(row["estimate"], row["lower"], row["upper"], write),
        figures(row["tau2"]),
        f"{write(row['prediction_lower'])} to {write(row['prediction_upper'])}" if predicted else "-",
    ]


def _heterogeneity(found: dict[str, float]) -> str:
    return (
        f"Heterogeneity: Q {figures(found['Q'])} on {found['df']:.0f} degrees of freedom, p {probability(found['p'])}; "
        f"I2 {figures(found['I2'])}%; H2 {figures(found['H2'])}; tau2 95% {figures(found['tau2_qp_lower'])} to "
        f"{figures(found['tau2_qp_upper'])} (Q-profile)."
    )


def _methods(pools: Pools) -> str:
    there = dict.fromkeys(pools.table["method"])
    return f"Methods: {'; '.join(f'{name}: {METHODS[name].says}' for name in there)}."
