"""Two outcomes at once under other priors, the other likelihood, and without each trial."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from bayesmeta.errors import BayesmetaError, ModelError
from bayesmeta.fit import fit
from bayesmeta.model import JOINT_LIKELIHOODS, JointModel
from bayesmeta.posterior import JointPosterior
from bayesmeta.posterior.joint import SIGNS
from bayesmeta.priors import EffectPrior, HeterogeneityPrior
from bayesmeta.priors.correlation import CorrelationPrior
from bayesmeta.sensitivity.part import refusals
from bayesmeta.sensitivity.prior_choices import MU, TAU
from bayesmeta.sensitivity.rows import conclusion
from bayesmeta.sensitivity.words import probability, range_of, ratio_interval
from bayesmeta.tables import plain, records
from bayesmeta.trials import JointTrials
from bayesmeta.types import Json
from bayesmeta.wording import between, counted, listed, number

#: No opinion, two that lean towards 0, either sign alone, independence, and nearly one outcome.
RHO = ("uniform(-1, 1)", "lkj(2)", "lkj(4)", "uniform(-1, 0)", "uniform(0, 1)", "fixed(0)", "fixed(-0.8)")
DEFAULT: Mapping[str, Sequence[str]] = {"rho": RHO, "tau": TAU, "mu": MU}
#: Where a fit takes seconds and not a fraction of one: the ends of these lists, and what is between.
SHORT: dict[str, Mapping[str, Sequence[str]]] = {
    "trinomial": {
        "rho": ("uniform(-1, 1)", "uniform(-1, 0)", "fixed(0)", "fixed(-0.8)"),
        "tau": ("half_normal(0.1)", "half_normal(0.5)", "half_normal(1)", "half_cauchy(0.5)", "uniform(0, 10)"),
        "mu": ("odds_ratio_within(250)", "normal(0, 1)", "flat"),
    }
}
LEVELS = np.array([0.5, 0.025, 0.975])
ENDS = ("", "_lower", "_upper")

Row = dict[str, float]
Variation = tuple[str, Callable[[], JointTrials], JointModel]


@dataclass(frozen=True)
class Asked:
    """Priors to try; None for the default ones."""

    tau: Sequence[HeterogeneityPrior | str] | None = None
    mu: Sequence[EffectPrior | str] | None = None
    rho: Sequence[CorrelationPrior | str] | None = None


def _priors(part: str) -> Callable[[JointPosterior, Asked], Iterator[Variation]]:
    """The model with another prior of one part, the same for both outcomes; its own one is the analysis as given."""

    def variations(given: JointPosterior, asked: Asked) -> Iterator[Variation]:
        tried = getattr(asked, part)
        default = SHORT.get(given.model.likelihood, DEFAULT)[part]
        for prior in default if tried is None else tried:
            model = given.model.but(**{part: prior})
            if model != given.model:
                text = model.to_dict()[part]
                yield text if isinstance(text, str) else " and ".join(text), lambda: given.trials, model

    return variations


def _likelihoods(given: JointPosterior, _: Asked) -> Iterator[Variation]:
    for likelihood in JOINT_LIKELIHOODS:
        model = given.model.but(likelihood=likelihood)
        if model != given.model and model.has_exact:
            yield likelihood, lambda: given.trials, model


def _trials(given: JointPosterior, _: Asked) -> Iterator[Variation]:
    for study in given.studies_in_model:
        yield study, partial(given.trials.without, study), given.model


#: What is varied, one thing at a time.
KINDS: dict[str, Callable[[JointPosterior, Asked], Iterator[Variation]]] = {
    "prior of rho": _priors("rho"),
    "prior of tau": _priors("tau"),
    "prior of mu": _priors("mu"),
    "likelihood": _likelihoods,
    "without": _trials,
}


@dataclass(frozen=True, eq=False)
class JointSensitivity:
    """What two outcomes say together when one thing at a time is another.

    Attributes
    ----------
    table : one row a variation: kind (of KINDS), variation; for each outcome mu[outcome] with _lower and _upper (log
        odds ratio, median and 95%), odds_ratio[outcome] likewise, tau[outcome] (median); rho with _lower and _upper;
        both and new_both, P(both effects on the sides that are asked about) of the pooled effects and in a new setting;
        changes, whether a 95% interval says something else about OR 1.
    sentence : what changes, in words.
    refused : kind, variation, reason of what cannot be fitted.
    posterior : the analysis as given, by the exact engine.
    """

    table: pd.DataFrame
    sentence: str
    refused: pd.DataFrame
    posterior: JointPosterior

    name: ClassVar[str] = "joint"

    @cached_property
    def given(self) -> Row:
        """The analysis as given, in the columns of the table."""
        return row_of(self.posterior, sides_of(self.posterior))

    @property
    def sides(self) -> tuple[str, str]:
        """What is asked of each effect: "higher" (OR above 1) or "lower"."""
        return sides_of(self.posterior)

    def to_dict(self) -> Json:
        """Plain data: the JSON of `bayesmeta sensitivity --joint --json`."""
        return {
            "part": self.name,
            "sentence": self.sentence,
            "model": self.posterior.model.to_dict(),
            "k": len(self.posterior.studies_in_model),
            "outcomes": list(self.posterior.outcomes),
            "sides": list(self.sides),
            "given": {name: plain(value) for name, value in self.given.items()},
            "rows": records(self.table),
            "refused": records(self.refused),
        }


def joint(
    posterior: JointPosterior | JointTrials,
    model: JointModel | None = None,
    *,
    tau: Sequence[HeterogeneityPrior | str] | None = None,
    mu: Sequence[EffectPrior | str] | None = None,
    rho: Sequence[CorrelationPrior | str] | None = None,
) -> JointSensitivity:
    """Fit two outcomes at once under other priors, the other likelihood and without each trial, one at a time.

    Parameters
    ----------
    posterior : the analysis as given (of either engine), or trials with both outcomes.
    model : with trials, the model; None for the default one.
    tau, mu, rho : priors to try, or their text, each for both outcomes; () for none; None for the default lists, which
        are short with the trinomial likelihood, a fit of which takes seconds.

    Returns
    -------
    JointSensitivity. What cannot be fitted is in `refused`, with its reason.

    Raises
    ------
    ModelError : a model that the exact engine does not carry: draws would hide small changes behind their own error.
    PriorError : a text that is no prior.

    References
    ----------
    Burke, Bujkiewicz & Riley 2018, Stat Methods Med Res 27:428 (priors of the between-study correlation); Riley 2009,
    J R Stat Soc A 172:789.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> given = bm.fit(bm.load("attachment/classification"), bm.JointModel("normal"))
    >>> found = joint(given, tau=(), mu=(), rho=["fixed(0)"])
    >>> found.table.query("kind == 'prior of rho'")["odds_ratio[disorganised attachment]"].round(2).tolist()
    [0.28]
    """
    given = _analysis(posterior, model)
    sides = sides_of(given)
    before = row_of(given, sides)
    labels: list[dict[str, str]] = []
    rows: list[Row] = []
    refused: list[dict[str, str]] = []
    for kind, variations in KINDS.items():
        for variation, trials, other in variations(given, Asked(tau, mu, rho)):
            label = {"kind": kind, "variation": variation}
            try:
                rows.append(row_of(fit(trials(), other), sides))
                labels.append(label)
            except BayesmetaError as error:
                refused.append(label | {"reason": str(error)})
    table = pd.DataFrame([label | row for label, row in zip(labels, rows)], columns=["kind", "variation", *before])
    table["changes"] = [_conclusions(row, given.outcomes) != _conclusions(before, given.outcomes) for row in rows]
    reasons = refusals(refused, "kind", "variation")
    return JointSensitivity(table, _sentence(given, before, table, reasons), reasons, given)


def sides_of(posterior: JointPosterior) -> tuple[str, str]:
    """The side of OR 1 that is asked about: what is wished where the data say so, otherwise where the effect lies."""
    one, other = (
        wished if wished in SIGNS else ("higher" if posterior[f"mu[{outcome}]"].median >= 0.0 else "lower")
        for wished, outcome in zip(posterior.trials.directions, posterior.outcomes)
    )
    return one, other


def row_of(posterior: JointPosterior, sides: tuple[str, str]) -> Row:
    """The columns of one posterior.

    Parameters
    ----------
    posterior : of two outcomes.
    sides : "higher" or "lower" for each outcome, of which `both` is the probability.
    """
    row: Row = {}
    summary = posterior.summary()
    three = summary[["median", "lower", "upper"]]
    for outcome in posterior.outcomes:
        values = three.loc[f"mu[{outcome}]"].to_numpy(dtype=float)
        row |= {f"mu{end}[{outcome}]": float(value) for end, value in zip(ENDS, values)}
        row |= {f"odds_ratio{end}[{outcome}]": float(value) for end, value in zip(ENDS, np.exp(values))}
    row |= {f"tau[{outcome}]": float(summary["median"][f"tau[{outcome}]"]) for outcome in posterior.outcomes}
    row |= {f"rho{end}": float(value) for end, value in zip(ENDS, three.loc["rho"])}
    row["both"] = posterior.joint_probability(directions=sides)
    row["new_both"] = posterior.joint_probability(new_setting=True, directions=sides)
    return row


def _analysis(posterior: JointPosterior | JointTrials, model: JointModel | None) -> JointPosterior:
    """The analysis that is varied, by the exact engine."""
    if not isinstance(posterior, JointPosterior | JointTrials):
        raise BayesmetaError(
            f"sensitivity.joint takes a posterior of two outcomes, or their trials and a model, not"
            f" {type(posterior).__name__}."
        )
    if isinstance(posterior, JointPosterior) and model is not None:
        raise BayesmetaError("sensitivity takes a posterior, or trials and a model: a posterior has its own model.")
    stated = posterior.model if isinstance(posterior, JointPosterior) else model or JointModel()
    if not stated.has_exact:
        raise ModelError(
            f"sensitivity of two outcomes: the exact engine does not carry the {stated.likelihood} likelihood with mu"
            f" {stated.to_dict()['mu']}, and draws would hide small changes behind their own error. State"
            " --likelihood normal and normal priors of mu, or compare fits one by one."
        )
    if isinstance(posterior, JointPosterior) and posterior.engine == "exact":
        return posterior
    return fit(posterior if isinstance(posterior, JointTrials) else posterior.trials, stated)


def _conclusions(row: Row, outcomes: tuple[str, str]) -> list[int]:
    """What both 95% intervals say about OR 1."""
    return [conclusion(_of(row, outcome)) for outcome in outcomes]


def _of(row: Any, outcome: str) -> Row:
    """One outcome's pooled effect: median, lower, upper."""
    return {name: row[f"mu{end}[{outcome}]"] for name, end in zip(("median", "lower", "upper"), ENDS)}


def _sentence(given: JointPosterior, before: Row, table: pd.DataFrame, refused: pd.DataFrame) -> str:
    """The ranges of the answers, and what says something else."""
    if table.empty:
        return f"None of {counted(len(refused), 'variation')} can be fitted: {refused['reason'].iloc[0]}"
    outcomes, sides = given.outcomes, sides_of(given)
    parts = [
        f"the OR of {outcome} runs {range_of(table[f'mu[{outcome}]'])} (as given"
        f" {ratio_interval(*_of(before, outcome).values())})"
        for outcome in outcomes
    ]
    asked = " and ".join(
        f"OR {'>' if side == 'higher' else '<'} 1 for {outcome}" for side, outcome in zip(sides, outcomes)
    )
    if all(direction in SIGNS for direction in given.trials.directions):
        asked += ", both as wished"
    text = (
        f"Varied one at a time ({_varied(table)}), {' and '.join(parts)}; the median of rho runs"
        f" {between(number(table['rho'].min()), number(table['rho'].max()))}; P({asked}) runs"
        f" {_span(table['both'])}, in a new setting {_span(table['new_both'])}."
    )
    least = table.iloc[int(np.argmin(table["both"]))]
    if least["both"] < before["both"] - 0.0005:
        text += f" Both are least sure {_named(least)}: {probability(least['both'])}."
    changes = table[table["changes"]]
    if changes.empty:
        text += " The 95% intervals of both say the same about OR 1 throughout."
    else:
        names = [_named(row) for _, row in changes.iterrows()]
        text += f" A 95% interval says something else about OR 1 in {len(changes)} of {len(table)}: {listed(names, 3)}."
    if len(refused):
        text += f" {counted(len(refused), 'further variation')} cannot be fitted, each with its reason."
    return text


def _varied(table: pd.DataFrame) -> str:
    """How many variations of each kind."""
    counts = table["kind"].value_counts()
    words = {
        "likelihood": "the other likelihood",
        "without": counted(int(counts.get("without", 0)), "trial") + " left out",
    }
    return listed(
        [words.get(kind, counted(int(counts[kind]), kind)) for kind in KINDS if counts.get(kind, 0)], len(KINDS)
    )


def _named(row: "pd.Series[Any]") -> str:
    """A variation in a sentence."""
    kind, variation = str(row["kind"]), str(row["variation"])
    if kind.startswith("prior"):
        return f"under {kind.removeprefix('prior of ')} {variation}"
    return f"without {variation}" if kind == "without" else f"under the {variation} likelihood"


def _span(values: "pd.Series[float]") -> str:
    return between(probability(float(values.min())), probability(float(values.max())))
