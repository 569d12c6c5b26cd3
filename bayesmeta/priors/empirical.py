"""What the priors from published tables share: finding a cell by its names, and standing for the distribution in it."""

from __future__ import annotations

import csv
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import Field, dataclass, fields
from difflib import get_close_matches
from functools import cache
from math import pi, sqrt
from typing import Any, ClassVar, Self

from bayesmeta.priors.base import Array, HeterogeneityPrior, Prior, key
from bayesmeta.priors.parameters import quoted, values_by_name
from bayesmeta.trials.datasets import data_folder

type Cell = dict[str, str]

#: The row of a table that pools all its settings.
MARGINAL = "marginal"


#: A log odds ratio is about this many standardised mean differences (Chinn 2000, Stat Med 19:3127).
LOG_ODDS_RATIO_PER_SMD = pi / sqrt(3.0)


def for_smds(converted: Prior) -> str:
    """What a prior from a table of standardised mean differences warns of, with the one for log odds ratios."""
    return f"It is for standardised mean differences; for log odds ratios write {converted}."


@cache
def table(file: str, names: tuple[str, ...]) -> dict[tuple[str, ...], Cell]:
    """The rows of a file in data/priors, by the names of their cell; blank names are left out of it."""
    with (data_folder() / "priors" / file).open(encoding="utf-8", newline="") as lines:
        return {tuple(row[name] for name in names if row[name]): row for row in csv.DictReader(lines)}


@dataclass(frozen=True)
class EmpiricalPrior(Prior, abstract=True):
    """A prior that is looked up in a published table, and stands for the distribution found there."""

    #: The table in data/priors.
    file: ClassVar[str]

    @property
    @abstractmethod
    def stands_for(self) -> Prior:
        """The distribution in the cell."""

    @classmethod
    def cells(cls) -> dict[tuple[str, ...], Cell]:
        """All rows of the table by their names."""
        return table(cls.file, cls.parameters())

    @classmethod
    def choices(cls) -> dict[str, tuple[str, ...]]:
        names: dict[str, dict[str, None]] = {parameter: {} for parameter in cls.parameters()}
        for row in cls.cells().values():
            for parameter in names:
                if row[parameter]:
                    names[parameter][row[parameter]] = None
        return {parameter: tuple(found) for parameter, found in names.items()}

    def _checked(self, parameter: Field[Any], value: object) -> object:
        """The name as the table writes it."""
        if not isinstance(value, str):
            raise self._refusal(f"{parameter.name} is {quoted(repr(value))}. It must be a name.")
        if value == parameter.default:
            return value
        known = {key(name): name for name in self.choices()[parameter.name]}
        if key(value) in known:
            return known[key(value)]
        within = [name for name in known.values() if value and key(value) in key(name)]
        close = within or [known[match] for match in get_close_matches(key(value), known, n=2)]
        meant = f" Did you mean {' or '.join(close[:3])}?" if close else ""
        found = quoted(value) or "missing"
        raise self._refusal(f"{parameter.name} is {found}.{meant} There are {', '.join(known.values())}.")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._cell()

    def _cell(self) -> Cell:
        """The row of the table, or a refusal."""
        names = tuple(getattr(self, name) for name in self.parameters())
        for found in (names, tuple(name for name in names if name)):
            if found in self.cells():
                return self.cells()[found]
        defaults = tuple(parameter.default for parameter in fields(self))
        if names[0] == MARGINAL and names[1:] == defaults[1:]:
            return self.cells()[MARGINAL,]
        if names[0] == MARGINAL:
            raise self._refusal(f"{MARGINAL} pools all settings and stands alone: {self.text_name}({MARGINAL}).")
        missing = self.parameters()[names.index("")]
        raise self._refusal(f"{missing} is missing. There are {', '.join(self.choices()[missing])}.")

    @property
    def text(self) -> str:
        written = [str(getattr(self, name)) for name in self.parameters()]
        defaults = [parameter.default for parameter in fields(self)]
        while len(written) > 1 and written[-1] == defaults[len(written) - 1]:
            written.pop()
        return f"{self.text_name}({', '.join(written)})"

    @classmethod
    def from_arguments(cls, arguments: Sequence[str]) -> Self:
        values = values_by_name(cls.text_name, cls.parameters(), cls.examples[0], arguments, least=1, kind="name")
        return cls(**{name: value.strip("'\"") for name, value in values.items()})

    @property
    def source(self) -> str:
        """Where the numbers were published, and by way of what they came here."""
        return self._cell()["source"]

    @property
    def described_as(self) -> str:
        """The setting in the words of the publication."""
        return self._cell()["described_as"]

    @property
    def doubtful(self) -> str:
        return self._cell()["doubtful"]

    @property
    def warning(self) -> str:
        return f"Doubtful cell: {self.doubtful}." if self.doubtful else ""

    @property
    def mean(self) -> float:
        return self.stands_for.mean

    @property
    def sd(self) -> float:
        return self.stands_for.sd

    @property
    def pymc(self) -> tuple[str, dict[str, float]] | None:
        return self.stands_for.pymc

    def _log_density(self, x: Array) -> Array:
        return self.stands_for._log_density(x)

    def _cdf(self, x: Array) -> Array:
        return self.stands_for._cdf(x)

    def _survival(self, x: Array) -> Array:
        return self.stands_for._survival(x)

    def _quantile(self, p: Array) -> Array:
        return self.stands_for._quantile(p)

    def _quantile_upper(self, q: Array) -> Array:
        return self.stands_for._quantile_upper(q)


@dataclass(frozen=True)
class EmpiricalHeterogeneityPrior(EmpiricalPrior, HeterogeneityPrior, abstract=True):
    """An empirical prior for tau."""

    @property
    @abstractmethod
    def stands_for(self) -> HeterogeneityPrior:
        """The distribution of tau in the cell."""

    @property
    def tail_exponent(self) -> float:
        return self.stands_for.tail_exponent
