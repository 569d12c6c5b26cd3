"""`small_study_effects`: the familiar frequentist row on reporting bias, as one table."""

from collections.abc import Callable
from dataclasses import dataclass
from math import nan

import numpy as np
import pandas as pd

from bayesmeta.effects import effect_sizes
from bayesmeta.errors import ModelError
from bayesmeta.frequentist import asymmetry
from bayesmeta.frequentist.evidence import Evidence, NotEstimableError
from bayesmeta.tables import records, rows
from bayesmeta.trials import Trials
from bayesmeta.types import Json
from bayesmeta.wording import counted, probability, ratio, spanned

COLUMNS = ("statistic", "df", "p", "slope", "estimate", "se", "lower", "upper", "tau2", "filled", "side")
FEW = 10  # Sterne et al. 2011, BMJ 343:d4002: fewer trials than this, and the tests have hardly any power
SAID = ("trim and fill, REML", "PET-PEESE")  # of the adjusted effects, those that the sentence names
PET_LEVEL = 0.10  # two-sided, so that PET's one-sided level is 5%: Stanley & Doucouliagos 2014, section 4
Found = dict[str, float | str]


@dataclass(frozen=True, eq=False)
class SmallStudyEffects:
    """What the frequentist methods say of small-study effects.

    Parameters
    ----------
    k : number of effect sizes.
    table : one row a method: method, kind ("test" or "adjusted"), statistic, df, p (two-sided; of the asymmetry, for
        PET and PEESE of the effect), slope (on the standard error, the variance or 1 / size; Kendall's tau for Begg),
        estimate, se, lower, upper (the adjusted effect, 95%), tau2, filled (trials that trim and fill adds), side
        (where it adds them); NaN or "" where a figure does not exist.
    notes : what the reader should know, a sentence each; methods left out, and why.
    """

    k: int
    table: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The row in words: p of each test, and what is left of the effect."""
        if self.table.empty:
            return f"Small-study effects: {' '.join(self.notes)}"
        tests = self.table[self.table["kind"] == "test"]
        parts = [f"p of asymmetry {', '.join(f'{row.method} {probability(row.p)}' for row in rows(tests))}"]
        for row in rows(self.table[self.table["method"].isin(SAID)]):
            chosen = f" ({row.side})" if row.method == "PET-PEESE" else ""
            left = spanned(row.estimate, row.lower, row.upper, ratio)
            parts.append(f"{row.method}{chosen} leaves OR {left}")
        return f"Small-study effects ({counted(self.k)}): {'; '.join(parts)}. {' '.join(self.notes)}"

    def row(self, method: str) -> pd.Series:
        """One row of the table.

        Raises
        ------
        ModelError
            When it does not exist; the message says why.
        """
        found = self.table[self.table["method"] == method]
        if found.empty:
            why = [note for note in self.notes if note.startswith(f"{method} left out")]
            raise ModelError(
                f"small-study effects: no row {method!r}. {why[0] if why else f'There are {", ".join(METHODS)}.'}"
            )
        return found.iloc[0]

    def to_dict(self) -> Json:
        """Plain data: k, methods, notes; None where a figure does not exist."""
        return {"k": self.k, "methods": records(self.table), "notes": list(self.notes)}


def small_study_effects(trials: Trials, zero_cells: str = "only_zero") -> SmallStudyEffects:
    """Do small trials show larger effects, and what is left of the effect without that?

    Tests of asymmetry (Egger, Begg, Peters, Harbord), trim and fill, PET (y = mu + b s, weights 1 / s^2), PEESE
    (y = mu + b s^2), and PET-PEESE, which is PEESE where PET finds an effect at the one-sided 5% level, else PET. By
    PyMetaAnalysis. Asymmetry has other reasons than reporting: heterogeneity, and with odds ratios the estimate itself.

    Parameters
    ----------
    trials : counts or estimates with standard errors.
    zero_cells : rule for tables with a zero.

    Returns
    -------
    SmallStudyEffects

    Raises
    ------
    DataError
        A control arm that would be counted twice, or a table that cannot give an effect size.

    References
    ----------
    Egger et al. 1997, BMJ 315:629; Begg & Mazumdar 1994, Biometrics 50:1088; Peters et al. 2006, JAMA 295:676; Harbord,
    Egger & Sterne 2006, Stat Med 25:3443; Duval & Tweedie 2000, Biometrics 56:455; Stanley & Doucouliagos 2014, Res
    Synth Methods 5:60 (PET-PEESE).

    Examples
    --------
    >>> from bayesmeta.trials import load
    >>> found = small_study_effects(load("bcg"))
    >>> round(float(found.row("Egger")["p"]), 3), int(found.row("trim and fill, REML")["filled"])
    (0.16, 0)
    """
    trials.refuse_shared_controls()
    effects = effect_sizes(trials, zero_cells=zero_cells)
    counts = trials.counts if bool(np.all(trials.has_counts)) else None
    evidence = Evidence(effects.y, effects.se**2, counts, None if counts is None else counts[effects.rows])
    lines, notes = [], []
    for name, (kind, method) in METHODS.items():
        try:
            lines.append({"method": name, "kind": kind, **_blank(), **method(evidence)})
        except NotEstimableError as error:
            notes.append(f"{name} left out: {str(error).rstrip('.')}.")
    table = pd.DataFrame(lines, columns=["method", "kind", *COLUMNS])
    return SmallStudyEffects(evidence.size, table, (*notes, *_remarks(evidence.size)))


def _blank() -> Found:
    return {column: "" if column == "side" else nan for column in COLUMNS}


def _remarks(k: int) -> list[str]:
    few = f" With fewer than {FEW} trials, here {k}, these tests find little even where there is much."
    return [f"Asymmetry has other causes than reporting, heterogeneity the first of them.{few if k < FEW else ''}"]


def pet_peese(evidence: Evidence) -> Found:
    """PEESE where PET finds an effect, else PET."""
    pet = asymmetry.pet(evidence)
    chosen = "PEESE" if float(pet["p"]) < PET_LEVEL else "PET"
    return {**(asymmetry.peese(evidence) if chosen == "PEESE" else pet), "side": chosen}


#: name: kind, and from the evidence to the figures. Adding a method is adding a row.
METHODS: dict[str, tuple[str, Callable[[Evidence], Found]]] = {
    "Egger": ("test", asymmetry.egger),
    "Begg": ("test", asymmetry.begg),
    "Peters": ("test", asymmetry.peters),
    "Harbord": ("test", asymmetry.harbord),
    "trim and fill, EE": ("adjusted", lambda evidence: asymmetry.trim_and_fill(evidence, "EE")),
    "trim and fill, DL": ("adjusted", lambda evidence: asymmetry.trim_and_fill(evidence, "DL")),
    "trim and fill, REML": ("adjusted", lambda evidence: asymmetry.trim_and_fill(evidence, "REML")),
    "PET": ("adjusted", asymmetry.pet),
    "PEESE": ("adjusted", asymmetry.peese),
    "PET-PEESE": ("adjusted", pet_peese),
}
