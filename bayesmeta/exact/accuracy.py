"""The engine's self-check: the same posterior at more nodes."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from bayesmeta.exact.count_posterior import CountPosterior


def compare(coarse: "CountPosterior", fine: "CountPosterior") -> pd.DataFrame:
    """How far each quantity moves from one resolution to a finer one.

    Parameters
    ----------
    coarse, fine : the same posterior twice.

    Returns
    -------
    DataFrame indexed by parameter, study and "log_marginal_likelihood", column `change`: in posterior standard
    deviations (half of the 95% interval over 1.96 where there is no sd).
    """
    columns = ["mean", "sd", "median", "lower", "upper"]
    tables = [
        pd.concat([posterior.summary()[columns], posterior.studies().set_index("study")[columns]])
        for posterior in (coarse, fine)
    ]
    first, second = (table.to_numpy(dtype=float) for table in tables)
    unit = np.where(np.isfinite(second[:, 1]), second[:, 1], (second[:, 4] - second[:, 3]) / 3.92)
    change = np.nanmax(np.abs(first - second), axis=1) / np.where(unit > 0.0, unit, 1.0)
    found = pd.DataFrame({"change": change}, index=tables[0].index)
    assert coarse.log_marginal_likelihood is not None
    assert fine.log_marginal_likelihood is not None
    found.loc["log_marginal_likelihood"] = abs(coarse.log_marginal_likelihood - fine.log_marginal_likelihood)
    return found
