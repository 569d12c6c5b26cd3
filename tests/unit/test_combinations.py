"""Parts of a model two by two: each pair is fitted, or refused by one message before anything is computed."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.nuts import fit as sampled
from bayesmeta.nuts.control_risk import fit as sampled_control_risk
from tests.unit.cli.running import run

# Simulated trials.
PLAIN = pd.DataFrame(
    {
        "study": list("ABCDE"),
        "events_treated": [12, 9, 20, 7, 15],
        "total_treated": [30, 25, 40, 20, 33],
        "events_control": [6, 6, 12, 6, 9],
        "total_control": [28, 28, 41, 22, 30],
        "setting": ["x", "x", "x", "y", "y"],
        "dose": [0.1, 0.5, 0.3, 0.8, 1.0],
        "direction": ["higher"] * 5,
    }
)
TABLES = {
    "arms": PLAIN.assign(trial=["first", "first", "C", "D", "E"]),
    "zero": PLAIN.assign(events_control=[0, 6, 12, 6, 9], events_treated=[0, 9, 20, 7, 15]),
    "one": PLAIN.iloc[:1],
    "estimates": pd.DataFrame(
        {"study": list("ABC"), "estimate": [0.9, 0.2, 0.5], "se": [0.5, 0.4, 0.3], "setting": list("xyy")}
    ).assign(dose=[1.0, 2.0, 3.0], direction="higher"),
}
PARTS = [
    *({"table": name} for name in TABLES),
    *({"likelihood": name} for name in ("normal", "binomial", "hypergeometric")),
    *({"random_effects": name} for name in ("none", "student_t(4)")),
    *({"moderators": formula} for formula in ("~ setting", "~ dose")),
    {"mu": "flat"},
    {"mu": "student_t(4, 0, 1)"},
    {"tau": "fixed(0.3)"},
    {"tau": "dumouchel"},
    {"tau_by": "setting"},
    {"scale": "~ dose", "alpha": "normal(0, 0.5)"},
    {"selection": "one_sided(0.025)"},
    {"control_risk": True},
    {"baseline": "exchangeable(normal(0, 5), half_normal(1))"},
]
PAIRS = [one | other for one, other in combinations(PARTS, 2) if not one.keys() & other.keys()]


class Reached(Exception):
    """Sampling would begin here."""


def fitted(parts, engine):
    parts = dict(parts)
    trials = bm.read_trials(TABLES.get(parts.pop("table", ""), PLAIN))
    return bm.fit(trials, bm.Model(**parts), engine)


def name_of(parts):
    return " ".join(map(str, parts.values()))


def test_nuts_samples_a_pair_or_refuses_it_before_it_compiles(monkeypatch):
    def reached(*_, **__):
        raise Reached

    monkeypatch.setattr(sampled, "converged", reached)
    monkeypatch.setattr(sampled_control_risk, "converged", reached)
    outcomes = {}
    for parts in PAIRS:
        with pytest.raises((Reached, bm.BayesmetaError)) as found:
            fitted(parts, "nuts")
        outcomes[name_of(parts)] = found.value
    assert 0.4 < np.mean([isinstance(value, Reached) for value in outcomes.values()]) < 0.9
    for name, value in outcomes.items():
        if not isinstance(value, Reached):
            assert str(value).rstrip().endswith("."), name
            assert "\n" not in str(value), name


@pytest.mark.slow
@pytest.mark.parametrize("parts", PAIRS, ids=name_of)
def test_the_exact_engine_fits_a_pair_or_refuses_it(parts):
    try:
        posterior = fitted(parts, "exact")
    except bm.BayesmetaError:  # its message is read by the command's test
        return
    summary = posterior.summary()
    assert np.isfinite(summary[["median", "lower", "upper"]].astype(float).to_numpy()).all()
    assert len(posterior.studies()) == len(posterior.studies_in_model)
    assert posterior.to_dict()["parameters"].keys() == set(posterior.parameters)


@pytest.mark.parametrize(
    "options",
    [
        ("--selection", "one_sided(0.025)", "--tau-by", "sensitivity_focused"),
        ("--selection", "one_sided(0.025)", "--likelihood", "binomial"),
        ("--selection", "one_sided(0.025)", "--control-risk"),
        ("--selection", "one_sided(0.025)", "--random-effects", "student_t(4)"),
        ("--control-risk", "--scale", "~ year"),
        ("--control-risk", "--engine", "nuts", "--tau-by", "sensitivity_focused"),
        ("--control-risk", "--likelihood", "normal"),
        ("--tau-by", "sensitivity_focused", "--scale", "~ year"),
        ("--tau-by", "sensitivity_focused", "--random-effects", "none"),
        ("--scale", "~ year", "--likelihood", "binomial"),
        ("--baseline", "exchangeable", "--engine", "exact"),
    ],
)
def test_the_command_refuses_in_one_message(options):
    result = run("fit", "attachment/secure", *options)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1
