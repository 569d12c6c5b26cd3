"""Samplers by name: each takes a plan to draws. The same seed gives the same draws, in any process."""

import os
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from bayesmeta.types import Array

if TYPE_CHECKING:
    import pymc as pm

STATISTICS = {
    "diverging": ("diverging",),
    "energy": ("energy",),
    "lp": ("logp", "lp"),
    "tree_depth": ("depth", "tree_depth"),
    "n_steps": ("n_steps",),
    "acceptance_rate": ("mean_tree_accept", "acceptance_rate"),
    "step_size": ("step_size",),
}


class Compilable(Hashable, Protocol):
    """What a compiled model depends on: fits that share it share the compilation."""

    @property
    def transformed(self) -> tuple[str, ...]:
        """Names of what is sampled on another scale than its own."""

    def model(self) -> "pm.Model":
        """The PyMC model, which loads when it is asked for."""


class Sampled(Protocol):
    """A plan: what to compile, the numbers that go into it, and which draws are wanted of it."""

    @property
    def structure(self) -> Compilable:
        """What to compile."""

    @property
    def table(self) -> Array:
        """(trials, columns)"""

    @property
    def data(self) -> dict[str, Array]:
        """What goes into the compiled model, by the names that it has there."""

    def variables(self, drawn: Mapping[str, Array]) -> dict[str, Array]:
        """The draws that are kept, by our names, from those of all variables of the model."""


@dataclass(frozen=True)
class Settings:
    """How to sample: integer seed, draws and warm-up draws of each chain, chains, target_accept, show progress."""

    seed: int
    draws: int
    tune: int
    chains: int
    target_accept: float
    progress: bool = False


@dataclass(frozen=True)
class Sample:
    """What a sampler gives back, spare trials and columns included.

    Attributes
    ----------
    variables : (chain, draw, ...) by name, as the plan keeps them.
    statistics : diverging, energy, lp and others, each (chain, draw), by the names of ArviZ.
    """

    variables: dict[str, Array]
    statistics: dict[str, Array]


def nutpie(plan: Sampled, settings: Settings) -> Sample:
    """Sample with nutpie (nuts-rs), compiling each structure once in a process."""
    import nutpie as sampler

    with _repeatable(settings.progress):
        compiled = _compiled(plan.structure).with_data(**plan.data)
        tree = sampler.sample(
            compiled,
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            cores=min(settings.chains, os.cpu_count() or 1),
            seed=settings.seed,
            target_accept=settings.target_accept,
            save_warmup=False,
            progress_bar=settings.progress,
        )
    sample = _sample(tree, plan)
    if sample.statistics["diverging"].shape != (settings.chains, settings.draws):
        raise KeyboardInterrupt  # which nutpie answers with the draws so far
    return sample


@lru_cache(maxsize=32)
def _compiled(structure: Compilable) -> Any:
    import nutpie as sampler

    names = list(structure.transformed)  # the rest comes as it is sampled
    return sampler.compile_pymc_model(structure.model(), backend="numba", var_names=names)


def pymc(plan: Sampled, settings: Settings) -> Sample:
    """Sample with PyMC's own NUTS, which compiles at each call."""
    import pymc as sampler

    with _repeatable(settings.progress):
        model = plan.structure.model()
        with model:
            studies = {"study": np.arange(len(plan.table))}
            sampler.set_data(plan.data, coords=studies)
            tree = sampler.sample(
                draws=settings.draws,
                tune=settings.tune,
                chains=settings.chains,
                # Chains in processes of their own would be forked from a process with threads.
                cores=1,
                random_seed=settings.seed,
                nuts_sampler="pymc",
                nuts={"target_accept": settings.target_accept},
                compute_convergence_checks=False,
                progressbar=settings.progress,
                quiet=not settings.progress,
            )
    return _sample(tree, plan)


SAMPLERS: dict[str, Callable[[Sampled, Settings], Sample]] = {"nutpie": nutpie, "pymc": pymc}


def versions(sampler: str) -> dict[str, str]:
    """Versions of what the draws depend on."""
    packages = ["pymc", "pytensor", "numba", "numpy", *(["nutpie"] if sampler == "nutpie" else [])]
    return {name: version(name) for name in packages}


@contextmanager
def _repeatable(progress: bool) -> Iterator[None]:
    """No fast-math, with which cached functions round otherwise than fresh ones; progress on standard error alone."""
    import pytensor

    with (
        pytensor.config.change_flags(numba__fastmath=False),
        redirect_stdout(sys.stderr) if progress else nullcontext(),
    ):
        yield


def _sample(tree: Any, plan: Sampled) -> Sample:
    """Arrays (chain, draw, ...) of an xarray.DataTree."""
    drawn = {str(name): np.asarray(value.values, dtype=float) for name, value in tree["posterior"].items()}
    found = tree["sample_stats"]
    statistics = {
        name: np.asarray(found[theirs].values)
        for name, known in STATISTICS.items()
        for theirs in known
        if theirs in found
    }
    return Sample(plan.variables(drawn), statistics)
