"""`bayesmeta fit`: the posterior of a model, by either engine."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from bayesmeta.cli.fit_text import print_fit
from bayesmeta.cli.options import (
    AsJson,
    Chains,
    Data,
    Direction,
    Draws,
    File,
    Outcome,
    Sampler,
    Seed,
    Tune,
    ZeroCells,
    evidence,
    output_file,
    whole_number,
)
from bayesmeta.cli.output import print_json
from bayesmeta.errors import ModelError
from bayesmeta.fit import ENGINES, SEED, fit
from bayesmeta.model import BASELINES_AT, LIKELIHOODS, RANDOM_EFFECTS, Model
from bayesmeta.posterior import Posterior
from bayesmeta.trials.place import shown

DEFAULT = Model()

Likelihood = Annotated[str, typer.Option(metavar="NAME", help=f"What a trial says: {', '.join(LIKELIHOODS)}.")]
RandomEffects = Annotated[
    str, typer.Option(metavar="NAME", help=f"How effects differ between trials: {', '.join(RANDOM_EFFECTS)}.")
]
Moderators = Annotated[str | None, typer.Option(metavar="FORMULA", help='Formula such as "~ sensitivity_focused".')]
MuPrior = Annotated[
    str, typer.Option(metavar="PRIOR", help="Prior of the pooled effect; with moderators, of the intercept.")
]
BetaPrior = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[COLUMN=]PRIOR",
        help=f"Prior of each other column of the design ({DEFAULT.beta}); or, repeated, of the column named.",
    ),
]
TauPrior = Annotated[str, typer.Option(metavar="PRIOR", help="Prior of the heterogeneity, a standard deviation.")]
Baseline = Annotated[str, typer.Option(metavar="PRIOR", help="Prior of each trial's baseline log odds (binomial).")]
BaselineAt = Annotated[
    str, typer.Option(metavar="|".join(BASELINES_AT), help="Where the baseline sits (binomial likelihood).")
]
Engine = Annotated[str, typer.Option(metavar="|".join(ENGINES), help="exact: quadrature; nuts: sampling with PyMC.")]
DrawsTo = Annotated[str | None, typer.Option(metavar="FILE.nc", help="Also write draws, as netCDF that ArviZ reads.")]


def fit_command(
    file: File,
    likelihood: Likelihood = DEFAULT.likelihood,
    mu: MuPrior = str(DEFAULT.mu),
    tau: TauPrior = str(DEFAULT.tau),
    beta: BetaPrior = None,
    moderators: Moderators = None,
    random_effects: RandomEffects = DEFAULT.random_effects,
    baseline: Baseline = str(DEFAULT.baseline),
    baseline_at: BaselineAt = DEFAULT.baseline_at,
    zero_cells: ZeroCells = DEFAULT.zero_cells,
    engine: Engine = "exact",
    draws: Draws = "1000",
    tune: Tune = "1000",
    chains: Chains = "4",
    seed: Seed = str(SEED),
    sampler: Sampler = "nutpie",
    data: Data = "auto",
    outcome: Outcome = None,
    direction: Direction = None,
    draws_to: DrawsTo = None,
    json: AsJson = False,
) -> None:
    """Fit a random-effects model.

    The posterior of pooled effect, heterogeneity, the effect in a new setting and the effect of each trial.

    PRIOR is text such as "normal(0, 4)" or "half_normal(0.5)"; `bayesmeta priors` lists all.
    """
    model = Model(
        likelihood=likelihood,
        random_effects=random_effects,
        moderators=moderators,
        mu=mu,
        beta=beta_priors(beta) if beta else DEFAULT.beta,
        tau=tau,
        baseline=baseline,
        baseline_at=baseline_at,
        zero_cells=zero_cells,
    )
    sampling = {
        "draws": whole_number("--draws", draws, 1),
        "tune": whole_number("--tune", tune, 0),
        "chains": whole_number("--chains", chains, 1),
        "seed": whole_number("--seed", seed, 0),
    }
    trials = evidence(file, data=data, outcome=outcome, direction=direction)
    # Standard output is for the result: what a library prints on the way goes where progress goes.
    with contextlib.redirect_stdout(sys.stderr):
        posterior = fit(trials, model, engine, **sampling, sampler=sampler, progress=sys.stderr.isatty())
        result = posterior.to_dict()
        if draws_to is not None:
            write_draws(posterior, Path(draws_to), sampling)
    if json:
        print_json(result)
    else:
        print_fit(posterior)


def beta_priors(texts: list[str]) -> str | dict[str, str]:
    """One prior for all columns, or priors by column: "normal(0, 2)", or "dose=normal(0, 1)" as often as needed.

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
            what = f"two priors for the column {shown(column)!r}" if column else "two priors for all columns"
            raise ModelError(f'--beta "{shown(text)}": {what}. Name the column of each: --beta COLUMN=PRIOR.')
        priors[column] = prior
    if "" not in priors:
        return priors
    if len(priors) > 1:
        raise ModelError(
            f'--beta "{shown(priors[""])}": a prior for all columns beside priors for single ones. '
            "Name a column for each prior: --beta COLUMN=PRIOR."
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


def write_draws(posterior: Posterior, path: Path, sampling: dict[str, int]) -> None:
    """The draws of a fit as netCDF: those that NUTS made, or independent ones from the exact posterior."""
    from bayesmeta.exact import ExactPosterior

    if isinstance(posterior, ExactPosterior):
        tree = posterior.to_arviz(**{name: sampling[name] for name in ("draws", "chains", "seed")})
    else:
        tree = posterior.to_arviz()
    with output_file(path) as temporary:
        tree.to_netcdf(temporary, engine="h5netcdf")
