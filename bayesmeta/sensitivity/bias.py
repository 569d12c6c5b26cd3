"""Is there an effect, do trials differ, were trials selected? An average over models that say yes and no to each."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import pi, sqrt

import numpy as np
import pandas as pd

from bayesmeta.effects import effect_sizes
from bayesmeta.errors import ModelError, PriorError
from bayesmeta.exact.bias_models import Regressed, Solved, without_effect
from bayesmeta.exact.selection import prepare_selection
from bayesmeta.model import Model
from bayesmeta.posterior import Marginal, Posterior
from bayesmeta.posterior.averaged import AveragedMarginal
from bayesmeta.priors import EffectPrior, HeterogeneityPrior, InverseGamma, Normal
from bayesmeta.sensitivity.asked import analysis
from bayesmeta.sensitivity.part import Part, refusals
from bayesmeta.sensitivity.words import probability, ratio_interval
from bayesmeta.tables import plain, records
from bayesmeta.tables import rows as each
from bayesmeta.trials import Trials, with_arms_combined
from bayesmeta.types import Array, Json
from bayesmeta.wording import listed, number

#: RoBMA-PSMA states its priors for Cohen's d; a log odds ratio is pi / sqrt(3) times as large.
SCALE = pi / sqrt(3.0)
MU = Normal(0.0, SCALE)
TAU = InverseGamma(1.0, 0.15 * SCALE, "tau")
PET_SCALE, PEESE_SCALE = 1.0, 5.0 / SCALE
SELECTIONS = (
    *("two_sided(0.05)", "two_sided(0.05, 0.1)"),
    *("one_sided(0.05)", "one_sided(0.025, 0.05)", "one_sided(0.05, 0.5)", "one_sided(0.025, 0.05, 0.5)"),
)
SIDE_OF_DIRECTION = {"higher": "greater", "lower": "less"}
LEVELS = np.array([0.025, 0.5, 0.975])
MAIN = 0.5  # of the posterior probability
UNTOLD = 3.0  # a Bayes factor between 1/3 and 3 is not worth more than a bare mention (Jeffreys 1961)
QUESTIONS = ("effect", "heterogeneity", "bias")
#: What is averaged over, in words: whether an effect is taken for granted, and the kinds of bias.
AVERAGES: dict[str, tuple[bool, tuple[str, ...]]] = {
    "all models": (False, ("none", "selection", "small trials")),
    "models with an effect": (True, ("none", "selection", "small trials")),
    "with an effect, no bias": (True, ("none",)),
    "with an effect, selection by p value": (True, ("selection",)),
    "with an effect, PET and PEESE": (True, ("small trials",)),
}


@dataclass(frozen=True, eq=False)
class Bias(Part):
    """An average over effect x heterogeneity x bias.

    Attributes
    ----------
    table : one row a model: effect, heterogeneity (whether it has one), bias ("none", a selection, "PET", "PEESE"),
        kind ("none", "selection", "small trials"), prior, log_marginal_likelihood, posterior (probabilities), null,
        median, lower, upper (of mu: log odds ratios).
    questions : effect, heterogeneity, bias: prior and posterior probability of the models that have it, and the
        inclusion Bayes factor, posterior odds over prior odds.
    """

    solved: tuple[Solved, ...]
    priors: dict[str, str]
    side_of_bias: str

    name = "bias"

    @cached_property
    def questions(self) -> pd.DataFrame:
        """Prior, posterior, bayes_factor of each question."""
        rows = []
        for question in QUESTIONS:
            has = (self.table["kind"] != "none") if question == "bias" else self.table[question]
            prior, posterior = (float(self.table.loc[has, column].sum()) for column in ("prior", "posterior"))
            without = float(self.table.loc[~has, "posterior"].sum())
            factor = (posterior / without) / (prior / (1.0 - prior)) if without > 0.0 and prior < 1.0 else np.nan
            rows.append([question, prior, posterior, factor])
        return pd.DataFrame(rows, columns=["question", "prior", "posterior", "bayes_factor"])

    def averaged(self, effect: bool = False, kinds: Sequence[str] = ("none", "selection", "small trials")) -> Marginal:
        """mu averaged over models, with an atom at 0 from those without an effect.

        Parameters
        ----------
        effect : only models with an effect; then there is no atom.
        kinds : of bias: "none", "selection", "small trials".
        """
        chosen = self.table["kind"].isin(list(kinds)) & (self.table["effect"] | (not effect))
        weights = self.table.loc[chosen, "posterior"].to_numpy(dtype=float)
        marginals = [self.solved[position].mu for position in np.flatnonzero(chosen)]
        return AveragedMarginal("mu", marginals, weights / weights.sum())

    @cached_property
    def averages(self) -> pd.DataFrame:
        """mu averaged over some of the models.

        Columns: models, posterior (probability of them), null (of no effect among them), mean, median, lower, upper.
        """
        rows = []
        for words, (effect, kinds) in AVERAGES.items():
            chosen = self.table["kind"].isin(kinds) & (self.table["effect"] | (not effect))
            if not chosen.any():
                continue
            mu = self.averaged(effect, kinds)
            atom = mu.atom if isinstance(mu, AveragedMarginal) else 0.0
            lower, median, upper = mu.quantile(LEVELS)
            share = float(self.table.loc[chosen, "posterior"].sum())
            rows.append([words, share, atom, mu.mean, median, lower, upper])
        return pd.DataFrame(rows, columns=["models", "posterior", "null", "mean", "median", "lower", "upper"])

    def to_dict(self) -> Json:
        """Plain data: the questions, the averages, and a row for each model."""
        return {
            "part": self.name,
            "sentence": self.sentence,
            "given": {name: plain(value) for name, value in self.given.items()},
            "priors": self.priors,
            "side": self.side_of_bias,
            "questions": records(self.questions),
            "averages": records(self.averages),
            "rows": records(self.table),
            "refused": records(self.refused),
        }


def bias(
    posterior: Posterior | Trials,
    model: Model | None = None,
    *,
    mu: EffectPrior | str = MU,
    tau: HeterogeneityPrior | str = TAU,
    selections: Sequence[str] = SELECTIONS,
    small_trials: Sequence[str] = ("PET", "PEESE"),
    side: str | None = None,
) -> Bias:
    """Average over effect (none, some) x heterogeneity (none, some) x bias (none, selection by p value, PET, PEESE).

    P(m | y) ~ P(m) p(y | m), with exact marginal likelihoods. As in RoBMA-PSMA: an effect, heterogeneity and bias each
    have prior probability 1/2; of bias, half goes to the selection models and a quarter each to PET and PEESE. Weights
    fall with p (cumulative Dirichlet of ones); slopes of PET and PEESE are half-Cauchy. Normal likelihood throughout.

    Parameters
    ----------
    posterior : the analysis as given, or trials. Only its trials and zero-cell rule enter.
    model : with trials, the model; None for the default one.
    mu, tau : priors where there is an effect, or heterogeneity; proper. By default those of RoBMA-PSMA for Cohen's d,
        normal(0, 1) and inverse_gamma(1, 0.15, tau), times pi / sqrt(3).
    selections : selection models; empty for none.
    small_trials : "PET" (slope on s, scale 1), "PEESE" (on s^2, scale 5 sqrt(3) / pi); empty for none.
    side : "greater" or "less", where an effect is wished; None for what the trials say.

    Returns
    -------
    Bias

    Raises
    ------
    ModelError
        Moderators, or trials that do not say which direction is wished.
    PriorError
        An improper prior: a Bayes factor would be arbitrary.

    References
    ----------
    Bartos, Maier, Wagenmakers, Doucouliagos & Stanley 2023, Res Synth Methods 14:99 (RoBMA-PSMA); Maier, Bartos &
    Wagenmakers 2023, Psychol Methods 28:107.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> found = bm.sensitivity.bias(bm.load("attachment/secure"), selections=["one_sided(0.025)"])
    >>> found.questions["question"].tolist(), len(found.table)
    (['effect', 'heterogeneity', 'bias'], 16)
    """
    given = analysis(posterior, model)
    stated = _side(given, side)
    base = _base(given, mu, tau)
    grid = _grid(selections, small_trials)
    solved = _solve(with_arms_combined(given.trials), base, [row["bias"] for row in grid[:: len(CELLS)]], stated)
    table = _table(grid, solved)
    priors = {"mu": str(base.mu), "tau": str(base.tau), "omega": str(base.omega)}
    priors |= {"PET": f"half_cauchy({PET_SCALE:g})", "PEESE": f"half_cauchy({PEESE_SCALE:.4g})"}
    part = Bias(table, "", refusals([], "model"), given, tuple(solved), priors, stated)
    object.__setattr__(part, "sentence", _sentence(part))
    return part


def _base(given: Posterior, mu: EffectPrior | str, tau: HeterogeneityPrior | str) -> Model:
    """The model with an effect and heterogeneity; refuses priors that give no Bayes factors."""
    base = Model("normal", mu=mu, tau=tau, zero_cells=given.model.zero_cells)
    for role, prior in (("mu", base.prior_of("mu")), ("tau", base.tau_prior)):
        if not prior.proper:
            raise PriorError(
                f"{role} prior {prior}: it is improper, and a Bayes factor would depend on an arbitrary constant. State"
                f" a proper one, such as {MU if role == 'mu' else 'half_normal(0.5)'}."
            )
    if base.tau_prior.point is not None:
        raise PriorError(f"tau prior {base.tau}: with heterogeneity tau is not known. State half_normal(0.5), say.")
    return base


CELLS = ((False, False), (False, True), (True, False), (True, True))  # effect, heterogeneity


def _side(given: Posterior, side: str | None) -> str:
    if given.model.moderators is not None:
        raise ModelError(
            f"bias: moderators {given.model.moderators!r}. The models that are averaged have one mean: leave the"
            " moderators out, or take each group by itself."
        )
    stated = side or SIDE_OF_DIRECTION.get(given.trials.direction, "")
    if stated not in ("greater", "less"):
        raise ModelError(
            f"bias: {f'side {stated!r}' if stated else 'no side'}. Selection and effects of small trials favour one"
            ' side of 0: state side="greater" or "less", or give the trials a direction (--direction higher or lower).'
        )
    return stated


def _grid(selections: Sequence[str], small_trials: Sequence[str]) -> list[dict[str, object]]:
    """A row for each model, with its prior probability: the kinds of bias share theirs."""
    unknown = [name for name in small_trials if name not in ("PET", "PEESE")]
    if unknown:
        raise ModelError(f"bias: no model {unknown[0]!r} of small trials. There are PET and PEESE.")
    if "none" in selections:
        raise ModelError("bias: selection 'none' selects nothing. It is among the models anyway.")
    kinds = [("none", ["none"]), ("selection", list(selections)), ("small trials", list(small_trials))]
    biased = sum(1 for _, members in kinds[1:] if members)
    rows = []
    for kind, members in kinds:
        share = (0.5 if biased else 1.0) if kind == "none" else 0.5 / max(biased, 1)
        rows += [
            {"effect": effect, "heterogeneity": heterogeneity, "bias": member, "kind": kind,
             "prior": share / len(members) / len(CELLS)}
            for member in members
            for effect, heterogeneity in CELLS
        ]  # fmt: skip
    return rows


def _solve(trials: Trials, base: Model, biases: Sequence[object], side: str) -> list[Solved]:
    """Each kind of bias with each cell of effect and heterogeneity, in the order of the grid."""
    effects = effect_sizes(trials, zero_cells=base.zero_cells)
    sign = 1.0 if side == "greater" else -1.0
    location, scale = base.prior_of("mu").gaussian or (0.0, 1.0)
    columns: dict[object, tuple[Array | None, float]] = {
        "none": (None, 1.0),
        "PET": (sign * effects.se, PET_SCALE),
        "PEESE": (sign * effects.se**2, PEESE_SCALE),
    }
    solved: list[Solved] = []
    for kind in biases:
        if kind in columns:
            solved += [
                Regressed(
                    effects, (location, scale) if effect else None, base.tau_prior if mixed else None, *columns[kind]
                ).solved()
                for effect, mixed in CELLS
            ]
        else:
            solved += _selected(trials, base, str(kind), side)
    return solved


def _selected(trials: Trials, base: Model, text: str, side: str) -> list[Solved]:
    model = base.but(selection=text)
    selection = model.selection_parts
    assert selection is not None
    if selection.kind == "one_sided" and not selection.side:
        model = base.but(selection=f"{selection.text.removesuffix(')')}, side={side})")
    found: dict[tuple[bool, bool], Solved] = {}
    for mixed in (False, True):
        prepared = prepare_selection(trials, model if mixed else model.but(random_effects="none"))
        posterior = prepared.posterior()
        assert posterior.log_marginal_likelihood is not None
        found[True, mixed] = Solved(posterior.log_marginal_likelihood, posterior["mu"])
        found[False, mixed] = without_effect(prepared, base.tau_prior if mixed else None)
    return [found[cell] for cell in CELLS]


def _table(grid: list[dict[str, object]], solved: Sequence[Solved]) -> pd.DataFrame:
    table = pd.DataFrame(grid)
    table["log_marginal_likelihood"] = [one.log_marginal for one in solved]
    log_mass = np.log(table["prior"]) + table["log_marginal_likelihood"]
    mass = np.exp(log_mass - log_mass.max())
    table["posterior"] = mass / mass.sum()
    quantiles = np.array([one.mu.quantile(LEVELS) for one in solved])
    table["lower"], table["median"], table["upper"] = quantiles.T
    return table


def _sentence(part: Bias) -> str:
    questions, averages = list(each(part.questions)), {row.models: row for row in each(part.averages)}
    said = [f"{q.question} {number(q.bayes_factor)} (probability {probability(q.posterior)})" for q in questions]
    ratios = {
        words: ratio_interval(averages[models].median, averages[models].lower, averages[models].upper)
        for words, models in (
            ("averaged OR", "all models"),
            ("given an effect", "models with an effect"),
            ("without bias", "with an effect, no bias"),
        )
    }
    text = (
        f"Averaged over {len(part.table)} models (normal likelihood), Bayes factors for {listed(said)};"
        f" {', '.join(f'{words} {found}' for words, found in ratios.items())}."
    )
    by_kind = part.table.groupby("kind")["posterior"].sum().to_dict()
    if by_kind.get("small trials", 0.0) > MAIN and part.posterior.trials.has_counts.any():
        text += (
            " PET and PEESE are favoured; but a log odds ratio and its standard error grow together where a cell is"
            " small, whoever published it."
        )
    if 1 / UNTOLD < questions[-1].bayes_factor < UNTOLD:
        text += (
            f" {len(part.posterior.studies_in_model)} trials do not tell whether there is bias: the average leans on"
            " the prior of its models."
        )
    return text
