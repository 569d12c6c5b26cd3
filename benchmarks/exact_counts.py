"""Cost of the exact engine for counts, by number of trials; and how far its numbers are from the reference.

    OPENBLAS_NUM_THREADS=1 python benchmarks/exact_counts.py  # times, all in one process
    python benchmarks/exact_counts.py --accuracy  # the first table of docs/validation/exact-counts.md
    python benchmarks/exact_counts.py --self-check  # the second: simulated trials, many and few, large and small

Simulated trials of 20 to 80 per arm. Columns in milliseconds of processor time, the smallest of three rounds:
`likelihood` tabulates the likelihoods, `fit` integrates and gives summary(), `studies` gives studies(), `100 priors`
are the summaries under 100 other priors of tau from the same `Prepared`, `ratio` is their cost over the whole fit's.
The last rows are 26 trials, hypergeometric, with other random effects and with moderators: g has two categories, a, b
and c are numbers that differ from trial to trial.
"""

import argparse
import json
import re
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

import bayesmeta as bm
from bayesmeta.exact import prepare

SIZES = (7, 13, 26, 100, 1000)
COLUMNS = ["events_treated", "total_treated", "events_control", "total_control"]
MANY, PER_ARM, HETEROGENEITY = (8, 26, 60, 150, 1000), (30, 200, 2000), (0.05, 0.15, 0.4, 0.8)
EXPECTED = Path(__file__).parents[1] / "data" / "reference" / "expected"


def simulated(k: int) -> bm.Trials:
    rng = np.random.default_rng(k)
    sizes, risk, effect = rng.integers(20, 80, (2, k)), rng.uniform(0.1, 0.6, k), rng.normal(0.4, 0.4, k)
    treated = 1.0 / (1.0 + (1.0 - risk) / risk * np.exp(-effect))
    counts = [rng.binomial(sizes[0], treated), sizes[0], rng.binomial(sizes[1], risk), sizes[1]]
    return bm.read_trials(pd.DataFrame({"study": [f"trial {i}" for i in range(k)]} | dict(zip(COLUMNS, counts))))


def milliseconds(trials: bm.Trials, model: bm.Model) -> list[float]:
    times = [time.process_time()]
    prepared = prepare(trials, model)
    _ = prepared.grid
    times.append(time.process_time())
    posterior = prepared.posterior()
    posterior.summary()
    times.append(time.process_time())
    posterior.studies()
    times.append(time.process_time())
    prepared.under([bm.HalfNormal(float(scale)) for scale in np.linspace(0.1, 1.0, 100)])
    times.append(time.process_time())
    return (1000.0 * np.diff(times)).tolist()


def cost() -> None:
    print(f"{'k':>5} {'model':>15} {'likelihood':>11} {'fit':>8} {'studies':>8} {'whole':>8} {'100 priors':>11} ratio")
    for k in SIZES:
        trials = simulated(k)
        for likelihood in ("hypergeometric", "binomial"):
            tell(k, likelihood, trials, bm.Model(likelihood), 3 if k <= 100 else 1)
    trials = with_columns(26)
    for random_effects in ("mixture(0.1, 5)", "student_t(4)", "student_t(1)"):
        tell(26, random_effects, trials, bm.Model("hypergeometric", random_effects=random_effects), 1)
    for formula in ("~ g", "~ a", "~ a + b", "~ a + b + c"):
        tell(26, formula, trials, bm.Model("hypergeometric", moderators=formula), 1)


def tell(k: int, what: str, trials: bm.Trials, model: bm.Model, rounds: int) -> None:
    found = np.min([milliseconds(trials, model) for _ in range(rounds)], axis=0)
    whole = found[:3].sum()
    print(
        f"{k:5d} {what:>15} {found[0]:11.1f} {found[1]:8.1f} {found[2]:8.1f} {whole:8.1f}"
        f" {found[3]:11.1f} {found[3] / whole:5.1f}"
    )


def with_columns(k: int) -> bm.Trials:
    """The same with columns for moderators: g of two categories, three of normal draws."""
    rng = np.random.default_rng(0)
    columns = {name: rng.normal(size=k) for name in "abc"} | {"g": np.resize(["no", "yes"], k)}
    return bm.read_trials(simulated(k).table.assign(**columns))


def accuracy() -> None:
    print("| data | model | fits | mu | tau | theta_new | theta | log ML | closure |")
    print("|---|---|---|---|---|---|---|---|---|")
    for path in sorted(EXPECTED.glob("exact_*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        counts = np.array(data["data"], dtype=float)
        trials = bm.read_trials(pd.DataFrame({"study": data["studies"]} | dict(zip(COLUMNS, counts))))
        worst = np.zeros(6)
        fits = [fit for fit in data["fits"] if fit["digits_min"] and fit["digits_min"] >= 9]
        for fit in fits:
            worst = np.maximum(worst, errors(trials, data["model"], fit))
        numbers = " | ".join(f"{error:.0e}" for error in worst)
        print(f"| {data['dataset']} | {data['model']} | {len(fits)} | {numbers} |")


def self_check() -> None:
    """What the self-check of posterior.accuracy() finds, largest change over the heterogeneities of HETEROGENEITY."""
    print("| trials | per arm | likelihood | nodes of tau | mu | tau | theta_new | theta | log ML |")
    print("|---|---|---|---|---|---|---|---|---|")
    for k in MANY:
        for size in PER_ARM:
            for likelihood in ("hypergeometric", "binomial"):
                worst, nodes = np.zeros(5), 0
                for tau in HETEROGENEITY:
                    posterior = bm.fit(of_size(k, size, tau), bm.Model(likelihood))
                    change = posterior.accuracy()["change"]
                    groups = [change[name] for name in ("mu", "tau", "theta_new")]
                    groups += [change[list(posterior.studies_in_model)].max(), change["log_marginal_likelihood"]]
                    worst = np.maximum(worst, groups)
                    nodes = max(nodes, posterior.diagnostics["tau_nodes"])
                numbers = " | ".join(f"{error:.0e}" for error in worst)
                print(f"| {k} | {size} | {likelihood} | {nodes} | {numbers} |", flush=True)


def of_size(k: int, size: int, tau: float) -> bm.Trials:
    """Simulated trials whose arms are between 0.7 and 1.3 times as large as `size`."""
    rng = np.random.default_rng([k, size, round(100 * tau)])
    totals = np.round(size * rng.uniform(0.7, 1.3, (2, k))).astype(int)
    middle, effect = rng.normal(-1.0, 0.8, k), rng.normal(0.3, tau, k)
    events = rng.binomial(totals, expit(middle + np.outer([0.5, -0.5], effect)))
    counts = [events[0], totals[0], events[1], totals[1]]
    return bm.read_trials(pd.DataFrame({"study": [f"trial {i}" for i in range(k)]} | dict(zip(COLUMNS, counts))))


def errors(trials: bm.Trials, model: str, fit: dict) -> np.ndarray:
    baseline = re.match(r"normal\([\d.]+,[\d.]+\)", fit["prior_gamma"] or "")
    posterior = bm.fit(
        trials,
        bm.Model(
            "hypergeometric" if model == "conditional" else model,
            mu=fit["prior_mu"],
            tau=fit["prior_tau"].replace("half-normal", "half_normal").replace("half-Cauchy", "half_cauchy"),
            baseline=baseline[0] if baseline else "normal(0, 5)",
        ),
    )
    found, summary, studies = [], posterior.summary(), posterior.studies()
    for name in ("mu", "tau", "theta_new"):
        wanted = fit[name]
        numbers = summary.loc[name, ["mean", "sd", "lower", "median", "upper"]].to_numpy(dtype=float)
        printed = np.array([wanted["mean"], wanted["sd"], *wanted["q"]], dtype=float)
        found.append(np.nanmax(np.abs(numbers - printed)) / (wanted["sd"] or 1.0))
    sd = np.array(fit["theta"]["sd"], dtype=float)
    found.append(max(np.abs((studies[c] - np.array(fit["theta"][c], dtype=float)) / sd).max() for c in ("mean", "sd")))
    found.append(abs(posterior.log_marginal_likelihood - fit["log_ml"]))
    found.append(np.abs(posterior._effects_of_studies.closure - 1.0).max())
    return np.array(found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accuracy", action="store_true", help="compare with the reference instead of timing")
    parser.add_argument("--self-check", action="store_true", help="compare with more nodes instead of timing")
    options = parser.parse_args()
    accuracy() if options.accuracy else self_check() if options.self_check else cost()
