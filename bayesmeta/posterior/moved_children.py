"""Where people move: the change of three proportions that two odds ratios of two cuts imply."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from bayesmeta.errors import ModelError
from bayesmeta.tables import records
from bayesmeta.types import Array, Json
from bayesmeta.wording import counted

if TYPE_CHECKING:
    from bayesmeta.posterior.joint import JointPosterior

LEVELS = np.array([0.5, 0.025, 0.975])
LEAST_POSSIBLE = 0.05  # share of the posterior that must be possible at a control arm
OBSERVED, STATED = "observed", "as stated"
MENTIONED = 0.001  # share of impossible draws from which the sentence speaks of it


@dataclass(frozen=True, eq=False)
class MovedChildren:
    """The change of the three proportions of a classification.

    Attributes
    ----------
    table : one row a category (first outcome, middle, second outcome): fit, setting, category, control, treated
        (median), change with change_lower and change_upper (95%), p_increase. Proportions.
    impossible : posterior probability of odds ratios at which, with this control arm, the treated proportions of the
        first and second category would exceed 1 together; the table is conditional on this not being so.
    control : proportions of the first and second category in the control arm.
    control_from : where these are from.
    new_setting : whether the effects are those of a new setting.
    sentence : the finding in words.
    changes : (n, 3) draws of the change.
    posterior : whose effects they are.
    """

    table: pd.DataFrame
    impossible: float
    control: tuple[float, float]
    control_from: str
    new_setting: bool
    sentence: str
    changes: Array
    posterior: "JointPosterior"

    @property
    def about(self) -> str:
        """What tells one such finding from another: the name of its file."""
        return self.posterior.model.likelihood + (" new setting" if self.new_setting else "")

    def to_dict(self) -> Json:
        """Plain data."""
        return {
            "sentence": self.sentence,
            "fit": self.posterior.label,
            "control": list(self.control),
            "control_from": self.control_from,
            "new_setting": self.new_setting,
            "impossible": self.impossible,
            "categories": records(self.table),
        }


def moved_children(
    posterior: "JointPosterior",
    control: tuple[float, float] | str,
    *,
    new_setting: bool = False,
    draws: int = 20_000,
    seed: int = 20230227,
) -> MovedChildren:
    """Change of the three proportions at a stated control arm.

    Each odds ratio is of one category against all others, so each moves its own proportion, and what is left over is
    the middle:

        p_j1 = expit(logit(p_j0) + mu_j) for j = 1, 2,   p_middle = 1 - p_11 - p_21.

    Nothing in two odds ratios keeps p_11 + p_21 below 1. Where it is not, such effects are impossible at this control
    arm: the table is the posterior given that they are possible, and `impossible` says how much was left out.

    Parameters
    ----------
    posterior : of either engine.
    control : proportions of the first and second category without treatment, positive, together below 1; or "observed"
        for those of the control arms of all trials with three counts together, taken as known.
    new_setting : effects in a new setting in place of the pooled ones.
    draws, seed : number of posterior draws, and their seed. With 20,000 limits are good to about a fortieth of an sd.

    Returns
    -------
    MovedChildren

    Raises
    ------
    ModelError : proportions that are none, or effects that are (nearly) all impossible with them.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> posterior = bm.fit(bm.load("attachment/classification"), bm.JointModel("normal"))
    >>> posterior.moved_children((0.3, 0.4)).table["change"].round(1).tolist()
    [0.3, -0.0, -0.2]
    """
    (first, second), source = control_arm(posterior, control)
    effect = posterior.pooled_draws(draws, seed)["theta_new" if new_setting else "mu"]
    after, impossible = treated_proportions(effect, (first, second))
    before = np.array([first, 1.0 - first - second, second])
    where = "in a new setting" if new_setting else "on average"
    table = _table(posterior, where, before, after)
    sentence = f"{posterior.label}: {_sentence(table, impossible, source, where)}"
    return MovedChildren(table, impossible, (first, second), source, new_setting, sentence, after - before, posterior)


def _table(posterior: "JointPosterior", where: str, before: Array, after: Array) -> pd.DataFrame:
    """One row a category, from its proportion before (3,) and draws of it after (n, 3)."""
    changes = after - before
    median, lower, upper = np.quantile(changes, LEVELS, axis=0)
    return pd.DataFrame(
        {
            "fit": posterior.label,
            "setting": where,
            "category": pd.Series(posterior.trials.category_names, dtype=object),
            "control": before,
            "treated": np.median(after, axis=0),
            "change": median,
            "change_lower": lower,
            "change_upper": upper,
            "p_increase": (changes > 0.0).mean(axis=0),
        }
    )


def control_arm(posterior: "JointPosterior", control: tuple[float, float] | str) -> tuple[tuple[float, float], str]:
    """Proportions of the first and second category in the control arm, and where they are from.

    Raises
    ------
    ModelError : a text other than "observed".
    DataError : "observed" where no trial shows all three categories.
    """
    if not isinstance(control, str):
        return control, STATED
    if control != OBSERVED:
        raise ModelError(f'control arm "{control}": expected two proportions, such as (0.3, 0.4), or "{OBSERVED}".')
    trials = posterior.trials
    proportions = trials.observed_control_arm()
    people = int(trials.categories[trials.classified, 1].sum())
    return proportions, f"{people} people of {counted(int(trials.classified.sum()))} together"


def treated_proportions(effect: Array, control: tuple[float, float]) -> tuple[Array, float]:
    """The three proportions of the treated arm where they are possible, and the share of effects at which they are not.

    Parameters
    ----------
    effect : (n, 2) log odds ratios.
    control : proportions of the first and second category in the control arm.

    Returns
    -------
    (m, 3) proportions, share
    """
    first, second = control
    if not (0.0 < first < 1.0 and 0.0 < second < 1.0 and first + second < 1.0):
        raise ModelError(
            f"control proportions {first} and {second}: expected two positive ones with a sum below 1; what is left is"
            " the middle category."
        )
    treated = expit(logit(np.array(control)) + effect)
    middle = 1.0 - treated.sum(axis=1)
    possible = middle > 0.0
    if possible.mean() < LEAST_POSSIBLE:
        raise ModelError(
            f"control proportions {first} and {second}: the effects would leave no middle category in"
            f" {1.0 - possible.mean():.0%} of the posterior. State a control arm in which they are possible."
        )
    return np.column_stack([treated[:, 0], middle, treated[:, 1]])[possible], float(1.0 - possible.mean())


def _sentence(table: pd.DataFrame, impossible: float, source: str, where: str) -> str:
    parts = [
        f"{row['category']} {100 * row['change']:+z.0f} ({100 * row['change_lower']:+z.0f} to"
        f" {100 * row['change_upper']:+z.0f})"
        for row in table.to_dict("records")
    ]
    before = ", ".join(f"{100 * value:.0f} {name}" for name, value in zip(table["category"], table["control"]))
    text = f"of 100 in the control arm ({source}), {before}; with treatment {where}: {', '.join(parts)}."
    if impossible >= MENTIONED:
        text += (
            f" {impossible:.1%} of the posterior is left out: effects that would leave fewer than none in the middle"
            " category of this control arm."
        )
    return text
