"""Where in a file something was found: messages that a reader of the spreadsheet can act on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bayesmeta.errors import DataError

LONGEST_SHOWN = 60


def shown(value: object) -> str:
    """A value as quoted in a message: on one line, shortened, never empty."""
    if isinstance(value, float):
        return format(value, ".15g")
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."


@dataclass(frozen=True)
class Place:
    """The rows of one file, by the numbers a spreadsheet shows (the header is row 1) and by study.

    Parameters
    ----------
    origin : file or data set, first word of every message.
    rows : (k,) row numbers.
    studies : (k,) names; blank where not known.
    spelling : canonical column name to the name that the file uses.
    """

    origin: str
    rows: Sequence[int]
    studies: Sequence[str]
    spelling: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str) -> str:
        """The column as the file spells it."""
        return self.spelling.get(name, name)

    def columns(self, names: Sequence[str]) -> str:
        """Several columns as the file spells them, with the right word in front."""
        spelled = [self.column(name) for name in names]
        return ("column " if len(spelled) == 1 else "columns ") + ", ".join(spelled)

    def row(self, position: int) -> str:
        """The row with its study."""
        study = shown(self.studies[position])
        return f"row {self.rows[position]}" + (f" ({study})" if study else "")

    def error(self, position: int, names: str | Sequence[str], finding: str) -> DataError:
        """The refusal: place, finding, expectation in one breath."""
        columns = self.columns([names] if isinstance(names, str) else names)
        return DataError(f"{self.origin}, {self.row(position)}, {columns}: {finding}")
