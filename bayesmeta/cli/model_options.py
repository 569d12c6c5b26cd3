"""The options that describe a model, for every command that fits one.

An option more is one row of OPTIONS, under the name of the part of `Model` that it states; each command that takes a
model then has it, in its call, its help and its model.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Annotated, Any

import typer

from bayesmeta.cli.options import ZERO_CELLS_HELP
from bayesmeta.errors import ModelError
from bayesmeta.model import BASELINES_AT, LIKELIHOODS, OF_COUNTS, OF_ESTIMATES, OMEGA_PRIORS, RANDOM_EFFECTS, Model
from bayesmeta.trials.place import shown

DEFAULT = Model()
MODEL = "model"  # the parameter of a command that the options take the place of

TEXT, TEXT_OR_NOTHING, TEXTS = str, str | None, list[str] | None


def beta_priors(texts: list[str], option: str = "--beta", each: str = "column") -> str | dict[str, str]:
    """One prior for all columns, or priors by column: "normal(0, 2)", or "dose=normal(0, 1)" as often as needed.

    Parameters
    ----------
    texts : what was typed.
    option : what it was typed for.
    each : what may have a prior of its own.

    Examples
    --------
    >>> beta_priors(["normal(location=0, scale=2)"])
    'normal(location=0, scale=2)'
    >>> beta_priors(["dose=normal(location=0, scale=1)", "site[T.b]=flat"])
    {'dose': 'normal(location=0, scale=1)', 'site[T.b]': 'flat'}

    Raises
    ------
    ModelError : two priors for one column, or a prior for all beside one for a column.
    """
    priors: dict[str, str] = {}
    for text in texts:
        column, prior = _column_and_prior(text)
        if column in priors:
            what = f"two priors for the {each} {shown(column)!r}" if column else f"two priors for all {each}s"
            raise ModelError(
                f'{option} "{shown(text)}": {what}. Name the {each} of each: {option} {each.upper()}=PRIOR.'
            )
        priors[column] = prior
    if "" not in priors:
        return priors
    if len(priors) > 1:
        raise ModelError(
            f'{option} "{shown(priors[""])}": a prior for all {each}s beside priors for single ones. '
            f"Name a {each} for each prior: {option} {each.upper()}=PRIOR."
        )
    return priors[""]


def _column_and_prior(text: str) -> tuple[str, str]:
    """Split at the last "=" that is not inside parentheses; no column where there is none."""
    depth = 0
    for position in range(len(text) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(text[position], 0)
        if text[position] == "=" and depth == 0:
            return text[:position].strip(), text[position + 1 :].strip()
    return "", text.strip()


def as_written(value: Any) -> Any:
    """What was typed, as `Model` reads it."""
    return value


@dataclass(frozen=True)
class ModelOption:
    """One option.

    Attributes
    ----------
    metavar : what stands for the value in the help; None for a flag.
    help : one line.
    kind : TEXT, TEXT_OR_NOTHING, TEXTS (may be repeated) or bool (a flag): see `group.TextCommand`.
    read : from what was typed to what `Model` takes, saying what it expects; not called where nothing was typed.
    """

    metavar: str | None
    help: str
    kind: Any = TEXT
    read: Callable[[Any], Any] = as_written

    def parameter(self, name: str) -> inspect.Parameter:
        """The option as a parameter of a command, with the default of `Model`."""
        default = getattr(DEFAULT, name)
        if self.kind is TEXT:
            default = str(default)
        elif self.kind is not bool:
            default = None
        annotation: Any = Annotated[(self.kind, typer.Option(metavar=self.metavar, help=self.help))]
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


# By the name of the part of `Model`; --help lists them in this order.
OPTIONS: dict[str, ModelOption] = {
    "likelihood": ModelOption(
        "NAME",
        f"What a trial says: {', '.join(LIKELIHOODS)}; auto: {OF_COUNTS} where a row has counts, else {OF_ESTIMATES}.",
    ),
    "mu": ModelOption("PRIOR", "Prior of the pooled effect; with moderators, of the intercept."),
    "tau": ModelOption(
        "[LEVEL=]PRIOR",
        f"Prior of the heterogeneity, a standard deviation ({DEFAULT.tau}); or, repeated, of a level of --tau-by.",
        TEXTS,
        partial(beta_priors, option="--tau", each="level"),
    ),
    "beta": ModelOption(
        "[COLUMN=]PRIOR",
        f"Prior of each other column of the design ({DEFAULT.beta}); or, repeated, of the column named.",
        TEXTS,
        beta_priors,
    ),
    "moderators": ModelOption("FORMULA", 'Formula such as "~ sensitivity_focused".', TEXT_OR_NOTHING),
    "random_effects": ModelOption("NAME", f"How effects differ between trials: {', '.join(RANDOM_EFFECTS)}."),
    "baseline": ModelOption(
        "PRIOR",
        f"Prior of each trial's baseline log odds (binomial; {DEFAULT.baseline}); exchangeable(PRIOR, PRIOR) (nuts).",
        TEXT_OR_NOTHING,
    ),
    "baseline_at": ModelOption("|".join(BASELINES_AT), "Where the baseline sits (binomial likelihood)."),
    "selection": ModelOption(
        "TEXT",
        'Which p values were published: "one_sided(0.025)", "two_sided(0.05, 0.1)", with side=greater|less where no'
        " --direction says it; none.",
        TEXT_OR_NOTHING,
    ),
    "omega": ModelOption(
        "PRIOR", f"Prior of the publication probabilities of a selection: {', '.join(OMEGA_PRIORS)}, with numbers."
    ),
    "zero_cells": ModelOption("RULE", ZERO_CELLS_HELP),
    "arm_correlation": ModelOption("NUMBER", "Correlation of the random effects of arms that share a control."),
    "tau_by": ModelOption("COLUMN", "Column whose levels have a tau each, with the prior --tau.", TEXT_OR_NOTHING),
    "scale": ModelOption("FORMULA", 'Formula such as "~ dose" for log tau; --tau is at zero.', TEXT_OR_NOTHING),
    "alpha": ModelOption(
        "[COLUMN=]PRIOR",
        f"Prior of each column of --scale ({DEFAULT.alpha}); or, repeated, of the column named.",
        TEXTS,
        partial(beta_priors, option="--alpha"),
    ),
    "control_risk": ModelOption(
        None, "Regress the effect on the true control-arm log odds (binomial, nuts); --beta control_risk=PRIOR.", bool
    ),
    "setting": ModelOption(
        "COLUMN=VALUE",
        'With moderators: whose effect is asked about, as "site=home"; else that of the intercept.',
        TEXT_OR_NOTHING,
    ),
}


def refuse_unread(model: Model) -> None:
    """Refuse what was typed and no part of the model reads: nobody types it to no effect.

    Raises
    ------
    ModelError
    """
    if model.omega != DEFAULT.omega and model.selection is None:
        raise ModelError(
            f'--omega "{shown(str(model.omega))}": probabilities of publication, but no selection. State --selection,'
            " or leave it out."
        )
    if model.exchangeable is not None and model.likelihood != "binomial":
        raise ModelError(
            f'--baseline "{shown(str(model.baseline))}": the {model.likelihood} likelihood has no baselines. State'
            " --likelihood binomial, or leave it out."
        )


def with_model(command: Callable[..., None]) -> Callable[..., None]:
    """A command with a parameter `model` as one with the options of OPTIONS in its place.

    Parameters
    ----------
    command : function whose parameter `model` takes the `Model` that was described.

    Returns
    -------
    The command for Typer, which reads the options from its signature.
    """
    own = inspect.signature(command)
    if MODEL not in own.parameters:
        raise TypeError(f"{command.__name__} has no parameter {MODEL}, which the options of a model would give.")

    @wraps(command)
    def described(**typed: Any) -> None:
        given = {name: typed.pop(name) for name in OPTIONS}
        parts = {name: OPTIONS[name].read(value) for name, value in given.items() if value not in (None, [])}
        model = Model(**parts)
        refuse_unread(model)
        command(**typed, model=model)

    parameters: list[inspect.Parameter] = []
    for name, parameter in own.parameters.items():
        options = [option.parameter(part) for part, option in OPTIONS.items()]
        parameters += options if name == MODEL else [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
    described.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    described.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return described
