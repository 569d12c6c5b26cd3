"""The engine's self-check: the same posterior at more nodes."""

import warnings
from typing import TYPE_CHECKING, Union, cast

import numpy as np
import pandas as pd

from bayesmeta.errors import BayesmetaWarning
from bayesmeta.posterior import JointPosterior, Posterior

if TYPE_CHECKING:
    from bayesmeta.exact.count_posterior import CountPosterior
    from bayesmeta.exact.posterior import ExactPosterior
    from bayesmeta.exact.several_taus_posterior import ExactPosteriorOfSeveralTaus

Exact = Union["ExactPosterior", "CountPosterior", "ExactPosteriorOfSeveralTaus"]

LIMIT = 1e-6  # of a posterior standard deviation
EVIDENCE = "log_marginal_likelihood"


def compare(coarse: Exact, fine: Exact) -> pd.DataFrame:
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
    found.loc[EVIDENCE] = abs(coarse.log_marginal_likelihood - fine.log_marginal_likelihood)
    return found


def self_checked[P: (Posterior, JointPosterior)](posterior: P) -> P:
    """The posterior with the outcome of its self-check in `diagnostics["accuracy"]`.

    Parameters
    ----------
    posterior : of the exact engine.

    Returns
    -------
    The same posterior. "worst_change" is the largest change of mean, sd, median or limits of any quantity in posterior
    standard deviations, "worst_quantity" its name, "log_marginal_likelihood_change" absolute. A warning where one of
    the changes is above 1e-6 (1e-4 under the trinomial likelihood of two outcomes).

    Examples
    --------
    >>> import bayesmeta as bm
    >>> checked = self_checked(bm.fit(bm.load("crins2014")))
    >>> checked.diagnostics["accuracy"]["worst_change"] < 1e-6
    True
    """
    change = cast(Exact, posterior).accuracy()["change"]
    quantities = change.iloc[:-1]  # a study may have any name; the evidence is last
    worst = int(quantities.to_numpy().argmax())
    name, by, evidence = str(quantities.index[worst]), float(quantities.iloc[worst]), float(change.iloc[-1])
    posterior.diagnostics["accuracy"] = {
        "worst_change": by,
        "worst_quantity": name,
        "log_marginal_likelihood_change": evidence,
    }
    limit = getattr(posterior, "limit", LIMIT)
    if not max(by, evidence) <= limit:
        warnings.warn(
            f"self-check: at more nodes {name} moves by {by:.1g} posterior standard deviations, the log marginal"
            f" likelihood by {evidence:.1g}; at most {limit:g} is expected. Believe no more digits than that, or"
            ' compare with --engine nuts (engine="nuts").',
            BayesmetaWarning,
            stacklevel=4,
        )
    return posterior
