"""Samplers of two outcomes by name: each takes a plan to draws, as in `bayesmeta.nuts.samplers`."""

import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from bayesmeta.nuts.joint_build import JointStructure
from bayesmeta.nuts.joint_plan import JointPlan
from bayesmeta.nuts.samplers import STATISTICS, Sample, Settings, _repeatable
from bayesmeta.types import Array


def nutpie(plan: JointPlan, settings: Settings) -> Sample:
    """Sample with nutpie (nuts-rs), compiling each structure once in a process."""
    import nutpie as sampler

    with _repeatable(settings.progress):
        compiled = _compiled(plan.structure).with_data(trials=plan.table, prior_parameters=plan.prior_parameters)
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
    if sample.variables["mu"].shape[:2] != (settings.chains, settings.draws):
        raise KeyboardInterrupt  # which nutpie answers with the draws so far
    return sample


@lru_cache(maxsize=16)
def _compiled(structure: JointStructure) -> Any:
    import nutpie as sampler

    from bayesmeta.nuts.joint_build import build_joint

    # Of what is sampled on another scale: the rest comes as it is.
    names = [f"tau_{j}" for j in (0, 1) if structure.tau[j] is not None and not structure.through_zero[j]]
    names += [] if structure.rho_known else ["rho_share"]
    return sampler.compile_pymc_model(build_joint(structure), backend="numba", var_names=names)


def pymc(plan: JointPlan, settings: Settings) -> Sample:
    """Sample with PyMC's own NUTS, which compiles at each call."""
    import pymc as sampler

    from bayesmeta.nuts.joint_build import build_joint

    with _repeatable(settings.progress):
        model = build_joint(plan.structure)
        with model:
            sampler.set_data(
                {"trials": plan.table, "prior_parameters": plan.prior_parameters},
                coords={"study": np.arange(len(plan.table))},
            )
            tree = sampler.sample(
                draws=settings.draws,
                tune=settings.tune,
                chains=settings.chains,
                cores=1,
                random_seed=settings.seed,
                nuts_sampler="pymc",
                nuts={"target_accept": settings.target_accept},
                compute_convergence_checks=False,
                progressbar=settings.progress,
                quiet=not settings.progress,
            )
    return _sample(tree, plan)


JOINT_SAMPLERS: dict[str, Callable[[JointPlan, Settings], Sample]] = {"nutpie": nutpie, "pymc": pymc}


def _sample(tree: Any, plan: JointPlan) -> Sample:
    """mu and tau (chain, draw, 2), rho (chain, draw), e and g (chain, draw, trials, 2) as far as sampled."""
    drawn = {str(name): np.asarray(value.values, dtype=float) for name, value in tree["posterior"].items()}
    shape = drawn["mu_0"].shape
    tau = [_tau(drawn, plan, j) for j in (0, 1)]
    rho = plan.rho[0] + plan.rho[1] * drawn["rho_share"] if "rho_share" in drawn else np.full(shape, plan.rho[0])
    variables: dict[str, Array] = {
        "mu": np.stack([drawn["mu_0"], drawn["mu_1"]], axis=-1),
        "tau": np.stack(tau, axis=-1),
        "rho": rho,
    }
    variables |= {name: drawn[name][:, :, : plan.k] for name in ("e", "g") if name in drawn}
    found = tree["sample_stats"]
    statistics = {
        name: np.asarray(found[theirs].values)
        for name, known in STATISTICS.items()
        for theirs in known
        if theirs in found
    }
    return Sample(variables, statistics)


def _tau(drawn: dict[str, Array], plan: JointPlan, j: int) -> Array:
    if plan.structure.tau[j] is None:
        return np.full(drawn["mu_0"].shape, plan.tau[j])
    if plan.structure.through_zero[j]:
        return np.asarray(plan.tau[j] * np.abs(np.sinh(drawn[f"x_{j}"])))
    return drawn[f"tau_{j}"]
