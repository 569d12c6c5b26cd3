"""`bayesmeta fit`: the posterior of a model, by either engine."""

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayesmeta.cli.fit_before import print_prior_predictive
from bayesmeta.cli.fit_text import print_absolute, print_fit
from bayesmeta.cli.joint import with_joint
from bayesmeta.cli.model_options import with_model
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
    evidence,
    output_file,
    whole_number,
)
from bayesmeta.cli.output import print_json
from bayesmeta.fit import ENGINES, SEED, fit
from bayesmeta.model import Model
from bayesmeta.posterior import Posterior
from bayesmeta.tables import records
from bayesmeta.trials import Trials

if TYPE_CHECKING:
    from bayesmeta.checks import PriorPredictive as Expected

Engine = Annotated[str, typer.Option(metavar="|".join(ENGINES), help="exact: quadrature; nuts: sampling with PyMC.")]
Accuracy = Annotated[
    bool, typer.Option("--accuracy", help="Also repeat the fit at more nodes, and say what moves (exact).")
]
ControlRiskAt = Annotated[
    str | None,
    typer.Option(
        metavar="RISK",
        help='Also absolute effects at this control risk: 0.2, "beta(20, 80)", new_setting, a study ...',
    ),
]
PriorPredictive = Annotated[
    bool, typer.Option("--prior-predictive", help="Also what the priors alone expect of such trials.")
]
DrawsTo = Annotated[str | None, typer.Option(metavar="FILE.nc", help="Also write draws, as netCDF that ArviZ reads.")]


@with_joint
@with_model
def fit_command(
    file: File,
    model: Model,
    engine: Engine = "exact",
    accuracy: Accuracy = False,
    draws: Draws = "1000",
    tune: Tune = "1000",
    chains: Chains = "4",
    seed: Seed = str(SEED),
    sampler: Sampler = "nutpie",
    data: Data = "auto",
    outcome: Outcome = None,
    direction: Direction = None,
    control_risk_at: ControlRiskAt = None,
    prior_predictive: PriorPredictive = False,
    draws_to: DrawsTo = None,
    json: AsJson = False,
) -> None:
    """Fit a random-effects model.

    The posterior of pooled effect, heterogeneity, the effect in a new setting and the effect of each trial.

    PRIOR is text such as "normal(0, 4)" or "half_normal(0.5)"; `bayesmeta priors` lists all.
    """
    sampling = {
        "draws": whole_number("--draws", draws, 1),
        "tune": whole_number("--tune", tune, 0),
        "chains": whole_number("--chains", chains, 1),
        "seed": whole_number("--seed", seed, 0),
    }
    trials = evidence(file, data=data, outcome=outcome, direction=direction)
    # Before the fit: an improper prior is refused before anything is sampled.
    before = what_priors_expect(trials, model, sampling["seed"]) if prior_predictive else None
    # Standard output is for the result: what a library prints on the way goes where progress goes.
    with contextlib.redirect_stdout(sys.stderr):
        posterior = fit(
            trials, model, engine, accuracy=accuracy, **sampling, sampler=sampler, progress=sys.stderr.isatty()
        )
        result = posterior.to_dict()
        absolute = None if control_risk_at is None else posterior.absolute(control_risk_of(control_risk_at))
        if absolute is not None:
            result["absolute"] = dict(zip(absolute.index, records(absolute), strict=True))
        if before is not None:
            result["prior_predictive"] = before.to_dict()
        if draws_to is not None:
            write_draws(posterior, Path(draws_to), sampling)
    if json:
        print_json(result)
    else:
        if before is not None:
            print_prior_predictive(before)
        print_fit(posterior)
        if absolute is not None:
            print_absolute(absolute, str(control_risk_at))


def what_priors_expect(trials: Trials, model: Model, seed: int) -> "Expected":
    """The prior predictive check, whose room loads only when it is asked for."""
    from bayesmeta.checks import prior_predictive

    return prior_predictive(trials, model, seed=seed)


def control_risk_of(text: str) -> float | str:
    """A number where the text is one.

    Examples
    --------
    >>> control_risk_of("0.2"), control_risk_of("new_setting")
    (0.2, 'new_setting')
    """
    try:
        return float(text)
    except ValueError:
        return text


def write_draws(posterior: Posterior, path: Path, sampling: dict[str, int]) -> None:
    """The draws of a fit as netCDF: those that NUTS made, or independent ones from the exact posterior."""
    options = {name: sampling[name] for name in ("draws", "chains", "seed")} if posterior.engine == "exact" else {}
    tree = posterior.to_arviz(**options)
    with output_file(path) as temporary:
        tree.to_netcdf(temporary, engine="h5netcdf")
