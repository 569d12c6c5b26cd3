"""Prints the tables of default-priors.md: python docs/decisions/default_priors.py"""

import numpy as np

import bayesmeta as bm

MU = ("odds_ratio_within(250)", "normal(0, 4)", "flat")
TAU = ("half_normal(0.5)", "half_normal(1)", "half_cauchy(0.5)", "uniform(0, 10)")


def line(name: str, mu: str, tau: str) -> str:
    summary = bm.fit(bm.load(name), bm.Model(mu=mu, tau=tau)).summary()[["median", "lower", "upper"]]
    pooled, new = np.exp(summary.loc["mu"]), np.exp(summary.loc["theta_new"])
    spread = summary.loc["tau"]
    return (
        f"| {mu} | {tau} | {pooled['median']:.2f} ({pooled['lower']:.2f} to {pooled['upper']:.2f}) "
        f"| {spread['median']:.2f} ({spread['lower']:.2f} to {spread['upper']:.2f}) "
        f"| {new['lower']:.2f} to {new['upper']:.2f} |"
    )


for name in ("attachment/secure", "attachment/disorganised"):
    print(f"\n{name}\n\n| mu | tau | OR | tau | OR in a new setting |\n|---|---|---|---|---|")
    for mu in MU:
        for tau in TAU:
            print(line(name, mu, tau))
