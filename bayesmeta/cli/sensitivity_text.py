"""What `bayesmeta sensitivity` prints: the verdict, then a table and a sentence for each part."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayesmeta.cli.options import not_a_replication
from bayesmeta.cli.output import console, print_lines, print_table
from bayesmeta.wording import figures, probability, ratio_figures

if TYPE_CHECKING:  # the room loads with the command that needs it, not with every other one
    from bayesmeta.sensitivity import Bias, Cumulative, LeaveOneOut, ModelGrid, Part, PriorGrid, Sensitivity

MOST_ROWS = 12

Table = tuple[list[str], list[list[str]]]
FURTHER = ("alpha_prior", "omega_prior")


def print_sensitivity(analysis: "Sensitivity") -> None:
    """The verdict, then a table and a sentence for each part."""
    out = console()
    trials = analysis.posterior.trials
    out.print(f"{trials.name}: {trials.outcome}" if trials.outcome else trials.name, style="bold")
    print_lines(out, [analysis.verdict])
    for name, part in analysis.parts.items():
        out.print()
        (columns, rows), left_out = TABLES[name](part)
        if rows:
            print_table(out, name.replace("_", " "), columns, rows)
        else:
            out.print(name.replace("_", " "), style="bold")
        print_lines(out, [line for line in (left_out, part.sentence) if line])
    closing = [] if analysis.published is None else [analysis.published.sentence]
    closing += [f"{name}: not done. {reason}" for name, reason in analysis.not_done.items()]
    closing += not_a_replication(trials)
    if closing:
        out.print()
        print_lines(out, closing)


def prior_table(part: "PriorGrid") -> tuple[Table, str]:
    """Each set of priors where they are few; else the range over those of a family of tau, and of each other prior."""
    labels = ["tau_prior", "mu_prior", *(name for name in FURTHER if name in part.table)]
    if len(part.table) <= MOST_ROWS:
        return effects_table(part, part.table, labels), ""
    changes = bool(part.table["changes"].any())
    columns = ["priors", "n", "odds ratio", "95%, widest", f"least {_chance(part)}"]
    by = {name: part.table[name] for name in labels}
    by["tau_prior"] = by["tau_prior"].str.partition("(")[0]
    rows = [
        [f"{label.removesuffix('_prior')} {name}", str(len(some)), *_range(part, some, changes)]
        for label, names in by.items()
        for name, some in part.table.groupby(names, sort=False)
    ]
    each = f"Each row is the range over some of the {len(part.table)} sets of priors; each of them: --json."
    return ([*columns, *(["changes"] if changes else [])], rows), each


def _range(part: "Part", some: pd.DataFrame, changes: bool) -> Iterator[str]:
    """The range of the medians, the widest limits, the lowest probability, and how many change the conclusion."""
    yield f"{ratio_figures(some['median'].min())} to {ratio_figures(some['median'].max())}"
    yield f"{ratio_figures(some['lower'].min())} to {ratio_figures(some['upper'].max())}"
    yield probability(float((some["above"] if part.side > 0 else 1.0 - some["above"]).min()))
    if changes:
        yield str(some["changes"].sum() or "")


def model_table(part: "ModelGrid") -> tuple[Table, str]:
    """Every model, and every frequentist method."""
    return effects_table(part, part.table, ["model"]), ""


def left_out_table(part: "LeaveOneOut") -> tuple[Table, str]:
    """Each trial; of many those that change the conclusion, then those that move the effect most."""
    table, most = part.table, MOST_ROWS
    if len(table) > most:
        table = table.iloc[np.lexsort((-table["shift"].abs(), ~table["changes"]))[:most]]
    return effects_table(part, table, ["study"]), _more(len(part.table) - len(table), "that move it less")


def cumulative_table(part: "Cumulative") -> tuple[Table, str]:
    """Each step; of many the last ones."""
    table = part.table.iloc[-MOST_ROWS:]
    return effects_table(part, table, ["study", "k"]), _more(len(part.table) - len(table), "before these")


def _more(number: int, which: str) -> str:
    return f"{number} more {which}: --json." if number else ""


def effects_table(part: "Part", table: pd.DataFrame, labels: Sequence[str]) -> Table:
    """Odds ratio, new setting, tau and P of one side."""
    names = [str(name) for name in table.columns]
    more = [name for name in names if name.endswith("]") and f"{name}_lower" in names]
    taus = [*([] if any(name.startswith("tau[") for name in more) else ["tau"]), *more]
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
    columns = ["odds ratio (95%)", "new setting (95%)", *taus, _chance(part), *(["changes"] if some else [])]
    return [*labels, *columns], rows


def _chance(part: "Part") -> str:
    return f"P(OR {'>' if part.side > 0 else '<'} 1)"


def power_table(part: "Part") -> tuple[Table, str]:
    """Sensitivities by parameter."""
    names = ["prior", "likelihood", "prior_of_mu", "prior_of_tau"]
    rows = [
        [row["parameter"], *(figures(row[name]) for name in names), row["diagnosis"]]
        for row in part.table.to_dict("records")
    ]
    return (["parameter", *names, "diagnosis"], rows), ""


def tipping_table(part: "Part") -> tuple[Table, str]:
    """Each question with the point at which it flips."""
    rows = [
        [row["question"], f"{row['bound']:g}", row["status"], figures(row["scale"]), _number(row["removed"])]
        for row in part.table.to_dict("records")
    ]
    return (["question", "bound", "status", "scale", "trials"], rows), ""


def reference_table(part: "Part") -> tuple[Table, str]:
    """Distances with their signs."""
    rows = [[row["quantity"], figures(row["signed"]), row["side"]] for row in part.table.to_dict("records")]
    return (["quantity", "signed Hellinger distance", "side"], rows), ""


def bias_table(part: "Bias") -> tuple[Table, str]:
    """Effect, heterogeneity and bias with their Bayes factors, then mu averaged over some of the models."""
    rows = [
        [row["question"], probability(row["posterior"]), figures(row["bayes_factor"]), ""]
        for row in part.questions.to_dict("records")
    ]
    rows += [
        [row["models"], probability(row["posterior"]), "", _effect(row, "")] for row in part.averages.to_dict("records")
    ]
    return (["question, or models", "probability", "Bayes factor", "odds ratio (95%)"], rows), ""


TABLES: dict[str, Callable[[Any], tuple[Table, str]]] = {
    "prior_grid": prior_table,
    "model_grid": model_table,
    "leave_one_out": left_out_table,
    "cumulative": cumulative_table,
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


def _number(value: float) -> str:
    return "-" if pd.isna(value) else str(int(value))
