"""The empirical priors: the tables are whole, and every cell can be had by its name."""

import csv
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from bayesmeta.errors import PriorError
from bayesmeta.priors import (
    Bartos,
    Bartos2021,
    Bartos2021Effect,
    BartosEffect,
    InverseGamma,
    LogNormal,
    LogT,
    Rhodes,
    StudentT,
    Turner,
    describe,
    parse_prior,
)

TABLES = Path(__file__).parents[3] / "data" / "priors"
EMPIRICAL = [Turner, Rhodes, Bartos, BartosEffect, Bartos2021, Bartos2021Effect]


def rows(name: str) -> list[dict[str, str]]:
    with (TABLES / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def values(name: str, column: str) -> dict[tuple[str, ...], float]:
    keys = ("outcome", "comparison", "area") if "rhodes" in name else ("outcome", "comparison")
    cells = [row for row in rows(name) if row["outcome"] != "marginal"]
    return {tuple(row[key] for key in keys): float(row[column]) for row in cells}


@pytest.mark.parametrize(
    ("name", "size"), [("turner2015.csv", 81), ("rhodes2015.csv", 73), ("bartos.csv", 54), ("bartos2021.csv", 47)]
)
def test_the_tables_are_complete_and_every_number_has_a_source(name, size):
    table = rows(name)
    assert len(table) == size
    assert all(row["source"] and row["described_as"] for row in table)
    assert sum(bool(row["doubtful"]) for row in table) == (3 if name == "rhodes2015.csv" else 0)


def test_turner_is_additive_in_outcome_and_comparison():
    # One term for each outcome and one for each comparison: columns differ by a constant, to rounding.
    location = values("turner2015.csv", "location")
    outcomes, comparisons = Turner.choices()["outcome"][1:], Turner.choices()["comparison"]
    assert len(location) == len(outcomes) * len(comparisons) == 80
    for comparison in comparisons[1:]:
        steps = [location[o, comparison] - location[o, comparisons[0]] for o in outcomes]
        assert max(steps) - min(steps) <= 0.01 + 1e-12


def test_rhodes_is_additive_but_for_the_cells_that_are_marked():
    location = values("rhodes2015.csv", "location")
    shape = [list(dict.fromkeys(names)) for names in zip(*location, strict=True)]
    assert [len(names) for names in shape] == [8, 3, 3]
    table = np.array([location[cell] for cell in product(*shape)]).reshape(8, 3, 3)
    for _ in range(30):  # medians, which a wrong cell does not move
        for axis in range(3):
            others = tuple(other for other in range(3) if other != axis)
            table -= np.median(table, axis=others, keepdims=True)
    odd = {cell for cell, rest in zip(product(*shape), table.ravel(), strict=True) if abs(rest) > 0.02}
    assert odd == {("mental_health", "non_drug", "other"), ("structure", "drug_v_control", "cancer")}
    assert location["mental_health", "non_drug", "other"] == -3.85
    assert location["structure", "drug_v_control", "cancer"] == -0.13


def test_rhodes_scales_are_the_same_for_respiratory_disease_but_for_the_cell_that_is_marked():
    scale = values("rhodes2015.csv", "scale")
    step = {cell[:2]: scale[*cell[:2], "respiratory"] - scale[cell] for cell in scale if cell[2] == "other"}
    odd = {cell for cell, difference in step.items() if not -1e-12 < difference < 0.02 + 1e-12}
    assert odd == {("obstetric", "non_drug")}


def test_the_doubtful_cells_are_those_that_break_the_pattern():
    doubtful = {(r["outcome"], r["comparison"], r["area"]) for r in rows("rhodes2015.csv") if r["doubtful"]}
    assert doubtful == {
        ("mental_health", "non_drug", "other"),
        ("structure", "drug_v_control", "cancer"),
        ("obstetric", "non_drug", "respiratory"),
    }


@pytest.mark.parametrize("family", EMPIRICAL, ids=lambda family: family.text_name)
def test_every_cell_can_be_had_by_its_text(family):
    for names in family.cells():
        prior = family(*names)
        assert parse_prior(prior.text, family.role or "mu") == prior
        assert prior.quantile(0.5) >= 0 if family.role else prior.quantile(0.5) == 0
        assert describe(prior).startswith(f"{prior}: median")
        assert prior.source


def test_turner_2015_mental_health_and_marginal():
    # Turner 2015, Table IV: mental health indicators, non-pharmacological v placebo: tau^2 ~ LN(-2.34, 1.72^2).
    assert Turner("mental_health", "non_drug_v_control").stands_for == LogNormal(-1.17, 0.86)
    assert Turner("marginal").stands_for == LogNormal(-1.28, 0.87)
    log_variance = 2 * np.log(Turner("marginal").quantile([0.025, 0.5, 0.975]))
    assert log_variance == pytest.approx([-2.56 - 1.96 * 1.74, -2.56, -2.56 + 1.96 * 1.74], abs=1e-3)


def test_rhodes_2015_marginal():
    # Rhodes 2015, section 3.3: log tau^2 has location -3.44 and scale 2.59, df 5.
    assert Rhodes("marginal").stands_for == LogT(5, -1.72, 1.295)


def test_bartos_2023_defaults():
    # As documented by RoBMA: effect t(0, 0.58, df 4), tau inverse-gamma(1.77, 0.55), on tau; acute respiratory
    # infections t(0, 0.48, 3) and inverse-gamma(1.67, 0.45).
    assert Bartos("cochrane").stands_for == InverseGamma(1.77, 0.55, "tau")
    assert BartosEffect("cochrane").stands_for == StudentT(4, 0, 0.58)
    assert Bartos("acute_respiratory_infections").stands_for == InverseGamma(1.67, 0.45, "tau")
    assert BartosEffect("acute_respiratory_infections").stands_for == StudentT(3, 0, 0.48)


def test_bartos_2021_defaults_and_oral_health():
    # As in BayesTools, type "smd": all of medicine t(0, 0.43, df 5), inverse-gamma(1.71, 0.40) on tau; oral health, the
    # example of the paper, t(0, 0.51, df 5), inverse-gamma(1.79, 0.28).
    assert Bartos2021("cochrane").stands_for == InverseGamma(1.71, 0.40, "tau")
    assert Bartos2021Effect("cochrane").stands_for == StudentT(5, 0, 0.43)
    assert Bartos2021("oral_health").stands_for == InverseGamma(1.79, 0.28, "tau")
    assert Bartos2021Effect("oral_health").stands_for == StudentT(5, 0, 0.51)


def test_bartos_2021_for_all_of_medicine_lies_amid_its_subfields():
    # Typing errors of a factor would not: the medians of tau and of |effect| of the whole are those of the middle.
    medians = {
        names: (Bartos2021(*names).quantile(0.5), Bartos2021Effect(*names).quantile(0.75))
        for names in Bartos2021.cells()
    }
    whole = np.array(medians.pop(("cochrane",)))
    low, high = np.quantile(np.array(list(medians.values())), [0.25, 0.75], axis=0)
    assert np.all((low < whole) & (whole < high))


def test_a_prior_that_stands_for_a_distribution_is_that_distribution():
    prior, same = Turner("pain", "drug_v_drug"), LogNormal(-1.03, 0.79)
    tau = np.array([0.0, 0.1, 1.0])
    np.testing.assert_array_equal(prior.log_density(tau), same.log_density(tau))
    assert (prior.mean, prior.sd, prior.pymc, prior.tail_exponent) == (same.mean, same.sd, same.pymc, np.inf)
    assert prior != same


@pytest.mark.parametrize(
    ("text", "prior"),
    [
        ("turner(mental_health, non_drug_v_control)", Turner("mental_health", "non_drug_v_control")),
        ("Turner(Mental-Health, NonDrugVControl)", Turner("mental_health", "non_drug_v_control")),
        ("turner(comparison=drug_v_drug, outcome=pain)", Turner("pain", "drug_v_drug")),
        ("turner(marginal)", Turner("marginal")),
        ("rhodes(mental_health, non_drug)", Rhodes("mental_health", "non_drug")),
        ("rhodes(mental_health, non_drug, other)", Rhodes("mental_health", "non_drug", "other")),
        ("rhodes(pain_and_all, non_drug)", None),
        ("rhodes(marginal)", Rhodes("marginal")),
        ("bartos(cochrane)", Bartos("cochrane")),
    ],
)
def test_names_as_people_type_them(text, prior):
    if prior is None:
        with pytest.raises(PriorError):
            parse_prior(text)
    else:
        assert parse_prior(text) == prior


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("turner(mental_helth, non_drug_v_control)", "outcome is mental_helth. Did you mean mental_health?"),
        ("turner(mental, drug_v_drug)", "outcome is mental. Did you mean mental_health?"),
        ("turner(pain, drug)", "comparison is drug. Did you mean drug_v_control or drug_v_drug or non_drug_v_control?"),
        ("turner(pain, xyz)", "comparison is xyz. There are drug_v_control, drug_v_drug, non_drug_v_control,"),
        ("turner(pain)", "comparison is missing. There are drug_v_control,"),
        ("turner(marginal, drug_v_drug)", "stands alone: turner(marginal)"),
        ("rhodes(marginal, , cancer)", "stands alone: rhodes(marginal)"),
        ("rhodes(marginal, area=cancer)", "stands alone: rhodes(marginal)"),
        ("rhodes(pain, non_drug)", "outcome is pain."),
        ("turner()", "turner takes 2 names, outcome and comparison; none is given. Write it as turner(mental_health,"),
        ("turner(a, b, c)", "turner takes 2 names, outcome and comparison; 3 are given. Write it as"),
        ("bartos(childhood_cancer)", "subfield is childhood_cancer."),
        ("turner(1, 2)", "outcome is 1."),
    ],
)
def test_an_unknown_cell_is_refused_with_a_suggestion(text, message):
    with pytest.raises(PriorError) as refusal:
        parse_prior(text)
    assert str(refusal.value).startswith(f'tau prior "{text}": ')
    assert message in str(refusal.value)


@pytest.mark.parametrize("value", [1.5, None, ("pain",)])
def test_a_name_that_is_none_is_refused(value):
    with pytest.raises(PriorError, match="It must be a name"):
        Turner(value, "drug_v_drug")


def test_a_doubtful_cell_says_so_wherever_it_is_described():
    prior = Rhodes("mental_health", "non_drug")
    assert prior.warning.startswith("Doubtful cell: location -3.85")
    assert prior.warning in describe(prior)
    assert "Doubtful" not in Rhodes("subjective", "non_drug").warning
    assert Turner("mental_health", "non_drug_v_control").warning == ""


@pytest.mark.parametrize(
    "prior", [Rhodes("subjective", "non_drug"), Bartos2021("cochrane"), Bartos2021Effect("eyes_vision")]
)
def test_a_prior_of_mean_differences_says_which_it_is_for_log_odds_ratios(prior):
    converted = parse_prior(prior.warning.partition("write ")[2].partition(". ")[0].rstrip("."), prior.role or "mu")
    ratio = converted.quantile([0.1, 0.6, 0.9]) / prior.quantile([0.1, 0.6, 0.9])
    np.testing.assert_allclose(ratio, np.pi / np.sqrt(3), rtol=1e-3)
    assert prior.warning in describe(prior)


def test_a_prior_that_excludes_homogeneity_says_so():
    assert "excludes tau = 0" in describe(Bartos("cochrane"))
    assert "99% on tau above 0.025" in describe(InverseGamma(0.5, 0.002))
    assert InverseGamma(0.5, 0.002).survival(0.0246) == pytest.approx(0.99, abs=1e-3)


def test_choices_name_every_row_and_column():
    assert Turner.choices()["outcome"][0] == "marginal"
    assert len(Turner.choices()["outcome"]) == 17
    assert Rhodes.choices()["area"] == ("other", "respiratory", "cancer")
    assert "childhood_cancer" in BartosEffect.choices()["subfield"]
    assert "childhood_cancer" not in Bartos.choices()["subfield"]
    assert LogT.choices() == {}
