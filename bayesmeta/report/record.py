"""What another person needs to get the same numbers: seed, sampler, versions, data, model."""

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from bayesmeta.posterior import Posterior
from bayesmeta.trials import Trials
from bayesmeta.types import Json

PACKAGES = (
    "bayesmeta",
    "numpy",
    "scipy",
    "pandas",
    "PyMetaAnalysis",
    "pymc",
    "pytensor",
    "nutpie",
    "numba",
    "arviz",
    "matplotlib",
)


def versions() -> dict[str, str]:
    """Versions of Python and of every package that can change a number."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def record(trials: Trials, posteriors: Iterable[Posterior], *, seed: int) -> Json:
    """The record of a run.

    Parameters
    ----------
    trials : the evidence; stored by name, origin, number of trials and fingerprint (SHA-256 of the canonical CSV).
    posteriors : every fit, stored by model, engine and what the engine says of itself.
    seed : integer seed of the run.

    Returns
    -------
    Plain data. No time and no path of the machine is in it: the same command writes the same record.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> trials = bm.load("crins2014")
    >>> sorted(record(trials, [bm.fit(trials, bm.Model("normal"))], seed=1))
    ['data', 'fits', 'seed', 'versions']
    """
    return {
        "seed": seed,
        "versions": versions(),
        "data": {"name": trials.name, "outcome": trials.outcome, "k": trials.number, "sha256": trials.fingerprint},
        "fits": [
            {"engine": posterior.engine, "model": posterior.model.to_dict(), "diagnostics": posterior.diagnostics}
            for posterior in posteriors
        ],
    }
