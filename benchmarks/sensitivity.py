"""How long the sensitivity analysis takes: 1,000 priors at once, 100 of tau after a fit, every part on 26 trials.

    OPENBLAS_NUM_THREADS=1 python benchmarks/sensitivity.py

Milliseconds of processor time, the least of repeated runs in one warm process; and the largest difference between the
grid and fits one at a time.
"""

import time
from collections.abc import Callable

import numpy as np
import pandas as pd

import bayesmeta as bm
from bayesmeta.sensitivity.rows import COMPUTED, row_of

K = 26


def simulated(seed: int = 5) -> bm.Trials:
    rng = np.random.default_rng(seed)
    treated, control = rng.integers(20, 120, K), rng.integers(20, 120, K)
    theta, baseline = rng.normal(0.6, 0.5, K), rng.normal(-0.4, 0.6, K)
    table = {"study": [f"simulated {i}" for i in range(K)], "year": 1990 + np.arange(K)}
    table["site"] = ["home", "clinic"] * (K // 2)
    for arm, total, half in (("treated", treated, 0.5), ("control", control, -0.5)):
        table[f"events_{arm}"] = rng.binomial(total, 1.0 / (1.0 + np.exp(-(baseline + half * theta))))
        table[f"total_{arm}"] = total
    return bm.read_trials(pd.DataFrame(table), direction="higher")


def milliseconds(function: Callable[[], object], rounds: int) -> float:
    function()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        function()
        times.append(1000.0 * (time.process_time() - start))
    return min(times)


def grids(trials: bm.Trials) -> None:
    posterior = bm.fit(trials, bm.Model("normal"))
    scales = np.linspace(0.1, 2.0, 70)
    tau = [*map(bm.HalfNormal, scales), *map(bm.HalfCauchy, scales), *(bm.HalfT(4, scale) for scale in scales[:60])]
    mu = [bm.OddsRatioWithin(250), bm.Normal(0, 4), bm.Normal(0, 1), bm.Normal(0, 0.5), bm.Flat()]
    for taus, mus in ((tau, mu), (tau, mu[:1])):
        cost = milliseconds(lambda t=taus, m=mus: bm.sensitivity.prior_grid(posterior, tau=t, mu=m), 15)
        print(f"{len(taus)} priors of tau x {len(mus)} of mu: {cost:.1f} ms")
    table = bm.sensitivity.prior_grid(posterior, tau=tau, mu=mu).table
    worst = 0.0
    for row in table.iloc[::97].to_dict("records"):
        alone = row_of(bm.fit(trials, bm.Model("normal", tau=row["tau_prior"], mu=row["mu_prior"])))
        worst = max(worst, *(abs(row[name] - alone[name]) for name in COMPUTED))
    print(f"largest difference from a fit of its own: {worst:.1e}")


def parts(trials: bm.Trials, model: bm.Model) -> None:
    what = f"{model.likelihood}, {model.moderators or 'no moderators'}, {K} trials, the first fit included"
    print(f"{what}: {milliseconds(lambda: bm.fit(trials, model), 3):.0f} ms")
    for name, part in bm.sensitivity.PARTS.items():
        if name == "bias" and model.moderators:
            continue
        print(f"  {name}: {milliseconds(lambda part=part: part(trials, model), 3):.0f} ms")
    print(f"  all: {milliseconds(lambda: bm.sensitivity.all(trials, model), 3):.0f} ms")


def after_a_fit(trials: bm.Trials, likelihood: str) -> None:
    """100 priors of tau with intervals, over the cost of the first fit with its intervals."""
    model = bm.Model(likelihood)
    tau = [*map(bm.HalfNormal, np.linspace(0.1, 2.0, 50)), *map(bm.HalfCauchy, np.linspace(0.1, 1.0, 50))]

    def priors_too() -> None:
        bm.sensitivity.prior_grid(bm.fit(trials, model), tau=tau, mu=[model.mu])

    one = milliseconds(lambda: row_of(bm.fit(trials, model)), 5)
    more = milliseconds(priors_too, 5) - one
    print(f"{likelihood}: a fit {one:.0f} ms, 100 priors of tau after it {more:.0f} ms, {more / one:.2f} fits")


if __name__ == "__main__":
    grids(simulated())
    for name in ("normal", "hypergeometric"):
        after_a_fit(simulated(), name)
    for name in ("normal", "hypergeometric"):
        parts(simulated(), bm.Model(name))
    parts(simulated(), bm.Model("hypergeometric", moderators="~ site"))
