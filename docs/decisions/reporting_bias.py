"""The numbers of reporting-bias.md.

python docs/decisions/reporting_bias.py
"""

import numpy as np

import bayesmeta as bm

LEVELS = np.array([0.5, 0.025, 0.975])


def shown(log_ratios: np.ndarray) -> str:
    """Odds ratio with its interval."""
    median, lower, upper = np.exp(log_ratios)
    return f"{median:.2f} ({lower:.2f} to {upper:.2f})"


secure = bm.load("attachment/secure")
print("Secure attachment, 8 trials: pooled OR, overlap of prior and posterior of the last weight")
print(f"  no selection: {shown(bm.fit(secure, bm.Model('normal'))['mu'].quantile(LEVELS))}")
for selection in ("one_sided(0.025)", "one_sided(0.025, 0.5)", "two_sided(0.05)"):
    posterior = bm.fit(secure, bm.Model(selection=selection))
    overlap = posterior.overlap(posterior.selection.names[-1])
    print(f"  {selection}: {shown(posterior['mu'].quantile(LEVELS))}, overlap {overlap:.2f}")

print("Priors of the weight, one_sided(0.025)")
for omega in ("cumulative_dirichlet", "uniform(0, 2)", "beta(1, 3)", "fixed(0.5)", "fixed(0.2)", "fixed(0.05)"):
    posterior = bm.fit(secure, bm.Model(selection="one_sided(0.025)", omega=omega))
    print(f"  {omega}: {shown(posterior['mu'].quantile(LEVELS))}")

print("Averaged: Bayes factors for effect, heterogeneity, bias; OR given an effect")
sets = {"8 trials": secure, "without Cicchetti 2006": secure.without("Cicchetti 2006")}
for name, trials in sets.items():
    for what, options in (
        ("RoBMA-PSMA", {}),
        ("priors of this package", {"mu": "odds_ratio_within(250)", "tau": "half_normal(0.5)"}),
        ("without PET and PEESE", {"small_trials": []}),
    ):
        found = bm.sensitivity.bias(trials, **options)
        factors = ", ".join(f"{value:.2g}" for value in found.questions["bayes_factor"])
        given = found.averages.set_index("models").loc["models with an effect", ["median", "lower", "upper"]]
        print(f"  {name}, {what}: {factors}; {shown(given.to_numpy(dtype=float))}")
