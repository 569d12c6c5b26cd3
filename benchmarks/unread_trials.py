"""Do hidden trials come back? `unread_trials` on simulated meta-analyses whose hidden trials are known.

    python benchmarks/unread_trials.py [--runs 400]

Each run draws a meta-analysis (counts in both arms), pools it as a review would, prints the odds ratio with two
decimals, hides most of the trials, and asks what they showed. Printed are how often the 95% interval held the pooled
log odds ratio of the hidden trials by the review's own weights, the mean effect, tau in those weights, the true tau,
and the effect in a new setting; then the mean error and the mean width of the interval for the hidden trials, and the
mean difference found between read and hidden (log odds ratios). "refused" and "doubted" are the shares of pools, all
of them right, that were refused or said to fit for some estimates of tau only, "spread" the mean of the least Q over
k - 1. docs/decisions/unread-trials.md holds what was printed.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesmeta import BayesmetaError, HalfNormal, Trials
from bayesmeta.sensitivity.unread_trials import unread_trials
from bayesmeta.trials import PublishedPool

Array = NDArray[np.float64]
PRIOR = HalfNormal(0.5)
SEED = 20230227


@dataclass(frozen=True)
class Pool:
    """A review's answer: estimate, standard error, tau in its weights, and the hidden trials by the same method."""

    estimate: float
    se: float
    tau: float
    hidden: float


@dataclass(frozen=True)
class Scenario:
    """One way in which a pool came about and lost its trials.

    Attributes
    ----------
    k, read : trials in the pool, and of them readable.
    tau : None draws it from the prior of the analysis, as calibration needs.
    method : DL, REML, HKSJ (REML with that interval), EE or MH.
    hides : which trials are hidden.
    spread : standard deviation of the log of a trial's number of patients.
    size : factor of the analysis.
    mean : mean log odds ratio.
    """

    name: str
    k: int = 26
    read: int = 8
    tau: float | None = None
    method: str = "DL"
    hides: str = "random"
    spread: float = 0.5
    size: float = 2.0
    mean: float = 0.6


def draw(scenario: Scenario, rng: np.random.Generator) -> tuple[Array, float]:
    """Counts (k, 4) as in `Trials.counts`, and tau."""
    tau = PRIOR.draws(1, rng)[0] if scenario.tau is None else scenario.tau
    arm = np.maximum(rng.lognormal(np.log(45.0), scenario.spread, scenario.k), 10.0).round()
    baseline = rng.normal(-0.4, 0.5, scenario.k)
    theta = rng.normal(scenario.mean, tau, scenario.k)
    control = rng.binomial(arm.astype(int), 1.0 / (1.0 + np.exp(-baseline)))
    treated = rng.binomial(arm.astype(int), 1.0 / (1.0 + np.exp(-baseline - theta)))
    return np.column_stack([treated, arm, control, arm]), float(tau)


def effects(counts: Array) -> tuple[Array, Array]:
    """Log odds ratios and their variances, 1/2 added to tables with a zero."""
    cells = np.column_stack([counts[:, 0], counts[:, 1] - counts[:, 0], counts[:, 2], counts[:, 3] - counts[:, 2]])
    cells = cells + 0.5 * (cells == 0).any(axis=1, keepdims=True)
    return np.log(cells[:, 0] * cells[:, 3] / (cells[:, 1] * cells[:, 2])), (1.0 / cells).sum(axis=1)


def inverse_variance(y: Array, v: Array, tau2: float) -> tuple[float, float]:
    w = 1.0 / (v + tau2)
    return float(w @ y / w.sum()), float(w.sum() ** -0.5)


def der_simonian_laird(y: Array, v: Array) -> float:
    w = 1.0 / v
    q = w @ (y - w @ y / w.sum()) ** 2
    return max(0.0, float((q - (len(y) - 1)) / (w.sum() - (w @ w) / w.sum())))


def restricted_likelihood(y: Array, v: Array) -> float:
    tau2 = der_simonian_laird(y, v)
    for _ in range(200):
        w = 1.0 / (v + tau2)
        mean = w @ y / w.sum()
        new = max(0.0, float(w**2 @ ((y - mean) ** 2 - v) / (w @ w) + 1.0 / w.sum()))
        if abs(new - tau2) < 1e-10:
            break
        tau2 = new
    return tau2


TAU2: dict[str, Callable[[Array, Array], float]] = {
    "DL": der_simonian_laird,
    "REML": restricted_likelihood,
    "HKSJ": restricted_likelihood,
    "EE": lambda y, v: 0.0,
}


def mantel_haenszel(counts: Array) -> tuple[float, float]:
    """Log odds ratio with the standard error of Robins, Breslow & Greenland."""
    a, b, c, d = counts[:, 0], counts[:, 1] - counts[:, 0], counts[:, 2], counts[:, 3] - counts[:, 2]
    n = a + b + c + d
    r, s, p, q = a * d / n, b * c / n, (a + d) / n, (b + c) / n
    variance = (p @ r) / (2 * r.sum() ** 2) + (p @ s + q @ r) / (2 * r.sum() * s.sum()) + (q @ s) / (2 * s.sum() ** 2)
    return float(np.log(r.sum() / s.sum())), float(np.sqrt(variance))


def pooled(counts: Array, hidden: NDArray[np.bool_], method: str) -> Pool:
    """As the review pools, with the hidden trials pooled by the same weights."""
    if method == "MH":
        return Pool(*mantel_haenszel(counts), 0.0, mantel_haenszel(counts[hidden])[0])
    y, v = effects(counts)
    tau2 = TAU2[method](y, v)
    estimate, se = inverse_variance(y, v, tau2)
    if method == "HKSJ":
        from scipy.stats import t

        w = 1.0 / (v + tau2)
        se *= float(np.sqrt(w @ (y - estimate) ** 2 / (len(y) - 1)) * t.ppf(0.975, len(y) - 1) / 1.959964)
    return Pool(estimate, se, float(np.sqrt(tau2)), inverse_variance(y[hidden], v[hidden], tau2)[0])


def hide(scenario: Scenario, counts: Array, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(k,) which trials cannot be read."""
    y, v = effects(counts)
    preference = {
        "random": np.zeros(len(y)),
        "unfavourable": 1.0 * y / np.sqrt(v),  # the less convincing, the likelier hidden
        "large": -2.0 * np.log(counts[:, 1]),
        "small": 2.0 * np.log(counts[:, 1]),
    }[scenario.hides]
    order = np.argsort(-(preference + rng.gumbel(size=len(y))))
    hidden = np.ones(len(y), dtype=bool)
    hidden[order[: scenario.read]] = False
    return hidden


def one_run(scenario: Scenario, seed: int) -> dict[str, float]:
    rng = np.random.default_rng([SEED, seed])
    counts, tau = draw(scenario, rng)
    hidden = hide(scenario, counts, rng)
    pool = pooled(counts, hidden, scenario.method)
    printed = np.exp(pool.estimate + 1.959964 * pool.se * np.array([0.0, -1.0, 1.0])).round(2)
    columns = ["events_treated", "total_treated", "events_control", "total_control"]
    table = pd.DataFrame(counts[~hidden], columns=columns)
    table.insert(0, "study", [f"simulated {number + 1}" for number in range(len(table))])
    published = PublishedPool.from_odds_ratio("simulated", scenario.k, *printed.tolist(), 2023, "simulated")
    try:
        found = unread_trials(Trials(table), published, tau=PRIOR, size=scenario.size)
    except BayesmetaError:
        return {"refused": 1.0}
    new = rng.normal(scenario.mean, tau)
    return {
        "refused": 0.0,
        "doubted": found.doubtful,
        "spread": found.spread.median,
        "hidden pool": found.rest_pooled.lower <= pool.hidden <= found.rest_pooled.upper,
        "mean effect": abs(float(found.rest.cdf(scenario.mean)) - 0.5) < 0.475
        if scenario.hides == "random"
        else np.nan,
        "tau in weights": float(found.tau_used.quantile(0.025)) <= pool.tau <= float(found.tau_used.quantile(0.975)),
        "tau": abs(float(found.tau.cdf(tau)) - 0.5) < 0.475,
        "new setting": abs(float(found.theta_new.cdf(new)) - 0.5) < 0.475,
        "error": found.rest_pooled.median - pool.hidden,
        "width": found.rest_pooled.upper - found.rest_pooled.lower,
        "difference": found.difference.median,
    }


SCENARIOS = (
    Scenario("DL, hidden at random"),
    Scenario("REML, hidden at random", method="REML"),
    Scenario("3 of 20 read", k=20, read=3),
    Scenario("tau 0.2", tau=0.2),
    Scenario("tau 0.4", tau=0.4),
    Scenario("tau 0.6", tau=0.6),
    Scenario("tau 0.9", tau=0.9),
    Scenario("unfavourable trials hidden", hides="unfavourable"),
    Scenario("large trials hidden", hides="large"),
    Scenario("small trials hidden", hides="small"),
    Scenario("sizes spread wider", spread=1.0),
    Scenario("Hartung-Knapp interval", method="HKSJ", tau=0.6),
    Scenario("common effect, inverse variance", method="EE", tau=0.6),
    Scenario("common effect, Mantel-Haenszel", method="MH", tau=0.6),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--sizes", type=float, nargs="+", default=[2.0, 4.0])
    options = parser.parse_args()
    print(f"{options.runs} runs each; binomial error of 0.95: {np.sqrt(0.95 * 0.05 / options.runs):.3f}")
    rows = []
    for scenario in SCENARIOS:
        for size in options.sizes:
            runs = pd.DataFrame(map(partial(one_run, replace(scenario, size=size)), range(options.runs)))
            means = runs[runs["refused"] == 0.0].drop(columns="refused").astype(float).mean()
            rows.append({"pool": scenario.name, "size": size, "refused": runs["refused"].mean(), **means})
    print(pd.DataFrame(rows).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
