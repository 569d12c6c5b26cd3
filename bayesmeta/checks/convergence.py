"""Have the chains converged?"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from bayesmeta.errors import ConvergenceError
from bayesmeta.nuts import NutsJointPosterior, NutsPosterior
from bayesmeta.nuts.refusal import refusal
from bayesmeta.posterior import JointPosterior, Posterior
from bayesmeta.posterior.chains import LIMITS, bfmi, shortcomings
from bayesmeta.tables import records
from bayesmeta.types import Array, Json

COLUMNS = ["rhat", "ess_bulk", "ess_tail", "mcse_mean"]


@dataclass(frozen=True, eq=False)
class Convergence:
    """What the chains say about themselves.

    Attributes
    ----------
    table : one row a reported quantity: quantity, rhat, ess_bulk, ess_tail, mcse_mean, ok; empty for the exact engine.
    divergences : number of divergent transitions.
    bfmi : (chain,) energy fraction of missing information.
    ok : whether every limit is met.
    sentence : the finding in words.
    refusal : what `require` says where a limit is not met.
    """

    table: pd.DataFrame
    divergences: int
    bfmi: Array
    ok: bool
    sentence: str
    refusal: str = ""

    def require(self) -> Self:
        """The same, or a ConvergenceError where a limit is not met."""
        if not self.ok:
            raise ConvergenceError(self.refusal)
        return self

    def to_dict(self) -> Json:
        """Plain data."""
        return {
            "ok": self.ok,
            "sentence": self.sentence,
            "divergences": self.divergences,
            "bfmi": self.bfmi.tolist(),
            "quantities": records(self.table),
        }


def convergence(posterior: Posterior | JointPosterior) -> Convergence:
    """R-hat, effective sample sizes, divergences and energies of a sampled posterior, against their limits.

    R-hat <= 1.01, bulk and tail effective sample size >= 400 on every quantity that is reported, no divergence, and
    E-BFMI >= 0.3 in every chain. A posterior of the exact engine has nothing to converge.

    Parameters
    ----------
    posterior : of either engine.

    Returns
    -------
    Convergence

    References
    ----------
    Vehtari et al. 2021, Bayesian Analysis 16:667; Betancourt 2016, arXiv:1604.00695.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> convergence(bm.fit(bm.load("crins2014"), bm.Model("normal"))).require().sentence
    'The exact engine integrates; there is nothing to converge.'
    """
    if not isinstance(posterior, NutsPosterior | NutsJointPosterior):
        empty = pd.DataFrame(columns=["quantity", *COLUMNS, "ok"])
        return Convergence(empty, 0, np.empty(0), True, "The exact engine integrates; there is nothing to converge.")
    statistics = posterior.chain_statistics
    divergences = int(posterior.statistics["diverging"].sum())
    energies = bfmi(posterior.statistics["energy"])
    found = shortcomings(statistics, divergences, energies)
    return Convergence(
        table=_table(statistics),
        divergences=divergences,
        bfmi=energies,
        ok=not found,
        sentence=f"{posterior.label}: {_sentence(posterior, statistics, energies, found)}",
        refusal=refusal(found, posterior, posterior.diagnostics["draws"]) if found else "",
    )


def _table(statistics: pd.DataFrame) -> pd.DataFrame:
    table = statistics[COLUMNS].reset_index(names="quantity")
    table["ok"] = (table["rhat"] <= LIMITS.rhat) & (table["ess_bulk"] >= LIMITS.ess) & (table["ess_tail"] >= LIMITS.ess)
    return table


def _sentence(
    posterior: NutsPosterior | NutsJointPosterior, statistics: pd.DataFrame, energies: Array, found: list[str]
) -> str:
    if found:
        return f"not converged: {', '.join(found)}."
    settings = posterior.diagnostics
    smallest = float(statistics[["ess_bulk", "ess_tail"]].to_numpy().min())
    chains = settings["chains"]
    return (
        f"{chains} chain{'s' if chains != 1 else ''} of {settings['draws']} draws converged: R-hat at most"
        f" {statistics['rhat'].max():.4f} (limit {LIMITS.rhat}), effective sample sizes at least {smallest:.0f} (limit"
        f" {LIMITS.ess:.0f}), no divergences, E-BFMI at least {energies.min():.2f} (limit {LIMITS.bfmi})."
    )
