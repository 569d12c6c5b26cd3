"""Commands in this process, and in one of their own."""

import os
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner, Result

from bayesmeta.cli.main import app

COUNTS = """study,events_treated,total_treated,events_control,total_control,dose,site
A,12,40,7,41,1,x
B,9,30,8,33,2,y
C,20,61,11,58,3,x
D,0,25,3,27,4,y
"""
ESTIMATES = "study,estimate,se\nA,0.5,0.2\nB,0.1,0.3\nC,0.9,0.4\n"

ENTRY = "from bayesmeta.cli.main import main; main()"


def run(*arguments: object, given: str | bytes | None = None) -> Result:
    """The command in this process; a fault of the program is raised, and not taken for a refusal."""
    runner = CliRunner(env={"COLUMNS": "80"})
    result = runner.invoke(app, [str(one) for one in arguments], input=given, prog_name="bayesmeta")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def refused(*arguments: object, given: str | bytes | None = None) -> str:
    """The one message of a command that is refused."""
    result = run(*arguments, given=given)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr.rstrip("\n")


def process(*arguments: object, folder: Path | None = None, code: str = ENTRY) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        cwd=folder,
        env=environment,
    )
