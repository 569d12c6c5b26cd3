"""Prints the tables of joint-models.md: python docs/decisions/joint_models.py [--nuts] [--counts]"""

import sys
import time
from itertools import product

import numpy as np
from scipy.special import gammaln

import bayesmeta as bm
from bayesmeta.effects import joint_effects
from bayesmeta.effects.joint import category_covariance

TRIALS = bm.load("attachment/classification")


def arm_covariance(n: int, p: np.ndarray, only_zero: bool) -> float:
    """Covariance of the two empirical log odds of one arm, over all multinomial counts.

    With 1/2 added to events and others always (the usual estimate of a log odds), or only where one of them is zero.
    """
    counts = np.array([(a, n - a - b, b) for a, b in product(range(n + 1), repeat=2) if a + b <= n], dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(counts > 0.0, counts * np.log(p), 0.0)
    weight = np.exp(gammaln(n + 1) - gammaln(counts + 1).sum(axis=1) + terms.sum(axis=1))
    events = counts[:, [0, 2]]
    zero = (events == 0) | (events == n)
    added = 0.5 * zero if only_zero else 0.5
    log_odds = np.log((events + added) / (n - events + added))
    away = log_odds - weight @ log_odds
    return float(weight @ (away[:, 0] * away[:, 1]))


def covariances() -> None:
    """Delta method against enumeration, at the observed proportions taken as true."""
    print("| trial | arms | delta method | enumerated, + 1/2 | off by | enumerated, + 1/2 for zeros | off by |")
    print("|---|---|---|---|---|---|---|")
    for i in np.flatnonzero(TRIALS.classified):
        categories = TRIALS.categories[i]
        delta = float(category_covariance(categories[None])[0])
        exact = [
            sum(arm_covariance(int(arm.sum()), arm / arm.sum(), only_zero) for arm in categories)
            for only_zero in (False, True)
        ]
        arms = " v ".join("/".join(f"{count:.0f}" for count in arm) for arm in categories)
        cells = " | ".join(f"{one:.4f} | {100 * (delta / one - 1):+.0f}%" for one in exact)
        print(f"| {TRIALS.studies[i]} | {arms} | {delta:.4f} | {cells} |")


def line(model: bm.JointModel, **options: object) -> str:
    posterior = bm.fit(TRIALS, model, **options)
    table = posterior.summary()
    cells = []
    for outcome in posterior.outcomes:
        row = table.loc[f"mu[{outcome}]"]
        cells.append("{:.2f} ({:.2f} to {:.2f})".format(*np.exp(row[["median", "lower", "upper"]].astype(float))))
    rho = table.loc["rho"]
    cells.append(f"{rho['median']:.2f} ({rho['lower']:.2f} to {rho['upper']:.2f})")
    cells.append(f"{posterior.joint_probability():.4f}")
    cells.append(f"{posterior.joint_probability(new_setting=True):.3f}")
    ratios = posterior.borrowing().table.query("quantity == 'mu'")["sd_ratio"]
    cells.append(" / ".join(f"{ratio:.2f}" for ratio in ratios))
    return f"| {model.likelihood} | {model.rho} | " + " | ".join(cells) + " |"


def priors() -> None:
    """What the prior of rho and the likelihood change."""
    print("| likelihood | rho | OR secure | OR disorganised | rho | P(both) | P(both), new setting | sd / alone |")
    print("|---|---|---|---|---|---|---|---|")
    for rho in ("uniform(-1, 1)", "lkj(2)", "uniform(-1, 0)", "fixed(0)", "fixed(-0.8)"):
        print(line(bm.JointModel("normal", rho=rho)))
    for rho in ("uniform(-1, 1)", "lkj(2)", "uniform(-1, 0)", "fixed(0)", "fixed(-0.8)"):
        print(line(bm.JointModel("trinomial", rho=rho)))


def counts() -> None:
    """The exact trinomial fit: time, and how far its numbers move at more nodes and finer grids."""
    print("\n| prior of tau, rho | nodes | fit, s of CPU | summary | study effects | worst change | evidence |")
    print("|---|---|---|---|---|---|---|")
    for tau, rho in (
        ("half_normal(0.5)", "uniform(-1, 1)"),
        ("half_normal(0.5)", "uniform(-1, 0)"),
        ("half_normal(1)", "lkj(2)"),
        ("lognormal(-1.28, 0.87)", "uniform(-1, 1)"),
        ("uniform(0, 2)", "fixed(0)"),
    ):
        start = time.process_time()
        posterior = bm.fit(TRIALS, bm.JointModel("trinomial", tau=tau, rho=rho))
        fitted = time.process_time()
        posterior.summary()
        summarised = time.process_time()
        posterior.studies()
        times = fitted - start, summarised - fitted, time.process_time() - summarised
        change = posterior.accuracy()["change"]
        seconds = " | ".join(f"{one:.1f}" for one in times)
        worst = f"{change.iloc[:-1].max():.0e} ({change.iloc[:-1].idxmax()})"
        print(f"| {tau}, {rho} | {posterior.diagnostics['nodes']} | {seconds} | {worst} | {change.iloc[-1]:.0e} |")


def lower_tail() -> None:
    """Share of NUTS draws below exact quantiles of a small tau."""
    model = bm.JointModel(rho="lkj(2)", tau=("half_normal(1)", "half_normal(0.2)"), mu="normal(0.5, 1)")
    exact = bm.fit(TRIALS, model)["tau[disorganised]"].quantile(np.array([0.005, 0.025, 0.1]))
    print("\n| seed | below the 0.5% quantile | 2.5% | 10% | tail ESS of tau |\n|---|---|---|---|---|")
    for seed in (20230227, 11, 1, 2):
        draws = bm.fit(TRIALS, model, engine="nuts", draws=4000, seed=seed)
        tau = draws["tau[disorganised]"].chains
        shares = " | ".join(f"{100 * (tau < limit).mean():.2f}%" for limit in exact)
        ess = draws.chain_statistics.loc["tau[disorganised attachment]", "ess_tail"]
        print(f"| {seed} | {shares} | {ess:.0f} |")


if __name__ == "__main__":
    covariances()
    print()
    priors()
    if "--counts" in sys.argv:
        counts()
    if "--nuts" in sys.argv:
        lower_tail()
    effects = joint_effects(TRIALS)
    print("\nwithin-trial correlations:", dict(zip(effects.studies, effects.correlation.round(2).tolist())))
