"""Two outcomes at once: in a script of its own, and beside the separate fits of the reanalysis."""

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bayesmeta import checks
from bayesmeta.errors import BayesmetaError, BayesmetaWarning
from bayesmeta.fit import fit
from bayesmeta.model import JointModel
from bayesmeta.posterior import JointPosterior
from bayesmeta.report import Report, evidence, versions
from bayesmeta.report.findings import Finding
from bayesmeta.trials import JointTrials, Trials, join, load, read_joint, with_arms_combined
from bayesmeta.trials.datasets import JOINT_SETS, MIDDLES
from bayesmeta.types import Json
from bayesmeta.workflow.outputs import RECORD, file_name, slug, staged, write_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def joint_of(data: str | None, name: str) -> JointTrials:
    """The shipped trials, or a user's table with the outcomes' directions and published results of the shipped ones."""
    shipped = load(name)
    assert isinstance(shipped, JointTrials)
    if data is None:
        return shipped
    table = read_joint(data)
    parts = [
        replace(part, direction=part.direction or known.direction, published=known.published)
        for part, known in zip(table.parts, shipped.parts)
    ]
    return JointTrials(parts[0], parts[1], table.name, shipped.middle)


def words(trials: JointTrials) -> str:
    """What the tables hold of what was published."""
    both = int(trials.in_both.sum())
    told = " ".join(
        evidence(part).split(" further rows")[0].rsplit(". ", 1)[0].rstrip(".") + "." for part in trials.parts
    )
    return f"{told} {both} of {trials.k} trials report both outcomes."


def write(
    out: Path,
    trials: JointTrials,
    results: Sequence[Any],
    figures: Sequence["Figure"],
    tables: Mapping[str, pd.DataFrame],
    options: Mapping[str, object],
) -> list[str]:
    """Figures, tables, results.json, draws and record.json of a joint analysis; gives the findings in words.

    Parameters
    ----------
    out : folder.
    trials : the evidence.
    results : posteriors and findings, in any order.
    figures, tables : to write, tables by name.
    options : stored in the record.

    Raises
    ------
    BayesmetaError : for something that is no result.
    """
    from bayesmeta.plots import save_figure

    fits = [one for one in results if isinstance(one, JointPosterior)]
    findings = [one for one in results if not isinstance(one, JointPosterior)]
    for one in findings:
        if not isinstance(one, Finding):
            raise BayesmetaError(f"a joint report takes posteriors, checks and the like, not {type(one).__name__}.")
    with staged(out) as folder:
        for figure in figures:
            save_figure(figure, folder / f"{figure.get_label()}.png")
        own = {"classification": trials.classification()} | {f"summary {one.label}": one.table for one in fits}
        for name, table in {**own, **tables, **named(findings)}.items():
            table.to_csv(folder / f"{slug(name)}.csv", index=False, lineterminator="\n")
        for one in fits:
            if one.engine == "nuts":
                one.to_arviz().to_netcdf(folder / f"draws-{slug(one.label)}.nc", engine="h5netcdf")
        write_json(folder / "results.json", {trials.name: _plain(trials, fits, findings)})
        files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        data = {"name": trials.name, "k": trials.k, "sha256": trials.fingerprint}
        write_json(folder / RECORD, {**options, "data": data, "versions": versions(), "files": files})
    return [*(one.sentence for one in (*fits, *findings)), *remarks(fits)]


def remarks(results: Sequence[Any]) -> list[str]:
    """What must be said with the joint posteriors among these results, each sentence once."""
    fits = [one for one in results if isinstance(one, JointPosterior)]
    return list(dict.fromkeys(remark for one in fits for remark in one.remarks()))


def named(findings: Sequence[Finding]) -> dict[str, pd.DataFrame]:
    """The table of each finding under its kind and what tells it apart, numbered where there are several."""
    tables: dict[str, pd.DataFrame] = {}
    counts: Counter[str] = Counter()
    for finding in findings:
        kind = f"{file_name(finding)} {getattr(finding, 'about', '')}".strip()
        counts[kind] += 1
        tables[f"{kind} {counts[kind]}" if counts[kind] > 1 else kind] = finding.table
    return tables


def _plain(trials: JointTrials, fits: Sequence[JointPosterior], findings: Sequence[Finding]) -> Json:
    return {
        "evidence": words(trials),
        "fits": [{"fit": one.label} | one.to_dict() for one in fits],
        "findings": [{"finding": type(one).__name__} | one.to_dict() for one in findings],
    }


def together(
    tables: Sequence[Trials],
    folder: Path,
    reports: Mapping[str, Report],
    say: Callable[[str], None],
    *,
    sampling: Mapping[str, Any] | None,
) -> None:
    """The joint fit of two outcomes that were fitted separately: its findings to both reports, its files to a folder.

    Parameters
    ----------
    tables : that were reanalysed; nothing happens where no two of them are a joint data set.
    folder : of the results.
    reports : of each outcome, by name.
    say : receives a line of progress at each step.
    sampling : seed, draws and chains of NUTS for the trinomial model; None to leave that model out.
    """
    from bayesmeta.plots import joint_density, moved_children, save_figure

    by_name = {trials.name: trials for trials in tables}
    for name, (first, second) in JOINT_SETS.items():
        if first not in by_name or second not in by_name:
            continue
        # Joint models take one comparison a trial.
        parts = (with_arms_combined(by_name[part]) for part in (first, second))
        trials = join(*parts, name=name, middle=MIDDLES[name])
        _tell_of_arms(by_name[first], say)
        place = folder / slug(name)
        place.mkdir(parents=True)
        fits: list[JointPosterior] = []
        draws: list[JointPosterior] = []
        findings: list[Finding] = []
        if sampling is not None:  # the trinomial one first: it is the one to report
            classified = JointModel("trinomial")
            say("Both outcomes together: exact posterior, trinomial likelihood")
            fits += [fit(trials, classified)]
            say("Both outcomes together: NUTS, trinomial likelihood")
            draws += [fit(trials, classified, engine="nuts", **sampling)]
            findings += _engines(fits[-1], draws[-1])
        say("Both outcomes together: exact posterior, bivariate normal likelihood")
        fits += [fit(trials, JointModel("normal"))]
        for one in fits:
            moved = one.moved_children("observed")
            findings += [one.borrowing(), moved]
            for figure in (joint_density(one), moved_children(moved)):
                save_figure(figure, place / f"{figure.get_label()}-{one.model.likelihood}.png")
        for one in (*fits, *draws):
            one.table.to_csv(place / f"summary-{slug(one.label)}.csv", index=False, lineterminator="\n")
        for one in draws:
            one.to_arviz().to_netcdf(place / f"draws-{slug(one.label)}.nc", engine="h5netcdf")
        for name_of_table, table in named(findings).items():
            table.to_csv(place / f"{slug(name_of_table)}.csv", index=False, lineterminator="\n")
        write_json(place / "results.json", _plain(trials, [*fits, *draws], findings))
        for result in (*fits, *findings):
            reports[first].add(result)
            reports[second].add(result)


def _tell_of_arms(trials: Trials, say: Callable[[str], None]) -> None:
    if trials.shared_controls:
        names = ", ".join(trials.shared_controls)
        say(f"Both outcomes together: treated arms of {names} added up, one row for each trial")


def _engines(exact: JointPosterior, draws: JointPosterior) -> list[Finding]:
    """Whether NUTS converged, or an error; and whether it says what the exact engine says, or a warning."""
    converged, same = checks.convergence(draws).require(), checks.same_posterior(exact, draws)
    if not same.ok:
        warnings.warn(same.sentence, BayesmetaWarning, stacklevel=2)
    return [converged, same]
