"""What every part of the sensitivity analysis gives: a tidy table, one sentence, plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import pandas as pd

from bayesmeta.posterior import Posterior
from bayesmeta.sensitivity.asked import side_of
from bayesmeta.sensitivity.rows import Row, conclusion, conclusions, row_of
from bayesmeta.tables import plain, records
from bayesmeta.types import Json


@dataclass(frozen=True, eq=False)
class Part:
    """The answer to one "what if".

    Attributes
    ----------
    table : one row a variation; log odds ratios, and odds ratios beside them (`bayesmeta.sensitivity.rows.COLUMNS`).
    sentence : what changes, in words, with the numbers that carry it.
    refused : one row a variation that cannot be computed, with its reason; empty where all could.
    posterior : the analysis as given, which the variations are compared with.
    name : of the part, in plain data and file names.
    """

    table: pd.DataFrame
    sentence: str
    refused: pd.DataFrame
    posterior: Posterior

    name: ClassVar[str] = "part"

    @property
    def side(self) -> int:
        """The side of OR 1 that is asked about: +1 above, -1 below."""
        return side_of(self.posterior)

    @cached_property
    def given(self) -> Row:
        """The analysis as given, in the columns of the table."""
        return row_of(self.posterior)

    def to_dict(self) -> Json:
        """Plain data: numbers that do not exist are None."""
        return {
            "part": self.name,
            "sentence": self.sentence,
            "given": {name: plain(value) for name, value in self.given.items()},
            "rows": records(self.table),
            "refused": records(self.refused),
        }


def varied(labels: Mapping[str, Sequence[object]], rows: pd.DataFrame, given: Row) -> pd.DataFrame:
    """A table: the columns that name each variation, then the numbers, then whether the conclusion is another one."""
    table = pd.concat([pd.DataFrame(labels, index=rows.index), rows], axis=1)
    table["changes"] = conclusions(rows["lower"], rows["upper"]) != conclusion(given)
    return table


def refusals(rows: list[dict[str, str]], *what: str) -> pd.DataFrame:
    """The table of what could not be computed: columns that name the variation, and the reason."""
    return pd.DataFrame(rows, columns=[*what, "reason"])
