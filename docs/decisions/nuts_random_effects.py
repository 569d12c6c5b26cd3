"""Every likelihood with every random effects by NUTS: the table of nuts-defaults.md.

python docs/decisions/nuts_random_effects.py
"""

import bayesmeta as bm
from bayesmeta.errors import ConvergenceError

SEEDS = range(1, 5)
TABLES = ("attachment/disorganised", "attachment/secure", "crins2014", "bcg")
EFFECTS = ("normal", "student_t(4)", "mixture(0.1, 5)", "none")


def main() -> None:
    print("| likelihood | random effects | " + " | ".join(TABLES) + " |")
    print("|---" * (2 + len(TABLES)) + "|")
    for likelihood in ("hypergeometric", "binomial", "normal"):
        for effects in EFFECTS:
            model = bm.Model(likelihood, random_effects=effects)
            print(f"| {likelihood} | {effects} | {' | '.join(cell(table, model) for table in TABLES)} |", flush=True)


def cell(table: str, model: bm.Model) -> str:
    """Smallest effective sample size in bulk and tail of any quantity and seed; retries; refusals."""
    bulk, tail, retried, refused = [], [], 0, 0
    for seed in SEEDS:
        try:
            found = bm.fit(bm.load(table), model, "nuts", seed=seed).diagnostics
        except ConvergenceError:
            refused += 1
            continue
        bulk.append(found["min_ess_bulk"])
        tail.append(found["min_ess_tail"])
        retried += bool(found["retried_because"])
    return f"{min(bulk):.0f}, {min(tail):.0f}; {retried}, {refused}" if bulk else f"-; {retried}, {refused}"


if __name__ == "__main__":
    main()
