"""What would the priors expect of trials like these, and is what was observed among it?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import pandas as pd

from bayesmeta.errors import ModelError
from bayesmeta.model import JointModel, Model
from bayesmeta.posterior.before_data import Assumed, BeforeData, before_data
from bayesmeta.posterior.joint_before_data import JointAssumed, joint_prior_draws
from bayesmeta.posterior.joint_predictive import prior_replicates
from bayesmeta.tables import records
from bayesmeta.trials import JointTrials, Trials
from bayesmeta.types import Array, Json
from bayesmeta.wording import listed, percent, ratio, spanned

LEVELS = np.array([0.5, 0.025, 0.975])
THREE = ("median", "lower", "upper")
EXTREME = 10.0  # an odds ratio beyond it, or below its reciprocal, is hardly ever seen in such trials
WIDE = 0.5
EQUAL = 1e-9  # log odds ratios of the same counts
DRAWS, SEED = 4000, 20230227

# What is asked of all trials together, of log odds ratios (..., k); with the fewest trials that it needs.
TOGETHER: dict[str, tuple[int, Callable[[Array], Array]]] = {
    "mean of the trials": (1, lambda y: np.mean(y, axis=-1)),
    "sd between trials": (2, lambda y: np.std(y, axis=-1, ddof=1)),
    "largest effect, either side": (1, lambda y: np.max(np.abs(y), axis=-1)),
}


@dataclass(frozen=True, eq=False)
class PriorPredictive:
    """Trials that the priors expect, beside those that were observed.

    Attributes
    ----------
    table : one row a trial: study, observed (log odds ratio), median, lower, upper (95% of what the priors expect of a
        trial of this size), position (share of it at or below the observed one), inside; where events are expected
        also events_treated, expected, expected_lower, expected_upper.
    together : the same of all trials: quantity, observed, median, lower, upper, position; log odds ratios.
    extreme : prior probability that such a trial shows an odds ratio above 10 or below 1/10.
    new_setting : median, lower, upper of the true effect in a new setting, log odds ratio, by name.
    draws : (n, k) log odds ratios of the trials expected.
    trials, model : what was asked.
    """

    table: pd.DataFrame
    together: pd.DataFrame
    extreme: float
    new_setting: dict[str, tuple[float, float, float]]
    draws: Array
    trials: Trials
    model: Model | JointModel

    @property
    def sentence(self) -> str:
        """What the priors expect, and whether the trials are among it."""
        lower, upper = (ratio(value) for value in np.quantile(self.draws, LEVELS[1:]))
        said = (
            f"Before the data the priors expect such trials to show odds ratios from {lower} to {upper} (95%),"
            f" {percent(self.extreme)} of them above {EXTREME:g} or below 1/{EXTREME:g}."
        )
        if self.extreme > WIDE:
            said += " That is more than half: narrower priors would say what is known of such trials."
        said += f" Observed: {ratio(self.table['observed'].min())} to {ratio(self.table['observed'].max())}."
        outside = self.table[~self.table["inside"]]
        if outside.empty:
            said += f" {'It lies' if len(self.table) == 1 else 'All lie'} where the priors expect 95%."
        else:
            said += (
                f" {len(outside)} of {len(self.table)} estimates lie outside the 95% that the priors expect"
                f" ({listed(outside['study'].tolist())}): the priors and the data are at odds there."
            )
        spread = self.together[self.together["quantity"] == "sd between trials"]
        if len(spread):
            row = spread.iloc[0]
            said += (
                f" Standard deviation between the trials' log odds ratios: {row['observed']:.2f}, expected"
                f" {spanned(row['median'], row['lower'], row['upper'])}."
            )
        return said

    def to_dict(self) -> Json:
        """Plain data."""
        return {
            "sentence": self.sentence,
            "extreme": self.extreme,
            "new_setting": {
                name: dict(zip(("median", "lower", "upper"), own)) for name, own in self.new_setting.items()
            },
            "together": records(self.together),
            "trials": records(self.table),
        }


@dataclass(frozen=True, eq=False)
class JointPriorPredictive:
    """Trials of two outcomes that the priors expect, beside those that were observed.

    Attributes
    ----------
    parts : the same of each outcome, drawn together.
    """

    parts: tuple[PriorPredictive, PriorPredictive]

    @property
    def table(self) -> pd.DataFrame:
        """One row a trial and outcome, those of the first outcome first."""
        tables = [part.table.assign(outcome=part.trials.outcome) for part in self.parts]
        return pd.concat(tables, ignore_index=True)[["outcome", *self.parts[0].table]]

    @property
    def sentence(self) -> str:
        """What the priors expect of each outcome, and whether the trials are among it."""
        return " ".join(
            f"{part.trials.outcome[:1].upper()}{part.trials.outcome[1:]}: {part.sentence}" for part in self.parts
        )

    def to_dict(self) -> Json:
        """Plain data: by outcome."""
        return {part.trials.outcome: part.to_dict() for part in self.parts}


@overload
def prior_predictive(
    trials: Trials, model: Model | None = ..., *, draws: int = ..., seed: int = ...
) -> PriorPredictive: ...
@overload
def prior_predictive(
    trials: JointTrials, model: JointModel | None = ..., *, draws: int = ..., seed: int = ...
) -> JointPriorPredictive: ...
def prior_predictive(
    trials: Trials | JointTrials, model: Model | JointModel | None = None, *, draws: int = DRAWS, seed: int = SEED
) -> PriorPredictive | JointPriorPredictive:
    """Draw trials like these from the priors alone, and set the observed ones beside them.

    beta, tau, baselines from their priors; theta_i ~ N(x_i' beta, tau^2); y_i or events of a trial of the same size.
    The hypergeometric likelihood takes all events of a trial as given, the binomial one draws the control arm's too;
    under a selection the trials are published ones. Of two outcomes the effects are bivariate normal, and the trinomial
    likelihood draws the people of both arms.

    Parameters
    ----------
    trials : the evidence; of one outcome or of two.
    model : of as many outcomes; the default model if not given.
    draws : how many sets of trials.
    seed : integer seed.

    Returns
    -------
    PriorPredictive; JointPriorPredictive of two outcomes.

    Raises
    ------
    ModelError
        A prior that is improper expects nothing; or a model of another number of outcomes.

    References
    ----------
    Box 1980, J R Stat Soc A 143:383; Gabry et al. 2019, J R Stat Soc A 182:389, section 3.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> check = prior_predictive(bm.load("crins2014"), bm.Model(tau=bm.HalfNormal(0.5)))
    >>> bool(check.table["inside"].all())
    True
    """
    rng = np.random.default_rng(seed)
    if isinstance(trials, JointTrials):
        if not isinstance(model, JointModel | None):
            raise ModelError(f"two outcomes: expected a JointModel, not a {type(model).__name__}.")
        return _joint(JointAssumed.of(trials, model or JointModel()), draws, rng)
    if not isinstance(model, Model | None):
        raise ModelError(f"one outcome: expected a Model, not a {type(model).__name__}.")
    assumed = Assumed.of(trials, model or Model())
    _refuse_improper(assumed.improper)
    found = before_data(assumed, (1, draws), rng)
    y = found.trials["y"][1][0]
    new = {name: values for name, values in found.parameters.items() if name.startswith("theta_new")}
    return PriorPredictive(
        _of_trials(assumed, found),
        _of_all(y, assumed.effects.y),
        float(np.mean(np.abs(y) > np.log(EXTREME))),
        {name: tuple(np.quantile(values, LEVELS).tolist()) for name, values in new.items()},
        y,
        trials,
        assumed.model,
    )


def _refuse_improper(names: tuple[str, ...]) -> None:
    if names:
        raise ModelError(
            f"prior_predictive: the prior of {names[0]} is improper and expects nothing. State a proper one, such as"
            f" {'half_normal(0.5)' if names[0].startswith('tau') else 'normal(0, 2.82)'}."
        )


def _joint(assumed: JointAssumed, draws: int, rng: np.random.Generator) -> JointPriorPredictive:
    """Of two outcomes; the estimates are ordered by trial, and within a trial by outcome."""
    _refuse_improper(assumed.improper)
    drawn = joint_prior_draws(assumed, (draws,), rng)
    found = prior_replicates(assumed, drawn, rng)
    effects, counts = assumed.effects, assumed.trials.counts[assumed.effects.rows]
    of_outcome = np.argwhere(effects.reported)[:, 1]
    parts = []
    for j, category in ((0, 0), (1, 2)):
        trials, here = assumed.trials.parts[j], effects.reported[:, j]
        y, observed = found["y"][:, of_outcome == j], effects.y[here, j]
        table = _of_estimates([name for name, there in zip(effects.studies, here, strict=True) if there], y, observed)
        if "people" in found:
            _add_events(table, found["people"][:, here, 0, category], counts[here, j, 0])
        new = {f"theta_new[{trials.outcome}]": tuple(np.quantile(drawn["theta_new"][:, j], LEVELS).tolist())}
        extreme = float(np.mean(np.abs(y) > np.log(EXTREME)))
        parts.append(PriorPredictive(table, _of_all(y, observed), extreme, new, y, trials, assumed.model))
    return JointPriorPredictive((parts[0], parts[1]))


def _of_trials(assumed: Assumed, found: BeforeData) -> pd.DataFrame:
    table = _of_estimates(assumed.studies, found.trials["y"][1][0], assumed.effects.y)
    if "events" in found.trials:
        observed = assumed.trials.counts[assumed.effects.rows][:, 0]
        _add_events(table, found.trials["events"][1][0][..., 1], observed)
    return table


def _of_estimates(studies: Sequence[str], expected: Array, observed: Array) -> pd.DataFrame:
    table = pd.DataFrame({"study": list(studies), **_beside(expected, observed)})
    table["inside"] = (table["observed"] >= table["lower"] - EQUAL) & (table["observed"] <= table["upper"] + EQUAL)
    return table


def _add_events(table: pd.DataFrame, expected: Array, observed: Array) -> None:
    """Events of the treated arm, to the table."""
    table["events_treated"] = observed
    for name, values in zip(("", "_lower", "_upper"), np.quantile(expected, LEVELS, axis=0), strict=True):
        table[f"expected{name}"] = values


def _of_all(expected: Array, observed: Array) -> pd.DataFrame:
    rows = []
    for name, (fewest, of) in TOGETHER.items():
        if len(observed) >= fewest:
            beside = _beside(of(expected)[:, None], of(observed)[None])
            rows.append({"quantity": name} | {key: value[0] for key, value in beside.items()})
    return pd.DataFrame(rows)


def _beside(expected: Array, observed: Array) -> dict[str, Array]:
    """Observed values (q,), quantiles of the expected ones (n, q), and the share of these at or below."""
    median, lower, upper = np.quantile(expected, LEVELS, axis=0)
    position = np.mean(expected <= observed + EQUAL, axis=0)
    return {"observed": observed, "median": median, "lower": lower, "upper": upper, "position": position}
