"""The table of pooling methods: adding one is adding a row."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bayesmeta.frequentist import library
from bayesmeta.frequentist.conditional import conditional
from bayesmeta.frequentist.evidence import Estimate, Evidence
from bayesmeta.frequentist.given_tau2 import pooled_given_tau2
from bayesmeta.frequentist.likelihood_tau2 import higher_restricted_mode, maximum_likelihood_tau2
from bayesmeta.frequentist.revman import revman

RATIOS_AND_DIFFERENCE = ("OR", "RR", "RD")


@dataclass(frozen=True)
class Method:
    """One pooling method.

    Parameters
    ----------
    name : as in the results.
    fit : from the evidence to one `Estimate` for each interval that exists.
    pools : "counts" of all trials, or "effects" after the zero-cell rule.
    measures : for which effect measures it exists.
    smallest : fewest trials (of what it pools) that it needs.
    says : what it is, in words, for tables.
    """

    name: str
    fit: Callable[[Evidence], tuple[Estimate, ...]]
    pools: str
    measures: tuple[str, ...]
    smallest: int
    says: str

    def applies(self, evidence: Evidence) -> str:
        """Empty when the method can be tried on this evidence, else the reason why not."""
        if evidence.measure not in self.measures:
            return f"exists for {' and '.join(self.measures)} only, not for {evidence.measure}"
        available = evidence.size if self.pools == "effects" else 0 if evidence.counts is None else len(evidence.counts)
        if self.pools == "counts" and evidence.counts is None:
            return "needs the counts of every trial"
        if available < self.smallest:
            return f"needs at least {self.smallest} trials, here {available}"
        return ""


def der_simonian_laird(evidence: Evidence) -> tuple[Estimate, ...]:
    """Random effects with the moment estimator of tau2 (DerSimonian & Laird 1986)."""
    return library.random_effects(evidence, "DL")


def paule_mandel(evidence: Evidence) -> tuple[Estimate, ...]:
    """Random effects with the tau2 at which Q(tau2) = k - 1 (Paule & Mandel 1982)."""
    return library.random_effects(evidence, "PM")


def restricted_maximum_likelihood(evidence: Evidence) -> tuple[Estimate, ...]:
    """Random effects with tau2 by REML; where the library stops at a lower mode of the likelihood, the highest one."""
    estimates = library.random_effects(evidence, "REML")
    ones = np.ones((evidence.size, 1))
    highest = higher_restricted_mode(evidence.y, evidence.variance, ones, estimates[0].tau2)
    if highest is None:
        return estimates
    at_library = estimates[0].tau2
    note = f"the restricted likelihood has several modes; the highest is taken, not the one at tau2 {at_library:.3g}"
    return pooled_given_tau2(evidence.y, evidence.variance, highest, note)


def maximum_likelihood(evidence: Evidence) -> tuple[Estimate, ...]:
    """Random effects with tau2 by maximum likelihood (Hardy & Thompson 1996)."""
    tau2 = maximum_likelihood_tau2(evidence.y, evidence.variance, np.ones((evidence.size, 1)))
    return pooled_given_tau2(evidence.y, evidence.variance, tau2)


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("MH", library.mantel_haenszel, "counts", RATIOS_AND_DIFFERENCE, 1, "Mantel-Haenszel, common effect"),
        Method("Peto", library.peto, "counts", ("OR",), 1, "Peto one-step, common effect"),
        Method("conditional", conditional, "counts", ("OR",), 1, "exact conditional likelihood, common effect"),
        Method("EE", library.common_effect, "effects", RATIOS_AND_DIFFERENCE, 1, "inverse variance, common effect"),
        Method("DL", der_simonian_laird, "effects", RATIOS_AND_DIFFERENCE, 2, "DerSimonian-Laird random effects"),
        Method("RevMan", revman, "effects", RATIOS_AND_DIFFERENCE, 2, "random effects as in Review Manager 5"),
        Method("PM", paule_mandel, "effects", RATIOS_AND_DIFFERENCE, 2, "Paule-Mandel random effects"),
        Method("REML", restricted_maximum_likelihood, "effects", RATIOS_AND_DIFFERENCE, 2, "REML random effects"),
        Method("ML", maximum_likelihood, "effects", RATIOS_AND_DIFFERENCE, 2, "maximum likelihood random effects"),
    )
}
