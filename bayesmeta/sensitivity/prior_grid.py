"""Other priors: every prior of tau with every prior of mu."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmeta.errors import BayesmetaError
from bayesmeta.model import Model
from bayesmeta.posterior import Posterior
from bayesmeta.priors import EffectPrior, HeterogeneityPrior
from bayesmeta.sensitivity.asked import analysis, effect_name, probability_name, side_of
from bayesmeta.sensitivity.many import Question
from bayesmeta.sensitivity.part import Part, refusals, varied
from bayesmeta.sensitivity.prior_choices import mu_priors, tau_priors
from bayesmeta.sensitivity.refit import with_priors
from bayesmeta.sensitivity.rows import COMPUTED, Row, completed, row_of
from bayesmeta.sensitivity.words import between, counted, effect_of, listed, number, probability, range_of
from bayesmeta.tables import rows as each
from bayesmeta.trials import Trials

Pair = tuple[HeterogeneityPrior, EffectPrior]


@dataclass(frozen=True, eq=False)
class PriorGrid(Part):
    """The posterior under each prior of a grid.

    Attributes
    ----------
    table : tau_prior and mu_prior (text), the columns of `rows.COLUMNS`, log_marginal_likelihood (NaN where a prior
        is improper: its constant is arbitrary), and changes (whether the 95% interval says something else about OR
        1).
    data_only : the same numbers with flat priors on mu and on tau, what the trials say alone; None where that is
        improper (fewer than three trials).
    """

    data_only: Row | None = None

    name = "prior_grid"


def prior_grid(
    posterior: Posterior | Trials,
    model: Model | None = None,
    *,
    tau: Sequence[HeterogeneityPrior | str] | None = None,
    mu: Sequence[EffectPrior | str] | None = None,
) -> PriorGrid:
    """The posterior under every prior of tau with every prior of mu.

    Normal likelihood: the trials are evaluated once, on nodes of tau that serve all priors; a prior is a row of
    weights.

    Parameters
    ----------
    posterior : the analysis as given (of either engine), or trials.
    model : with trials, the model; None for the default one.
    tau, mu : priors, or their text; None for the default lists, which hold the given priors too.

    Returns
    -------
    PriorGrid. A pair that leaves the posterior improper stands in `refused` with its reason.

    Raises
    ------
    PriorError, ModelError
        A text that is no prior, or a model that the exact engine does not carry.

    References
    ----------
    Lambert et al. 2005, Stat Med 24:2401 (how much "vague" priors of tau differ); Roever et al. 2021, Res Synth
    Methods 12:448.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> trials = bm.load("attachment/secure")
    >>> grid = prior_grid(trials, tau=["half_normal(0.5)", "half_cauchy(1)"], mu=["flat", "normal(0, 1)"])
    >>> grid.table[["tau_prior", "mu_prior", "odds_ratio"]].round(2).values.tolist()[0]
    ['half_normal(0.5)', 'flat', 3.07]
    """
    given = analysis(posterior, model)
    taus, mus = tau_priors(given, tau), mu_priors(given, mu)
    pairs, refused = _proper_pairs(given, [(a, b) for a in taus for b in mus])
    answers = _answers(given, pairs, refused)
    done = list(answers)
    labels = {"tau_prior": [str(a) for a, _ in done], "mu_prior": [str(b) for _, b in done]}
    rows = completed([row for row, _ in answers.values()], given.trials.direction)
    as_given = row_of(given)
    table = varied(labels, rows, as_given)
    table["log_marginal_likelihood"] = [evidence for _, evidence in answers.values()]
    reasons = refusals(refused, "tau_prior", "mu_prior")
    return PriorGrid(table, _sentence(given, as_given, table, reasons), reasons, given, data_only(given))


def data_only(posterior: Posterior) -> Row | None:
    """What the trials say alone: flat priors on mu and on tau; None where that posterior is improper."""
    question = Question.of(posterior)
    flat = int(np.isinf(posterior.design.prior_scale).sum()) + int(np.isfinite(_mu_scale(posterior)))
    if question is None or len(posterior.effects.y) - flat <= 1:  # p(tau | y) then falls no faster than 1 / tau
        return None
    zero = (np.zeros(1), np.full(1, np.inf))
    rows = question.weighted(lambda values: np.zeros((1, len(values))), zero).rows()
    return {name: float(rows[name][0]) for name in COMPUTED}


def _mu_scale(posterior: Posterior) -> float:
    columns = posterior.design.columns
    return float(posterior.design.prior_scale[columns.index("mu")]) if "mu" in columns else np.inf


def _proper_pairs(posterior: Posterior, pairs: list[Pair]) -> tuple[list[Pair], list[dict[str, str]]]:
    """The pairs under which p(tau | y) can be normalised, and the reasons for the others."""
    k = len(posterior.effects.y)
    others = int(np.isinf(posterior.design.prior_scale).sum()) - int(np.isinf(_mu_scale(posterior)))
    if "mu" not in posterior.design.columns:
        others += 1
    kept, refused = [], []
    for tau, mu in pairs:
        try:
            needed = tau.given(posterior.effects.se).least_k(others + int(not mu.proper))
            reason = f"the posterior is improper: this pair needs {counted(needed, 'trial')}, there are {k}"
        except BayesmetaError as error:
            needed, reason = k + 1, str(error)
        if needed <= k:
            kept.append((tau, mu))
        else:
            refused.append({"tau_prior": str(tau), "mu_prior": str(mu), "reason": reason})
    return kept, refused


def _answers(posterior: Posterior, pairs: list[Pair], refused: list[dict[str, str]]) -> dict[Pair, tuple[Row, float]]:
    """The computed columns and the log marginal likelihood of each pair: together where model and priors allow it."""
    question = Question.of(posterior)
    together = [
        pair for pair in pairs if question is not None and pair[0].point is None and pair[1].gaussian is not None
    ]
    found: dict[Pair, tuple[Row, float]] = {}
    if question is not None:
        taus_of: dict[EffectPrior, list[HeterogeneityPrior]] = {}
        for tau, mu in together:
            taus_of.setdefault(mu, []).append(tau)
        mus_of: dict[tuple[HeterogeneityPrior, ...], list[EffectPrior]] = {}
        for mu, taus in taus_of.items():
            mus_of.setdefault(tuple(taus), []).append(mu)
        for block, mus in mus_of.items():
            found |= _block(question, posterior, block, mus)
    with_mu: dict[EffectPrior, Posterior] = {}  # a prior of mu costs more than one of tau: each once
    for tau, mu in [pair for pair in pairs if pair not in found]:
        try:
            if mu not in with_mu:
                with_mu[mu] = with_priors(posterior, mu=mu)
            one = with_priors(with_mu[mu], tau=tau)
            found[tau, mu] = row_of(one), _evidence(posterior, tau, mu, one.log_marginal_likelihood)
        except BayesmetaError as error:
            refused.append({"tau_prior": str(tau), "mu_prior": str(mu), "reason": str(error)})
    return {pair: found[pair] for pair in pairs if pair in found}


def _block(
    question: Question, posterior: Posterior, taus: tuple[HeterogeneityPrior, ...], mus: list[EffectPrior]
) -> dict[Pair, tuple[Row, float]]:
    """Every prior of tau with every prior of mu, all at once."""
    many = question.posteriors([tau.given(posterior.effects.se) for tau in taus], mus)
    rows = many.rows()
    columns = np.stack([rows[name] for name in COMPUTED], axis=1)
    pairs = [(tau, mu) for tau in taus for mu in mus]
    return {
        (tau, mu): (dict(zip(COMPUTED, row)), _evidence(posterior, tau, mu, total))
        for (tau, mu), row, total in zip(pairs, columns.tolist(), many.nodes.log_total.tolist())
    }


def _evidence(posterior: Posterior, tau: HeterogeneityPrior, mu: EffectPrior, log_marginal: float | None) -> float:
    """The log marginal likelihood where it means something: not with an improper prior."""
    others = (posterior.model.prior_of(column) for column in posterior.design.columns if column != "mu")
    proper = tau.proper and mu.proper and all(prior.proper for prior in others)
    return log_marginal if proper and log_marginal is not None else np.nan


def _sentence(posterior: Posterior, given: Row, table: pd.DataFrame, refused: pd.DataFrame) -> str:
    """The range of the answers, and the priors that say something else."""
    if table.empty:
        return f"None of {counted(len(refused), 'pair')} of priors can be fitted: {refused['reason'].iloc[0]}."
    of = "wished" if posterior.trials.direction else "above" if side_of(posterior) > 0 else "below"
    chance = table[of] if of in table else 1.0 - table["above"]
    new = table[f"new_{of}"] if of in table else 1.0 - table["new_above"]
    text = (
        f"Under {counted(len(table), 'pair of priors')} the {effect_name(posterior)} runs {range_of(table['median'])}"
        f" (as given {effect_of(given)}), {probability_name(posterior)}"
        f" {between(probability(chance.min()), probability(chance.max()))}, and in a new setting"
        f" {between(probability(new.min()), probability(new.max()))}; tau runs"
        f" {between(number(table['tau'].min()), number(table['tau'].max()))}."
    )
    changes = table[table["changes"]]
    about = "leaves out" if given["lower"] > 0.0 or given["upper"] < 0.0 else "takes in"
    if changes.empty:
        text += f" The 95% interval {about} OR 1 under all of them."
    else:
        names = [f"{row.tau_prior} with mu {row.mu_prior}" for row in each(changes)]
        text += (
            f" As given the 95% interval {about} OR 1; under {len(changes)} of the {len(table)} it does not:"
            f" {listed(names, 3)}."
        )
    if len(refused):
        text += f" {counted(len(refused), 'further pair')} cannot be fitted, each with its reason."
    return text
