"""A survey of practice beside the pooled effects: one row for each intervention, checked once."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from bayesmeta.errors import BayesmetaWarning, DataError
from bayesmeta.trials.place import Place, shown
from bayesmeta.types import Array, Booleans

DIRECTIONS = ("higher", "lower")
COUNTS = ("services_using", "services", "k")
EFFECT = ("odds_ratio", "lower", "upper")
NUMBERS = ("services_using", "services", *EFFECT, "k")
Z = 1.959963984540054  # half width of a 95% interval in standard errors
#: An odds ratio farther than this from the middle of its interval (log scale, in half widths) is worth a warning:
#: rounding to two decimals does not move it so far.
FAR_FROM_MIDDLE = 0.25


@dataclass(frozen=True, eq=False)
class Survey:
    """What services use, and what the trials of it found.

    Parameters
    ----------
    table : (n, columns) intervention, services_using, services (how many were asked), odds_ratio with its 95% interval
        lower and upper (NaN where k is 0), k (trials); any other column is kept.
    direction : "higher" where odds ratios above 1 are wished, "lower" where those below 1 are.
    name : short name for titles and files.
    origin : file, first word of every message about it.
    rows : (n,) where each row stands in its file; 2, 3, ... if not given.

    Raises
    ------
    DataError : naming row, intervention and column, the value found and what was expected.

    Examples
    --------
    >>> table = pd.DataFrame({"intervention": ["A", "B"], "services_using": [30, 5], "services": [40, 40],
    ...                       "odds_ratio": [1.2, 2.0], "lower": [0.8, 1.1], "upper": [1.8, 3.6], "k": [4, 2]})
    >>> Survey(table, direction="higher").interventions
    ('A', 'B')
    """

    table: pd.DataFrame
    direction: str
    name: str = "survey"
    origin: str = ""
    rows: tuple[int, ...] = ()
    spelling: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        origin = self.origin or self.name
        names = [str(cell).strip() for cell in self.table["intervention"]]
        if not names:
            raise DataError(f"{origin}: no interventions. Expected one row for each.")
        if self.direction not in DIRECTIONS:
            raise DataError(
                f'{origin}: direction "{shown(self.direction)}". Say what is wished: "higher" where odds ratios above 1'
                ' are, "lower" where those below 1 are.'
            )
        rows = self.rows or tuple(range(2, 2 + len(names)))
        check(self.table, Place(origin, rows, names, self.spelling or {}))

    @property
    def interventions(self) -> tuple[str, ...]:
        """Their names, in the order of the table."""
        return tuple(str(name) for name in self.table["intervention"])

    def column(self, name: str) -> Array:
        """A column of numbers."""
        return self.table[name].to_numpy(dtype=float)

    @cached_property
    def has_evidence(self) -> Booleans:
        """(n,) whether there is a trial."""
        return np.asarray(self.column("k") > 0)

    @property
    def log_odds_ratio(self) -> Array:
        """(n,) pooled log odds ratios, NaN without trials."""
        return np.log(self.column("odds_ratio"))

    @property
    def se(self) -> Array:
        """(n,) standard errors from the 95% intervals: (log upper - log lower) / (2 x 1.96)."""
        return np.asarray((np.log(self.column("upper")) - np.log(self.column("lower"))) / (2.0 * Z))

    @cached_property
    def simulated(self) -> bool:
        """Whether column `source` says of a row that it is simulated."""
        if "source" not in self.table:
            return False
        return any("simulated" in str(cell).casefold() for cell in self.table["source"])


def check(table: pd.DataFrame, place: Place) -> None:
    """Raise the first thing wrong; warn of intervals that are not symmetric on the log scale."""
    check_names(place)
    values = {name: table[name].to_numpy(dtype=float) for name in NUMBERS}
    for position in range(len(table)):
        row = {name: float(column[position]) for name, column in values.items()}
        check_counts(row, position, place)
        check_effect(row, position, place)


def check_names(place: Place) -> None:
    """Every intervention has a name, once."""
    seen: dict[str, int] = {}
    for position, name in enumerate(place.studies):
        if not name:
            raise place.error(position, "intervention", "blank. Every row needs the name of its intervention.")
        if name in seen:
            finding = f"{shown(name)} is already in row {place.rows[seen[name]]}. Each intervention has one row."
            raise place.error(position, "intervention", finding)
        seen[name] = position


def check_counts(row: Mapping[str, float], position: int, place: Place) -> None:
    """Counts are whole; no more services use it than were asked."""
    for name, least in (("services", 1), ("services_using", 0), ("k", 0)):
        value = row[name]
        if not (value >= least and value == np.floor(value) and np.isfinite(value)):
            found = "blank" if np.isnan(value) else shown(value)
            raise place.error(position, name, f"{found}. Expected a whole number, at least {least}.")
    if row["services_using"] > row["services"]:
        finding = f"{shown(row['services_using'])} of {shown(row['services'])} services. Those using it cannot exceed "
        raise place.error(position, "services_using", f"{finding}{place.column('services')}.")


def check_effect(row: Mapping[str, float], position: int, place: Place) -> None:
    """With trials a pooled odds ratio inside its interval, without trials none."""
    given = [name for name in EFFECT if not np.isnan(row[name])]
    if row["k"] == 0:
        if given:
            finding = f"{shown(row[given[0]])}, but {place.column('k')} is 0. Say how many trials were pooled, or leave"
            raise place.error(position, given[0], f"{finding} {', '.join(map(place.column, EFFECT))} blank.")
        return
    for name in EFFECT:
        if np.isnan(row[name]):
            finding = f"blank, but {place.column('k')} is {shown(row['k'])}. Expected an odds ratio; without trials"
            raise place.error(position, name, f"{finding} {place.column('k')} is 0.")
        if not (0.0 < row[name] < np.inf):
            finding = f"{shown(row[name])}. Expected an odds ratio, above 0; exponentiate log odds ratios first."
            raise place.error(position, name, finding)
    estimate, lower, upper = (row[name] for name in EFFECT)
    if not lower < estimate < upper:
        finding = f"{shown(estimate)} with the interval {shown(lower)} to {shown(upper)}. Expected lower < odds ratio"
        raise place.error(position, EFFECT, f"{finding} < upper.")
    warn_of_skew(np.log([estimate, lower, upper]), position, place)


def warn_of_skew(logs: Sequence[float] | Array, position: int, place: Place) -> None:
    """An interval that is read as symmetric on the log scale, and is not."""
    estimate, lower, upper = (float(value) for value in logs)
    if abs(estimate - (lower + upper) / 2) > FAR_FROM_MIDDLE * (upper - lower) / 2:
        where = place.error(position, EFFECT, "")
        middle = np.exp((lower + upper) / 2)
        warnings.warn(
            f"{where}{np.exp(estimate):.4g} is not near {middle:.4g}, the middle of its interval on the log scale."
            " It is read as normal about the odds ratio with the interval's width: check the typing.",
            BayesmetaWarning,
            stacklevel=2,
        )
