"""Results gathered for readers and machines: tidy tables, plain data, sentences, and the record of the run."""

from bayesmeta.report.quantities import quantities, wished_probability
from bayesmeta.report.record import record, versions
from bayesmeta.report.report import Report, pool_quantities
from bayesmeta.report.small_study import small_study_cells
from bayesmeta.report.words import evidence
from bayesmeta.wording import number, probability
from bayesmeta.wording import spanned as odds_ratio

__all__ = [
    "Report",
    "evidence",
    "number",
    "odds_ratio",
    "pool_quantities",
    "probability",
    "quantities",
    "record",
    "small_study_cells",
    "versions",
    "wished_probability",
]
