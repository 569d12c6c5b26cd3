"""Speed of selection models and of the average over bias, as ratios to the ordinary exact fit on the same machine.

python benchmarks/bias.py
"""

import time
from collections.abc import Callable

import numpy as np
import pandas as pd

import bayesmeta as bm

SELECTIONS = ("one_sided(0.025)", "two_sided(0.05, 0.1)", "one_sided(0.025, 0.05, 0.5)")
REPEATS = 3


def simulated(k: int) -> bm.Trials:
    """Simulated trials, of which all significant ones and half of the others were published."""
    rng = np.random.default_rng(k)
    se = np.exp(rng.normal(-1.0, 0.4, 4 * k))
    y = 0.3 + np.hypot(se, 0.3) * rng.standard_normal(4 * k)
    kept = np.flatnonzero((y / se > 1.96) | (rng.random(4 * k) < 0.5))[:k]
    frame = pd.DataFrame({"study": [f"simulated {i}" for i in range(k)], "estimate": y[kept], "se": se[kept]})
    return bm.read_trials(frame, direction="higher")


def seconds(run: Callable[[], object]) -> float:
    """CPU seconds of the fastest of some calls: other work on the machine does not count."""
    found = []
    for _ in range(REPEATS):
        start = time.process_time()
        run()
        found.append(time.process_time() - start)
    return min(found)


def main() -> None:
    """A table by number of trials: CPU milliseconds, ratio to the ordinary fit, largest change on refinement."""
    print(f"{'trials':>6} {'what':<34} {'ms':>8} {'ratio':>7} {'mu, tau':>9} {'omega':>9}")
    for k in (8, 26, 100, 1000):
        trials = simulated(k)
        ordinary = seconds(lambda trials=trials: bm.fit(trials, bm.Model("normal")).summary())  # type: ignore[misc]
        print(f"{k:>6} {'ordinary exact fit and summary':<34} {1e3 * ordinary:>8.1f} {1:>7}")
        for text in SELECTIONS:
            model = bm.Model(selection=text)
            taken = seconds(lambda trials=trials, model=model: bm.fit(trials, model).summary())  # type: ignore[misc]
            change = bm.fit(trials, model).accuracy()["change"]
            weights = [name for name in change.index if name.startswith("omega")]
            worst = change[["mu", "tau", "theta_new"]].max(), change[weights].max()
            print(f"{k:>6} {text:<34} {1e3 * taken:>8.1f} {taken / ordinary:>7.0f} {worst[0]:>9.1g} {worst[1]:>9.1g}")
        if k <= 100:
            taken = seconds(lambda trials=trials: bm.sensitivity.bias(trials).averages)  # type: ignore[misc]
            print(f"{k:>6} {'average over 36 models':<34} {1e3 * taken:>8.1f} {taken / ordinary:>7.0f}")


if __name__ == "__main__":
    main()
