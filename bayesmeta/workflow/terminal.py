"""A report as text for people: what a reader looks for first, first."""

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bayesmeta.frequentist import Pools
from bayesmeta.report import Report
from bayesmeta.tables import rows
from bayesmeta.wording import number, probability, spanned
from bayesmeta.workflow.classification import remarks
from bayesmeta.workflow.layout import console, plain_table
from bayesmeta.workflow.what_if import show_finding

INTERVALS = {"wald": "Wald", "hksj": "HKSJ", "hksj_adhoc": "ad hoc HKSJ"}


def show(report: Report, to: Console | None = None) -> None:
    """Print a report: the evidence, the pools, the Bayesian answers, the trials, the checks, and what if."""
    screen = to or console()
    screen.print()
    screen.rule(Text(report.trials.outcome or report.trials.name, style="bold"))
    screen.print(Text(report.evidence))
    if report.pools is not None:
        screen.print(pools_table(report.pools))
        screen.print(Text(heterogeneity_line(report.pools)))
        for note in report.pools.notes:
            screen.print(Text(note))
    if report.fits:
        screen.print(answers_table(report))
        screen.print(studies_table(report))
    for finding in report.findings:
        show_finding(finding, screen)
    for remark in remarks(report.findings):
        screen.print(Text(f"- {remark}"))


def pools_table(pools: Pools) -> Table:
    """One row a method; a column for each kind of interval."""
    present = [name for name in INTERVALS if (pools.table["interval"] == name).any()]
    titles = [INTERVALS[name] for name in present]
    table = plain_table("Frequentist pooled OR (95% interval)", "method", "tau", "OR", *titles, "new setting (Wald)")
    for method, found in pools.table.groupby("method", sort=False):
        by_interval = {row.interval: row for row in rows(found)}
        first = next(iter(by_interval.values()))
        cells = [
            _span(by_interval[name].lower, by_interval[name].upper) if name in by_interval else "" for name in present
        ]
        tau = number(float(np.sqrt(first.tau2))) if np.isfinite(first.tau2) else ""
        prediction = _span(first.prediction_lower, first.prediction_upper)
        table.add_row(str(method), tau, number(float(np.exp(first.estimate))), *cells, prediction)
    return table


def _span(lower: float, upper: float) -> str:
    """An interval of log odds ratios as odds ratios; nothing where there is none."""
    return f"{number(float(np.exp(lower)))} to {number(float(np.exp(upper)))}" if np.isfinite(lower) else ""


def heterogeneity_line(pools: Pools) -> str:
    """Q, I2 and the Q-profile interval of tau2, in a line."""
    found = pools.heterogeneity
    if not np.isfinite(found["Q"]):
        return "Heterogeneity: not estimable with one trial."
    line = f"Q = {found['Q']:.2f} on {found['df']:.0f} df (p = {found['p']:.3g}), I2 = {found['I2']:.0f}%"
    if np.isfinite(found["tau2_qp_upper"]):
        line += f", tau2 (Q-profile, 95%) {number(found['tau2_qp_lower'])} to {number(found['tau2_qp_upper'])}"
    return line + "."


def answers_table(report: Report) -> Table:
    """The Bayesian answers: for each fit its quantities, a row each."""
    direction = {"higher": "P(OR > 1), wished", "lower": "P(OR < 1), wished"}.get(report.trials.direction)
    table = plain_table("Posterior: median (95% interval)", "", "OR (tau: log OR)", direction or "P(OR > 1)")
    for fit in report.fits:
        table.add_row(Text(fit.label, style="bold"), "", "")
        answers = report.answers(fit)
        for row in rows(answers[~answers["quantity"].isin(["study", "coefficient"])]):
            name = f"  {row.quantity}: {row.of}" if row.of else f"  {row.quantity}"
            chance = row.wished if direction and row.scale == "OR" else row.above_1
            cell = "" if pd.isna(chance) else probability(chance)
            if row.scale == "ratio of ORs":
                cell = f"P(ratio > 1) {cell}"
            table.add_row(escape(name), spanned(row.median, row.lower, row.upper), cell)
    return table


def studies_table(report: Report) -> Table:
    """Each trial: counts, observed and shrunken OR in the first fit; under a mixture the probability of an outlier."""
    fit = report.fits[0]
    title = f"Trials: observed and shrunken OR ({fit.label})"
    more = ["P(outlier)"] if fit.has_outliers else []
    table = plain_table(title, "trial", "treated", "control", "observed", "shrunken", *more)
    counts = fit.trials.counts[fit.effects.rows]
    for row, count in zip(rows(fit.studies()), counts, strict=True):
        arms = ["" if np.isnan(count[j]) else f"{count[j]:.0f}/{count[j + 1]:.0f}" for j in (0, 2)]
        observed = spanned(*np.exp([row.y, row.y - 1.959964 * row.se, row.y + 1.959964 * row.se]))
        shrunken = spanned(*np.exp([row.median, row.lower, row.upper]))
        outlier = [probability(row.outlier)] if fit.has_outliers else []
        table.add_row(escape(row.study), *arms, observed, shrunken, *outlier)
    return table
