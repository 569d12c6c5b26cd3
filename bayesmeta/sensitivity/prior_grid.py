"""Other priors: every prior of tau with every prior of mu."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from bayesmeta.errors import BayesmetaError
from bayesmeta.exact.plane_variations import PlaneVariations
from bayesmeta.exact.variations import Powers
from bayesmeta.fit import fit
from bayesmeta.model import Model
from bayesmeta.posterior import Posterior
from bayesmeta.priors import EffectPrior, HeterogeneityPrior, ImproperUniform
from bayesmeta.sensitivity.asked import analysis, effect_name, level_asked, names_beside, probability_name, side_of
from bayesmeta.sensitivity.count_subsets import rows_of, table_under
from bayesmeta.sensitivity.many import Question
from bayesmeta.sensitivity.part import Part, refusals, varied
from bayesmeta.sensitivity.prior_choices import Tau, further_priors, mu_priors, proper, tau_priors, words_of
from bayesmeta.sensitivity.refit import with_priors
from bayesmeta.sensitivity.rows import COMPUTED, Row, completed, row_of
from bayesmeta.sensitivity.words import effect_of, probability, runs, verb
from bayesmeta.trials import Trials
from bayesmeta.types import Array
from bayesmeta.wording import between, counted, listed, number

Taus = Sequence[Tau]
FURTHER = ("alpha", "omega")  # what may have a prior of its own beside mu and tau
Known = Sequence[HeterogeneityPrior]
Mus = Sequence[EffectPrior]


@dataclass(frozen=True, eq=False)
class Answers:
    """What is known of each pair of priors.

    Attributes
    ----------
    names : of the columns.
    rows, evidence : (n, m, columns) and (n, m), NaN where there is nothing.
    refused : position of the pair -> reason.
    """

    names: tuple[str, ...]
    rows: Array
    evidence: Array
    refused: dict[tuple[int, int], str]


@dataclass(frozen=True, eq=False)
class PriorGrid(Part):
    """The posterior under each prior of a grid.

    Attributes
    ----------
    table : tau_prior and mu_prior (text); omega_prior with a selection, alpha_prior where log tau is linear in
        moderators; the columns of `rows.COLUMNS`, changes (whether the 95% interval says something else about OR 1),
        log_marginal_likelihood (NaN where a prior is improper: its constant is arbitrary).
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
    ['half_normal(0.5)', 'flat', 3.69]
    """
    given = analysis(posterior, model)
    taus, mus = tau_priors(given, tau), mu_priors(given, mu)
    as_given = row_of(given)
    what, further = further_priors(given)
    tables, refused = [], []
    for number_, (text, prior) in enumerate(further.items() if what else [("", None)]):
        base = given if number_ == 0 else fit(given.trials, given.model.but(**{what: prior}))
        table, left_out = _answered(base, taus, mus if number_ == 0 else [given.model.prior_of("mu")], as_given)
        if what:
            table.insert(2, f"{what}_prior", text)
            left_out.insert(2, f"{what}_prior", text)
        tables.append(table)
        refused.append(left_out)
    together, left_out = (pd.concat(some, ignore_index=True) for some in (tables, refused))
    return PriorGrid(together, _sentence(given, as_given, together, left_out), left_out, given, data_only(given))


def _answered(base: Posterior, taus: Taus, mus: Mus, as_given: Row) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of every prior of tau with every prior of mu, and that of the pairs that cannot be fitted."""
    shape = len(taus), len(mus)
    answers = Answers(tuple(as_given), np.full((*shape, len(as_given)), np.nan), np.full(shape, np.nan), {})
    if not base.model.tau_differs:
        _refuse_improper(base, cast(Known, taus), mus, answers)
        _fit_together(base, cast(Known, taus), mus, answers)
        _vary(base, cast(Known, taus), mus, answers)
        _fit_by_mu(base, cast(Known, taus), mus, answers)
    _fit_one_by_one(base, taus, mus, answers)
    return _tables(base, taus, mus, answers, as_given)


def _tables(
    given: Posterior, taus: Taus, mus: Mus, answers: Answers, as_given: Row
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of the pairs that were fitted, and that of those that were not."""
    names = [words_of(one) for one in taus], [str(one) for one in mus]
    i, j = np.nonzero(~np.isnan(answers.rows[:, :, 0]))
    labels = {"tau_prior": [names[0][at] for at in i], "mu_prior": [names[1][at] for at in j]}
    rows = completed(dict(zip(answers.names, answers.rows[i, j].T)), given.trials.direction)
    table = varied(labels, rows, as_given)
    every = [proper(prior) for prior in taus], [prior.proper for prior in mus]
    meant = np.outer(*every) & all(given.model.prior_of(one).proper for one in given.design.columns if one != "mu")
    table["log_marginal_likelihood"] = np.where(meant, answers.evidence, np.nan)[i, j]
    reasons = [
        {"tau_prior": names[0][at], "mu_prior": names[1][to], "reason": text}
        for (at, to), text in sorted(answers.refused.items())
    ]
    return table, refusals(reasons, "tau_prior", "mu_prior")


def data_only(posterior: Posterior) -> Row | None:
    """What the trials say alone: flat priors on mu and on tau; None where that posterior is improper."""
    question = Question.of(posterior, any_mu=True)
    if question is None:
        return _data_only_of_counts(posterior)
    flat = int(np.isinf(posterior.design.prior_scale).sum()) + int(np.isfinite(_mu_scale(posterior)))
    if len(posterior.effects.y) - flat <= 1:  # p(tau | y) then falls no faster than 1 / tau
        return None
    zero = (np.zeros(1), np.full(1, np.inf))
    rows = question.weighted(lambda values: np.zeros((1, len(values))), zero).rows()
    return {name: float(rows[name][0]) for name in COMPUTED}


def _data_only_of_counts(posterior: Posterior) -> Row | None:
    """The same for likelihoods of counts."""
    variations = getattr(getattr(posterior, "prepared", None), "variations", None)
    if variations is None:
        return None
    one = np.ones(1)
    wide = np.array([np.inf]) if "mu" in posterior.design.columns else None
    flat = Powers(np.ones((1, len(posterior.effects.y))), [ImproperUniform()], one, one, wide)
    try:
        many = variations.posteriors(flat)
    except BayesmetaError:
        return None
    return None if many is None else rows_of(many)[0]


def _mu_scale(posterior: Posterior) -> float:
    columns = posterior.design.columns
    return float(posterior.design.prior_scale[columns.index("mu")]) if "mu" in columns else np.inf


def _refuse_improper(posterior: Posterior, taus: Known, mus: Mus, answers: Answers) -> None:
    """Note the pairs under which p(tau | y) cannot be normalised."""
    k, columns = len(posterior.effects.y), posterior.design.columns
    others = int(sum(np.isinf(s) for s, name in zip(posterior.design.prior_scale, columns) if name != "mu"))
    flat = [others + int("mu" in columns and not mu.proper) for mu in mus]
    for i, tau in enumerate(taus):
        try:
            prior = tau.given(posterior.independent.se)
            needed = {count: prior.least_k(count) for count in set(flat)}
        except BayesmetaError as error:
            answers.refused.update({(i, j): str(error) for j in range(len(mus))})
            continue
        for j, count in enumerate(flat):
            if needed[count] > k:
                trials = counted(needed[count], "trial")
                answers.refused[i, j] = f"the posterior is improper: this pair needs {trials}, there are {k}"


def _fit_together(posterior: Posterior, taus: Known, mus: Mus, answers: Answers) -> None:
    """All at once the pairs for which the model and the priors allow it, in blocks of every tau with every mu."""
    question = Question.of(posterior, any_mu=True)
    if question is None:
        return
    known = [tau.point is not None for tau in taus]
    blocks: dict[tuple[int, ...], list[int]] = {}
    for j, mu in enumerate(mus):
        if mu.gaussian is not None:
            chosen = tuple(i for i in range(len(taus)) if not known[i] and (i, j) not in answers.refused)
            blocks.setdefault(chosen, []).append(j)
    for chosen, columns in blocks.items():
        if chosen:
            priors = [taus[i].given(posterior.independent.se) for i in chosen]
            many = question.posteriors(priors, [mus[j] for j in columns])
            rows = many.rows()
            shape = (len(chosen), len(columns))
            answers.rows[np.ix_(chosen, columns)] = np.stack([rows[name].reshape(shape) for name in COMPUTED], axis=2)
            answers.evidence[np.ix_(chosen, columns)] = many.nodes.log_total.reshape(shape)


def _vary(posterior: Posterior, taus: Known, mus: Mus, answers: Answers) -> None:
    """All at once where the engine keeps the likelihoods on a plane: counts with two columns, normal priors about 0."""
    prepared = getattr(posterior, "prepared", None)
    variations = None if prepared is None or names_beside(posterior) else prepared.variations
    if not isinstance(variations, PlaneVariations) or "mu" not in posterior.design.columns:
        return
    for j, mu in enumerate(mus):
        chosen = [i for i, tau in enumerate(taus) if tau.point is None and (i, j) not in answers.refused]
        if mu.gaussian is None or mu.gaussian[0] != 0.0 or not chosen:
            continue
        one = np.ones(len(chosen))
        priors = [taus[i].given(posterior.independent.se) for i in chosen]
        trials = np.ones((len(chosen), len(posterior.effects.y)))
        try:
            many = variations.posteriors(Powers(trials, priors, one, one, mu.gaussian[1] * one))
        except BayesmetaError:
            continue  # one of them is refused: one by one it is seen which, and why
        if many is not None:
            answers.rows[chosen, j] = [[row[name] for name in answers.names] for row in rows_of(many)]
            answers.evidence[chosen, j] = [weights.log_marginal for weights in many.weights]


def _fit_by_mu(posterior: Posterior, taus: Known, mus: Mus, answers: Answers) -> None:
    """All priors of tau at once under each prior of mu, where the engine keeps its integrals: likelihoods of counts."""
    prepared = None if names_beside(posterior) else getattr(posterior, "prepared", None)
    for j, mu in enumerate(mus if prepared is not None else ()):
        left = [i for i in range(len(taus)) if np.isnan(answers.rows[i, j, 0]) and (i, j) not in answers.refused]
        if not left:
            continue
        try:
            rows, evidence = table_under(with_priors(posterior, mu=mu), [taus[i] for i in left])
        except BayesmetaError:
            continue  # one of them is refused: one by one it is seen which, and why
        answers.rows[left, j], answers.evidence[left, j] = rows, evidence


def _fit_one_by_one(posterior: Posterior, taus: Taus, mus: Mus, answers: Answers) -> None:
    """The other pairs, a fit each; a prior of mu costs more than one of tau, so each of them once."""
    for j, mu in enumerate(mus):
        left = [i for i in range(len(taus)) if np.isnan(answers.rows[i, j, 0]) and (i, j) not in answers.refused]
        base: Posterior | None = None
        for i in left:
            try:
                base = with_priors(posterior, mu=mu) if base is None else base
                one = with_priors(base, tau=taus[i])
            except BayesmetaError as error:
                answers.refused[i, j] = str(error)
                continue
            row = row_of(one)
            answers.rows[i, j] = [row[name] for name in answers.names]
            evidence = one.log_marginal_likelihood
            answers.evidence[i, j] = np.nan if evidence is None else evidence


def _sentence(posterior: Posterior, given: Row, table: pd.DataFrame, refused: pd.DataFrame) -> str:
    """The range of the answers, and the priors that say something else."""
    if table.empty:
        return f"None of {counted(len(refused), 'pair')} of priors can be fitted: {refused['reason'].iloc[0]}."
    of = "wished" if posterior.trials.direction else "above" if side_of(posterior) > 0 else "below"
    chance = table[of] if of in table else 1.0 - table["above"]
    new = table[f"new_{of}"] if of in table else 1.0 - table["new_above"]
    one = len(table) == 1
    under = f"tau {pair_of(table.iloc[0].to_dict())}" if one else number_of(table)
    text = (
        f"Under {under} the {effect_name(posterior)} {runs(table['median'])} (as given {effect_of(given)}),"
        f" {probability_name(posterior)} {_over(chance, probability)}, and in a new setting"
        f"{level_asked(posterior)} {_over(new, probability)};"
        f" {', '.join(f'{name} {verb(_over(table[name], number))}' for name in _varied(table))}."
    )
    changes = table[table["changes"]]
    about = "leaves out" if given["lower"] > 0.0 or given["upper"] < 0.0 else "takes in"
    if changes.empty:
        text += f" The 95% interval {about} OR 1 {'there too' if one else 'under all of them'}."
    elif one:
        text += f" As given the 95% interval {about} OR 1; there it does not."
    else:
        names = [pair_of(row) for row in changes.to_dict("records")]
        text += (
            f" As given the 95% interval {about} OR 1; under {len(changes)} of the {len(table)} it does not:"
            f" {listed(names, 3)}."
        )
    if len(refused):
        text += f" {counted(len(refused), 'further pair')} cannot be fitted, each with its reason."
    if posterior.model.tau_differs:
        text += " Each pair is a fit of its own, so the default grid is a small one."
    return text


def pair_of(row: Mapping[Any, Any]) -> str:
    """The priors of a row in words."""
    more = [f", {name} {row[f'{name}_prior']}" for name in FURTHER if f"{name}_prior" in row]
    return f"{row['tau_prior']} with mu {row['mu_prior']}{''.join(more)}"


def number_of(table: pd.DataFrame) -> str:
    """How many sets of priors, in words: pairs, or with a third prior beside those of tau and mu sets of three."""
    more = any(f"{name}_prior" in table for name in FURTHER)
    return counted(len(table), "set of priors" if more else "pair of priors")


def names_of_more(table: pd.DataFrame) -> list[str]:
    """The columns of parameters that only some models have: the taus of levels, alpha, omega."""
    names = [str(name) for name in table.columns]
    return [name for name in names if name.endswith("]") and f"{name}_lower" in names]


def _varied(table: pd.DataFrame) -> list[str]:
    """Tau, or the tau of each level, and what else there is."""
    more = names_of_more(table)
    levels = any(name.startswith("tau[") for name in more)
    return [*([] if levels else ["tau"]), *more]


def _over(values: "pd.Series[float]", write: Callable[[float], str]) -> str:
    """The range of some numbers in words; of a single one the number."""
    low, high = write(float(values.min())), write(float(values.max()))
    return low if len(values) == 1 else between(low, high)
