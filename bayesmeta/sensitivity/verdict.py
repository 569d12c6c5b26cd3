"""One sentence from all parts: what holds, under what, and what it would take to change it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayesmeta.errors import BayesmetaError
from bayesmeta.sensitivity.asked import effect_name, level_asked, name_of_probability, side_of
from bayesmeta.sensitivity.bias import MAIN, UNTOLD, Bias
from bayesmeta.sensitivity.credibility import Credibility
from bayesmeta.sensitivity.leave_one_out import LeaveOneOut
from bayesmeta.sensitivity.model_grid import ModelGrid
from bayesmeta.sensitivity.part import Part
from bayesmeta.sensitivity.power_scaling import CONFLICT, STRONG, PowerScaling
from bayesmeta.sensitivity.prior_grid import PriorGrid, number_of, pair_of
from bayesmeta.sensitivity.reference import ANTICONSERVATIVE, CONSERVATIVE, Reference
from bayesmeta.sensitivity.rows import conclusion
from bayesmeta.sensitivity.tipping_point import ALL_SMALLER, BETWEEN, TippingPoint
from bayesmeta.sensitivity.words import probability, ratio_interval
from bayesmeta.tables import rows as each
from bayesmeta.wording import between, counted, listed, number, ratio, rounded

HANDFUL = 5  # names of trials
MEANING = {
    CONFLICT: "both the prior and the trials move {}, a sign that they disagree",
    STRONG: "what is said of {} rests on the prior, which moves it more than the trials do",
}
WIDER = {CONSERVATIVE: "wider", ANTICONSERVATIVE: "narrower"}
UNDECIDED = (1.0 / UNTOLD, UNTOLD)  # Bayes factors

Parts = Sequence[Part | Credibility]


def verdict(parts: Parts) -> str:
    """One sentence: the conclusion as given, where it holds and where not, what would change it, a new setting.

    Parameters
    ----------
    parts : results of this room, in any order; at least one that belongs to a posterior.

    Returns
    -------
    str, with the numbers that carry it.

    Raises
    ------
    BayesmetaError
        No part that belongs to a posterior.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from bayesmeta.sensitivity import leave_one_out, prior_grid
    >>> posterior = bm.fit(bm.load("crins2014"), bm.Model("normal"))
    >>> verdict([leave_one_out(posterior), prior_grid(posterior)]).split(":")[0]
    'The pooled OR of acute rejection lies below 1 (0.21 (0.11 to 0.40), P(OR < 1), the wished direction, > 0.999)'
    """
    own = [part for part in parts if isinstance(part, Part)]
    if not own:
        raise BayesmetaError("a verdict needs at least one part of a sensitivity analysis that belongs to a posterior.")
    clauses = [_stands(own), *_bias(own), *_costs(own), *_rests(own), *_new_setting(own)]
    clauses += [_published(part) for part in parts if isinstance(part, Credibility)]
    return f"{_conclusion(own[0])}: {'; '.join(clause for clause in clauses if clause)}."


def _conclusion(part: Part) -> str:
    """The answer as given."""
    posterior, given = part.posterior, part.given
    side = side_of(posterior)
    chance = given["above"] if side > 0 else 1.0 - given["above"]
    of = f" of {posterior.trials.outcome}" if posterior.trials.outcome else ""
    what = {1: "lies above 1", -1: "lies below 1", 0: "is not told apart from 1"}[conclusion(given)]
    numbers = ratio_interval(given["median"], given["lower"], given["upper"])
    name = name_of_probability(side, bool(posterior.trials.direction))
    under = f" under selection {posterior.model.selection}" if posterior.model.selection is not None else ""
    return f"The {effect_name(posterior)}{of}{under} {what} ({numbers}, {name} {probability(chance)})"


def _stands(parts: list[Part]) -> str:
    """Under how many variations the interval says the same, and which ones say otherwise."""
    same, other = [], []
    for part in parts:
        for always, sometimes, changed in _variations(part):
            if changed:
                other.append(f"{sometimes} ({listed(changed, 2)})")
            else:
                same.append(always)
    text = f"the 95% interval says so {listed(same, 9)}" if same else ""
    if other:
        text += f"{', but' if same else 'the 95% interval'} says otherwise {listed(other, 9)}"
    return text


def _variations(part: Part) -> list[tuple[str, str, list[str]]]:
    """For each kind of variation, in words: all of them, those that change the conclusion, and their names."""
    table = part.table
    changes = table[table["changes"]] if "changes" in table else table
    if isinstance(part, PriorGrid) and len(table):
        changed = [f"tau {pair_of(row)}" for row in changes.to_dict("records")]
        return [(*_under(len(table), len(changed), number_of(table)), changed)]
    if isinstance(part, ModelGrid):
        found = []
        for kind, what in (("Bayesian", "model"), ("frequentist", "frequentist method")):
            n, names = int((table["kind"] == kind).sum()), changes.loc[changes["kind"] == kind, "model"].tolist()
            if n:
                found.append((*_under(n, len(names), counted(n, what)), names))
        return found
    if isinstance(part, LeaveOneOut) and len(table):
        names, what = changes["study"].tolist(), "row" if part.of == "rows" else "trial"
        return [(f"whichever of the {counted(len(table), what)} is left out", f"when one {what} is left out", names)]
    return []


def _under(n: int, changed: int, what: str) -> tuple[str, str]:
    """In words: under all variations of a kind, and under those that change the conclusion."""
    every = f"under the {what} tried" if n == 1 else f"under all {what}"
    return every, every if changed == n else f"under {changed} of {what}"


def _bias(parts: list[Part]) -> list[str]:
    """What the average over models with and without bias says."""
    found = [part for part in parts if isinstance(part, Bias)]
    if not found:
        return []
    part, given = found[0], parts[0].given
    averages = {row.models: row for row in each(part.averages)}
    average, unbiased = averages["all models"], averages.get("with an effect, no bias")
    of_bias = {row.question: row for row in each(part.questions)}["bias"]
    factor = float(of_bias.bayes_factor)
    says = conclusion({"lower": average.lower, "upper": average.upper})
    place = {1: "above 1", -1: "below 1", 0: "not told apart from 1"}[says]
    text = (
        f"averaged over {counted(len(part.table), 'model')} with and without effect, heterogeneity and bias (normal"
        f" likelihood) the OR is {'still' if says == conclusion(given) else 'then'} {place},"
        f" {ratio_interval(average.median, average.lower, average.upper)}"
    )
    if unbiased is not None:
        text += f" ({ratio(unbiased.median)} if there is an effect and no bias)"
    if UNDECIDED[0] < factor < UNDECIDED[1]:
        return [f"{text}, and the trials do not tell whether there is bias (Bayes factor {number(factor)})"]
    small = float(part.table.loc[part.table["kind"] == "small trials", "posterior"].sum())
    kind = f"P(PET or PEESE) {probability(small)}, " if small > MAIN else ""
    chance = probability(float(of_bias.posterior))
    return [f"{text}, with P(bias) {chance} ({kind}Bayes factor {number(factor)})"]


def _costs(parts: list[Part]) -> list[str]:
    """What it takes until the interval takes in OR 1."""
    found = [part for part in parts if isinstance(part, TippingPoint)]
    if not found or conclusion(found[0].given) != found[0].side:
        return []  # the interval takes in OR 1, or lies on the side that is not asked about
    takes = []
    for row in found[0].table[found[0].table["bound"] == 0.975].to_dict("records"):
        if row["status"] != "found":
            continue
        if row["question"] == "trials removed":
            takes.append(_loss(row))
        elif row["question"] == "sceptical prior of mu":
            low, high = number(1.0 / row["odds_ratio"]), number(row["odds_ratio"])
            takes.append(f"a sceptic who holds the OR to lie between {low} and {high} with 95% probability")
        else:
            takes.append(f"a prior of tau as wide as {rounded(row['prior'])}")
    if not takes:
        return ["no sceptical prior, prior of tau or removal of trials that was tried changes it"]
    return [f"to change it takes {', or '.join(takes)}"]


def _loss(row: dict[Any, Any]) -> str:
    """The trials whose loss changes it: by name where they are few, and that fewer might do where it is so."""
    names = row["trials"].split(BETWEEN)
    more = [listed(names, HANDFUL)] if len(names) <= HANDFUL else []
    more += [] if row["how"] == ALL_SMALLER else ["fewer might do"]
    return f"the loss of {counted(len(names))}{f' ({"; ".join(more)})' if more else ''}"


def _rests(parts: list[Part]) -> list[str]:
    """What rests on the prior."""
    clauses = []
    for part in parts:
        if isinstance(part, PowerScaling):
            for diagnosis, says in MEANING.items():
                rows = part.table[part.table["diagnosis"] == diagnosis]
                shown = [f"{row.parameter} (sensitivity {number(row.prior)})" for row in each(rows)]
                if shown:
                    clauses.append(says.format(listed(shown)))
        if isinstance(part, Reference):
            mu = part.table.set_index("quantity").to_dict("index")["mu"]
            ends = [f"{ratio(mu[f'{of}lower'])} to {ratio(mu[f'{of}upper'])}" for of in ("", "reference_")]
            clauses.append(
                f"the prior of tau makes the interval {WIDER[mu['side']]} than the reference prior {part.prior} would"
                f" ({ends[0]} in place of {ends[1]})"
            )
    return clauses


def _new_setting(parts: list[Part]) -> list[str]:
    """The probability in a new setting, as given and over the priors."""
    posterior, given = parts[0].posterior, parts[0].given
    side = side_of(posterior)

    def chance(above: float) -> float:
        return above if side > 0 else 1.0 - above

    name = f"in a new setting{level_asked(posterior)} {name_of_probability(side, False)}"
    text = f"{name} is {probability(chance(given['new_above']))}"
    for part in parts:
        if isinstance(part, PriorGrid) and len(part.table):
            ends = sorted(chance(float(value)) for value in np.quantile(part.table["new_above"], [0.0, 1.0]))
            over = between(probability(ends[0]), probability(ends[1]))
            text += (
                f", over the priors {over}"
                if len(part.table) > 1
                else f", under the priors tried {probability(ends[0])}"
            )
    return [text]


def _published(part: Credibility) -> str:
    """The scepticism that the published interval withstands."""
    text = f"the published OR {ratio_interval(part.estimate, part.lower, part.upper)}"
    if part.kind == "scepticism":
        low, high = sorted((-part.limit, part.limit))
        return (
            f"{text} convinces all but those who held the OR to lie between {ratio(low)} and {ratio(high)} beforehand,"
            " with 95% probability"
        )
    low, high = sorted((0.0, part.limit))
    ends = f"between {ratio(low)} and {ratio(high)}"
    return f"{text} convinces only those who held the OR to lie {ends} beforehand, with 95% probability"
