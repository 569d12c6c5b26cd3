"""The sensitivity analysis and the unread trials as tables that fit a terminal; every row is in the CSV files."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bayesmeta.frequentist import SmallStudyEffects
from bayesmeta.report import small_study
from bayesmeta.report.findings import Finding
from bayesmeta.sensitivity import ModelGrid, Part, PriorGrid, ReanalysedPool, Sensitivity, UnreadTrials
from bayesmeta.tables import rows
from bayesmeta.wording import number, probability, spanned
from bayesmeta.workflow.layout import plain_table
from bayesmeta.workflow.outputs import file_name

CHANGES = "changes"  # the column that says where the 95% interval says something else about OR 1


def show_finding(finding: Finding, screen: Console) -> None:
    """A finding as its sentence; with a heading and tables where there are some."""
    heading = HEADINGS.get(type(finding))
    if heading is None:
        screen.print(Text(f"- {finding.sentence}"))
    else:
        screen.print()
        screen.print(Text(heading, style="bold"))
        screen.print(Text(finding.sentence))
    for table in tables_of(finding):
        screen.print()
        screen.print(table)


def tables_of(finding: Finding) -> list[Table]:
    """The tables of a finding, none where its sentence says it all."""
    found: Iterable[Finding] = finding.parts.values() if isinstance(finding, Sensitivity) else [finding]
    file = f"{file_name(finding)}.csv"
    return [TABLES[type(one)](one, file) for one in found if type(one) in TABLES and len(one.table)]


def prior_table(grid: PriorGrid, file: str) -> Table:
    """What the priors do, a row a family of tau and a row a prior of mu: the whole range over its pairs of priors."""
    table = plain_table(
        f"Prior grid: the pooled OR under {len(grid.table)} pairs of priors",
        *("prior of", "pairs", "OR", "95% limits\nat the widest", f"{_chance(grid)}\nat least"),
        *_changes(grid),
        caption=f"Each pair: {file}",
    )
    families = grid.table["tau_prior"].str.partition("(")[0]
    for symbol, by in (("tau", families), ("mu", grid.table["mu_prior"])):
        table.add_row(Text(symbol, style="bold"))
        for name, pairs in grid.table.groupby(by, sort=False):
            table.add_row(*_range_row(grid, str(name), pairs))
    return table


def _range_row(grid: PriorGrid, name: str, pairs: pd.DataFrame) -> Iterator[str]:
    yield escape(name)
    yield str(len(pairs))
    yield _span(pairs["median"].min(), pairs["median"].max())
    yield _span(pairs["lower"].min(), pairs["upper"].max())
    yield probability(float(_wished(grid, pairs).min()))
    if _changes(grid):
        yield str(pairs["changes"].sum() or "")


def model_table(grid: ModelGrid, file: str) -> Table:
    """A row a Bayesian model; the frequentist methods have a table of their own."""
    table = plain_table(
        "Model grid: the pooled OR under other models",
        *("model", "OR (95% interval)", "tau", "new setting", _chance(grid)),
        *_changes(grid),
        caption=f"Frequentist methods beside them: {file}",
    )
    models = grid.table[grid.table["kind"] == "Bayesian"]
    # The likelihood of the analysis first, the others in their order.
    models = models.iloc[np.argsort(models["likelihood"] != grid.posterior.model.likelihood, kind="stable")]
    for row, chance in zip(rows(models), _wished(grid, models), strict=True):
        table.add_row(
            escape(row.model),
            spanned(*np.exp([row.median, row.lower, row.upper])),
            number(row.tau),
            _span(row.new_lower, row.new_upper),
            probability(chance),
            *(["yes" if row.changes else ""] if _changes(grid) else []),
        )
    return table


def published_table(pool: ReanalysedPool, file: str) -> Table:
    """The published odds ratio under each prior, with the probabilities of odds ratios beyond the thresholds."""
    beyond = [str(name) for name in pool.table.columns if str(name).startswith(("above ", "below "))]
    headings = [f"P(OR {name.replace('above', '>').replace('below', '<')})" for name in beyond]
    table = plain_table(
        f"The published pool of {pool.published.k} trials under other priors",
        *("prior of mu", "OR (95% interval)", *headings),
        caption=f"Also each prior's own interval: {file}",
    )
    for row in pool.table.to_dict("records"):
        three = spanned(row["odds_ratio"], row["odds_ratio_lower"], row["odds_ratio_upper"])
        table.add_row(escape(row["prior"]), three, *(probability(row[name]) for name in beyond))
    return table


def unread_table(unread: UnreadTrials, file: str) -> Table:
    """Published, read and unread side by side; what each row assumes is in the CSV file."""
    table = plain_table(
        "Published, read and unread trials",
        *("", "trials", "median (95% interval)", "scale", "P(> 1)"),
        caption=f"What each row assumes: {file}",
    )
    for row in rows(unread.table):
        chance = "" if pd.isna(row.above_1) else probability(row.above_1)
        table.add_row(row.quantity, str(row.k), spanned(row.median, row.lower, row.upper), row.scale, chance)
    return table


def small_study_table(found: SmallStudyEffects, file: str) -> Table:
    """The frequentist row on reporting bias, a row a method."""
    table = plain_table("Small-study effects (odds ratios)", *small_study.COLUMNS, caption=f"Every figure: {file}")
    for cells in small_study.small_study_cells(found):
        table.add_row(*map(escape, cells))
    return table


TABLES: dict[type, Callable[[Any, str], Table]] = {
    PriorGrid: prior_table,
    ModelGrid: model_table,
    ReanalysedPool: published_table,
    UnreadTrials: unread_table,
    SmallStudyEffects: small_study_table,
}

HEADINGS: dict[type, str] = {
    Sensitivity: "What if? The verdict",
    SmallStudyEffects: "Do small trials show larger effects? The frequentist row",
    ReanalysedPool: "The published result",
    UnreadTrials: "The trials that cannot be read",
}


def _chance(part: Part) -> str:
    return f"P(OR {'>' if part.side > 0 else '<'} 1)"


def _wished(part: Part, table: pd.DataFrame) -> "pd.Series[float]":
    """P of the side that is asked about."""
    return table["above"] if part.side > 0 else 1.0 - table["above"]


def _changes(part: Part) -> list[str]:
    """The column that says where the conclusion is another one, if it is anywhere."""
    return [CHANGES] if bool(part.table["changes"].any()) else []


def _span(low: float, high: float) -> str:
    """Two log odds ratios as odds ratios; nothing where there are none."""
    return f"{number(float(np.exp(low)))} to {number(float(np.exp(high)))}" if np.isfinite([low, high]).all() else ""
