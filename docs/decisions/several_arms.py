"""The numbers of several-arms.md and heterogeneity-that-differs.md: python docs/decisions/several_arms.py"""

import time

import numpy as np

import bayesmeta as bm


def line(posterior: bm.Posterior) -> str:
    table = posterior.summary()[["median", "lower", "upper"]].astype(float)
    parts = [tuple(np.exp(table.loc["mu"])), tuple(table.loc["tau"])]
    return " | ".join(f"{median:.2f} ({lower:.2f} to {upper:.2f})" for median, lower, upper in parts)


print("| outcome | likelihood | rows | correlation | OR (95%) | tau (95%) | seconds |")
for outcome in ("secure", "disorganised"):
    for likelihood in ("hypergeometric", "binomial", "normal"):
        for rows, correlation in (("main", 0.5), ("arms", 0.0), ("arms", 0.5), ("arms", 0.9)):
            trials = bm.load(f"attachment/{outcome}", rows=rows)
            start = time.perf_counter()
            found = line(bm.fit(trials, bm.Model(likelihood, arm_correlation=correlation)))
            seconds = time.perf_counter() - start
            known = f"{correlation}" if rows == "arms" else ""
            print(f"| {outcome} | {likelihood} | {rows} | {known} | {found} | {seconds:.2f} |")

print("\n| data | heterogeneity | parameter | median (95%) | seconds of the fit |")
CASES = (
    ("bcg", bm.Model("normal"), ()),
    ("bcg", bm.Model("normal", tau_by="allocation"), ("random", "alternate")),
    ("bcg", bm.Model("normal", scale="~ latitude", alpha="normal(0, 0.05)"), ({"latitude": 50.0}, {"latitude": 20.0})),
    ("attachment/secure", bm.Model("normal", tau_by="sensitivity_focused"), ("yes", "no")),
)
for name, model, settings in CASES:
    start = time.perf_counter()
    posterior = bm.fit(bm.load(name), model)
    seconds = time.perf_counter() - start
    quantities = {one: posterior[one] for one in posterior.parameters if one.startswith(("tau", "alpha"))}
    if settings:
        ratio = posterior.tau_ratio(*settings)
        quantities[f"{ratio.name}, P(> 1) = {ratio.probability(above=1):.2f}"] = ratio
    for quantity, marginal in quantities.items():
        lower, upper = marginal.interval()
        how = model.tau_by or model.scale or "one tau"
        print(f"| {name} | {how} | {quantity} | {marginal.median:.3f} ({lower:.3f} to {upper:.3f}) | {seconds:.2f} |")
