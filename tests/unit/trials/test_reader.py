"""Reading files as people write them, and refusing the others in one message that says where to look."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from bayesmeta.errors import DataError
from bayesmeta.trials import read_trials

OWN = ("study", "events_treated", "total_treated", "events_control", "total_control")
ROWS = [("Ames 2001", 3, 20, 6, 21), ("Bell 2004", 5, 40, 9, 38), ("Cole, D 2010", 7, 60, 12, 58)]
COUNTS = [[3, 20, 6, 21], [5, 40, 9, 38], [7, 60, 12, 58]]


def write(folder, text, name="trials.csv", encoding="utf-8"):
    file = folder / name
    file.write_bytes(text.encode(encoding))
    return file


def csv_text(header=OWN, rows=ROWS, separator=","):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def refusal(folder, text, encoding="utf-8", **settings):
    with pytest.raises(DataError) as caught:
        read_trials(write(folder, text, encoding=encoding), **settings)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("trials.csv")
    return message


# What is read


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_separators_byte_order_marks_and_line_endings(tmp_path, separator, encoding, ending):
    text = csv_text(separator=separator).replace("\n", ending)
    trials = read_trials(write(tmp_path, text, encoding=encoding))
    assert trials.studies == ("Ames 2001", "Bell 2004", "Cole, D 2010")
    assert trials.counts.tolist() == COUNTS
    assert trials.row_numbers == (2, 3, 4)
    assert trials.name == "trials"
    assert trials.origin == "trials.csv"


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        (OWN, ROWS),
        ((" Study", "EVENTS_TREATED ", "Total_Treated", "events_control", "total_control"), ROWS),
        (("study", "ai", "n1i", "ci", "n2i"), ROWS),
        (("slab", "ai", "bi", "ci", "di"), [(name, a, n - a, c, m - c) for name, a, n, c, m in ROWS]),
        (("study", "ai", "bi", "ci", "n2i"), [(name, a, n - a, c, m) for name, a, n, c, m in ROWS]),
        (("study", "ai", "bi", "n1i", "ci", "di", "n2i"), [(s, a, n - a, n, c, m - c, m) for s, a, n, c, m in ROWS]),
        (("studlab", "event.e", "n.e", "event.c", "n.c"), ROWS),
        (("study", "Event.E", "N.e", "event.c", "n.c"), ROWS),
    ],
)
def test_counts_in_own_names_and_those_of_metafor_and_meta(tmp_path, header, rows):
    assert read_trials(write(tmp_path, csv_text(header, rows))).counts.tolist() == COUNTS


@pytest.mark.parametrize(
    "header", [("study", "estimate", "se"), ("study", "yi", "sei"), ("study", "TE", "seTE"), ("slab", "YI", "SEI")]
)
def test_estimates_in_own_names_and_those_of_metafor_and_meta(tmp_path, header):
    trials = read_trials(write(tmp_path, csv_text(header, [("A", -0.5, 0.25), ("B", 1e-1, 2)])))
    assert trials.estimate.tolist() == [-0.5, 0.1]
    assert trials.se.tolist() == [0.25, 2]
    assert not trials.has_counts.any()


def test_a_variance_stands_for_a_standard_error_where_there_is_none(tmp_path):
    assert read_trials(write(tmp_path, "study,yi,vi\nA,0.5,0.04\n")).se.tolist() == [0.2]
    both = read_trials(write(tmp_path, "study,yi,vi,sei\nA,0.5,0.04,0.21\n"))
    assert both.se.tolist() == [0.21]
    assert both.table["vi"].tolist() == [0.04]


def test_counts_win_over_estimates_unless_estimates_are_asked_for(tmp_path):
    file = write(tmp_path, "study,ai,n1i,ci,n2i,yi,sei\nA,3,20,6,21,-0.8,0.8\n")
    assert read_trials(file).has_counts.all()
    assert not read_trials(file, data="estimates").has_counts.any()
    with pytest.raises(DataError, match=r'data "both"\. Expected "auto" or "estimates"'):
        read_trials(file, data="both")


def test_decimal_commas_go_with_semicolons(tmp_path):
    trials = read_trials(write(tmp_path, "study;estimate;se;dose\nA;-0,5;0,25;1,5\nB;0.5;1,25;3\n"))
    assert trials.estimate.tolist() == [-0.5, 0.5]
    assert trials.se.tolist() == [0.25, 1.25]
    assert trials.table["dose"].tolist() == [1.5, 3.0]


@pytest.mark.parametrize("cell", ["12", " 12 ", "12.0", "1.2e1", "12.", "+12", "012"])
def test_twelve_in_many_ways(tmp_path, cell):
    assert read_trials(write(tmp_path, f"study,ai,n1i,ci,n2i\nA,{cell},20,6,21\n")).counts[0, 0] == 12


def test_a_typographic_minus_is_a_minus(tmp_path):
    assert read_trials(write(tmp_path, "study,yi,sei\nA,\N{MINUS SIGN}0.5,0.2\n")).estimate.tolist() == [-0.5]


def test_other_columns_stay_numbers_where_all_are_else_words(tmp_path):
    text = csv_text(
        ("study", "yi", "sei", "year", "dose", "arm", "code", "note", "id", "empty"),
        [
            ("A", 0.5, 0.2, 1999, "0.5", "video", "007", "NA", "12345678901234567890", ""),
            ("B", 0.6, 0.2, 2004, "", "book", "012", "late", "12345678901234567891", ""),
        ],
    )
    table = read_trials(write(tmp_path, text)).table
    assert table["year"].dtype == np.int64
    assert table["dose"].tolist()[0] == 0.5
    assert np.isnan(table["dose"].tolist()[1])
    assert table["arm"].tolist() == ["video", "book"]
    assert table["code"].tolist() == ["007", "012"]
    assert table["note"].tolist() == [None, "late"]
    assert table["id"].tolist() == ["12345678901234567890", "12345678901234567891"]
    assert table["empty"].isna().all()


def test_column_names_that_only_look_like_ours_are_kept_as_they_are(tmp_path):
    table = read_trials(write(tmp_path, "study,yi,vi,variance,nonevents_treated\nA,0.5,0.04,high,few\n")).table
    assert table["variance"].tolist() == ["high"]
    assert table["nonevents_treated"].tolist() == ["few"]


def test_empty_rows_are_passed_over_and_still_counted(tmp_path):
    text = "study,ai,n1i,ci,n2i\n\nA,3,20,6,21\n,,,,\n  \nB,9,4,6,21\n"
    assert "row 6 (B), column ai: 9 events among 4 people" in refusal(tmp_path, text)
    assert read_trials(write(tmp_path, text.replace("9,4", "4,9"))).row_numbers == (3, 6)


def test_rows_are_counted_as_a_spreadsheet_does_over_line_breaks_in_cells(tmp_path):
    assert "row 3 (B)" in refusal(tmp_path, 'study,ai,n1i,ci,n2i,note\nA,3,20,6,21,"two\nlines"\nB,x,4,6,21,\n')


def test_columns_without_name_and_content_are_passed_over(tmp_path):
    trials = read_trials(write(tmp_path, "study,yi,sei,,\nA,0.5,0.2,,\n"))
    assert trials.columns == ("study", "estimate", "se")


def test_outcome_and_direction_hold_for_the_whole_table(tmp_path):
    file = write(tmp_path, "study,yi,sei,outcome,direction\nA,0.5,0.2,relapse,Lower\nB,0.5,0.2,relapse,lower\n")
    trials = read_trials(file)
    assert (trials.outcome, trials.direction) == ("relapse", "lower")
    assert trials.columns == ("study", "estimate", "se")
    assert read_trials(file, name="mine", direction="higher").direction == "higher"
    assert read_trials(file, name="mine").name == "mine"


def test_one_of_several_outcomes_is_chosen_and_the_others_are_set_aside(tmp_path):
    text = "study,yi,sei,outcome,reason\nA,0.5,0.2,secure,x\nA,0.4,0.2,disorganised,y\nB,0.1,0.1,Secure,z\n"
    assert "several outcomes (secure, disorganised, Secure). Say which one" in refusal(tmp_path, text)
    trials = read_trials(write(tmp_path, text), outcome="secure")
    assert trials.estimate.tolist() == [0.5, 0.1]
    assert trials.set_aside[["study", "reason", "reason in the file"]].values.tolist() == [
        ["A", "another outcome", "y"]
    ]
    assert 'no row with outcome "death". It has secure' in refusal(tmp_path, text, outcome="death")


def test_an_outcome_that_the_file_does_not_mention_is_a_name(tmp_path):
    assert read_trials(write(tmp_path, csv_text()), outcome="relapse").outcome == "relapse"


@pytest.mark.parametrize("kind", [int, float, str, object])
def test_a_data_frame_is_read_like_a_file(tmp_path, kind):
    frame = pd.DataFrame(ROWS, columns=OWN).astype(dict.fromkeys(OWN[1:], kind))
    trials = read_trials(frame.assign(year=[1999, 2004, 2010], dose=[0.5, np.nan, 1e-20]))
    assert trials.counts.tolist() == COUNTS
    assert trials.table["year"].tolist() == [1999, 2004, 2010]
    assert trials.table["dose"].tolist()[2] == 1e-20
    frame = frame.astype(object)
    frame.loc[1, "events_control"] = "nine"
    with pytest.raises(DataError, match=r'^table, row 3 \(Bell 2004\), column events_control: "nine" is not a number'):
        read_trials(frame)


# What is refused: one message with file, row, study, column, finding and expectation


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("53", "53 events among 20 people. Events cannot exceed n1i."),
        ("-1", "-1. A count is a whole number from 0"),
        ("2.5", "2.5. A count is a whole number"),
        ("1,234", '"1,234" is not a number. Numbers have no thousands separator'),
        ("three", '"three" is not a number'),
        ("nan", '"nan" is not a number'),
        ("inf", '"inf" is not a number'),
        ("1e999", "1e999 is too large"),
        ("1e10", "10000000000. A count is a whole number from 0 to 1000000000."),
        ("1_0", '"1_0" is not a number'),
        ("٣", "is not a number"),
        ("0x10", "is not a number"),
        ("1" * 300, "1.11111111111111e+299. A count is a whole number"),
        ("many " * 100, '..." is not a number'),
        ("", "blank. A row needs all four counts, or an estimate with its standard error."),
        ("NA", "blank"),
    ],
)
def test_a_count_that_is_none(tmp_path, cell, words):
    rows = [ROWS[0], ("Bell 2004", cell, 20, 9, 38)]
    message = refusal(tmp_path, csv_text(("study", "ai", "n1i", "ci", "n2i"), rows))
    assert message.startswith("trials.csv, row 3 (Bell 2004), column ai: ")
    assert words in message
    assert len(message) < 250


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("study,ai,n1i,ci,n2i\nA,0,0,6,21\n", "row 2 (A), column n1i: 0. A count is a whole number from 1"),
        ("study,ai,bi,ci,di\nA,0,0,6,21\n", "row 2 (A), column ai + bi: 0. A count is a whole number from 1"),
        ("study,ai,bi,ci,di\nA,1,-1,6,21\n", "row 2 (A), column bi: -1."),
        ("study,ai,bi,ci,di\nA,1,,6,21\n", "row 2 (A), column ai + bi: blank."),
        ("study,ai,bi,n1i,ci,n2i\nA,1,4,6,6,21\n", "row 2 (A), columns ai, bi, n1i: 1 + 4 is not 6."),
        ("study,yi,sei\nA,0.5,0\n", "row 2 (A), column sei: 0. A standard error is positive"),
        ("study,yi,sei\nA,0.5,-0.1\n", "row 2 (A), column sei: -0.1. A standard error is positive"),
        ("study,yi,vi\nA,0.5,0\n", "row 2 (A), column vi: 0. A variance is positive."),
        ("study,yi,vi\nA,0.5,\n", "row 2 (A), column vi: blank."),
        ("study,yi,sei\nA,,0.1\n", "row 2 (A), column yi: blank."),
        ("study,yi,sei,year\nA,,,1999\n", "row 2 (A), columns yi, sei: blank."),
        ("study,yi,sei\nA,1e300,0.1\n", "row 2 (A), column yi: 1e+300."),
        ("study,yi,sei\n,0.5,0.1\n", "row 2, column study: blank."),
        ("study,yi,sei\nA,0.5,0.1\nA ,0.5,0.1\n", "row 3 (A), column study: A is already in row 2."),
        ("study,yi,sei,trial\nA,,,T\n", "row 2 (A), columns yi, sei: blank."),
        ("study,ai,n1i,ci,n2i,yi,sei\nA,,,,,,\nB,1,2,1,2,,\n", "row 3"),
        ("study,ai,n1i,ci,n2i,yi,sei\nA,1,,,,,\n", "row 2 (A), columns n1i, ci, n2i: blank."),
        (
            "study,ai,n1i,ci,n2i,trial\nA,1,9,1,9,T\nB,1,9,2,9,T\n",
            "row 3 (B), columns ci, n2i: control 2/9, but 1/9 in",
        ),
        ("study,yi,sei,direction\nA,0.5,0.1,up\n", 'row 2 (A), column direction: "up". Expected "higher" or "lower"'),
        ("study,yi,sei,direction\nA,1,1,lower\nB,1,1,\n", 'row 3 (B), column direction: ""'),
    ],
)
def test_a_row_that_cannot_be_used(tmp_path, text, place):
    if place == "row 3":  # a row with nothing but its study is not an empty row
        assert "row 2 (A), columns ai, n1i, ci, n2i, yi, sei: blank" in refusal(tmp_path, text)
    else:
        assert place in refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("study,ai,n1i,ci,n2i,ai", "row 1, column ai: appears twice"),
        ("study,ai,n1i,ci,n2i,events_treated", "row 1, column events_treated: means the same as column ai"),
        ("study,ai,n1i,ci,n2i,AI", "row 1, column AI: differs from column ai only in upper and lower case"),
        ("study,dose,Dose,yi,sei,x", "row 1, column Dose: differs from column dose only"),
        ("study,yi,TE,sei,x,z", "row 1, column TE: means the same as column yi"),
        ("name,ai,n1i,ci,n2i,x", "no column study. It has name, ai, n1i, ci, n2i, x. Recognised: study with"),
        ("study,a,b,c,d,e", "neither counts nor estimates. It has study, a, b, c, d, e."),
        ("study,ai,n1i,ci,x,z", "neither counts nor estimates"),
        ("study,yi,sei,,x,z", "column 4 has no name, but holds 3 in row 2"),
    ],
)
def test_a_header_that_cannot_be_understood(tmp_path, header, words):
    assert words in refusal(tmp_path, f"{header}\nA,1,2,3,4,5\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        (",,\n", "empty"),
        ("study,yi,sei\n", "no trials"),
        ("study,yi,sei\n,,\n", "no trials"),
        ("study,yi,sei\nA,0.5\n", "row 2 (A): 2 cells under 3 column names"),
        ("study,yi,sei\nA,0.5,0.2,9\n", "row 2 (A): 4 cells under 3 column names"),
        ('study,yi,sei\n"A,0.5,0.2\n', "row 2: not CSV"),
        ('study,yi,sei\nA,0.5,0.2\n"B"x,1,1\n', "row 3: not CSV"),
        ("study,yi,sei\n" + "A" * 200_000 + ",1,1\n", "row 2: not CSV"),
    ],
)
def test_a_file_that_is_no_table(tmp_path, text, words):
    assert words in refusal(tmp_path, text)


def test_a_file_in_another_encoding_says_where_and_what_to_do(tmp_path):
    message = refusal(tmp_path, "study,yi,sei\nA,1,1\nMüller,1,1\n", encoding="latin-1")
    assert message == 'trials.csv, row 3: byte 0xfc is not UTF-8. Save it as "CSV UTF-8".'
    assert "UTF-16" in refusal(tmp_path, csv_text(), encoding="utf-16")
    assert "binary" in refusal(tmp_path, csv_text(), encoding="utf-16-le")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x1f\x8b\x08", "compressed"),
        (b"a\0b", "binary"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path, content, words):
    file = tmp_path / "trials.csv"
    file.write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_trials(file)


@pytest.mark.parametrize(
    ("name", "words"), [("missing.csv", "no such file"), ("", "a folder"), ("a\0b", "cannot be read")]
)
def test_a_path_that_leads_nowhere(tmp_path, name, words):
    with pytest.raises(DataError, match=words):
        read_trials(f"{tmp_path}/{name}")
