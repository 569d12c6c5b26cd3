"""One exact normal fit with all its summaries and study effects, against REML in PyMetaAnalysis and PyMARE.

    python -m pip install pymare
    python benchmarks/exact_normal.py

Simulated trials, k = 26. The three are timed in turn within one process, warm; medians and their ratios are printed.
"""

import time
import warnings
from collections.abc import Callable
from statistics import median

import meta_analyze
import numpy as np
import pandas as pd

import bayesmeta as bm

K, ROUNDS, EACH = 26, 15, 20


def milliseconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    for _ in range(EACH):
        function()
    return 1000 * (time.perf_counter() - start) / EACH


def main() -> None:
    rng = np.random.default_rng(1)
    y, se = rng.normal(0.6, 0.6, K), rng.uniform(0.2, 0.8, K)
    trials = bm.read_trials(pd.DataFrame({"study": [f"simulated {i}" for i in range(K)], "estimate": y, "se": se}))
    model = bm.Model("normal")

    def exact() -> None:
        posterior = bm.fit(trials, model)
        posterior.summary()
        posterior.studies()

    contenders: dict[str, Callable[[], object]] = {
        "bayesmeta, exact posterior": exact,
        "PyMetaAnalysis, REML": lambda: meta_analyze.meta_analysis(effect=y, standard_error=se, tau2_method="REML"),
    }
    try:
        from pymare import Dataset
        from pymare.estimators import VarianceBasedLikelihoodEstimator
    except ImportError:
        print("PyMARE is not installed: python -m pip install pymare")
    else:

        def pymare() -> object:
            data = Dataset(y[:, None], (se**2)[:, None], X=np.ones((K, 1)), add_intercept=False)
            return VarianceBasedLikelihoodEstimator(method="REML").fit_dataset(data).summary().get_fe_stats()

        contenders["PyMARE, REML"] = pymare
    times: dict[str, list[float]] = {name: [] for name in contenders}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(ROUNDS):
            for name, function in contenders.items():
                times[name].append(milliseconds(function))
    own = times["bayesmeta, exact posterior"]
    for name, spent in times.items():
        ratio = median(a / b for a, b in zip(own, spent, strict=True))
        print(f"{name:28} {median(spent):7.2f} ms (least {min(spent):.2f}); exact over it {ratio:.2f}")


if __name__ == "__main__":
    main()
