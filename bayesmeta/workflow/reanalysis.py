"""The reanalysis: from trial counts to a checked posterior, step by step."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesmeta import checks, sensitivity
from bayesmeta.errors import BayesmetaError, BayesmetaWarning
from bayesmeta.fit import SEED, fit
from bayesmeta.frequentist import pool, small_study_effects
from bayesmeta.model import Model
from bayesmeta.posterior import Posterior
from bayesmeta.report import Report, evidence
from bayesmeta.sensitivity import ReanalysedPool, Sensitivity, UnreadTrials
from bayesmeta.trials import Trials, with_arms_combined
from bayesmeta.workflow.classification import together
from bayesmeta.workflow.outputs import slug, staged, write_draws, write_findings, write_results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ATTACHMENT = ("attachment/secure", "attachment/disorganised")
MODERATOR = "sensitivity_focused"
BESIDE = ("normal", "binomial")  # likelihoods beside the default one, where trials have counts
SAMPLED = ("hypergeometric", "normal", "binomial")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What a reanalysis does.

    Attributes
    ----------
    quick : leave out NUTS, the binomial likelihood, the model grid, and the pictures of the sensitivity analysis, of
        the published pool and of the unread trials, whose sentences and tables stay.
    draws, chains, seed : of NUTS.
    moderators : formula; None for `~ sensitivity_focused` where the table has that column, "" for none.
    """

    quick: bool = False
    draws: int = 1000
    chains: int = 4
    seed: int = SEED
    moderators: str | None = None


def reanalyse(tables: Sequence[Trials], out: str | Path, options: Options, say: Say) -> dict[str, Report]:
    """Reanalyse one outcome or several, and write every result to a folder.

    Parameters
    ----------
    tables : the trials of each outcome; the mission's are `[load(name) for name in ATTACHMENT]`.
    out : folder for plots, results.json, results.csv, draws and record.json.
    options : what to do.
    say : receives a line of progress at each step.

    Returns
    -------
    dict from the name of the data to its Report.

    Raises
    ------
    BayesmetaError
        With one message, for anything that cannot be done; an earlier run's results in `out` then stay as they are.
    """
    reports: dict[str, Report] = {}
    with staged(out) as folder:
        for trials in tables:
            if trials.name in reports:
                raise BayesmetaError(f"{trials.name}: given twice. Name each table once.")
            reports[trials.name] = _one(trials, folder / slug(trials.name), options, say)
        sampling = {"seed": options.seed, "draws": options.draws, "chains": options.chains}
        together(tables, folder, reports, say, sampling=None if options.quick else sampling)
        write_results(folder, reports, seed=options.seed, options=_plain(options, tables))
    return reports


def models(trials: Trials, moderators: str | None) -> list[Model]:
    """The models of a reanalysis, default likelihood: without and, where the table has the moderator, with it."""
    formula = moderators
    if formula is None and MODERATOR in trials.table and trials.table[MODERATOR].nunique() > 1:
        formula = f"~ {MODERATOR}"
    plain = Model().for_trials(trials)
    return [plain, *([plain.but(moderators=formula)] if formula else [])]


def likelihoods(trials: Trials, *, quick: bool) -> tuple[str, ...]:
    """The default likelihood of these trials, whose answers are the headline, and those beside it."""
    first = Model().for_trials(trials).likelihood
    if not trials.has_counts.any():
        return (first,)
    return (first, *(BESIDE[:1] if quick else BESIDE))


def _one(trials: Trials, folder: Path, options: Options, say: Say) -> Report:
    folder.mkdir(parents=True)
    name = trials.outcome or trials.name
    say(evidence(trials))
    say(f"{name}: frequentist pools")
    pools = pool(trials)
    report = Report.of(trials, pools)
    exact = []
    for likelihood in likelihoods(trials, quick=options.quick):
        for model in models(trials, options.moderators):
            say(f"{name}: exact posterior, {likelihood} likelihood{_with(model)}")
            exact.append(fit(trials, model.but(likelihood=likelihood)))
            report.add(exact[-1])
    sampled = [] if options.quick else list(_sample(trials, exact, report, options, say))
    report.add(checks.against_pools(exact[0], pools, trials.published))
    if trials.published is not None:
        report.add(checks.reproduction(pools, trials.published))
    say(f"{name}: sensitivity")
    parts = [part for part in sensitivity.PARTS if part not in ("model_grid", "bias")] if options.quick else []
    analysis = sensitivity.all(exact[0], pools=pools, only=parts)
    report.add(analysis)
    # Its tests and regressions take one comparison a trial.
    report.add(small_study_effects(with_arms_combined(trials)))
    of_published = list(_of_published(trials))
    for finding in of_published:
        report.add(finding)
    say(f"{name}: plots")
    what_if = [] if options.quick else [analysis, *of_published]
    _draw(folder, report, exact, sampled, what_if)
    write_findings(folder, report)
    if sampled:
        say(f"{name}: draws")
        write_draws(folder, sampled)
    return report


def _sample(trials: Trials, exact: list[Posterior], report: Report, options: Options, say: Say) -> Iterator[Posterior]:
    """The models that NUTS carries, each checked for convergence and against the exact posterior."""
    for reference in exact:
        model = reference.model
        if model.likelihood not in SAMPLED:
            continue
        say(f"{trials.outcome or trials.name}: NUTS, {model.likelihood} likelihood{_with(model)}")
        posterior = fit(trials, model, engine="nuts", seed=options.seed, draws=options.draws, chains=options.chains)
        report.add(posterior)
        report.add(checks.convergence(posterior).require())
        same = checks.same_posterior(reference, posterior)
        report.add(same)
        if not same.ok:
            warnings.warn(same.sentence, BayesmetaWarning, stacklevel=2)
        yield posterior


def _of_published(trials: Trials) -> Iterator[ReanalysedPool | UnreadTrials]:
    """What the published pool says under other priors, and of the trials in it that cannot be read."""
    if trials.published is None:
        return
    yield sensitivity.published_pool(trials)
    if trials.number < trials.published.k:
        yield sensitivity.unread_trials(trials)


def _draw(
    folder: Path,
    report: Report,
    exact: list[Posterior],
    sampled: list[Posterior],
    what_if: Sequence[Sensitivity | ReanalysedPool | UnreadTrials],
) -> None:
    from bayesmeta import plots

    headline = [posterior for posterior in exact if posterior.model.likelihood == exact[0].model.likelihood]
    plain, last = headline[0], headline[-1]
    pictures: dict[type, Callable[[Any], list[Figure]]] = {
        Sensitivity: plots.sensitivity,
        ReanalysedPool: lambda found: [plots.published_pool(found)],
        UnreadTrials: lambda found: [plots.unread_trials(found)],
    }
    figures = [
        plots.forest(last, report.pools, plain=plain if last is not plain else None),
        plots.prior_posterior(plain),
        plots.new_setting(plain),
    ]
    for finding in what_if:
        figures += pictures[type(finding)](finding)
    if last.design.settings():
        figures.append(plots.subgroups(last))
    for figure in figures:
        plots.save_figure(figure, folder / f"{figure.get_label()}.png")
    # Of the model with the most parameters; every fit has passed the convergence check, and its draws are written.
    for posterior in (one for one in sampled if one.model == last.model):
        for figure in plots.diagnostics(posterior):
            plots.save_figure(figure, folder / "diagnostics" / slug(posterior.label) / f"{figure.get_label()}.png")


def _with(model: Model) -> str:
    return f", {model.moderators}" if model.moderators else ""


def _plain(options: Options, tables: Sequence[Trials]) -> dict[str, Any]:
    return {
        "data": [trials.name for trials in tables],
        "quick": options.quick,
        "draws": options.draws,
        "chains": options.chains,
        "moderators": options.moderators,
    }
