"""What a check or a sensitivity analysis gives, whatever it asks: a table, a sentence, plain data."""

from typing import Protocol, runtime_checkable

import pandas as pd

from bayesmeta.types import Json


@runtime_checkable
class Finding(Protocol):
    """A result that a report can take in."""

    @property
    def table(self) -> pd.DataFrame:
        """The numbers, tidy."""

    @property
    def sentence(self) -> str:
        """The finding in words."""

    def to_dict(self) -> Json:
        """The finding as plain data."""
