"""`pool`: every frequentist method that exists for these trials, as one table."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmeta.effects import Effects, effect_sizes
from bayesmeta.errors import ModelError
from bayesmeta.frequentist import library
from bayesmeta.frequentist.evidence import Estimate, Evidence, NotEstimableError
from bayesmeta.frequentist.methods import METHODS
from bayesmeta.trials import Trials, refuse_other_than_trials, with_arms_combined
from bayesmeta.types import Array, Integers, Json

COLUMNS = ("estimate", "se", "lower", "upper", "tau2", "prediction_lower", "prediction_upper")


@dataclass(frozen=True, eq=False)
class Pools:
    """The frequentist yardstick: what each method makes of the same trials.

    Parameters
    ----------
    k : number of trials in the table (a zero-cell rule may use fewer: see `effects`).
    heterogeneity : "Q", "df", "p", "I2" (percent, max(0, (Q - df) / Q)), "H2" (Q / df), and "tau2_qp_lower",
        "tau2_qp_upper" (Q-profile), of the effect sizes, about their inverse-variance mean. NaN where a figure does not
        exist. I2 is Higgins's, from Q alone: metafor's I2 of REML and PM is tau2-based and differs.
    table : one row for each method and interval that exists: method, interval ("wald", "hksj", "hksj_adhoc"), estimate,
        se, lower, upper, tau2, prediction_lower, prediction_upper, on the model's scale (log odds ratio); 95%
        intervals; NaN where a figure does not exist (a common-effect method has no tau2 and no prediction interval).
    effects : the effect sizes that the inverse-variance methods pooled.
    notes : what the reader should know, a sentence each: methods left out and why, tau2 estimated as zero.
    """

    k: int
    heterogeneity: dict[str, float]
    table: pd.DataFrame
    effects: Effects
    notes: tuple[str, ...]
    study_weights: dict[str, Array]

    def row(self, method: str, interval: str = "wald") -> pd.Series:
        """One row of the table.

        Raises
        ------
        ModelError
            When the row does not exist; the message says why.
        """
        found = self.table[(self.table["method"] == method) & (self.table["interval"] == interval)]
        if found.empty:
            raise ModelError(f"pool has no row for method {method!r} with interval {interval!r}. {self._why(method)}")
        return found.iloc[0]

    def weights(self, method: str = "REML") -> Array:
        """Weight of each trial in percent, (k,), in the order of the trials; 0 for a trial that does not enter.

        Inverse-variance methods: 1 / (v_i + tau2). MH: as in metafor. Peto and conditional: the share of the
        information.
        """
        if method not in self.study_weights:
            raise ModelError(f"pool has no weights for method {method!r}. {self._why(method)}")
        return self.study_weights[method].copy()

    def to_dict(self) -> Json:
        """The JSON of `bayesmeta pool`: k, heterogeneity, methods; None where a figure does not exist."""
        return {
            "k": self.k,
            "heterogeneity": {name: _json(value) for name, value in self.heterogeneity.items()},
            "methods": [
                {name: _json(value) for name, value in record.items()} for record in self.table.to_dict("records")
            ],
        }

    def _why(self, method: str) -> str:
        reasons = [note for note in self.notes if note.startswith(f"{method} left out")]
        there = ", ".join(f"{row.method} {row.interval}" for row in self.table.itertuples())
        return " ".join([*reasons, f"There are: {there}."])


def pool(trials: Trials, zero_cells: str = "only_zero", measure: str = "OR") -> Pools:
    """Pool the trials by every frequentist method that exists for them.

    Common effect: MH, Peto, conditional (exact), EE (inverse variance). Random effects: DL, RevMan, PM, REML, ML, each
    with a Wald, an HKSJ and an ad hoc HKSJ interval (its standard error is never below the Wald one). The first three
    need counts in every row and make no corrections; the others pool effect sizes after the zero-cell rule. Most
    numbers are PyMetaAnalysis's, not ours.

    Parameters
    ----------
    trials : the evidence.
    zero_cells : rule for tables with a zero: "only_zero", "all", "treatment_arm", "drop", "none".
    measure : "OR", "RR" or "RD".

    Returns
    -------
    Pools, with one row for each method and interval.

    Raises
    ------
    DataError
        When a control arm would be counted twice, or a table cannot give an effect size.
    ConvergenceError
        When PM, REML, ML or conditional do not converge.

    References
    ----------
    Veroniki et al. 2016, Res Synth Methods 7:55; Roever, Knapp & Friede 2015, BMC Med Res Methodol 15:99 (ad hoc HKSJ).

    Examples
    --------
    >>> from bayesmeta.trials import load
    >>> pools = pool(load("bcg"))
    >>> pools.row("REML")[["estimate", "se", "tau2"]].astype(float).round(4).tolist()
    [-0.7452, 0.186, 0.3378]
    """
    refuse_other_than_trials(trials, "pool")
    arms, trials = trials, with_arms_combined(trials)
    effects = effect_sizes(trials, measure=measure, zero_cells=zero_cells)
    counts = trials.counts if bool(np.all(trials.has_counts)) else None
    evidence = Evidence(
        effects.y, effects.se**2, counts, None if counts is None else counts[effects.rows], measure
    )  # fmt: skip
    fits, notes = _fit_all(evidence)
    notes += [*_combined(arms), *_uncounted(effects)]
    heterogeneity = library.heterogeneity(evidence.y, evidence.variance)
    table = pd.DataFrame(
        [(method, e.interval, *(getattr(e, column) for column in COLUMNS)) for method, es in fits.items() for e in es],
        columns=["method", "interval", *COLUMNS],
    )
    weights = {
        method: _in_percent(es[0].weights, effects.rows if METHODS[method].pools == "effects" else None, trials.k)
        for method, es in fits.items()
    }
    return Pools(trials.k, heterogeneity, table, effects, (*notes, *_remarks(fits, evidence)), weights)


def _fit_all(evidence: Evidence) -> tuple[dict[str, tuple[Estimate, ...]], list[str]]:
    """The estimates of each method that applies, and a note for each that does not."""
    fits: dict[str, tuple[Estimate, ...]] = {}
    notes = []
    for method in METHODS.values():
        reason = method.applies(evidence)
        if not reason:
            try:
                fits[method.name] = method.fit(evidence)
                continue
            except NotEstimableError as error:
                reason = str(error)
        notes.append(f"{method.name} left out: {reason.rstrip('.')}.")
    return fits, notes


def _remarks(fits: dict[str, tuple[Estimate, ...]], evidence: Evidence) -> list[str]:
    """What a reader of the table should know about it."""
    remarks = [f"{method}: {estimates[0].note}." for method, estimates in fits.items() if estimates[0].note]
    zero = [method for method, estimates in fits.items() if estimates[0].tau2 == 0.0]
    if zero:
        remarks.append(
            f"tau2 was estimated as 0 by {', '.join(zero)}: common with few trials, and no evidence that they agree."
        )
    by_interval = {estimate.interval: estimate for estimate in fits.get("REML", ())}
    if by_interval and by_interval["hksj"].se < by_interval["wald"].se:
        hksj, wald = by_interval["hksj"].se, by_interval["wald"].se
        ratio = float(evidence.variance.max() / evidence.variance.min())
        remarks.append(
            f"HKSJ gives a smaller standard error than Wald for REML ({hksj:.3g} v {wald:.3g}): the ad hoc form is the "
            f"cautious one. The largest sampling variance is {ratio:.3g} times the smallest."
        )
    return remarks


def _combined(trials: Trials) -> list[str]:
    """Trials whose arms were added up."""
    return [
        f"{trial}: its {len(rows)} treated arms are added up, because these methods take all rows as independent."
        for trial, rows in trials.shared_controls.items()
    ]


def _uncounted(effects: Effects) -> list[str]:
    """Trials that some methods cannot use."""
    notes = []
    if effects.dropped:
        notes.append(f"Left out of the effect sizes by the rule {effects.zero_cells!r}: {', '.join(effects.dropped)}.")
    if effects.double_zero and effects.measure != "RD":
        notes.append(
            f"Nobody or everybody had the event in {', '.join(effects.double_zero)}: the methods that pool counts "
            "leave such trials out, and so does RevMan."
        )
    return notes


def _in_percent(weights: Array, rows: Integers | None, k: int) -> Array:
    spread = np.zeros(k)
    spread[np.arange(k) if rows is None else rows] = 100.0 * weights
    return spread


def _json(value: object) -> object:
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return int(value) if isinstance(value, int | np.integer) else value
