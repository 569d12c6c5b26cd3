"""What a table of trials must satisfy before anything is computed from it."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import DataError
from bayesmeta.trials.columns import COUNTS, ESTIMATES, NUMBERS
from bayesmeta.trials.place import Place, shown

Numbers = Mapping[str, NDArray[np.float64]]

#: Beyond these a number is a slip of the keyboard, and arithmetic on it would overflow.
MOST_PEOPLE = 1e9
LARGEST_ESTIMATE = 1e9
SMALLEST_SE = 1e-9

ARMS = (("events_treated", "total_treated"), ("events_control", "total_control"))


def first(bad: NDArray[np.bool_]) -> int | None:
    """Position of the first True, None where there is none."""
    return int(np.argmax(bad)) if bad.any() else None


def check_studies(place: Place) -> None:
    """Every row has a study name, and no two rows share one."""
    seen: dict[str, int] = {}
    for position, study in enumerate(place.studies):
        if not study.strip():
            raise place.error(position, "study", "blank. Every row needs the name of its study.")
        if study in seen:
            raise place.error(
                position,
                "study",
                f"{shown(study)} is already in row {place.rows[seen[study]]}. Give every comparison a name of its "
                "own; arms that share a control get the same entry in column trial instead.",
            )
        seen[study] = position


def check_counts(name: str, values: NDArray[np.float64], place: Place, smallest: int = 0) -> None:
    """A column of counts: whole numbers from `smallest` on, NaN where there is none."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        bad = there & ((values < smallest) | (values != np.floor(values)) | (values > MOST_PEOPLE))
    position = first(bad)
    if position is not None:
        expected = f"A count is a whole number from {smallest} to {MOST_PEOPLE:.0f}."
        raise place.error(position, name, f"{shown(float(values[position]))}. {expected}")


def check_arms(numbers: Numbers, place: Place) -> None:
    """Events cannot exceed the total of their arm."""
    for events, total in ARMS:
        if events in numbers and total in numbers:
            with np.errstate(invalid="ignore"):
                position = first(numbers[events] > numbers[total])
            if position is not None:
                found, among = (shown(float(numbers[name][position])) for name in (events, total))
                finding = f"{found} events among {among} people. Events cannot exceed {place.column(total)}."
                raise place.error(position, events, finding)


def check_estimates(numbers: Numbers, place: Place) -> None:
    """Estimates are finite, standard errors positive."""
    if "estimate" in numbers:
        values = numbers["estimate"]
        position = first(~np.isnan(values) & ~(np.abs(values) <= LARGEST_ESTIMATE))
        if position is not None:
            limits = f"{-LARGEST_ESTIMATE:.0e} and {LARGEST_ESTIMATE:.0e}"
            expected = f"An estimate (log scale for ratios) lies between {limits}."
            raise place.error(position, "estimate", f"{shown(float(values[position]))}. {expected}")
    if "se" in numbers:
        values = numbers["se"]
        position = first(~np.isnan(values) & ~((values >= SMALLEST_SE) & (values <= LARGEST_ESTIMATE)))
        if position is not None:
            expected = f"A standard error is positive ({SMALLEST_SE:.0e} to {LARGEST_ESTIMATE:.0e})."
            raise place.error(position, "se", f"{shown(float(values[position]))}. {expected}")


def complete(numbers: Numbers, names: Sequence[str], k: int) -> NDArray[np.bool_]:
    """(k,) rows in which all the named columns hold a number."""
    there = np.full(k, all(name in numbers for name in names))
    for name in names:
        if name in numbers:
            there &= ~np.isnan(numbers[name])
    return there


def check_something_usable(numbers: Numbers, place: Place) -> None:
    """Every row has all four counts, or an estimate with its standard error."""
    k = len(place.studies)
    position = first(~(complete(numbers, COUNTS, k) | complete(numbers, ESTIMATES, k)))
    if position is None:
        return
    there = {name for name, values in numbers.items() if not np.isnan(values[position])}
    # A row that was begun one way is finished that way; an empty one lacks everything that the file has columns for.
    begun = next((group for group in (COUNTS, ESTIMATES) if there & set(group)), NUMBERS)
    blank = [name for name in begun if name not in there and (name in numbers or begun is not NUMBERS)]
    raise place.error(position, blank, "blank. A row needs all four counts, or an estimate with its standard error.")


def check_shared_controls(numbers: Numbers, trials: Sequence[str], place: Place) -> None:
    """Rows of one trial show the same control arm."""
    if not all(name in numbers for name in ARMS[1]):
        return
    controls = np.column_stack([numbers[name] for name in ARMS[1]])
    where: dict[str, int] = {}
    for position, trial in enumerate(trials):
        if not trial or np.isnan(controls[position]).any():
            continue
        earlier = where.setdefault(trial, position)
        if not np.array_equal(controls[earlier], controls[position]):
            here, there = ("/".join(shown(float(value)) for value in controls[row]) for row in (position, earlier))
            raise place.error(
                position,
                ARMS[1],
                f"control {here}, but {there} in {place.row(earlier)}, which has the same entry {shown(trial)} in "
                f"column {place.column('trial')}. Rows of one trial share one control arm.",
            )


def check_table(numbers: Numbers, trials: Sequence[str] | None, place: Place) -> None:
    """All of the above; the first thing wrong is raised.

    Parameters
    ----------
    numbers : canonical number columns that the table has, each (k,), NaN where a row has none.
    trials : (k,) entries of column `trial`, blank where none; None without that column.
    place : for messages.

    Raises
    ------
    DataError
    """
    if not place.studies:
        raise DataError(f"{place.origin}: no trials. Expected one row for each comparison below the header.")
    check_studies(place)
    for name in COUNTS:
        if name in numbers:
            check_counts(name, numbers[name], place, smallest=1 if name.startswith("total") else 0)
    check_arms(numbers, place)
    check_estimates(numbers, place)
    check_something_usable(numbers, place)
    if trials is not None:
        check_shared_controls(numbers, trials, place)
