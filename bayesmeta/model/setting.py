"""The setting that effect and theta_new speak of, as text: "sensitivity_focused=yes, dose=2"."""

import re
from collections.abc import Collection, Mapping

import pandas as pd

from bayesmeta.errors import ModelError
from bayesmeta.model.coding import Coding, Setting

BETWEEN = re.compile(r",\s*(?=[^,=]+=)")


def setting_text(given: str | Mapping[str, object] | None) -> str | None:
    """A setting as the text that is stored; None for none.

    Raises
    ------
    ModelError : text that names no column, or one twice.

    Examples
    --------
    >>> setting_text({"site": "home, clinic", "dose": 2}), setting_text("dose = 2")
    ('site=home, clinic, dose=2', 'dose=2')
    """
    if given is None:
        return None
    if isinstance(given, Mapping):
        pairs = list(given.items())
    else:
        pairs = [part.partition("=")[::2] for part in BETWEEN.split(given)] if isinstance(given, str) else [("", "")]
    names = [str(name).strip() for name, _ in pairs]
    values = [str(value).strip() for _, value in pairs]
    if not all(names) or not all(values) or len(set(names)) < len(names):
        raise ModelError(
            f'setting {str(given)!r}: expected each column once with its value, such as "site=home, dose=2".'
        )
    return ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True)) or None


def setting_of(text: str | None) -> dict[str, str]:
    """The columns and values of such a text."""
    return {} if text is None else dict(part.split("=", 1) for part in BETWEEN.split(text))


def read_setting(text: str | None, coding: Coding | None) -> Setting | None:
    """The part of a setting that one formula reads, numbers as numbers and categories as they stand in the table.

    None where it names none of the formula's columns.

    Raises
    ------
    ModelError : a number that is none, a category that no trial has, or a column of the formula that is not named.
    """
    if text is None or coding is None:
        return None
    found: dict[str, object] = {}
    for name, value in setting_of(text).items():
        if name in coding.moderators:
            found[name] = _category(coding.frame[name], value) if name in coding.categorical else _number(name, value)
    if found:
        coding.row(found)  # refuses what no row can be made of
    return found or None


def refuse_unknown(text: str | None, known: Collection[str]) -> None:
    """Refuse columns that a model does not have.

    Raises
    ------
    ModelError
    """
    for name in setting_of(text):
        if name not in known:
            has = f"It has {', '.join(known)}." if known else "It has none."
            raise ModelError(f'setting "{text}": {name!r} is not a moderator of the model. {has}')


def _category(levels: "pd.Series", text: str) -> object:
    same = [level for level in levels.unique().tolist() if str(level) == text]
    return same[0] if same else text


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ModelError(f"setting: {name} is {text!r}. It must be a number, as in the table.") from None
