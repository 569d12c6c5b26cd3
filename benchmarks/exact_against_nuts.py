"""One exact fit of counts with all its summaries, against this package's own NUTS on the same model.

    OPENBLAS_NUM_THREADS=1 python benchmarks/exact_against_nuts.py

26 simulated trials of 20 to 80 per arm; both engines give summary(), of mu, tau and theta_new, and then studies(), of
every trial, too. NUTS by nutpie, 4 chains of 1000
draws after 1000, compiled before the clock starts. The two take turns within one process; medians in milliseconds on
the clock and of processor time (which other programs disturb less; the chains share two cores), and the medians of the
ratios of a round. That the two say the same is checked on the way. The last column is the ratio when NUTS goes on until
every quantity has 10,000 effective draws, which limits of intervals ask for (Kruschke 2021, Nat Hum Behav 5:1282): the
time of its draws in proportion. The exact engine's digits are not reached by any number of draws.
"""

import time
from collections.abc import Callable

import numpy as np
from exact_counts import simulated

import bayesmeta as bm
from bayesmeta.checks import same_posterior

K, ROUNDS, EACH = 26, 7, 5
EFFECTIVE = 10_000
LIKELIHOODS = ("hypergeometric", "binomial")


def milliseconds(function: Callable[[], object], times: int) -> np.ndarray:
    """On the clock, and of all processors together."""
    start = np.array([time.perf_counter(), time.process_time()])
    for _ in range(times):
        function()
    return 1000 * (np.array([time.perf_counter(), time.process_time()]) - start) / times


def pooled(trials: bm.Trials, model: bm.Model, engine: str, seed: int = 1) -> bm.Posterior:
    posterior = bm.fit(trials, model, engine, seed=seed)
    posterior.summary()
    return posterior


def whole(trials: bm.Trials, model: bm.Model, engine: str, seed: int = 1) -> bm.Posterior:
    posterior = pooled(trials, model, engine, seed)
    posterior.studies()
    return posterior


def main() -> None:
    trials = simulated(K)
    print(
        f"{'likelihood':>15} {'what':>9} {'time':>9} {'exact, ms':>10} {'NUTS, ms':>10} {'ratio':>7} {'for 10,000':>10}"
    )
    for likelihood in LIKELIHOODS:
        model = bm.Model(likelihood)
        exact, draws = whole(trials, model, "exact"), whole(trials, model, "nuts")  # and compiled
        furthest = abs(same_posterior(exact, draws).require().worst["z"])
        size = min(draws.diagnostics["min_ess_bulk"], draws.diagnostics["min_ess_tail"])
        for what, function in (("summary", pooled), ("studies", whole)):
            compare(trials, model, what, function, EFFECTIVE / size)
        print(f"{'':>15} smallest effective sample size {size:.0f}; the engines are {furthest:.1f} MCSE apart at most")


def compare(
    trials: bm.Trials, model: bm.Model, what: str, function: Callable[..., bm.Posterior], longer: float
) -> None:
    """Rounds of both engines, and the medians."""
    rounds = np.array(
        [
            (
                milliseconds(lambda: function(trials, model, "exact"), EACH),
                milliseconds(lambda seed=seed: function(trials, model, "nuts", seed), 1),
            )
            for seed in range(2, 2 + ROUNDS)
        ]
    )
    (ours, theirs), ratio = np.median(rounds, axis=0), np.median(rounds[:, 1] / rounds[:, 0], axis=0)
    for place, name in enumerate(("clock", "processor")):
        print(
            f"{model.likelihood:>15} {what:>9} {name:>9} {ours[place]:10.1f} {theirs[place]:10.1f} {ratio[place]:7.1f}"
            f" {ratio[place] * longer:10.1f}"
        )


if __name__ == "__main__":
    main()
