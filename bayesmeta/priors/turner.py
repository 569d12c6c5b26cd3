"""turner(outcome, comparison)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from bayesmeta.priors.empirical import EmpiricalHeterogeneityPrior
from bayesmeta.priors.lognormal import LogNormal


@dataclass(frozen=True)
class Turner(EmpiricalHeterogeneityPrior):
    """Turner's empirical prior for the tau of log odds ratios: log tau^2 ~ N(mu, sigma^2) by outcome and comparison.

    From 14,886 meta-analyses of the Cochrane database, in 80 settings; turner(marginal) is for any setting. The table
    is of tau^2; tau is lognormal(mu / 2, sigma / 2), which excludes tau = 0.

    Parameters
    ----------
    outcome : name of the type of outcome, such as mental_health; `Turner.choices()` lists them. Or marginal.
    comparison : drug_v_control, drug_v_drug, non_drug_v_control, non_drug_v_drug or non_drug_v_non_drug.

    References
    ----------
    Turner et al. 2015, Stat Med 34:984, Table IV.

    Examples
    --------
    >>> prior = Turner("mental_health", "non_drug_v_control")
    >>> prior.stands_for
    LogNormal(mu=-1.17, sigma=0.86)
    >>> [round(prior.quantile(p), 2) for p in (0.025, 0.5, 0.975)]
    [0.06, 0.31, 1.67]
    """

    outcome: str
    comparison: str = ""

    file: ClassVar[str] = "turner2015.csv"
    examples: ClassVar[tuple[str, ...]] = (
        "turner(mental_health, non_drug_v_control)",
        "turner(subjective, non_drug_v_control)",
        "turner(marginal)",
    )

    @cached_property
    def stands_for(self) -> LogNormal:
        """The log-normal distribution of tau."""
        cell = self._cell()
        return LogNormal(0.5 * float(cell["location"]), 0.5 * float(cell["scale"]))
