"""The way to draws that may be given out: sample, judge; once more with smaller steps, then refuse."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypedDict

from bayesmeta.errors import ConvergenceError
from bayesmeta.nuts.refusal import refusal
from bayesmeta.nuts.samplers import SAMPLERS, Sample, Sampled, Settings, versions
from bayesmeta.posterior.chains import bfmi, shortcomings
from bayesmeta.types import Json

if TYPE_CHECKING:
    from bayesmeta.nuts.joint_posterior import NutsJointPosterior
    from bayesmeta.nuts.posterior import NutsPosterior

TARGET_ACCEPT = 0.95  # measured: docs/decisions/nuts-defaults.md
TARGET_ACCEPT_RETRY = 0.99


class Sampling(TypedDict):
    """How to sample, as `fit` is told: see `bayesmeta.nuts.fit.fit_nuts`."""

    sampler: str
    seed: int
    draws: int
    tune: int
    chains: int
    progress: bool


def converged[P: NutsPosterior | NutsJointPosterior](
    plan: Sampled,
    posterior_of: Callable[[Sample], P],
    *,
    sampler: str,
    seed: int,
    draws: int,
    tune: int,
    chains: int,
    progress: bool,
) -> P:
    """The posterior of a plan, given out only if its chains have converged.

    Parameters
    ----------
    plan : what is sampled.
    posterior_of : makes the posterior of a sample; its `diagnostics` are filled in here.
    sampler, seed, draws, tune, chains, progress : how to sample.

    Returns
    -------
    What `posterior_of` makes.

    Raises
    ------
    ConvergenceError
        Not converged after one retry at target_accept 0.99.
    """
    found: list[str] = []
    for target_accept in (TARGET_ACCEPT, TARGET_ACCEPT_RETRY):
        settings = Settings(seed, draws, tune, chains, target_accept, progress)
        sample = SAMPLERS[sampler](plan, settings)
        posterior = posterior_of(sample)
        found, posterior.diagnostics = judged(posterior, sample, sampler, settings, found)
        if not found:
            return posterior
    raise ConvergenceError(refusal(found, posterior, settings.draws))


def judged(
    posterior: "NutsPosterior | NutsJointPosterior",
    sample: Sample,
    sampler: str,
    settings: Settings,
    first: list[str],
) -> tuple[list[str], Json]:
    """What the limits find wrong with draws, and the record of how they were made.

    Parameters
    ----------
    posterior : of the sample.
    sample, sampler, settings : the draws, and how they were made.
    first : what was wrong with an earlier attempt.
    """
    divergences = int(sample.statistics["diverging"].sum())
    bfmi_of_chains = bfmi(sample.statistics["energy"])
    table = posterior.chain_statistics
    record: Json = {
        "sampler": sampler,
        "versions": versions(sampler),
        "seed": settings.seed,
        "chains": settings.chains,
        "draws": settings.draws,
        "tune": settings.tune,
        "target_accept": settings.target_accept,
        "retried_because": first,
        "divergences": divergences,
        "max_rhat": float(table["rhat"].max()),
        "min_ess_bulk": float(table["ess_bulk"].min()),
        "min_ess_tail": float(table["ess_tail"].min()),
        "bfmi": bfmi_of_chains.tolist(),
    }
    return shortcomings(table, divergences, bfmi_of_chains), record
