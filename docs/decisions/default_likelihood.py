"""Prints the tables of default-likelihood.md: python docs/decisions/default_likelihood.py"""

import warnings

import numpy as np
import pandas as pd

import bayesmeta as bm

LIKELIHOODS = ("hypergeometric", "binomial", "normal")
RUNS, K, TAU = 300, 8, 0.3
# Simulated: what, control risk, people in an arm, odds ratio.
SCENES = (
    ("common events, 60 in an arm", 0.5, 60, 1.5),
    ("large effect, 40 in an arm", 0.5, 40, 4.0),
    ("rare events, 100 in an arm", 0.03, 100, 0.5),
    ("rare events, 1,000 in an arm", 0.03, 1000, 0.5),
)


def shipped(name: str) -> None:
    """One row a likelihood: pooled OR and tau, median (95%)."""
    for likelihood in LIKELIHOODS:
        summary = bm.fit(bm.load(name), bm.Model(likelihood)).summary()[["median", "lower", "upper"]]
        pooled, tau = np.exp(summary.loc["mu"]), summary.loc["tau"]
        print(
            f"| {name} | {likelihood} | {pooled['median']:.2f} ({pooled['lower']:.2f} to {pooled['upper']:.2f}) "
            f"| {tau['median']:.2f} ({tau['lower']:.2f} to {tau['upper']:.2f}) |"
        )


def simulated(rng: np.random.Generator, risk: float, n: int, odds_ratio: float) -> bm.Trials:
    """Trials with equal arms, and control risks that differ between them."""
    gamma = np.log(risk / (1.0 - risk)) + rng.normal(0.0, 0.3, K)
    theta = np.log(odds_ratio) + rng.normal(0.0, TAU, K)
    table = {"study": [f"simulated {i}" for i in range(K)], "total_treated": n, "total_control": n}
    table["events_treated"] = rng.binomial(n, 1.0 / (1.0 + np.exp(-gamma - theta)))
    table["events_control"] = rng.binomial(n, 1.0 / (1.0 + np.exp(-gamma)))
    return bm.read_trials(pd.DataFrame(table))


def scene(what: str, risk: float, n: int, odds_ratio: float) -> None:
    """Mean error of the posterior median of mu, and the share of 95% intervals of mu that hold the truth."""
    rng, truth, found = np.random.default_rng(20230227), np.log(odds_ratio), []
    for _ in range(RUNS):
        trials, row = simulated(rng, risk, n, odds_ratio), []
        for likelihood in ("hypergeometric", "normal"):
            mu = bm.fit(trials, bm.Model(likelihood))["mu"]
            lower, upper = mu.interval()
            row += [mu.median - truth, lower < truth < upper]
        found.append(row)
    mean = np.mean(np.array(found, dtype=float), axis=0)
    error = np.std(np.array(found, dtype=float)[:, ::2], axis=0, ddof=1) / np.sqrt(RUNS)
    print(
        f"| {what}, OR {odds_ratio:g} | {mean[0]:+.3f} ({error[0]:.3f}) | {mean[1]:.3f} "
        f"| {mean[2]:+.3f} ({error[1]:.3f}) | {mean[3]:.3f} |"
    )


warnings.simplefilter("ignore", bm.BayesmetaWarning)
print("| trials | likelihood | OR | tau |\n|---|---|---|---|")
for data in ("attachment/secure", "attachment/disorganised", "crins2014", "bcg"):
    shipped(data)
print("\n| simulated trials | hypergeometric: error | coverage | normal: error | coverage |\n|---|---|---|---|---|")
for one in SCENES:
    scene(*one)
