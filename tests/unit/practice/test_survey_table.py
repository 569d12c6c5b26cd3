"""A survey that cannot be used is refused in one message: where, what was found, what was expected."""

import re

import pandas as pd
import pytest

from bayesmeta.errors import BayesmetaWarning, DataError
from bayesmeta.practice import read_survey, simulated_survey, template

HEADER = "intervention,services_using,services,odds_ratio,lower,upper,k"
GOOD = ["Video feedback,30,40,1.85,1.36,2.52,26", "Home visits,12,40,1.10,0.80,1.51,9", "Groups,22,40,,,,0"]


def survey(tmp_path, rows, header=HEADER, **options):
    path = tmp_path / "survey.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return read_survey(path, **{"direction": "higher", **options})


def test_a_table_is_read_as_it_stands(tmp_path):
    found = survey(tmp_path, GOOD)
    assert found.interventions == ("Video feedback", "Home visits", "Groups")
    assert found.has_evidence.tolist() == [True, True, False]
    # 1.36 to 2.52 about 1.85: the published pool of secure attachment
    assert found.se[0] == pytest.approx(0.1574, abs=1e-4)
    assert found.name == "survey"
    assert not found.simulated


def test_names_of_columns_in_other_words_and_a_decimal_comma(tmp_path):
    rows = ["Video feedback;30;40;1,85;1,36;2,52;26;x", "Home visits;12;40;1,10;0,80;1,51;9;y"]
    found = survey(tmp_path, rows, "Programme;users;services_asked;OR;lo95;hi95;trials;note")
    assert found.column("odds_ratio").tolist() == [1.85, 1.10]
    assert found.table["note"].tolist() == ["x", "y"]


def test_blank_k_and_blank_effect_is_no_trial(tmp_path):
    assert survey(tmp_path, [*GOOD[:2], "Groups,22,40,,,,"]).column("k")[2] == 0


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (",3,40,1.2,1.0,1.5,2", "row 3, column intervention: blank"),
        ("Video feedback,3,40,1.2,1.0,1.5,2", "column intervention: Video feedback is already in row 2"),
        ("X,41,40,1.2,1.0,1.5,2", r"row 3 (X), column services_using: 41 of 40 services"),
        ("X,3.5,40,1.2,1.0,1.5,2", "column services_using: 3.5. Expected a whole number, at least 0"),
        ("X,,40,1.2,1.0,1.5,2", "column services_using: blank. Expected a whole number"),
        ("X,0,0,1.2,1.0,1.5,2", "column services: 0. Expected a whole number, at least 1"),
        ("X,3,40,1.2,1.0,1.5,-1", "column k: -1. Expected a whole number, at least 0"),
        ("X,3,40,1.2,1.0,1.5,0", "column odds_ratio: 1.2, but k is 0"),
        ("X,3,40,1.2,1.0,1.5,", "column k: blank"),
        ("X,3,40,,,,2", "column odds_ratio: blank, but k is 2"),
        ("X,3,40,1.2,,1.5,2", "column lower: blank, but k is 2"),
        ("X,3,40,-0.3,-0.5,-0.1,2", "column odds_ratio: -0.3. Expected an odds ratio, above 0; exponentiate"),
        ("X,3,40,1.2,0,1.5,2", "column lower: 0. Expected an odds ratio, above 0"),
        ("X,3,40,1.2,1.3,1.5,2", "columns odds_ratio, lower, upper: 1.2 with the interval 1.3 to 1.5"),
        ("X,3,40,abc,1.3,1.5,2", 'column odds_ratio: "abc" is not a number'),
    ],
)
def test_a_row_that_cannot_be_used_is_named_with_its_column(tmp_path, row, message):
    with pytest.raises(DataError, match=re.escape(message)) as refusal:
        survey(tmp_path, [GOOD[0], row, GOOD[2]])
    assert str(refusal.value).startswith("survey.csv")


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path):
    with pytest.raises(DataError, match=r"no column services_using. It has intervention, services.*--template"):
        survey(tmp_path, ["X,40"], "intervention,services")


def test_two_columns_of_one_meaning_are_refused(tmp_path):
    with pytest.raises(DataError, match="column or: means the same as column odds_ratio"):
        survey(tmp_path, [f"{row},1" for row in GOOD], f"{HEADER},or")


def test_the_wished_direction_is_never_guessed(tmp_path):
    with pytest.raises(DataError, match=r"no column direction\. Say what is wished"):
        survey(tmp_path, GOOD, direction=None)
    with pytest.raises(DataError, match=r'row 3 .*column direction: "lower". Expected "higher" or "lower", the same'):
        survey(tmp_path, [f"{GOOD[0]},higher", f"{GOOD[1]},lower"], f"{HEADER},direction", direction=None)
    with pytest.raises(DataError, match='direction "up"'):
        survey(tmp_path, GOOD, direction="up")
    found = survey(tmp_path, [f"{row},lower" for row in GOOD], f"{HEADER},direction", direction=None)
    assert found.direction == "lower"


def test_an_interval_that_does_not_fit_its_odds_ratio_is_warned_of(tmp_path):
    # 0.83 typed for 1.83
    with pytest.warns(BayesmetaWarning, match=r"row 2 \(X\), columns odds_ratio.*1.4 is not near 1.85"):
        survey(tmp_path, ["X,3,40,1.40,1.36,2.52,2", *GOOD[1:]])


def test_the_template_has_the_columns_that_are_read(tmp_path):
    header = template().strip()
    found = survey(tmp_path, [f"{row},higher,letter" for row in GOOD], header, direction=None)
    assert found.table["source"].tolist() == ["letter"] * 3


def test_an_empty_template_is_refused(tmp_path):
    with pytest.raises(DataError, match="no interventions"):
        survey(tmp_path, [], template().strip())


def test_the_simulated_survey_says_so_in_every_row_and_survives_a_file(tmp_path):
    example = simulated_survey()
    assert example.simulated
    assert "simulated" in example.name
    assert all("Simulated" in name for name in example.interventions)
    path = tmp_path / "copy.csv"
    example.table.to_csv(path, index=False)
    again = read_survey(path)
    assert again.simulated
    pd.testing.assert_frame_equal(again.table[example.table.columns], example.table, check_dtype=False)


def test_another_seed_simulates_another_survey():
    assert simulated_survey(1).table["odds_ratio"].tolist() != simulated_survey(2).table["odds_ratio"].tolist()
