"""Parameters of a prior: what they may be, how they are written, and how they are read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bayesmeta.errors import PriorError

#: Field metadata: what a parameter must be beyond finite, in the words of the refusal.
POSITIVE = {"must be": "positive", "holds": lambda value: value > 0}
NOT_NEGATIVE = {"must be": "zero or positive", "holds": lambda value: value >= 0}
ABOVE_ONE = {"must be": "above 1", "holds": lambda value: value > 1}
NOT_ONE = {"must be": "positive and not 1", "holds": lambda value: value > 0 and value != 1}

# Not float() alone: it also takes 1_000 and the digits of every script.
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(inf|infinity|nan)", re.ASCII | re.IGNORECASE)


class ParameterError(PriorError):
    """Parameters that a family does not allow; `finding` is the message without the prior that it is about."""

    def __init__(self, prior: str, finding: str) -> None:
        super().__init__(f"{prior}: {finding}")
        self.finding = finding

    def __reduce__(self) -> tuple[type[PriorError], tuple[str]]:
        return PriorError, (str(self),)


def number_text(value: float) -> str:
    """The shortest text that reads back as `value`, whole numbers without a point.

    >>> number_text(250.0), number_text(0.1), number_text(1e-5)
    ('250', '0.1', '1e-05')
    """
    return repr(float(value)).removesuffix(".0")


def quoted(text: str) -> str:
    """The text as messages quote it: on one line, and not a page of it.

    >>> quoted("half_normal(\\n0.5)")
    'half_normal( 0.5)'
    """
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:77]}..."


def numbers_by_name(family: str, names: Sequence[str], example: str, arguments: Sequence[str]) -> dict[str, float]:
    """Numbers by the names of the parameters, from arguments by position ("0.5") or by keyword ("scale=0.5").

    Raises
    ------
    ParameterError : too few, too many, unknown or repeated names, a positional argument behind a keyword, not a number.
    """
    values = values_by_name(family, names, example, arguments)
    return {name: number_of(family, name, value, example) for name, value in values.items()}


def number_of(family: str, name: str, value: str, example: str) -> float:
    """One number from its text."""
    if NUMBER.fullmatch(value) is None:
        found = f'"{quoted(value)}"' if value else "missing"
        raise ParameterError(f"prior {family}", f"{name} is {found}. It must be a number. Write it as {example}.")
    return float(value)


def values_by_name(
    family: str,
    names: Sequence[str],
    example: str,
    arguments: Sequence[str],
    *,
    least: int | None = None,
    kind: str = "number",
) -> dict[str, str]:
    """Texts by the names of the parameters, from arguments by position or by keyword.

    Parameters
    ----------
    family, names, example : name of the family, its parameters, and a member in text form for the refusal.
    arguments : as they stand between the parentheses.
    least : how many must be given; all if None.
    kind : what an argument is, in the words of the refusal.

    Raises
    ------
    ParameterError : too few, too many, unknown or repeated names, or a positional argument behind a keyword.
    """

    def refusal(finding: str) -> ParameterError:
        return ParameterError(f"prior {family}", f"{finding} Write it as {example}.")

    if not (len(names) if least is None else least) <= len(arguments) <= len(names):
        raise refusal(_arity(family, names, len(arguments), kind))
    values: dict[str, str] = {}
    keywords = False
    for position, argument in enumerate(arguments):
        given, equals, value = (part.strip() for part in argument.rpartition("="))
        if keywords and not equals:
            raise refusal(f"{quoted(value) or 'nothing'} stands behind a keyword.")
        keywords = bool(equals)
        name = given.lower() if equals else names[position]
        if name not in names:
            raise refusal(f'{family} has no parameter "{quoted(given)}", only {" and ".join(names)}.')
        if name in values:
            raise refusal(f"{name} is given twice.")
        values[name] = value
    return values


def _arity(family: str, names: Sequence[str], given: int, kind: str) -> str:
    if not names:
        return f"{family} takes no {kind}s."
    wanted = f"1 {kind}" if len(names) == 1 else f"{len(names)} {kind}s"
    found = {0: "none is", 1: "1 is"}.get(given, f"{given} are")
    # 0,5 for 0.5 is how half of Europe writes a number.
    hint = " A decimal has a point; a comma separates." if given > len(names) and kind == "number" else ""
    return f"{family} takes {wanted}, {' and '.join(names)}; {found} given.{hint}"
