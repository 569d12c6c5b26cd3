"""How a command ends: by its result, or by one message on standard error and an exit status."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import typer
from typer.core import TyperCommand, TyperGroup

from bayesmeta.cli.output import in_one_line
from bayesmeta.errors import BayesmetaError, BayesmetaWarning

REFUSED = 2
INTERRUPTED = 130
UNREAD = 1

# Typer's own copy of Click in newer versions, Click itself in older ones: the base of all its complaints either way.
USAGE_ERROR: type[Any] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


class AsWritten:
    """What an option of text needs to become text, and a flag to become a flag: nothing."""

    def coerce(self, value: Any, **_: Any) -> Any:
        """The value as Typer would have made it."""
        return list(value) if isinstance(value, tuple) else value


def read_as_written(parameters: list[Any]) -> list[Any]:
    """Spare text and flags the conversion of types.

    Newer versions of Typer load Pydantic to turn what was typed into other types, which costs a tenth of a second in
    each run: a fifth of what a whole fit takes. Text and flags need none of it, so commands take text and say
    themselves what numbers they expect. Options of other types stay as they are, and so do other versions of Typer.
    """
    for parameter in parameters:
        annotation = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
        if annotation in (str, list[str], bool) and getattr(parameter, "_runtime_param", annotation) is None:
            vars(parameter)["_runtime_param"] = AsWritten()
    return parameters


class TextCommand(TyperCommand):
    """A command whose options are text and flags."""

    def get_params(self, ctx: Any) -> list[Any]:
        """All parameters, --help with them."""
        return read_as_written(super().get_params(ctx))


class CommandGroup(TyperGroup):
    """The commands, with refusals as messages.

    Exit status 0: done; 2: data, model or options were refused, for the reason on standard error; 130: interrupted.
    Anything else is a fault of the program: it keeps its traceback, and the status is 1.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """All parameters, --help with them."""
        return read_as_written(super().get_params(ctx))

    def main(self, *args: Any, **options: Any) -> Any:
        """Run one command and leave with its exit status."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):  # a name that the terminal has no letters for is no reason to stop
                stream.reconfigure(errors="backslashreplace")
        with warnings_in_one_line():
            try:
                status = super().main(*args, **{**options, "standalone_mode": False})
                sys.stdout.flush()
            except BayesmetaError as refusal:
                status = _say(str(refusal))
            except USAGE_ERROR as refusal:
                status = _say(_usage(refusal))
            except (KeyboardInterrupt, typer.Abort):
                status = INTERRUPTED
            except BrokenPipeError:
                # Whoever read the output has seen enough. What is left in the buffer must not complain again at exit.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                status = UNREAD
        sys.exit(status if isinstance(status, int) else 0)


def _usage(refusal: Any) -> str:
    context = getattr(refusal, "ctx", None)
    path = context.command_path if context is not None else "bayesmeta"
    message = str(refusal.format_message()).strip()
    return f"{path}: {message}{'' if message.endswith(('.', '?', '!')) else '.'} `{path} --help` lists what there is."


def _say(message: str) -> int:
    print(in_one_line(message), file=sys.stderr)
    return REFUSED


@contextmanager
def warnings_in_one_line() -> Iterator[None]:
    """Show each warning of this package once, as one line on standard error; leave all others as they are."""
    seen: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("always", BayesmetaWarning)
        shown_by_python = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if not issubclass(category, BayesmetaWarning):
                shown_by_python(message, category, filename, lineno, file, line)
            elif str(message) not in seen:
                seen.add(str(message))
                print(f"warning: {in_one_line(str(message))}", file=sys.stderr)

        warnings.showwarning = show
        yield
