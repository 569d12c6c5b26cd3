"""Random effects as text: "normal", "student_t(4)", "mixture(0.1, 5)", "none"."""

import re
from collections.abc import Callable
from math import isfinite

from bayesmeta.errors import ModelError
from bayesmeta.priors.base import key

#: Name to its parameters, each with what it has to be.
Requirement = tuple[str, Callable[[float], bool]]
RANDOM_EFFECTS: dict[str, dict[str, Requirement]] = {
    "normal": {},
    "student_t": {"df": ("a positive number", lambda x: x > 0.0)},
    "mixture": {
        "outliers": ("a share between 0 and 1", lambda x: 0.0 <= x < 1.0),
        "factor": ("a number of at least 1", lambda x: x >= 1.0),
    },
    "none": {},
}


def parse_random_effects(text: str) -> tuple[str, tuple[float, ...]]:
    """Name and parameters of random effects given as text.

    Parameters
    ----------
    text : in any case: "normal"; "student_t(df)", t-distributed about the mean with scale tau; "mixture(w, c)", that is
        (1 - w) N(m, tau^2) + w N(m, (c tau)^2); "none", the common-effect model.

    Returns
    -------
    (name, parameters)

    Raises
    ------
    ModelError : no such random effects, or parameters that are missing or impossible.

    Examples
    --------
    >>> parse_random_effects("mixture(0.1, 5)"), parse_random_effects("Student-t(4)")
    (('mixture', (0.1, 5.0)), ('student_t', (4.0,)))
    """
    found = re.fullmatch(r"\s*([A-Za-z_-]+)\s*(?:\((.*)\))?\s*", text)
    name = {key(known): known for known in RANDOM_EFFECTS}.get(key(found[1])) if found else None
    if found is None or name is None:
        raise ModelError(
            f"random effects {text!r}: there is no such. Known: normal, student_t(df), mixture(w, c), none."
        )
    wanted = RANDOM_EFFECTS[name]
    given = [part.strip() for part in (found[2] or "").split(",") if part.strip()]
    if len(given) != len(wanted):
        example = {"student_t": "student_t(4)", "mixture": "mixture(0.1, 5)"}.get(name, name)
        raise ModelError(
            f"random effects {text!r}: expected {', '.join(wanted) or 'no number'} for {name}, found {len(given)}"
            f" number{'' if len(given) == 1 else 's'}. Write it like {example}."
        )
    values = []
    for (parameter, (requirement, holds)), written in zip(wanted.items(), given, strict=True):
        value_text = written.split("=")[-1].strip()
        try:
            value = float(value_text)
        except ValueError:
            value = float("nan")
        if not isfinite(value) or not holds(value):
            raise ModelError(f"random effects {text!r}: {parameter} is {value_text}. It must be {requirement}.")
        values.append(value)
    return name, tuple(values)


def random_effects_text(name: str, parameters: tuple[float, ...]) -> str:
    """The shortest text of random effects.

    Examples
    --------
    >>> random_effects_text("mixture", (0.1, 5.0))
    'mixture(0.1, 5)'
    """
    return f"{name}({', '.join(f'{value:.15g}' for value in parameters)})" if parameters else name
