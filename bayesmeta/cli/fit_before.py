"""What the priors expect, as a table and a sentence."""

from typing import TYPE_CHECKING

from bayesmeta.cli.output import console, print_lines, print_table
from bayesmeta.tables import rows
from bayesmeta.wording import number, percent, ratio, spanned

if TYPE_CHECKING:
    from bayesmeta.checks import JointPriorPredictive, PriorPredictive


def print_joint_prior_predictive(found: "JointPriorPredictive") -> None:
    """The same of both outcomes, one after the other."""
    for part in found.parts:
        print_prior_predictive(part, f", {part.trials.outcome}")
        print_lines(console(), [""])


def print_prior_predictive(found: "PriorPredictive", what: str = "") -> None:
    """Each trial: what the priors expect of it, what it showed, and where among the expected that lies."""
    out = console()
    counted = "expected" in found.table
    lines = []
    for row in rows(found.table):
        line = [
            row.study,
            spanned(row.median, row.lower, row.upper, ratio),
            ratio(row.observed),
            percent(row.position) + ("" if row.inside else ", outside"),
        ]
        if counted:
            known = row.events_treated == row.events_treated
            expected = f"{row.expected:.0f} ({row.expected_lower:.0f} to {row.expected_upper:.0f})"
            line += [expected, f"{row.events_treated:.0f}"] if known else ["", ""]
        lines.append(line)
    columns = ["median (95%)", "odds ratio expected", "observed", "at or below"]
    columns += ["treated events", "observed"] if counted else []
    print_table(out, f"Before the data: what the priors expect of such trials{what}", columns, lines)
    print_table(
        out,
        f"All trials together, log odds ratios{what}",
        ["", "expected", "observed", "at or below"],
        [
            [row.quantity, spanned(row.median, row.lower, row.upper), number(row.observed), percent(row.position)]
            for row in rows(found.together)
        ],
    )
    print_lines(out, [found.sentence])
