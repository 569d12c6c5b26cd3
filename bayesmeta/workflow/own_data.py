"""A table of one's own in a model script: the review's trials typed in, or other trials altogether."""

from collections.abc import Sequence
from dataclasses import replace

from bayesmeta.errors import DataError
from bayesmeta.trials import Trials, load, outcomes_named, read_trials


def in_place_of(shipped: Trials, path: str, *, direction: str | None = None, template: bool = False) -> Trials:
    """The trials of a file in place of shipped ones.

    A file whose column outcome names the shipped outcome, as the template does, holds the review's trials: they keep
    the wished direction and the published pooled result. A file without such a column answers the question that the
    script asks, outcome and wished direction, and is the review's where the script takes no others. Any other file
    stands for itself: nothing is known of its direction but what it says, and nothing was published of it.

    Parameters
    ----------
    shipped : the trials that the script names.
    path : the file.
    direction : "higher" or "lower", what is wished: then the file is of other trials.
    template : whether only the review's trials will do.

    Returns
    -------
    Trials

    Raises
    ------
    DataError : a file that cannot be read, or other trials where only the review's will do.
    """
    if is_of(shipped, path):
        table = read_trials(path, outcome=shipped.outcome, direction=shipped.direction)
        return replace(table, published=shipped.published)
    if direction is None and not outcomes_named(path):
        table = read_trials(path, outcome=shipped.outcome, direction=shipped.direction)
        return replace(table, published=shipped.published) if template else table
    table = read_trials(path, direction=direction)
    if template:
        raise DataError(
            f"{path}: other trials than those of {shipped.outcome} (--direction, or column outcome). This script takes"
            f" those of the review, in the columns of `bayesmeta data --template {shipped.name.rpartition('/')[2]}`;"
            f" for trials of your own: `bayesmeta reanalyse {path}`."
        )
    return table


def is_of(shipped: Trials, path: str) -> bool:
    """Whether a file says, in column outcome, that it holds trials of the shipped outcome."""
    return shipped.outcome.casefold() in [name.casefold() for name in outcomes_named(path)]


def said_of(trials: Trials, shipped: Trials) -> str:
    """What becomes of trials that are not the review's, in words; nothing where they are."""
    if trials.published is not None or shipped.published is None:
        return ""
    name = trials.origin or trials.name
    if trials.outcome == shipped.outcome:
        return (
            f"{name} is taken as other trials of {shipped.outcome}, compared with no published result. In column"
            f' outcome "{shipped.outcome}" makes them those of the review; --direction makes them trials of their own.'
        )
    wished = "" if trials.direction else ", and nothing is said to be wished (--direction higher or lower)"
    return f"{name} is taken as trials of its own: compared with no published result{wished}."


def among(names: Sequence[str], path: str) -> list[str]:
    """Those of the shipped sets whose outcome a file names.

    Raises
    ------
    DataError : none of them.
    """
    found = [name for name in names if is_of(load(name), path)]
    if not found:
        read_trials(path)  # what is wrong with the table itself comes first
        wanted, first = " or ".join(f'"{load(name).outcome}"' for name in names), names[0].rpartition("/")[2]
        raise DataError(
            f"{path}: no row has {wanted} in column outcome. This script takes trials of the review, beside whose"
            f" published results they stand, in the columns of `bayesmeta data --template {first}`."
        )
    return found
