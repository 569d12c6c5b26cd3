"""Prints the tables of control-risk-regression.md: slopes under other baselines; simulated trials without a slope."""

import numpy as np
import pandas as pd

import bayesmeta as bm

BASELINES = {
    "exchangeable, sd half_normal(1)": "exchangeable(normal(0, 5), half_normal(1))",
    "exchangeable, sd half_normal(3)": "exchangeable(normal(0, 5), half_normal(3))",
    "independent normal(0, 5)": "normal(0, 5)",
}
SIMULATIONS, K, N = 40, 14, 40


def simulated(seed: int) -> bm.Trials:
    """Trials whose effect does not depend on the control risk."""
    rng = np.random.default_rng(seed)
    gamma, theta = rng.normal(-0.5, 0.5, K), rng.normal(0.4, 0.2, K)
    arms = {"control": gamma, "treated": gamma + theta}
    counts = {f"events_{arm}": rng.binomial(N, 1 / (1 + np.exp(-x))) for arm, x in arms.items()}
    table = {"study": [f"simulated {i}" for i in range(K)], "total_treated": N, "total_control": N}
    return bm.read_trials(pd.DataFrame(table | counts), name="simulated")


def fit(trials: bm.Trials, baseline: str, seed: int = 1) -> bm.checks.ControlRisk:
    """Model and naive slope."""
    model = bm.Model(control_risk=True, baseline=baseline)
    return bm.checks.control_risk(bm.fit(trials, model, engine="nuts", seed=seed))


for name in ("bcg", "attachment/secure", "attachment/disorganised"):
    for label, baseline in BASELINES.items():
        table = fit(bm.load(name), baseline).table.set_index("regression")
        print(name, "|", label, "|", *table.loc["model", ["slope", "lower", "upper"]].round(2))
    print(name, "|", "naive", "|", *table.loc["naive", ["slope", "lower", "upper"]].round(2))

for label in ("exchangeable, sd half_normal(1)", "independent normal(0, 5)"):
    tables = [fit(simulated(seed), BASELINES[label], seed).table.set_index("regression") for seed in range(SIMULATIONS)]
    for row in ("model", "naive"):
        slopes = np.array([table.loc[row, "slope"] for table in tables], dtype=float)
        covered = np.mean([table.loc[row, "lower"] < 0 < table.loc[row, "upper"] for table in tables])
        error = slopes.std(ddof=1) / np.sqrt(SIMULATIONS)
        print(
            f"simulated | {label} | {row} | mean {slopes.mean():.2f} (MC error {error:.2f}) | covers 0: {covered:.0%}"
        )
