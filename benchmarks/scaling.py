"""How the cost grows: an exact fit against the number of trials, and many priors against their number.

    OPENBLAS_NUM_THREADS=1 python benchmarks/scaling.py [--out FOLDER]

Simulated trials (as in exact_counts.py). Each point is the least processor time of some rounds in one warm process, run
in turn, so that a busy machine matters little. Printed are milliseconds and the slope of the straight line through
the logarithms, over all points and over the larger half; a slope of 1 is a cost in proportion. With --out the log-log
plots are drawn there.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from exact_counts import simulated

import bayesmeta as bm
from bayesmeta.exact import prepare

TRIALS = (5, 10, 20, 40, 80, 160, 320, 640, 1000)
PRIORS = (1, 3, 10, 30, 100, 300, 1000)
LIKELIHOODS = ("normal", "hypergeometric", "binomial")
ROUNDS = 5
K = 26  # trials, where the number of priors is varied

Curves = dict[str, tuple[tuple[int, ...], list[float]]]


def whole_fit(trials: bm.Trials, likelihood: str) -> None:
    posterior = bm.fit(trials, bm.Model(likelihood))
    posterior.summary()
    posterior.studies()


def least(tasks: list[Callable[[], object]]) -> list[float]:
    """Milliseconds of processor time of each task, the least of the rounds."""
    times = np.full(len(tasks), np.inf)
    for _ in range(ROUNDS):
        for i, task in enumerate(tasks):
            start = time.process_time()
            task()
            times[i] = min(times[i], 1000.0 * (time.process_time() - start))
    return times.tolist()


def by_trials() -> Curves:
    tables = [simulated(k) for k in TRIALS]
    return {
        name: (TRIALS, least([lambda t=table, n=name: whole_fit(t, n) for table in tables])) for name in LIKELIHOODS
    }


def by_priors() -> Curves:
    """Posteriors with intervals of mu, tau and theta_new under half-normal priors of tau, the trials known already."""
    trials = simulated(K)
    priors = {n: [bm.HalfNormal(float(scale)) for scale in np.geomspace(0.1, 1.0, n)] for n in PRIORS}
    found: Curves = {}
    for name in LIKELIHOODS:
        if name == "normal":
            posterior = bm.fit(trials, bm.Model(name))
            tasks = [lambda n=n, p=posterior: bm.sensitivity.prior_grid(p, tau=priors[n], mu=["flat"]) for n in PRIORS]
        else:
            prepared = prepare(trials, bm.Model(name))
            prepared.under(priors[1])
            tasks = [lambda n=n, p=prepared: p.under(priors[n]) for n in PRIORS]
        found[name] = PRIORS, least(tasks)
    return found


def slope(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def tell(what: str, curves: Curves) -> None:
    sizes = next(iter(curves.values()))[0]
    print(f"milliseconds by number of {what}")
    print(f"{'':15}{''.join(f'{size:>9d}' for size in sizes)}   slope, of the larger half")
    for name, (x, y) in curves.items():
        points, cost = np.array(x, dtype=float), np.array(y)
        half = len(points) // 2
        slopes = slope(points, cost), slope(points[half:], cost[half:])
        print(f"{name:15}{''.join(f'{value:9.1f}' for value in y)}   {slopes[0]:5.2f}, {slopes[1]:.2f}")


def draw(what: str, curves: Curves, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    for (name, (x, y)), marker in zip(curves.items(), "osD", strict=True):
        axes.loglog(x, y, marker=marker, label=f"{name}, slope {slope(np.array(x), np.array(y)):.2f}")
    x, y = curves["normal"]
    lowest, highest = (end(end(values) for _, values in curves.values()) for end in (min, max))
    axes.loglog(x, y[-1] / x[-1] * np.array(x), color="0.6", linestyle="--", label="slope 1", zorder=1)
    axes.set_ylim(0.5 * lowest, 8.0 * highest)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
    axes.set_xlabel(f"number of {what}")
    axes.set_ylabel("milliseconds of processor time")
    axes.grid(which="major", color="0.9")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
    print(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder for the plots")
    out = parser.parse_args().out
    for what, measured in (("trials", by_trials), ("priors", by_priors)):
        curves = measured()
        tell(what, curves)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            draw(what, curves, out / f"cost_by_{what}.png")


if __name__ == "__main__":
    main()
