"""A run's files: made in a folder of their own, then moved into place together."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd

from bayesmeta.errors import BayesmetaError
from bayesmeta.posterior import Posterior
from bayesmeta.report import Report, record
from bayesmeta.report.findings import Finding
from bayesmeta.types import Json

RECORD = "record.json"


@contextmanager
def staged(out: str | Path) -> Iterator[Path]:
    """A temporary folder beside `out`; when the block ends well its files are moved into `out`.

    Until then `out` holds an earlier run's results, whole. Files that the earlier run's record lists and this run does
    not make are removed with it, so that a folder never mixes two runs; other files in `out` are left alone.

    Raises
    ------
    BayesmetaError
        Where `out` cannot be written to.
    """
    target = Path(out)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_dir():
            raise BayesmetaError(f"--out {target}: there is a file of that name. A folder is expected.")
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise BayesmetaError(f"--out {target}: cannot be written to ({error.strerror}). Name another folder.") from None
    try:
        yield staging
        _publish(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _publish(staging: Path, target: Path) -> None:
    made = sorted(str(path.relative_to(staging)) for path in staging.rglob("*") if path.is_file())
    made.remove(RECORD)  # last: a record names only files that are there
    before = _files_of(target / RECORD)
    for name in [*made, RECORD]:
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(staging / name, place)
    for name in set(before) - set(made):
        (target / name).unlink(missing_ok=True)
        for folder in list(Path(name).parents)[:-1]:
            with suppress(OSError):  # something else is in it
                (target / folder).rmdir()


def _files_of(path: Path) -> list[str]:
    """The files an earlier run's record lists: only plain names below its own folder."""
    try:
        files = json.loads(path.read_text(encoding="utf-8")).get("files", [])
    except (OSError, ValueError, AttributeError):
        return []
    return [
        name
        for name in files
        if isinstance(name, str) and ".." not in Path(name).parts and not Path(name).is_absolute()
    ]


def write_results(folder: Path, reports: Mapping[str, Report], *, seed: int, options: Mapping[str, Any]) -> None:
    """results.json, results.csv and record.json of a run: called last, so that the record lists every file.

    Parameters
    ----------
    folder : where to write.
    reports : one for each outcome, by the name of its data.
    seed : of the run.
    options : what the run was asked to do, stored in the record.
    """
    write_json(folder / "results.json", {name: report.to_dict() for name, report in reports.items()})
    table = pd.concat([report.table() for report in reports.values()], ignore_index=True)
    if len(table):
        table.to_csv(folder / "results.csv", index=False, lineterminator="\n")
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    records = {name: record(report.trials, report.fits, seed=seed) for name, report in reports.items()}
    versions = next(iter(records.values()))["versions"]
    outcomes = {name: {"data": part["data"], "fits": part["fits"]} for name, part in records.items()}
    write_json(
        folder / RECORD,
        {"seed": seed, "options": dict(options), "versions": versions, "outcomes": outcomes, "files": files},
    )


def write_draws(folder: Path, fits: Sequence[Posterior]) -> list[Path]:
    """The draws of each sampled fit as NetCDF, every ArviZ group in it."""
    paths = []
    for fit in fits:
        path = folder / f"draws-{slug(fit.label)}.nc"
        tree = fit.to_arviz()
        tree.to_netcdf(path, engine="h5netcdf")
        paths.append(path)
    return paths


def write_findings(folder: Path, report: Report) -> None:
    """The table of each finding as CSV, under the finding's name."""
    seen: dict[str, int] = {}
    for finding in report.findings:
        name = file_name(finding)
        seen[name] = seen.get(name, 0) + 1
        suffix = f"-{seen[name]}" if seen[name] > 1 else ""
        finding.table.to_csv(folder / f"{name}{suffix}.csv", index=False, lineterminator="\n")


def file_name(finding: Finding) -> str:
    """The name of a finding's CSV file, without ending.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> file_name(bm.sensitivity.leave_one_out(bm.load("crins2014")))
    'leave-one-out'
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(finding).__name__).lower()


def slug(text: str) -> str:
    """A text as part of a file name.

    Examples
    --------
    >>> slug("binomial, nuts, ~ sensitivity_focused")
    'binomial-nuts-sensitivity_focused'
    """
    kept = "".join(character if character.isalnum() or character == "_" else "-" for character in text)
    return "-".join(part for part in kept.split("-") if part) or "data"


def write_json(path: Path, content: Json) -> None:
    """JSON with no NaN in it, two spaces deep."""
    path.write_text(json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")
