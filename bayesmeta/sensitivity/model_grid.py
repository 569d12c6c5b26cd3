"""Other models of the same trials, and the frequentist methods beside them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmeta.effects import ZERO_CELL_RULES, effect_sizes
from bayesmeta.errors import BayesmetaError
from bayesmeta.fit import fit
from bayesmeta.frequentist import METHODS, Pools, pool
from bayesmeta.model import BASELINES_AT, LIKELIHOODS, RANDOM_EFFECTS, ZERO_CELLS, Model
from bayesmeta.posterior import Posterior
from bayesmeta.sensitivity.asked import analysis, effect_name
from bayesmeta.sensitivity.part import Part, refusals, varied
from bayesmeta.sensitivity.rows import Row, completed, row_of
from bayesmeta.sensitivity.words import effect_of, runs
from bayesmeta.trials import Trials
from bayesmeta.wording import counted, listed

#: What stands for each kind of random effects that takes numbers.
RANDOM_EFFECTS_TRIED = {"student_t": "student_t(4)", "mixture": "mixture(0.1, 5)"}
COSTLY = "student_t"  # seconds: only where every combination is asked for, or it is the given one
AS_USUAL = {"zero_cells": ZERO_CELLS}  # each model states its own rule; most have none
NAMES = ("kind", "model", "likelihood", "zero_cells", "random_effects", "baseline_at")


@dataclass(frozen=True, eq=False)
class ModelGrid(Part):
    """The posterior under each model, and each frequentist pool.

    Attributes
    ----------
    table : kind ("Bayesian" or "frequentist"), model (in words), likelihood, zero_cells, random_effects, baseline_at
        (text, empty where it has no meaning), the columns of `rows.COLUMNS`, changes. Frequentist rows: estimate and
        confidence interval as median, lower and upper, prediction interval as new_lower and new_upper, sqrt(tau2) as
        tau, no probabilities.
    """

    name = "model_grid"


def model_grid(
    posterior: Posterior | Trials,
    model: Model | None = None,
    *,
    cross: bool = False,
    frequentist: bool = True,
    pools: Pools | None = None,
) -> ModelGrid:
    """Likelihood x zero-cell rule x random effects x baselines, with the priors as given; and the frequentist methods.

    Only what can differ: zero-cell rules matter to the normal likelihood where a table has a zero ("all" always),
    baselines to the binomial one.

    Parameters
    ----------
    posterior : the analysis as given (of either engine), or trials.
    model : with trials, the model; None for the default one.
    cross : every combination, which costs seconds; else every likelihood, rule and baseline with the random effects as
        given and with none, and an outlier mixture with the likelihood as given.
    frequentist : whether to add the frequentist rows.
    pools : of the same trials, where they are at hand; None to compute them.

    Returns
    -------
    ModelGrid. Models that the exact engine does not carry are in `refused`, each with its reason.

    References
    ----------
    Jackson et al. 2018, Stat Med 37:1059 (state one model, show the others); Stijnen, Hamza & Ozdemir 2010, Stat Med
    29:3046.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> part = model_grid(bm.load("crins2014"), bm.Model("normal"), frequentist=False)
    >>> sorted(set(part.table.loc[part.table["likelihood"] == "normal", "zero_cells"]))
    ['all', 'drop', 'only_zero', 'treatment_arm']
    """
    given = analysis(posterior, model)
    rows: list[Row] = []
    labels: list[dict[str, str]] = []
    refused: list[dict[str, str]] = []
    for parts in _variants(given, cross):
        label = {"kind": "Bayesian", "model": _in_words(parts, given.model)} | {
            name: parts.get(name, "") for name in NAMES[2:]
        }
        try:
            one = given if _same(given.model, parts) else fit(given.trials, given.model.but(**AS_USUAL | parts))
            rows.append(row_of(one))
            labels.append(label)
        except BayesmetaError as error:
            refused.append({"model": label["model"], "reason": str(error)})
    if frequentist:
        _add_pools(given, pools, rows, labels, refused)
    frame = completed(rows, given.trials.direction)
    table = varied({name: [label[name] for label in labels] for name in NAMES}, frame, row_of(given))
    return ModelGrid(table, _sentence(given, table, refused), refusals(refused, "model"), given)


def _variants(given: Posterior, cross: bool) -> Iterator[dict[str, str]]:
    """The parts of each model that are worth a row."""
    counts = bool(given.trials.has_counts.any())
    effects = effect_sizes(given.trials) if counts else given.effects
    rules = ["only_zero", "all"] if counts else [given.model.zero_cells]
    if effects.corrected:
        rules = [rule for rule in ZERO_CELL_RULES if rule != "none"]
    own = {"normal": [{"zero_cells": rule} for rule in rules], "binomial": [{"baseline_at": at} for at in BASELINES_AT]}
    as_given = given.model.random_effects
    tried = [RANDOM_EFFECTS_TRIED.get(name, name) for name in RANDOM_EFFECTS]
    random_effects = list(dict.fromkeys([as_given, *tried]))
    for likelihood in LIKELIHOODS if counts else ("normal",):
        for parts in own.get(likelihood, [{}]):
            here = likelihood == given.model.likelihood and _same(given.model, parts)
            for effect in random_effects:
                affordable = here and not effect.startswith(COSTLY)
                if cross or affordable or effect in (as_given, "none"):
                    yield {"likelihood": likelihood, "random_effects": effect} | parts


def _same(model: Model, parts: dict[str, str]) -> bool:
    return all(getattr(model, name) == value for name, value in parts.items())


def _in_words(parts: dict[str, str], model: Model) -> str:
    """A short name: the likelihood, and what is not the usual, which the frequentist rows below do not have."""
    effects = {"normal": "", "none": ", common effect"}.get(
        parts["random_effects"], f", {parts['random_effects']} effects"
    )
    extra = f", zero cells {parts['zero_cells']}" if "zero_cells" in parts else ""
    extra += f", baseline at {parts['baseline_at']}" if "baseline_at" in parts else ""
    extra += ", selection" if model.selection is not None and parts["likelihood"] == "normal" else ""
    extra += ", tau that differs" if model.tau_differs and parts["random_effects"] != "none" else ""
    return f"{parts['likelihood']}{effects}{extra}"


def _add_pools(
    given: Posterior, pools: Pools | None, rows: list[Row], labels: list[dict[str, str]], refused: list[dict[str, str]]
) -> None:
    """The rows of the yardstick, or the reason why there are none."""
    if given.model.moderators is not None:
        reason = "the frequentist pools have no moderators: see bayesmeta.metaregression"
        refused.append({"model": "frequentist pools", "reason": reason})
        return
    try:
        found = pools if pools is not None else pool(given.trials, zero_cells=given.model.zero_cells)
    except BayesmetaError as error:
        refused.append({"model": "frequentist pools", "reason": str(error)})
        return
    for row in found.table.to_dict("records"):
        method, random = METHODS[str(row["method"])], np.isfinite(row["tau2"])
        rows.append(
            {
                "median": row["estimate"],
                "lower": row["lower"],
                "upper": row["upper"],
                "tau": float(np.sqrt(row["tau2"])),
            }
            | {"new_lower": row["prediction_lower"], "new_upper": row["prediction_upper"]}
        )
        rule = given.model.zero_cells if method.pools == "effects" else ""
        label = f"{method.says}{f' ({row["interval"]})' if random else ''}"
        labels.append(dict(zip(NAMES, ("frequentist", label, "", rule, "normal" if random else "none", ""))))
    refused += [{"model": note.split(" left out")[0], "reason": note} for note in found.notes if " left out: " in note]


def _sentence(given: Posterior, table: pd.DataFrame, refused: list[dict[str, str]]) -> str:
    """How far the answers of the models lie apart, and which say something else."""
    before = row_of(given)
    about = "leaves out" if before["lower"] > 0.0 or before["upper"] < 0.0 else "takes in"
    parts = []
    for kind, what in (("Bayesian", "Bayesian model"), ("frequentist", "frequentist method")):
        rows = table[table["kind"] == kind]
        if rows.empty:
            continue
        changes = rows.loc[rows["changes"], "model"].tolist()
        says = f"the 95% interval {about} OR 1 under {'it' if len(rows) == 1 else 'all of them'} too"
        if changes:
            some = f"{len(changes)} of them" if len(changes) < len(rows) else "it" if len(rows) == 1 else "all of them"
            says = f"the 95% interval says otherwise under {some} ({listed(changes, 3)})"
        parts.append(f"Under {counted(len(rows), what)} the {effect_name(given)} {runs(rows['median'])}, and {says}")
    text = f"As given {effect_of(before)}, which {about} OR 1. {'. '.join(parts)}."
    if refused:
        text += f" {counted(len(refused), 'model')} could not be fitted here, each with its reason."
    return text
