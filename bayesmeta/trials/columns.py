"""Column names: our own, and those of metafor and meta, in one table."""

from collections.abc import Sequence

from bayesmeta.errors import DataError
from bayesmeta.trials.place import shown

COUNTS = ("events_treated", "total_treated", "events_control", "total_control")
ESTIMATES = ("estimate", "se")
NUMBERS = COUNTS + ESTIMATES
CANONICAL = ("study", *NUMBERS, "trial")

#: Columns that say something about the whole table: they become attributes of Trials.
WHOLE_TABLE = ("outcome", "direction")

#: What a column means, and the names that mean it: own name first, then metafor's, then meta's. Columns bi, di (others
#: of each arm) and vi (variance) have no name of our own: totals and standard errors are made from them.
ALIASES: dict[str, tuple[str, ...]] = {
    "study": ("study", "slab", "studlab"),
    "events_treated": ("events_treated", "ai", "event.e"),
    "bi": ("bi",),
    "total_treated": ("total_treated", "n1i", "n.e"),
    "events_control": ("events_control", "ci", "event.c"),
    "di": ("di",),
    "total_control": ("total_control", "n2i", "n.c"),
    "estimate": ("estimate", "yi", "te"),
    "se": ("se", "sei", "sete"),
    "vi": ("vi",),
    "trial": ("trial",),
    "outcome": ("outcome",),
    "direction": ("direction",),
}
MEANING = {alias: meaning for meaning, aliases in ALIASES.items() for alias in aliases}


def meanings(header: Sequence[str], origin: str) -> dict[str, int]:
    """What each column of a header means, to its position; columns of no known meaning keep their own name.

    Parameters
    ----------
    header : column names as in the file, surrounding blanks removed; blank names are passed over.
    origin : the file, for messages.

    Raises
    ------
    DataError : two columns of one name (in any case), or two names for one thing.

    Examples
    --------
    >>> meanings(["Study", "ai", "n1i", "Dose"], "trials.csv")
    {'study': 0, 'events_treated': 1, 'total_treated': 2, 'Dose': 3}
    """
    found: dict[str, int] = {}
    folded: dict[str, str] = {}
    for position, name in enumerate(header):
        if not name:
            continue
        fold = name.casefold()
        meaning = MEANING.get(fold, name)
        key = MEANING.get(fold, fold)
        if key in folded:
            other = folded[key]
            what = "appears twice" if other == name else f"means the same as column {shown(other)}"
            if other != name and other.casefold() == fold:
                what = f"differs from column {shown(other)} only in upper and lower case"
            raise DataError(f"{origin}, row 1, column {shown(name)}: {what}. Keep one of them or rename one.")
        folded[key] = name
        found[meaning] = position
    return found
