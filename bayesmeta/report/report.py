"""All results of one outcome gathered: what is written to files and shown in tables."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bayesmeta.errors import BayesmetaError
from bayesmeta.frequentist import Pools
from bayesmeta.posterior import Posterior
from bayesmeta.report import words
from bayesmeta.report.findings import Finding
from bayesmeta.report.quantities import quantities
from bayesmeta.tables import records, rows
from bayesmeta.trials import Trials
from bayesmeta.types import Json


@dataclass
class Report:
    """The results of one outcome.

    Parameters
    ----------
    trials : the evidence.
    pools : the frequentist yardstick, where it was asked for.
    fits : every posterior, in the order in which they were made.
    findings : every check and sensitivity analysis, in the order in which they were made.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> trials = bm.load("crins2014")
    >>> report = Report.of(trials, bm.pool(trials), bm.fit(trials, bm.Model("normal")))
    >>> report.fits[0].engine, len(report.table()) > 20
    ('exact', True)
    """

    trials: Trials
    pools: Pools | None = None
    fits: list[Posterior] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    _answers: dict[int, pd.DataFrame] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, trials: Trials, *results: Pools | Posterior | Finding) -> "Report":
        """Gather results of any kind, in any order."""
        report = cls(trials)
        for result in results:
            report.add(result)
        return report

    def add(self, result: Pools | Posterior | Finding) -> None:
        """Take in one more result.

        Raises
        ------
        BayesmetaError
            For something that is no result of this package.
        """
        if isinstance(result, Pools):
            self.pools = result
        elif isinstance(result, Posterior):
            self.fits.append(result)
        elif isinstance(result, Finding):
            self.findings.append(result)
        else:
            raise BayesmetaError(f"a report takes pools, posteriors, checks and the like, not {type(result).__name__}.")

    @property
    def evidence(self) -> str:
        """What the table holds of what was published."""
        return words.evidence(self.trials)

    def answers(self, fit: Posterior) -> pd.DataFrame:
        """The quantities of one of the fits, computed once."""
        position = next(index for index, one in enumerate(self.fits) if one is fit)
        if position not in self._answers:
            self._answers[position] = quantities(fit)
        return self._answers[position]

    def table(self) -> pd.DataFrame:
        """Every quantity of every fit and every frequentist pool, tidy: results.csv."""
        tables = [self.answers(fit) for fit in self.fits]
        if self.pools is not None:
            tables.insert(0, pool_quantities(self.pools, self.trials))
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    def sentences(self) -> list[str]:
        """What was found, in words."""
        return [finding.sentence for finding in self.findings]

    def to_dict(self) -> Json:
        """Everything as plain data: one outcome in results.json."""
        published = self.trials.published
        return {
            "evidence": self.evidence,
            "published": None
            if published is None
            else {
                "k": published.k,
                "odds_ratio": published.odds_ratio,
                "interval": list(published.odds_ratio_interval),
                "source": published.source,
            },
            "trials": records(self.trials.table),
            "set_aside": records(self.trials.set_aside),
            "pools": None if self.pools is None else self.pools.to_dict(),
            "fits": [{"fit": fit.label} | fit.to_dict() for fit in self.fits],
            "quantities": records(self.table()),
            "findings": [{"finding": type(finding).__name__} | finding.to_dict() for finding in self.findings],
        }


def pool_quantities(pools: Pools, trials: Trials) -> pd.DataFrame:
    """The frequentist rows in the columns of `quantities`: pooled OR and, where it exists, the prediction interval."""
    found = []
    for row in rows(pools.table):
        shared = {
            "outcome": trials.outcome or trials.name,
            "fit": f"{row.method}, {row.interval}",
            "of": "",
            "scale": "OR",
        }
        estimate, lower, upper = np.exp([row.estimate, row.lower, row.upper])
        found.append(
            shared
            | {
                "quantity": "pooled",
                "mean": row.estimate,
                "sd": row.se,
                "median": estimate,
                "lower": lower,
                "upper": upper,
            }
        )
        if np.isfinite(row.prediction_lower):
            low, high = np.exp([row.prediction_lower, row.prediction_upper])
            found.append(shared | {"quantity": "new setting", "median": estimate, "lower": low, "upper": high})
        if np.isfinite(row.tau2):
            found.append(shared | {"quantity": "tau", "scale": "log OR", "median": np.sqrt(row.tau2)})
    return pd.DataFrame(found)
