"""From text to a prior, and back to the writer with a refusal that says what to write instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from bayesmeta.errors import PriorError
from bayesmeta.priors.base import EffectPrior, HeterogeneityPrior, Prior, key, register
from bayesmeta.priors.parameters import ParameterError, quoted

#: For each role: the kind of prior that serves, where such a prior lives, and the one that is offered.
ROLES: dict[str, tuple[type[Prior], str, str]] = {
    "tau": (HeterogeneityPrior, "[0, inf)", "half_normal(0.5)"),
    "mu": (EffectPrior, "the whole line", "normal(0, 4)"),
    "beta": (EffectPrior, "the whole line", "normal(0, 1)"),
    "baseline": (EffectPrior, "the whole line", "normal(0, 5)"),
    "alpha": (EffectPrior, "the whole line", "normal(0, 1)"),
    "effect": (EffectPrior, "the whole line", "normal(0, 1)"),
}
LONGEST = 1000  # characters; a text beyond is no prior
LISTS_ALL = "`bayesmeta priors` lists all."

FORM = re.compile(r"(?P<name>[A-Za-z][\w-]*)\s*(?:\((?P<arguments>.*)\))?", re.ASCII | re.DOTALL)


def catalogue(role: str | None = None) -> tuple[type[Prior], ...]:
    """The families for a role, or all of them, in alphabetical order.

    >>> [family.signature() for family in catalogue("mu")][-3:]
    ['sceptical(odds_ratio)', 'student_t(df, location, scale)', 'unit_information']
    """
    kind = Prior if role is None else _role(role)[0]
    return tuple(family for family in register().values() if issubclass(family, kind))


def prior_names(role: str | None = None) -> tuple[str, ...]:
    """The text names of the priors for a role ("tau", "mu", "beta", "baseline" or "alpha"), or of all.

    >>> prior_names("mu")[:4]
    ('bartos_2021_effect', 'bartos_effect', 'enthusiastic', 'flat')
    """
    return tuple(family.text_name for family in catalogue(role))


def family_called(name: str) -> type[Prior] | None:
    """The family of that name, in any spelling, whatever numbers follow; None where there is none."""
    called = key(name.partition("(")[0].strip())
    return next((family for family in catalogue() if key(family.text_name) == called), None)


def suited(family: type[Prior] | None) -> str:
    """A role that the family can play."""
    return "tau" if family is None or issubclass(family, HeterogeneityPrior) else "mu"


def parse_prior(text: str | Prior, role: str = "tau") -> Prior:
    """The prior that a text states: half_normal(0.5), normal(0, 4), half_t(df=3, scale=0.5), flat.

    Parameters
    ----------
    text : a name and its numbers, in any case, with blanks where you like. A prior is checked for its role, no more.
    role : what the prior is for: "tau", "mu", "beta", "baseline", "alpha" or "effect".

    Returns
    -------
    Prior : a HeterogeneityPrior for tau, an EffectPrior for the other roles.

    Raises
    ------
    PriorError : no such prior, wrong numbers, or a prior that does not suit the role.

    Examples
    --------
    >>> parse_prior("half_normal(0.5)")
    HalfNormal(scale=0.5)
    >>> parse_prior("Normal( location=0, scale=4 )", role="mu")
    Normal(location=0.0, scale=4.0)
    """
    kind, domain, offered = _role(role)
    if isinstance(text, Prior):
        where, family = f'{role} prior "{text}"', type(text)
    elif isinstance(text, str):
        where = f'{role} prior "{quoted(text)}"'
        name, arguments = _parts(text, role, where)
        family = _family(name, arguments, role, where)
    else:
        raise PriorError(f'{role} prior {text!r}: neither text nor a prior. Write it as "{offered}".')
    if not issubclass(family, kind):
        lives = "the whole line" if issubclass(family, EffectPrior) else "[0, inf)"
        finding = f"{family.text_name} is a prior on {lives}, and {role} needs a prior on {domain}, such as {offered}."
        raise PriorError(f"{where}: {finding} {LISTS_ALL}")
    if isinstance(text, Prior):
        return text
    try:
        return family.from_arguments(arguments)
    except ParameterError as error:  # the same finding, about the text as it was written
        raise PriorError(f"{where}: {error.finding}") from None


def _role(role: str) -> tuple[type[Prior], str, str]:
    if role not in ROLES:
        raise PriorError(f"prior for {role!r}: no such parameter. Priors are for {', '.join(ROLES)}.")
    return ROLES[role]


def _parts(text: str, role: str, where: str) -> tuple[str, list[str]]:
    """The name, and the arguments as they stand."""
    # A minus sign copied from a paper is often the typographical one.
    plain = text.replace("\N{MINUS SIGN}", "-").strip()
    form = FORM.fullmatch(plain)
    if form is None or len(plain) > LONGEST or plain.count("(") != plain.count(")"):
        raise PriorError(f"{where}: {_unreadable(plain, role)} {LISTS_ALL}")
    arguments = (form["arguments"] or "").strip()
    return form["name"], separated(arguments) if arguments else []


def separated(arguments: str) -> list[str]:
    """The arguments between commas, but for commas within the parentheses of an argument.

    >>> separated("0.9, normal(0, 1), x")
    ['0.9', 'normal(0, 1)', 'x']
    """
    parts, depth = [""], 0
    for character in arguments:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _unreadable(plain: str, role: str) -> str:
    missing = plain.count("(") - plain.count(")")
    if missing == 1:
        try:
            return f"a closing parenthesis is missing. Did you mean {parse_prior(plain + ')', role)}?"
        except PriorError:
            pass
    offered = f"Write a name and its numbers, such as {ROLES[role][2]}."
    if missing == 0:
        return f"it cannot be read. {offered}"
    return f"{'a closing' if missing > 0 else 'an opening'} parenthesis is missing. {offered}"


def _family(name: str, arguments: Sequence[str], role: str, where: str) -> type[Prior]:
    families = {key(family.text_name): family for family in catalogue()}
    if key(name) in families:
        return families[key(name)]
    suited = {key(family.text_name): family for family in catalogue(role)}
    close = get_close_matches(key(name), suited, n=1)
    if close:
        remedy = f"Did you mean {_offer(suited[close[0]], arguments)}?"
    else:
        remedy = f"For {role} there are {', '.join(prior_names(role))}."
    raise PriorError(f"{where}: no prior of that name. {remedy} {LISTS_ALL}")


def _offer(family: type[Prior], arguments: Sequence[str]) -> str:
    """The family with the numbers that were given where they fit, otherwise its first example."""
    try:
        return str(family.from_arguments(arguments))
    except PriorError:
        return family.examples[0]
