"""`bayesmeta priors`: the catalogue of priors, and what one of them says."""

import inspect
from typing import Annotated, Any

import typer

from bayesmeta.cli.options import AsJson
from bayesmeta.cli.output import console, print_json, print_lines
from bayesmeta.priors import Prior, catalogue, describe, parse_prior
from bayesmeta.priors.parse import family_called, suited

Text = Annotated[str | None, typer.Argument(metavar="[PRIOR]", help='A prior such as "half_normal(0.5)", or its name.')]
Role = Annotated[
    str | None, typer.Option(metavar="mu|beta|tau|baseline", help="What the prior is for; as it suits if not said.")
]

ROLES = {"tau": "For the heterogeneity, tau", "mu": "For effects: mu, beta and baseline"}


def priors_command(prior: Text = None, role: Role = None, json: AsJson = False) -> None:
    """List all priors. Or say what one of them means on the scale of odds ratios."""
    if prior is None:
        roles = [role] if role is not None else list(ROLES)
        if json:
            print_json([summarised(family, one) for one in roles for family in catalogue(one)])
        else:
            print_catalogue(roles)
        return
    family = family_called(prior)
    if family is not None and family.parameters() and role is None and "(" not in prior:
        explain(family, [parse_prior(example, suited(family)) for example in family.examples], json)
    else:
        parsed = parse_prior(prior, role or suited(family))
        explain(type(parsed), [parsed], json)


def summarised(family: type[Prior], role: str) -> dict[str, Any]:
    """A family as plain data."""
    return {
        "name": family.text_name,
        "role": role,
        "parameters": list(family.parameters()),
        "summary": family.summary(),
        "examples": list(family.examples),
    }


def explain(family: type[Prior], priors: list[Prior], json: bool) -> None:
    """What priors of a family say."""
    described = [describe(prior) for prior in priors]
    if json:
        doubtful = {str(prior): prior.doubtful for prior in priors if prior.doubtful}
        print_json({**summarised(family, suited(family)), "described": described, "doubtful": doubtful})
        return
    text = inspect.cleandoc(family.__doc__ or "").partition("\nParameters\n")[0].strip()
    out = console()
    out.print(family.signature(), style="bold")
    print_lines(out, [" ".join(paragraph.split()) for paragraph in text.split("\n\n")])
    print_lines(out, ["", *described])


def print_catalogue(roles: list[str]) -> None:
    """Every family with its parameters, what it is, and an example."""
    out = console()
    families = {role: catalogue(role) for role in roles}
    for role in roles:
        out.print(ROLES.get(role, f"For {role}"), style="bold")
        for family in families[role]:
            print_lines(out, [f"  {family.signature()}: {family.summary()} Example: {family.examples[0]}"])
        out.print()
    print_lines(out, ["`bayesmeta priors PRIOR` says what one means for odds ratios."])
