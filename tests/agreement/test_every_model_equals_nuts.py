"""Every likelihood with every random effects: NUTS gives the exact posterior, within Monte Carlo error."""

import numpy as np
import pandas as pd
import pytest

from bayesmeta.checks import convergence, same_posterior
from bayesmeta.fit import fit
from bayesmeta.model import Model
from bayesmeta.trials import Trials, load

pytest.importorskip("pymc")

pytestmark = pytest.mark.slow

NONE = np.nan


def mixed():
    """Simulated: zeros in one arm (B, F) and in both (C), one trial apart from the rest (F), two estimates (G, H)."""
    return Trials(
        pd.DataFrame(
            {
                "study": list("ABCDEFGH"),
                "events_treated": [12, 0, 0, 30, 7, 9, NONE, NONE],
                "total_treated": [40, 20, 25, 60, 22, 30, NONE, NONE],
                "events_control": [20, 3, 0, 22, 3, 0, NONE, NONE],
                "total_control": [41, 22, 24, 62, 25, 28, NONE, NONE],
                "estimate": [NONE] * 6 + [-0.4, 1.1],
                "se": [NONE] * 6 + [0.35, 0.3],
            }
        ),
        name="mixed",
    )


EFFECTS = ("normal", "student_t(4)", "mixture(0.1, 5)", "none")
FEW, MORE = "attachment/disorganised", "bcg"
# One compilation for each row: tables of up to 8 trials share it, those of the normal likelihood whatever their size.
# (Normal random effects under the other two likelihoods: test_exact_equals_nuts.py, which this file adds to.)
MODELS = [
    *(("hypergeometric", effects, (mixed, FEW)) for effects in EFFECTS),
    *(("binomial", effects, (mixed, FEW)) for effects in EFFECTS),
    ("normal", "student_t(4)", (mixed, FEW)),
    ("normal", "mixture(0.1, 5)", (mixed, FEW, MORE)),
    ("normal", "none", (mixed,)),
    ("hypergeometric", "normal", (MORE,)),
]


@pytest.mark.parametrize(
    ("likelihood", "effects", "tables"), MODELS, ids=lambda value: value if isinstance(value, str) else str(len(value))
)
def test_nuts_gives_the_exact_posterior(likelihood, effects, tables):
    model = Model(likelihood, random_effects=effects)
    for table in tables:
        trials = load(table) if isinstance(table, str) else table()
        draws, exact = fit(trials, model, engine="nuts"), fit(trials, model)
        convergence(draws).require()
        same_posterior(exact, draws).require()
        if "mixture" in effects:
            # Averages of probabilities over at least some 1000 independent draws.
            difference = draws.outliers()["probability"] - exact.outliers()["probability"]
            assert difference.abs().max() < 4 * 0.5 / np.sqrt(1000)


def test_a_moderator_and_a_table_of_estimates_and_counts():
    trials = mixed()
    table = pd.DataFrame({"study": trials.studies, "dose": [1.0, 2.0, 3.0, 1.5, 2.5, 0.5, 1.0, 2.0]})
    columns = ["events_treated", "total_treated", "events_control", "total_control"]
    table[columns] = trials.counts
    table["estimate"], table["se"] = trials.estimate, trials.se
    model = Model("hypergeometric", moderators="~ dose")
    draws = fit(Trials(table), model, engine="nuts")
    same_posterior(fit(Trials(table), model), draws).require()


def test_a_million_people_and_a_handful_in_one_table():
    # The terms that the hypergeometric probability sums are as many for both. Simulated; two tables are rare events.
    trials = Trials(
        pd.DataFrame(
            {
                "study": list("ABCDEF"),
                "events_treated": [300_000, 3, 50, 7_000, 160_000, 14],
                "total_treated": [1_000_000, 10, 1_000_000, 20_000, 400_000, 40],
                "events_control": [270_000, 1, 30, 7_500, 190_000, 9],
                "total_control": [999_000, 12, 1_000_000, 20_000, 500_000, 41],
            }
        )
    )
    model = Model("hypergeometric")
    same_posterior(fit(trials, model), fit(trials, model, engine="nuts")).require()
