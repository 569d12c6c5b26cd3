"""Two outcomes at once: the exact bivariate normal fit, and NUTS for both likelihoods, beside two separate exact fits.

    python benchmarks/joint.py

Simulated trials, k = 26, all with both outcomes, and the attachment trials. Exact fits are timed warm, medians of
several turns within one process, and in a fresh process; NUTS in fresh processes with an empty compile cache, so that
compiling is in it. Ratios carry over to other machines, and CPU time to busy ones.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

import bayesmeta as bm

K, TURNS = 26, 7

COLD = """
import sys, time
start, cpu = time.perf_counter(), time.process_time()
sys.path.insert(0, sys.argv[1])
import bayesmeta as bm
from joint import simulated
likelihood, engine, table = sys.argv[2:]
trials = simulated() if table == "simulated" else bm.load("attachment/classification")
posterior = bm.fit(trials, bm.JointModel(likelihood), engine=engine)
summary = posterior.summary()
posterior.studies()
times = time.perf_counter() - start, time.process_time() - cpu
sampled = "ess_bulk" in summary
tail = posterior.chain_statistics.loc[list(posterior.parameters), "ess_tail"].min() if sampled else 0
print(*times, summary["ess_bulk"].min() if sampled else 0, tail, posterior.diagnostics.get("divergences", 0))
"""
#: Likelihood, engine, table, and what is aimed at.
FRESH = (
    ("normal", "exact", "simulated", ""),
    ("normal", "nuts", "attachment", ""),
    ("trinomial", "nuts", "attachment", "aimed at: under 40 s, ESS over 1,000"),
    ("trinomial", "nuts", "simulated", "aimed at: under 40 s, ESS over 1,000"),
)


def simulated() -> bm.JointTrials:
    """Simulated trials, which nobody has run: K of them, all with both outcomes."""
    rng = np.random.default_rng(1)
    parts: list[dict[str, object]] = [{}, {}]
    theta = rng.multivariate_normal([0.6, -0.5], [[0.16, -0.09], [-0.09, 0.12]], K)
    base = np.array([0.35, 0.3])
    treated = 1 / (1 + np.exp(-(np.log(base / (1 - base)) + theta)))
    treated *= np.minimum(1.0, 0.95 / treated.sum(axis=1))[:, None]
    total = rng.integers(30, 120, K)
    arms = [
        np.array([rng.multinomial(n, [p[0], p[1], 1 - p.sum()]) for n, p in zip(total, shares)])
        for shares in (treated, np.tile(base, (K, 1)))
    ]
    for j, part in enumerate(parts):
        part |= {"study": [f"simulated {i}" for i in range(K)], "events_treated": arms[0][:, j], "total_treated": total}
        part |= {"events_control": arms[1][:, j], "total_control": total}
    first, second = (
        bm.Trials(pd.DataFrame(part), name=f"simulated {name}", outcome=name) for part, name in zip(parts, ("a", "b"))
    )
    return bm.join(first, second)


def seconds(function: Callable[[], None]) -> float:
    """CPU time: the machine may be busy."""
    times = []
    for _ in range(TURNS):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return median(times)


def main() -> None:
    trials = simulated()
    models = bm.Model("normal"), bm.JointModel("normal")

    def separate() -> None:
        for part in trials.parts:
            bm.fit(part, models[0]).summary()

    def joint() -> None:
        bm.fit(trials, models[1]).summary()

    def with_studies() -> None:
        bm.fit(trials, models[1]).studies()

    unit = seconds(separate)
    rows = {
        "two separate exact fits, normal, summaries": unit,
        "joint exact fit, normal, summary": seconds(joint),
        "joint exact fit, normal, all study effects": seconds(with_studies),
    }
    for name, value in rows.items():
        print(f"{name:50s} {1000 * value:9.1f} ms of CPU  {value / unit:9.1f} x")
    print("aimed at: joint exact fit of 26 trials under 1,000 ms")
    for likelihood, engine, table, aim in FRESH:
        with tempfile.TemporaryDirectory() as folder:
            environment = os.environ | {"PYTENSOR_FLAGS": f"base_compiledir={folder}", "NUMBA_CACHE_DIR": folder}
            command = [sys.executable, "-c", COLD, str(Path(__file__).parent), likelihood, engine, table]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        wall, cpu, bulk, tail, divergences = (float(value) for value in done.stdout.split()[-5:])
        name = f"fresh process, {engine}, {likelihood}, {table} trials"
        print(f"{name:50s} {wall:9.1f} s by the clock, {cpu:.1f} s of CPU, imports included")
        if bulk:
            ess = f"smallest ESS of a pooled quantity {bulk:.0f} in the bulk, {tail:.0f} in the tail"
            print(f"{'':50s} {ess}, divergences {divergences:.0f}")
            print(f"{'':50s} {aim}" if aim else "", end="\n" if aim else "")


if __name__ == "__main__":
    main()
