"""A posterior as tables and sentences. Odds ratios appear here, at the edge, and nowhere earlier."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from bayesmeta.cli.options import not_a_replication
from bayesmeta.cli.output import console, print_lines, print_table, printable
from bayesmeta.model import Model
from bayesmeta.posterior import Marginal, Posterior
from bayesmeta.posterior.selected import SelectedPosterior
from bayesmeta.posterior.several_taus import PosteriorOfSeveralTaus
from bayesmeta.priors import Prior, describe
from bayesmeta.tables import rows
from bayesmeta.trials import Trials
from bayesmeta.wording import counted, figures, listed, number, probability, ratio_figures, spanned

LEVELS = np.array([0.5, 0.025, 0.975])
Z_975 = 1.959963984540054
LONGEST_LIST = 5

#: What a trial says in which nobody or everybody had the event, by likelihood.
DOUBLE_ZEROS = {
    "normal": "Such a trial counts as what the zero-cell rule makes of it.",
    "binomial": "Such a trial counts, as far as its sizes and the prior of the baselines inform the odds ratio.",
    "hypergeometric": "Given its total of events such a trial says nothing of the odds ratio, and changes nothing.",
}


@dataclass(frozen=True)
class Scale:
    """What the numbers are called. Where counts are known they are log odds ratios; estimates may be anything.

    Parameters
    ----------
    effect : on the model's scale.
    exp : its exponential.
    exceeds : the event "above zero" in words; `below` its opposite.
    contrast : the exponential of a difference of two effects.
    """

    effect: str
    exp: str
    exceeds: str
    below: str
    contrast: str


LOG_ODDS_RATIO = Scale("log OR", "odds ratio", "OR > 1", "OR < 1", "ratio of odds ratios")
AS_GIVEN = Scale("effect", "exp(effect)", "effect > 0", "effect < 0", "exp(difference)")


def scale_of(trials: Trials) -> Scale:
    """How to speak of these trials' effects."""
    return LOG_ODDS_RATIO if trials.has_counts.any() else AS_GIVEN


def print_fit(posterior: Posterior) -> None:
    """The headline, heterogeneity, groups, trials, and what was assumed."""
    out, scale = console(), scale_of(posterior.trials)
    trials = posterior.trials
    what = f"{trials.name}: {trials.outcome}" if trials.outcome else trials.name
    print_table(
        out,
        f"{what}, {counted(posterior.number)}, {posterior.engine} posterior",
        ["median (95% interval)", scale.exp, scale.effect],
        parameter_rows(posterior),
    )
    print_lines(out, probabilities(posterior, scale))
    groups = group_rows(posterior)
    if groups:
        print_table(out, "Groups", ["mean effect in a group", "trials", scale.exp, f"{scale.exp}, new setting"], groups)
        print_lines(out, group_contrasts(posterior, scale))
    print_weights(out, posterior)
    asked = ["outlier"] if posterior.has_outliers else []
    print_table(
        out,
        f"Trials: {scale.exp} with 95% interval",
        ["trial", "observed", "shrunken", *(f"P({name})" for name in asked)],
        [
            [
                row["study"],
                _exp(row["y"], row["y"] - Z_975 * row["se"], row["y"] + Z_975 * row["se"]),
                _exp(row["median"], row["lower"], row["upper"]),
                *(probability(row[name]) for name in asked),
            ]
            for row in posterior.studies().to_dict("records")
        ],
    )
    print_sampling(out, posterior)
    print_lines(
        out,
        [
            *assumptions(posterior),
            *shared_controls(posterior),
            *zero_cells(posterior),
            *evidence_for(posterior),
            *self_check(posterior),
            *remarks(posterior),
        ],
    )


def print_absolute(table: pd.DataFrame, asked: str) -> None:
    """Risk differences and numbers needed to treat."""
    first = table.iloc[0]
    risk = f"{number(first['control_risk'])}"
    if first["control_lower"] < first["control_upper"]:
        risk += f" ({number(first['control_lower'])} to {number(first['control_upper'])})"
    rows = [
        [
            {"mu": "mu, pooled effect", "theta_new": "theta_new, new setting"}.get(str(name), str(name)),
            number(row["treated_risk"]),
            _linear(row["difference_median"], row["difference_lower"], row["difference_upper"]),
            _needed(row["nnt_median"], row["nnt_lower"], row["nnt_upper"]),
        ]
        for name, row in table.iterrows()
    ]
    columns = [
        "median (95% interval)",
        "risk if treated",
        "risk difference",
        "number needed to treat",
    ]
    source = "" if first["control_lower"] == first["control_upper"] else f": {printable(asked)}"
    out = console()
    print_table(out, f"Absolute effects at a control risk of {risk}{source}", columns, rows)
    print_lines(out, ["Number needed to treat: for one event more (positive), or one fewer (negative)."])


def _needed(median: float, lower: float, upper: float) -> str:
    """Numbers needed to treat; an interval that holds no difference runs through infinity."""
    if lower * upper < 0.0:
        return f"{median:.0f} ({lower:.0f} through infinity to {upper:.0f})"
    return f"{median:.0f} ({lower:.0f} to {upper:.0f})"


# How the names of what is no effect start: heterogeneity, weights of publication, baselines.
NO_EFFECTS = ("tau", "alpha[", "omega[", "baseline_")


def parameter_rows(posterior: Posterior) -> list[list[str]]:
    """Each parameter: label, exponential, own scale; what is no effect has no exponential."""
    rows = []
    for name, row in posterior.summary().iterrows():
        triple = (float(row["median"]), float(row["lower"]), float(row["upper"]))
        is_effect = not str(name).startswith(NO_EFFECTS)
        rows.append([_label(str(name), posterior), _exp(*triple) if is_effect else "", _linear(*triple)])
    return rows


def _new_setting(posterior: Posterior) -> str:
    """What theta_new speaks of."""
    if posterior.model.setting is not None:
        return f"where {posterior.model.setting}"
    return "new setting" if len(posterior.design.columns) == 1 else "at the intercept"


def _label(name: str, posterior: Posterior) -> str:
    fixed = {
        "mu": "mu, pooled effect" if len(posterior.design.columns) == 1 else "mu, intercept",
        "tau": "tau, heterogeneity",
        "theta_new": f"theta_new, {_new_setting(posterior)}",
        "control_risk": "control_risk, slope",
    }
    return fixed.get(name, name)


def probabilities(posterior: Posterior, scale: Scale) -> list[str]:
    """How sure of a benefit, on average and in a new setting; of the direction that is wished, where that is known."""
    lower = posterior.trials.direction == "lower"
    event = scale.below if lower else scale.exceeds
    wished = {"higher": " (more events are wished)", "lower": " (fewer events are wished)"}

    def chance(marginal: Marginal) -> str:
        return probability(marginal.probability(below=0.0) if lower else marginal.probability(above=0.0))

    names = [name for name in posterior.parameters if name == "mu" or name.startswith("theta_new")]
    found = ", ".join(f"{chance(posterior[name])} for {name}" for name in names)
    return [f"P({event}): {found}{wished.get(posterior.trials.direction, '')}."]


def print_weights(out: Any, posterior: Posterior) -> None:
    """Each interval of p of a selection model: its trials, and its weight before and after they were seen."""
    if not isinstance(posterior, SelectedPosterior):
        return
    rows = [
        [
            row["interval"],
            str(row["trials"]),
            _linear(row["prior_median"], row["prior_lower"], row["prior_upper"]),
            _linear(row["median"], row["lower"], row["upper"]),
            "-" if row["overlap"] != row["overlap"] else f"{row['overlap']:.0%}",
        ]
        for row in posterior.weights().to_dict("records")
    ]
    columns = ["p value", "trials", "prior", "posterior", "overlap"]
    print_table(out, "Relative probability of publication", columns, rows)
    lower, median, upper = (number(max(float(q), 0.0)) for q in posterior.unpublished().quantile(LEVELS[[1, 0, 2]]))
    unseen = f"Trials done and not published, if the most significant all were: {median} ({lower} to {upper})."
    print_lines(out, [*posterior.remarks, unseen])


def group_rows(posterior: Posterior) -> list[list[str]]:
    """Each group of a categorical moderator."""
    return [
        [
            row["group"],
            str(row["k"]),
            _exp(row["median"], row["lower"], row["upper"]),
            _exp(row["new_median"], row["new_lower"], row["new_upper"]),
        ]
        for row in posterior.groups().to_dict("records")
    ]


def group_contrasts(posterior: Posterior, scale: Scale) -> list[str]:
    """Every other group against the first."""
    settings = posterior.design.settings()
    first = next(iter(settings))
    lines = []
    for label, setting in islice(settings.items(), 1, None):
        weights = posterior.design.row(setting) - posterior.design.row(settings[first])
        contrast = posterior.contrast(weights)
        found = _exp(*(float(value) for value in contrast.quantile(LEVELS)))
        more = probability(contrast.probability(above=0.0))
        lines.append(f"{label} v {first}: {scale.contrast} {found}, P(> 1) = {more}.")
    return lines


def print_sampling(out: Any, posterior: Posterior) -> None:
    """How well the parameters were sampled, where they were."""
    summary = posterior.summary()
    if "rhat" in summary:
        print_table(
            out,
            "Sampling",
            ["parameter", "R-hat", "ESS (bulk)", "MCSE of the mean"],
            [
                [str(name), f"{row['rhat']:.3f}", figures(row["ess_bulk"]), figures(row["mcse_mean"])]
                for name, row in summary.iterrows()
            ],
        )


def assumptions(posterior: Posterior) -> list[str]:
    """Model and priors in words."""
    model = posterior.model
    moderators = f", moderators {model.moderators}" if model.moderators else ""
    differs = f", tau by {model.tau_by}" if model.tau_by else f", log tau {model.scale}" if model.scale else ""
    lines = [f"Model: {model.likelihood} likelihood, random effects {model.random_effects}{moderators}{differs}."]
    # In words only where the words hold: they speak of odds ratios, and a coefficient is a ratio of those.
    in_words = describe if scale_of(posterior.trials) is LOG_ODDS_RATIO else str
    for name in posterior.design.columns:
        prior = model.prior_of(name)
        lines.append(f"Prior of {name}: {in_words(prior) if name == 'mu' else prior}".removesuffix(".") + ".")
    if isinstance(posterior, PosteriorOfSeveralTaus):
        lines += _of_several_taus(posterior)
    elif model.random_effects != "none":
        lines.append(f"Prior of tau: {in_words(posterior.tau_prior)}".removesuffix(".") + ".")
    if model.control_risk:
        lines.append(f"Prior of control_risk: {model.prior_of('control_risk')}.")
    if model.likelihood == "binomial":
        lines.append(f"Prior of the baselines (log odds at the {model.baseline_at}): {model.baseline}.")
    if model.selection is not None:
        lines.append(f"Prior of omega, the probability of publication relative to the smallest p: {model.omega}.")
    return lines


def _of_several_taus(posterior: PosteriorOfSeveralTaus) -> list[str]:
    """Priors of the heterogeneity, and where there is more of it."""
    lines = [f"Prior of {name}: {prior}." for name, prior in posterior.heterogeneity_priors.items()]
    return lines + [
        f"{row.ratio}: {spanned(row.median, row.lower, row.upper)}, P(> 1) = {probability(row.more)}."
        for row in rows(posterior.tau_ratios())
    ]


def shared_controls(posterior: Posterior) -> list[str]:
    """Which arms share a control, and what is assumed of their effects."""
    if not posterior.effects.shared:
        return []
    names = [listed([posterior.studies_in_model[row] for row in arms]) for arms in posterior.effects.shared]
    return [
        f"Arms that share a control: {'; '.join(names)}. They are one trial; their random effects are correlated"
        f" {posterior.model.arm_correlation:g} (--arm-correlation)."
    ]


def zero_cells(posterior: Posterior) -> list[str]:
    """What was done about zeros; it is said also where nothing was."""
    effects = posterior.effects
    lines = []
    if uses_effect_sizes(posterior.model):
        if not posterior.trials.has_counts.any():
            return []
        changed = f"something was added to the tables of {_listed(effects.corrected)}" if effects.corrected else ""
        dropped = f"{_listed(effects.dropped)} left out" if effects.dropped else ""
        done = "; ".join(part for part in (changed, dropped) if part) or "no table was changed"
        lines.append(f"Zero cells, rule {effects.zero_cells}: {done}.")
    if effects.double_zero:
        lines.append(
            f"Nobody or everybody had the event in both arms of {_listed(effects.double_zero)} "
            f"({len(effects.double_zero)}).{_what_double_zeros_say(posterior)}"
        )
    return lines


def _what_double_zeros_say(posterior: Posterior) -> str:
    """Whether they count; nothing of arms that share a control, which say what their whole trial says."""
    effects = posterior.effects
    arms = {posterior.studies_in_model[row] for rows in effects.shared for row in rows}
    return "" if arms & set(effects.double_zero) else f" {DOUBLE_ZEROS[posterior.model.likelihood]}"


def uses_effect_sizes(model: Model) -> bool:
    """Whether the likelihood works on effect sizes, which zero cells disturb, and not on counts."""
    return model.likelihood == "normal"


def evidence_for(posterior: Posterior) -> list[str]:
    """The marginal likelihood, for comparing models of the same data."""
    priors = {name: posterior.model.prior_of(name) for name in posterior.design.columns}
    return marginal_likelihood(posterior.log_marginal_likelihood, priors | posterior.heterogeneity_priors)


def marginal_likelihood(value: float | None, priors: Mapping[str, Prior]) -> list[str]:
    """A log marginal likelihood, and whether it may be compared: the constant of an improper prior is arbitrary."""
    if value is None:
        return []
    improper = [name for name, prior in priors.items() if not prior.proper]
    note = f", up to a constant: improper prior of {listed(improper)}, so no Bayes factors" if improper else ""
    return [f"Log marginal likelihood {value:.4f}{note}."]


def remarks(posterior: Posterior) -> list[str]:
    """What a reader must know before quoting these numbers."""
    trials = posterior.trials
    lines = not_a_replication(trials)
    if not trials.has_counts.any():
        lines.append(
            "Effects are on the scale of the estimates; exp(effect) is a ratio where estimates are log ratios."
        )
    if len(posterior.design.columns) > 1:
        lines.append("mu is the intercept: the effect where every other column of the design is zero.")
    if posterior.model.control_risk:
        from bayesmeta.checks import control_risk  # which loads the sampled engine, as this fit has done already

        lines.append(control_risk(posterior).sentence)
    absent = posterior.diagnostics.get("moments_that_do_not_exist")
    if absent:
        lines.append(f"These moments do not exist (the data say too little about tau): {', '.join(absent)}.")
    cut = posterior.diagnostics.get("moments_beyond_the_nodes")
    if cut:
        lines.append(f"Not given, as part of them lies beyond the largest tau that is integrated: {', '.join(cut)}.")
    return lines


def self_check(posterior: Posterior) -> list[str]:
    """What moved at more nodes, where that was asked for."""
    found = posterior.diagnostics.get("accuracy")
    if found is None:
        return []
    return [
        f"Self-check: at more nodes {found['worst_quantity']} moves most, by {found['worst_change']:.1g} posterior"
        f" standard deviations; the log marginal likelihood by {found['log_marginal_likelihood_change']:.1g}."
    ]


def _listed(studies: tuple[str, ...]) -> str:
    more = f" and {len(studies) - LONGEST_LIST} more" if len(studies) > LONGEST_LIST else ""
    return f"{', '.join(studies[:LONGEST_LIST])}{more}"


def _exp(median: float, lower: float, upper: float) -> str:
    return spanned(median, lower, upper, ratio_figures)


def _linear(median: float, lower: float, upper: float) -> str:
    return spanned(median, lower, upper, figures)
