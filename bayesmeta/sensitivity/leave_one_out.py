"""Each trial left out in turn."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmeta.errors import BayesmetaError
from bayesmeta.model import Model
from bayesmeta.posterior import Posterior
from bayesmeta.sensitivity.asked import analysis, effect_name
from bayesmeta.sensitivity.count_subsets import CountSubsets
from bayesmeta.sensitivity.part import Part, refusals, varied
from bayesmeta.sensitivity.refit import without
from bayesmeta.sensitivity.rows import Row, completed, row_of
from bayesmeta.sensitivity.subsets import Subsets
from bayesmeta.sensitivity.words import effect_of, range_of
from bayesmeta.trials import Trials
from bayesmeta.wording import counted, listed


@dataclass(frozen=True, eq=False)
class LeaveOneOut(Part):
    """The posterior without each trial.

    Attributes
    ----------
    table : study (the one left out), the columns of `rows.COLUMNS`, shift (change of the median log odds ratio, in
        posterior sd as given; in half widths of the middle 68% where the sd does not exist), changes.
    """

    name = "leave_one_out"

    def without(self, study: str) -> Posterior:
        """The full posterior without one study."""
        self.posterior.trials.without(study)  # refuses a name that is not there
        return without(self.posterior, [study])


def leave_one_out(posterior: Posterior | Trials, model: Model | None = None) -> LeaveOneOut:
    """Fit the model without each trial in turn.

    Parameters
    ----------
    posterior : the analysis as given (of either engine), or trials.
    model : with trials, the model; None for the default one.

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
    given = analysis(posterior, model)
    together, refused = _together(given), []
    rows: dict[str, Row] = {}
    for study in given.trials.studies:
        try:
            rows[study] = together[study] if study in together else row_of(without(given, [study]))
        except BayesmetaError as error:
            refused.append({"study": study, "reason": str(error)})
    table = varied({"study": list(rows)}, completed(list(rows.values()), given.trials.direction), row_of(given))
    effect = given.effect()
    low, high = effect.quantile(np.array([0.15865525393145707, 0.8413447460685429]))
    sd = effect.sd if effect.sd is not None else 0.5 * float(high - low)
    table.insert(len(table.columns) - 1, "shift", (table["median"] - effect.median) / sd)
    return LeaveOneOut(table, _sentence(given, table), refusals(refused, "study"), given)


def _together(given: Posterior) -> dict[str, Row]:
    """The rows of all studies at once where the model allows it; else none, and each is fitted."""
    names = given.studies_in_model
    kept = 1.0 - np.eye(len(names))
    counts, subsets = CountSubsets.of(given), Subsets.of(given)
    if counts is not None:
        return {name: row for name, row in zip(names, counts.rows(kept)) if row is not None}
    if subsets is None or len(names) - 1 < subsets.least:
        return {}
    return dict(zip(names, subsets.rows(kept)))


def _sentence(given: Posterior, table: pd.DataFrame) -> str:
    if table.empty:
        return f"No trial of the {counted(given.trials.k, 'trial')} can be left out."
    most = table.iloc[int(np.argmax(table["shift"].abs()))].to_dict()
    before = row_of(given)
    text = (
        f"Without one trial the {effect_name(given)} runs {range_of(table['median'])} (all: {effect_of(before)});"
        f" the one that moves it most is {most['study']}, without it {effect_of(most)}."
    )
    about = "leaves out" if before["lower"] > 0.0 or before["upper"] < 0.0 else "takes in"
    changes = table.loc[table["changes"], "study"].tolist()
    if changes:
        return f"{text} The 95% interval {about} OR 1 with all trials, but not without {listed(changes)}."
    return f"{text} The 95% interval {about} OR 1 whichever trial is left out."
