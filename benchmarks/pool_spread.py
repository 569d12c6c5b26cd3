"""How large is the generalised Q of a random-effects pool at the review's own estimate of tau, over k - 1?

    python benchmarks/pool_spread.py [--runs 1000]

Paule and Mandel's estimate makes it 1 by definition, or less where it is zero. Other estimators leave more or less,
the more the sampling variances differ. Pools of 4 to 50 trials are drawn with log sampling variances of standard
deviation 0.5 to 1.3 (0.9 in the secure data), tau 0.1 to 0.8, effects normal or Student-t with 4 degrees of freedom.
Printed are, for each estimator, the 99.9% quantile and the largest over all of these pools, and how many of them lie
beyond the limit at which `unread_trials` refuses. docs/decisions/unread-trials.md holds what was printed.
"""

import argparse
from collections.abc import Callable
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesmeta.sensitivity.impossible_pools import most_spread

Array = NDArray[np.float64]
SEED = 20230227
VARIANCE = 0.2  # sampling variance of a typical trial


def q(y: Array, v: Array, tau2: float) -> float:
    w = 1.0 / (v + tau2)
    return float(w @ (y - w @ y / w.sum()) ** 2)


def der_simonian_laird(y: Array, v: Array) -> float:
    w = 1.0 / v
    return max(0.0, float((q(y, v, 0.0) - (len(y) - 1)) / (w.sum() - (w @ w) / w.sum())))


def hunter_schmidt(y: Array, v: Array) -> float:
    return max(0.0, float((q(y, v, 0.0) - len(y)) / (1.0 / v).sum()))


def likelihood(y: Array, v: Array, restricted: bool = False) -> float:
    tau2 = der_simonian_laird(y, v)
    for _ in range(100):
        w = 1.0 / (v + tau2)
        gain = 1.0 / w.sum() if restricted else 0.0
        new = max(0.0, float(w**2 @ ((y - w @ y / w.sum()) ** 2 - v) / (w @ w) + gain))
        if abs(new - tau2) < 1e-8:
            break
        tau2 = new
    return tau2


def sidik_jonkman(y: Array, v: Array) -> float:
    crude = float(y.var())
    return crude * q(y, v, crude) / (len(y) - 1)


ESTIMATORS: dict[str, Callable[[Array, Array], float]] = {
    "DL": der_simonian_laird,
    "REML": lambda y, v: likelihood(y, v, restricted=True),
    "ML": likelihood,
    "HS": hunter_schmidt,
    "SJ": sidik_jonkman,
    "HO": lambda y, v: max(0.0, float(y.var(ddof=1) - v.mean())),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    rng = np.random.default_rng(SEED)
    rows = []
    for spread, sizes in product((0.5, 0.9, 1.3), ((4, 6), (12, 20, 26, 50))):
        found: dict[str, list[tuple[float, bool]]] = {name: [] for name in ESTIMATORS}
        for k, tau, heavy, _ in product(sizes, (0.1, 0.4, 0.8), (False, True), range(runs)):
            v = rng.lognormal(np.log(VARIANCE), spread, k)
            z = rng.standard_t(4, k) if heavy else rng.standard_normal(k)
            y = tau * z + np.sqrt(v) * rng.standard_normal(k)
            for name, estimator in ESTIMATORS.items():
                ratio = q(y, v, estimator(y, v)) / (k - 1)
                found[name].append((ratio, ratio > most_spread(k)))
        for name, values in found.items():
            ratios, beyond = np.array(values).T
            row = {"spread": spread, "k": f"{sizes[0]}-{sizes[-1]}", "estimator": name, "pools": len(ratios)}
            row |= {"99.9%": np.quantile(ratios, 0.999), "largest": ratios.max(), "beyond": int(beyond.sum())}
            rows.append(row)
    print(pd.DataFrame(rows).round(2).to_string(index=False))


if __name__ == "__main__":
    main()
