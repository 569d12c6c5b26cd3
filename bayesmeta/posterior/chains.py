"""Have the chains arrived? Statistics of draws by chain, and the limits that they must keep."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmeta.types import Array

TAIL = (0.05, 0.95)  # the quantiles whose effective sample sizes make ess_tail (Vehtari et al. 2021)
STATISTICS = ("mcse_mean", "ess_bulk", "ess_tail", "rhat")


@dataclass(frozen=True)
class Limits:
    """What draws must keep before numbers are given out.

    References
    ----------
    Vehtari et al. 2021, Bayesian Analysis 16:667 (R-hat 1.01; effective sample size of 400 in bulk and tails);
    Betancourt 2016, arXiv:1604.00695 (E-BFMI 0.3); Betancourt 2017, arXiv:1701.02434 (no divergence at all).
    """

    rhat: float = 1.01
    ess: float = 400.0
    bfmi: float = 0.3


LIMITS = Limits()


def chain_statistics(draws: Mapping[str, Array]) -> pd.DataFrame:
    """Monte Carlo error, effective sample sizes and R-hat of each quantity.

    Parameters
    ----------
    draws : name to (chain, draw).

    Returns
    -------
    DataFrame indexed by name: mcse_mean, ess_bulk, ess_tail, rhat; NaN in all of them for a quantity that is constant.

    References
    ----------
    Vehtari, Gelman, Simpson, Carpenter & Buerkner 2021, Bayesian Analysis 16:667.

    Examples
    --------
    >>> noise = np.random.default_rng(1).normal(size=(4, 500))
    >>> bool(chain_statistics({"x": noise}).loc["x", "rhat"] < 1.01)
    True
    """
    rows = {name: _row(values) for name, values in draws.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(STATISTICS))


def _row(values: Array) -> list[float]:
    import arviz as az

    if values.shape[1] < 4 or np.ptp(values) == 0.0:
        return [np.nan] * len(STATISTICS)
    # Chains that stand still divide nothing by nothing; the NaN that comes of it is what the limits look for.
    with np.errstate(divide="ignore", invalid="ignore"):
        return [
            float(az.mcse(values, method="mean")),
            float(az.ess(values, method="bulk")),
            float(az.ess(values, method="tail", prob=TAIL)),
            float(az.rhat(values)),
        ]


def bfmi(energy: Array) -> Array:
    """Energy fraction of missing information of each chain: E (e_t - e_{t-1})^2 / var(e).

    Parameters
    ----------
    energy : (chain, draw).

    Returns
    -------
    (chain,); small where the momenta cannot carry a chain through the posterior's energies.

    References
    ----------
    Betancourt 2016, arXiv:1604.00695, equation 1.

    Examples
    --------
    >>> bfmi(np.array([[0.0, 1.0, 0.0, 1.0]])).round(2).tolist()
    [4.0]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((np.diff(energy, axis=1) ** 2).mean(axis=1) / energy.var(axis=1))


def shortcomings(
    statistics: pd.DataFrame, divergences: int, bfmi_of_chains: Array, limits: Limits = LIMITS
) -> list[str]:
    """What the limits find wrong, each with the quantity that is worst; empty where nothing is.

    Parameters
    ----------
    statistics : from `chain_statistics`, of the quantities that are reported.
    divergences : number of divergent transitions.
    bfmi_of_chains : (chain,).

    Returns
    -------
    list of phrases such as "R-hat of tau 1.06 (limit 1.01)".
    """
    found = []
    rhat = statistics["rhat"].fillna(np.inf)  # what cannot be judged has not arrived
    if (rhat > limits.rhat).any():
        worst = str(rhat.idxmax())
        value = f"{rhat[worst]:.2f}" if rhat[worst] >= 1.015 else f"{rhat[worst]:.4f}"
        found.append(f"R-hat of {worst} {value if np.isfinite(rhat[worst]) else 'undefined'} (limit {limits.rhat})")
    for column, where in (("ess_bulk", "bulk"), ("ess_tail", "tail")):
        ess = statistics[column].fillna(0.0)
        if (ess < limits.ess).any():
            worst = str(ess.idxmin())
            found.append(f"effective sample size of {worst} {ess[worst]:.0f} in the {where} (limit {limits.ess:.0f})")
    if divergences:
        found.append(f"{divergences} divergence{'s' if divergences != 1 else ''}")
    if (bfmi_of_chains < limits.bfmi).any():
        found.append(f"E-BFMI {bfmi_of_chains.min():.2f} (limit {limits.bfmi})")
    return found
