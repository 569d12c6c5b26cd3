"""Each trial left out in turn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmeta.errors import BayesmetaError
from bayesmeta.model import Model
from bayesmeta.posterior import Posterior
from bayesmeta.sensitivity.asked import analysis, effect_name, trials_of
from bayesmeta.sensitivity.count_subsets import CountSubsets
from bayesmeta.sensitivity.part import Part, refusals, varied
from bayesmeta.sensitivity.refit import without
from bayesmeta.sensitivity.rows import Row, completed, row_of
from bayesmeta.sensitivity.subsets import Subsets
from bayesmeta.sensitivity.words import effect_of, runs
from bayesmeta.trials import Trials
from bayesmeta.wording import counted, listed

OF = {"trials": "trial", "rows": "row"}


@dataclass(frozen=True, eq=False)
class LeaveOneOut(Part):
    """The posterior without each trial.

    Attributes
    ----------
    table : study (the trial left out, or with of="rows" the row of the table), the columns of `rows.COLUMNS`, shift
        (change of the median log odds ratio, in posterior sd as given; in half widths of the middle 68% where the sd
        does not exist), changes.
    of : "trials" or "rows", what is left out.
    """

    of: str = "trials"

    name = "leave_one_out"

    def without(self, study: str) -> Posterior:
        """The full posterior without one trial, or one row of the table."""
        rows = trials_of(self.posterior).get(study)
        if rows is None:
            self.posterior.trials.without(study)  # refuses a name that is not there
        return without(self.posterior, rows or [study])


def leave_one_out(posterior: Posterior | Trials, model: Model | None = None, *, of: str = "trials") -> LeaveOneOut:
    """Fit the model without each trial in turn; arms that share a control are one trial.

    Parameters
    ----------
    posterior : the analysis as given (of either engine), or trials.
    model : with trials, the model; None for the default one.
    of : "trials", or "rows" to leave out one treated arm of a trial with several at a time.

    Returns
    -------
    LeaveOneOut. A trial without which the model cannot be fitted (the only one of its category, the last one) is in
    `refused`.

    References
    ----------
    Cochrane Handbook 2024, section 10.14; Viechtbauer & Cheung 2010, Res Synth Methods 1:112.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> part = leave_one_out(bm.load("crins2014"), bm.Model("normal"))
    >>> len(part.table), bool(part.table["changes"].any())
    (6, False)
    """
    if of not in OF:
        raise BayesmetaError(f"leave one out of {of!r}: it is of {' or of '.join(OF)}.")
    given = analysis(posterior, model)
    units = trials_of(given) if of == "trials" else {study: (study,) for study in given.trials.studies}
    together, refused = _together(given, units), []
    rows: dict[str, Row] = {}
    for study, gone in units.items():
        try:
            rows[study] = together[study] if study in together else row_of(without(given, gone))
        except BayesmetaError as error:
            refused.append({"study": study, "reason": str(error)})
    table = varied({"study": list(rows)}, completed(list(rows.values()), given.trials.direction), row_of(given))
    effect = given.effect()
    low, high = effect.quantile(np.array([0.15865525393145707, 0.8413447460685429]))
    sd = effect.sd if effect.sd is not None else 0.5 * float(high - low)
    table.insert(len(table.columns) - 1, "shift", (table["median"] - effect.median) / sd)
    return LeaveOneOut(table, _sentence(given, table, of), refusals(refused, "study"), given, of)


def _together(given: Posterior, units: Mapping[str, Sequence[str]]) -> dict[str, Row]:
    """The rows of all trials at once where the model allows it; else none, and each is fitted."""
    place = {name: position for position, name in enumerate(given.studies_in_model)}
    inside = {name: [place[row] for row in rows] for name, rows in units.items() if set(rows) <= set(place)}
    kept = np.ones((len(inside), len(place)))
    for left_out, positions in zip(kept, inside.values(), strict=True):
        left_out[positions] = 0.0
    counts, subsets = CountSubsets.of(given), Subsets.of(given)
    if counts is not None:
        return {name: row for name, row in zip(inside, counts.rows(kept)) if row is not None}
    if subsets is None or len(place) - 1 < subsets.least:
        return {}
    return dict(zip(inside, subsets.rows(kept)))


def _sentence(given: Posterior, table: pd.DataFrame, of: str) -> str:
    what = OF[of]
    if table.empty:
        number = len(trials_of(given)) if of == "trials" else given.trials.k
        if number == 1:
            return f"No {what} can be left out: there is only one."
        return f"None of the {counted(number, what)} can be left out, each for its reason."
    most = table.iloc[int(np.argmax(table["shift"].abs()))].to_dict()
    before = row_of(given)
    text = (
        f"Without one {what} the {effect_name(given)} {runs(table['median'])} (all: {effect_of(before)});"
        f" the one that moves it most is {most['study']}, without it {effect_of(most)}."
    )
    about = "leaves out" if before["lower"] > 0.0 or before["upper"] < 0.0 else "takes in"
    changes = table.loc[table["changes"], "study"].tolist()
    if changes:
        return f"{text} The 95% interval {about} OR 1 with all {what}s, but not without {listed(changes)}."
    return f"{text} The 95% interval {about} OR 1 whichever {what} is left out."
