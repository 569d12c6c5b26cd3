"""rhodes(outcome, comparison[, area])."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import ClassVar

from bayesmeta.priors.empirical import LOG_ODDS_RATIO_PER_SMD, EmpiricalHeterogeneityPrior, for_smds
from bayesmeta.priors.log_t import LogT


@dataclass(frozen=True)
class Rhodes(EmpiricalHeterogeneityPrior):
    """Rhodes's empirical prior for the tau of standardised mean differences: log tau^2 ~ location + scale t_5.

    From 6,492 meta-analyses of the Cochrane database, by outcome, comparison and medical area; rhodes(marginal) is for
    any setting. The table is of tau^2; tau is log_t(5, location / 2, scale / 2). For log odds ratios tau is
    pi / sqrt(3) = 1.81 times as large: the warning says which prior that is.

    Parameters
    ----------
    outcome : name of the type of outcome, such as mental_health; `Rhodes.choices()` lists them. Or marginal.
    comparison : drug_v_control, drug_v_drug, or non_drug for any comparison with an arm without drugs.
    area : other, respiratory or cancer.

    References
    ----------
    Rhodes, Turner & Higgins 2015, J Clin Epidemiol 68:52, Tables 3, A.3.1 and A.3.2; Chinn 2000, Stat Med 19:3127 (pi /
    sqrt(3)).

    Examples
    --------
    >>> Rhodes("subjective", "non_drug").stands_for
    LogT(df=5.0, location=-1.31, scale=1.205)
    >>> Rhodes("mental_health", "non_drug").warning.partition(";")[0]
    'Doubtful cell: location -3.85 breaks the pattern of its table, which gives -2.85'
    """

    outcome: str
    comparison: str = ""
    area: str = "other"

    file: ClassVar[str] = "rhodes2015.csv"
    examples: ClassVar[tuple[str, ...]] = (
        "rhodes(subjective, non_drug)",
        "rhodes(mental_health, non_drug)",
        "rhodes(obstetric, drug_v_control, cancer)",
        "rhodes(marginal)",
    )

    @cached_property
    def stands_for(self) -> LogT:
        """The log-t distribution of tau."""
        cell = self._cell()
        return LogT(5.0, 0.5 * float(cell["location"]), 0.5 * float(cell["scale"]))

    @property
    def warning(self) -> str:
        location = self.stands_for.location + log(LOG_ODDS_RATIO_PER_SMD)
        converted = LogT(5.0, round(location, 3), self.stands_for.scale)
        return f"{super().warning} {for_smds(converted)}".lstrip()
