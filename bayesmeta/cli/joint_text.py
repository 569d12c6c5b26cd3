"""A posterior of two outcomes as tables and sentences; odds ratios appear here, at the edge."""

import numpy as np

from bayesmeta.cli.fit_text import marginal_likelihood
from bayesmeta.cli.output import console, print_lines, print_table
from bayesmeta.posterior import JointPosterior
from bayesmeta.posterior.borrowing import Borrowing
from bayesmeta.posterior.joint import SIGNS
from bayesmeta.posterior.moved_children import MovedChildren
from bayesmeta.priors import Prior, describe
from bayesmeta.wording import counted, figures, probability, ratio_figures, spanned

Z_975 = 1.959963984540054


def print_joint(posterior: JointPosterior, moved: MovedChildren | None, borrowed: Borrowing | None) -> None:
    """The headline, both at once, where people move, what was borrowed, trials, and what was assumed."""
    out, trials = console(), posterior.trials
    both = int(posterior.effects.reported.all(axis=1).sum())
    k = len(posterior.studies_in_model)
    print_table(
        out,
        f"{trials.name}: {counted(k)}, {both} with both outcomes, {posterior.label} posterior",
        ["median (95% interval)", "odds ratio", "log OR"],
        parameter_rows(posterior),
    )
    print_lines(out, together(posterior))
    if moved is not None:
        print_table(
            out,
            "Where people move: percent of an arm, median (95% interval)",
            ["category", "control", "change", "P(more)"],
            moved_rows(moved),
        )
        print_lines(out, [moved.sentence, ""])
    if borrowed is not None:
        print_lines(out, [borrowed.sentence, ""])
    print_table(
        out,
        "Trials: odds ratio with 95% interval",
        ["trial", "outcome", "observed", "shrunken"],
        [
            [
                row["study"],
                row["outcome"],
                _exp(row["y"], row["y"] - Z_975 * row["se"], row["y"] + Z_975 * row["se"]),
                _exp(row["median"], row["lower"], row["upper"]),
            ]
            for row in posterior.studies().to_dict("records")
        ],
    )
    print_sampling(posterior)
    print_lines(out, [*assumptions(posterior), *posterior.remarks()])


def moved_rows(moved: MovedChildren) -> list[list[str]]:
    """Each category: percent before, change, and how sure it is that it grows."""
    rows = []
    for row in moved.table.to_dict("records"):
        change, lower, upper = (100 * row[name] for name in ("change", "change_lower", "change_upper"))
        span = f"{change:+z.1f} ({lower:+z.1f} to {upper:+z.1f})"
        rows.append([row["category"], f"{100 * row['control']:.0f}", span, probability(row["p_increase"])])
    return rows


def parameter_rows(posterior: JointPosterior) -> list[list[str]]:
    """Each parameter: name, exponential where it is an effect, own scale."""
    rows = []
    for name, row in posterior.summary().iterrows():
        three = float(row["median"]), float(row["lower"]), float(row["upper"])
        effect = str(name).startswith(("mu", "theta_new"))
        rows.append([str(name), _exp(*three) if effect else "", _linear(*three)])
    return rows


def together(posterior: JointPosterior) -> list[str]:
    """How sure of both wished directions at once."""
    silent = [
        outcome for direction, outcome in zip(posterior.trials.directions, posterior.outcomes) if direction not in SIGNS
    ]
    if silent:
        return [
            f"No direction is stated for {' and '.join(silent)}, so there is no probability of both being better. State"
            " higher or lower in column direction.",
            "",
        ]
    wished = " and ".join(
        f"{'more' if direction == 'higher' else 'less'} {outcome}"
        for direction, outcome in zip(posterior.trials.directions, posterior.outcomes)
    )
    mean, new = (posterior.joint_probability(new_setting=which) for which in (False, True))
    return [f"P({wished}): {probability(mean)} on average, {probability(new)} in a new setting.", ""]


def print_sampling(posterior: JointPosterior) -> None:
    """How well the parameters were sampled, where they were."""
    summary = posterior.summary()
    if "rhat" in summary:
        print_table(
            console(),
            "Sampling",
            ["parameter", "R-hat", "ESS (bulk)", "MCSE of the mean"],
            [
                [str(name), f"{row['rhat']:.3f}", figures(row["ess_bulk"]), figures(row["mcse_mean"])]
                for name, row in summary.iterrows()
            ],
        )


def assumptions(posterior: JointPosterior) -> list[str]:
    """Model and priors in words."""
    model = posterior.model
    lines = [f"Model: {model.likelihood} likelihood of both outcomes, bivariate normal random effects."]
    for j, outcome in enumerate(posterior.outcomes):
        lines.append(f"Prior of mu[{outcome}]: {describe(model.mu_priors[j])}".removesuffix(".") + ".")
        lines.append(f"Prior of tau[{outcome}]: {describe(posterior.tau_priors[j])}".removesuffix(".") + ".")
    lines.append(f"Prior of rho: {model.rho_prior}.")
    if model.likelihood == "trinomial":
        lines.append(f"Prior of the baselines (log odds midway between the arms): {model.baseline_prior}.")
    priors: dict[str, Prior] = {}
    for outcome, of_mu, of_tau in zip(posterior.outcomes, model.mu_priors, posterior.tau_priors, strict=True):
        priors |= {f"mu[{outcome}]": of_mu, f"tau[{outcome}]": of_tau}
    return lines + marginal_likelihood(posterior.log_marginal_likelihood, priors)


def _exp(median: float, lower: float, upper: float) -> str:
    return spanned(median, lower, upper, ratio_figures)


def _linear(median: float, lower: float, upper: float) -> str:
    return f"{figures(median)} ({figures(lower)} to {figures(upper)})" if np.isfinite(median) else "-"
