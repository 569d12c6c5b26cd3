"""`bayesmeta fit --joint`: two outcomes at once. Options and run; the text is in `joint_text`."""

import contextlib
import inspect
import re
import sys
import tempfile
from collections.abc import Callable, Collection
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayesmeta.cli.fit_before import print_joint_prior_predictive
from bayesmeta.cli.joint_text import print_joint
from bayesmeta.cli.model_options import beta_priors
from bayesmeta.cli.options import output_file, whole_number
from bayesmeta.cli.output import print_json
from bayesmeta.errors import ModelError
from bayesmeta.fit import fit
from bayesmeta.model import JOINT_LIKELIHOODS, JointModel
from bayesmeta.posterior import JointPosterior
from bayesmeta.posterior.moved_children import OBSERVED
from bayesmeta.trials import JointTrials, dataset_names, load, read_joint
from bayesmeta.trials.datasets import JOINT_SETS
from bayesmeta.trials.place import shown

if TYPE_CHECKING:
    from bayesmeta.checks import JointPriorPredictive

DEFAULT = JointModel()
TRINOMIAL = "trinomial"

Joint = Annotated[
    bool,
    typer.Option(
        "--joint", help="Both outcomes of FILE at once; likelihood normal, or --likelihood trinomial (counts)."
    ),
]
Rho = Annotated[
    str | None,
    typer.Option(metavar="PRIOR", help=f"Prior of the correlation of both outcomes' random effects ({DEFAULT.rho})."),
]
Within = Annotated[
    str | None, typer.Option(metavar="R", help="Correlation of both estimates of a trial, where counts do not say it.")
]
ControlArm = Annotated[
    str | None,
    typer.Option(
        metavar="P,P|observed",
        help="Joint: where people move, at these proportions of both outcomes without treatment, or at observed ones.",
    ),
]
WithBorrowing = Annotated[
    bool, typer.Option("--borrowing", help="Joint: compare with the separate fit of each outcome.")
]
Options = dict[str, tuple[Any, Any]]
Command = Callable[..., None]
OWN: Options = {
    "joint": (Joint, False),
    "rho": (Rho, None),
    "within": (Within, None),
    "control_arm": (ControlArm, None),
    "borrowing": (WithBorrowing, False),
}
#: Options of `fit` that a joint model takes.
TAKEN = (
    "mu",
    "tau",
    "baseline",
    "likelihood",
    "zero_cells",
    "engine",
    "sampler",
    "accuracy",
    "file",
    "prior_predictive",
    "draws_to",
    "json",
)
#: Options that one likelihood alone reads.
READ_BY = {"baseline": "trinomial", "within": "normal", "zero_cells": "normal"}
NUMBERS = {"draws": 1, "tune": 0, "chains": 1, "seed": 0}


def or_joint(
    run: Callable[[dict[str, Any], dict[str, Any]], None], options: Options, taken: Collection[str]
) -> Callable[[Command], Command]:
    """Give a command the options of joint outcomes: it runs as it is where none of them is used.

    Parameters
    ----------
    run : the command on two outcomes, from what was typed for its own options, and for those of joint outcomes.
    options : of joint outcomes, with their defaults; --joint among them.
    taken : options of the command that a joint model takes; every other one must be as it stands when nobody types it.

    Returns
    -------
    A decorator of a command as Typer reads it, with the options of a model.
    """

    def decorated(command: Command) -> Command:
        signature = inspect.signature(command)
        defaults = {name: parameter.default for name, parameter in signature.parameters.items()}

        @wraps(command)
        def either(**typed: Any) -> None:
            own = {name: typed.pop(name) for name in options}
            if own["joint"] or typed["likelihood"] == TRINOMIAL:
                _refuse_others(typed, defaults, taken)
                run(typed, own)
                return
            used = next((name for name, value in own.items() if value not in (None, False, [])), None)
            if typed["file"] in JOINT_SETS and not Path(typed["file"]).is_file():
                raise ModelError(f"data set {typed['file']}: two outcomes of the same trials. Fit both with --joint.")
            if used is not None:
                raise ModelError(f"--{used.replace('_', '-')} belongs to two outcomes at once: state --joint with it.")
            command(**typed)

        extra = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name, (annotation, default) in options.items()
        ]
        parameters = [*signature.parameters.values(), *extra]
        either.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        either.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return either

    return decorated


def _refuse_others(typed: dict[str, Any], defaults: dict[str, Any], taken: Collection[str]) -> None:
    """Refuse an option that a joint model does not have."""
    for name, value in typed.items():
        if name not in taken and value not in (defaults[name], None, []):
            stated = "" if value is True else f" {shown(', '.join(value) if isinstance(value, list) else value)}"
            raise ModelError(
                f"--{name.replace('_', '-')}{stated}: a model of two outcomes at once has no such option. Leave"
                " it out, or fit each outcome by itself, without --joint."
            )


def run_joint(typed: dict[str, Any], own: dict[str, Any]) -> None:
    """Read, fit, print."""
    model = joint_model(typed, own)
    sampling = {name: whole_number(f"--{name}", typed[name], least) for name, least in NUMBERS.items()}
    control = None if own["control_arm"] is None else proportions(own["control_arm"])
    trials = joint_evidence(typed["file"])
    # Before the fit: an improper prior is refused before anything is sampled.
    before = what_joint_priors_expect(trials, model, sampling["seed"]) if typed["prior_predictive"] else None
    with contextlib.redirect_stdout(sys.stderr):
        posterior = fit(
            trials,
            model,
            typed["engine"],
            accuracy=typed["accuracy"],
            **sampling,
            sampler=typed["sampler"],
            progress=sys.stderr.isatty(),
        )
        result = posterior.to_dict()
        moved = None if control is None else posterior.moved_children(control)
        borrowed = posterior.borrowing() if own["borrowing"] else None
        result |= {} if moved is None else {"moved": moved.to_dict()}
        result |= {} if borrowed is None else {"borrowing": borrowed.to_dict()}
        result |= {} if before is None else {"prior_predictive": before.to_dict()}
        if typed["draws_to"] is not None:
            write_draws(posterior, Path(typed["draws_to"]), sampling)
    if typed["json"]:
        print_json(result)
    else:
        if before is not None:
            print_joint_prior_predictive(before)
        print_joint(posterior, moved, borrowed)


def what_joint_priors_expect(trials: JointTrials, model: JointModel, seed: int) -> "JointPriorPredictive":
    """The prior predictive check, whose room loads only when it is asked for."""
    from bayesmeta.checks import prior_predictive

    return prior_predictive(trials, model, seed=seed)


with_joint = or_joint(run_joint, OWN, (*TAKEN, *NUMBERS))


def joint_model(typed: dict[str, Any], own: dict[str, Any]) -> JointModel:
    """The model that the options describe; what nobody stated is as by default."""
    parts = {name: typed[name] for name in ("mu", "baseline") if typed[name] is not None}
    if typed["tau"]:
        parts["tau"] = beta_priors(typed["tau"], "--tau", "level")
        if not isinstance(parts["tau"], str):
            raise ModelError(f"--tau {shown(typed['tau'][0])}: two outcomes at once have one prior for both taus.")
    for name in ("likelihood", "zero_cells"):
        if typed[name] != "auto":
            parts[name] = typed[name]
    if parts.get("likelihood", DEFAULT.likelihood) not in JOINT_LIKELIHOODS:
        raise ModelError(
            f"--joint with --likelihood {shown(parts['likelihood'])}: for two outcomes at once there are"
            f" {' and '.join(JOINT_LIKELIHOODS)}."
        )
    if own["rho"] is not None:
        parts["rho"] = own["rho"]
    if own["within"] is not None:
        parts["within"] = decimal("--within", own["within"])
    model = JointModel(**parts)
    _refuse_unread(model)
    return model


def _refuse_unread(model: JointModel) -> None:
    """Refuse what was typed and the likelihood does not read: nobody types it to no effect."""
    for name, likelihood in READ_BY.items():
        stated = getattr(model, name)
        if model.likelihood != likelihood and stated != getattr(DEFAULT, name):
            raise ModelError(
                f"--{name.replace('_', '-')} {shown(str(stated))}: the {model.likelihood} likelihood of two outcomes"
                f" does not read it. State --likelihood {likelihood}, or leave it out."
            )


def decimal(option: str, text: str) -> float:
    """The number that an option states.

    Examples
    --------
    >>> decimal("--within", "-0.5")
    -0.5
    """
    if not re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)\s*", text, re.ASCII):
        raise ModelError(f'{option} "{shown(text)}". Expected a number, such as 0.3.')
    return float(text)


def proportions(text: str) -> tuple[float, float] | str:
    """Two proportions of the control arm, or "observed".

    Examples
    --------
    >>> proportions("0.3, 0.4")
    (0.3, 0.4)
    """
    if text.strip() == OBSERVED:
        return OBSERVED
    parts = text.split(",")
    if len(parts) != 2:
        raise ModelError(f'--control-arm "{shown(text)}". Expected two proportions, such as 0.3,0.4, or {OBSERVED}.')
    return decimal("--control-arm", parts[0]), decimal("--control-arm", parts[1])


def joint_evidence(file: str) -> JointTrials:
    """The trials that the argument FILE means, with both outcomes."""
    if file == "-":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "standard input"
            path.write_bytes(sys.stdin.buffer.read())
            return read_joint(path)
    if file in JOINT_SETS and not Path(file).is_file():
        found = load(file)
        assert isinstance(found, JointTrials)
        return found
    if file in dataset_names() and not Path(file).is_file():
        raise ModelError(f"data set {file}: one outcome. Data sets with two: {', '.join(JOINT_SETS)}.")
    return read_joint(file)


def write_draws(posterior: JointPosterior, path: Path, sampling: dict[str, int]) -> None:
    """The draws of a fit as netCDF: those that NUTS made, or independent ones from the exact posterior."""
    options = {name: sampling[name] for name in ("draws", "chains", "seed")} if posterior.engine == "exact" else {}
    tree = posterior.to_arviz(**options)
    with output_file(path) as temporary:
        tree.to_netcdf(temporary, engine="h5netcdf")
