"""Multi-arm trials as one comparison each: their treated arms added up against the control that they share."""

import numpy as np
import pandas as pd

from bayesmeta.errors import DataError
from bayesmeta.trials.columns import COUNTS, NUMBERS
from bayesmeta.trials.place import shown
from bayesmeta.trials.trials import Trials


def with_arms_combined(trials: Trials) -> Trials:
    """The same trials with one row for each: the treated arms of a multi-arm trial are added up.

    The combined row has the trial's name and stands where its first arm stood; what its arms do not agree on is blank.

    Parameters
    ----------
    trials : rows that share a control have the same entry in column `trial`.

    Returns
    -------
    Trials

    Raises
    ------
    DataError : an arm without counts.

    References
    ----------
    Higgins, Eldridge & Li, Cochrane Handbook for Systematic Reviews of Interventions, section 23.3.4.

    Examples
    --------
    >>> from bayesmeta.trials import load
    >>> arms = load("attachment/secure", rows="arms")
    >>> one = with_arms_combined(arms)
    >>> arms.k, one.k, one.counts[1].tolist()
    (9, 8, [29.0, 50.0, 1.0, 54.0])
    """
    groups = trials.shared_controls
    if not groups:
        return trials
    table, dropped = trials.table.copy(), []
    for trial, rows in groups.items():
        for row in rows:
            if not trials.has_counts[row]:
                raise trials.place.error(
                    row, COUNTS, f"blank. The arms of {shown(trial)} are combined by their counts, so all need them."
                )
        first = rows[0]
        for name in table.columns:
            if table[name].iloc[rows].astype(str).nunique() > 1:
                table.loc[first, name] = np.nan if pd.api.types.is_numeric_dtype(table[name]) else ""
        for name in NUMBERS:
            if name in table:
                table.loc[first, name] = np.nan
        events, total = trials.counts[rows, 0].sum(), trials.counts[rows, 1].sum()
        table.loc[first, list(COUNTS)] = [events, total, *trials.counts[first, 2:]]
        table.loc[first, "study"] = trial
        dropped += rows[1:]
    kept = [row for row in range(trials.k) if row not in dropped]
    numbers = tuple(trials.row_numbers[row] for row in kept)
    table = table.iloc[kept].reset_index(drop=True)
    if table["study"].duplicated().any():
        twice = str(table["study"][table["study"].duplicated()].iloc[0])
        raise DataError(
            f"{trials.origin or trials.name}: combining the arms of {shown(twice)} gives a row of that name, and there"
            " is one already. Rename one of them."
        )
    return trials.with_rows(table, numbers)
