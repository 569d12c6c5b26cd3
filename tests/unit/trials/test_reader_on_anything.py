"""Reading whatever anybody writes: any table in any dialect comes back, all else is refused."""

import csv
import io

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesmeta.errors import DataError
from bayesmeta.trials import read_trials

OWN = ("study", "events_treated", "total_treated", "events_control", "total_control")


def write(folder, text, name="trials.csv", encoding="utf-8"):
    file = folder / name
    file.write_bytes(text.encode(encoding))
    return file


def csv_text(header, rows, separator=","):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"]), min_size=1, max_size=8)
names = st.lists(words, min_size=1, max_size=3).map(" ".join)
estimates = st.floats(-1e6, 1e6) | st.integers(-50, 50).map(float)
labels = names.filter(lambda text: text != "NA" and not any(sign.isdigit() for sign in text))


@st.composite
def arms(draw):
    total = draw(st.integers(1, 10**6))
    return draw(st.integers(0, total)), total


@st.composite
def tables(draw):
    studies = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    k = len(studies)

    def column(values):
        return draw(st.lists(values, min_size=k, max_size=k))

    columns = {"study": studies}
    which = draw(st.sampled_from(["counts", "estimates", "both"]))
    if which != "estimates":
        for arm in ("treated", "control"):
            events, totals = zip(*column(arms()))
            columns |= {f"events_{arm}": list(events), f"total_{arm}": list(totals)}
    if which != "counts":
        columns |= {"estimate": column(estimates), "se": column(st.floats(1e-6, 1e6))}
    columns |= {"label": column(labels), "dose": column(st.floats(allow_nan=False, allow_infinity=False))}
    return columns


@given(tables(), st.sampled_from([(",", "."), (";", "."), (";", ","), ("\t", ".")]), st.booleans(), st.booleans())
@settings(max_examples=80)
def test_any_table_in_any_dialect_reads_back_as_it_was(tmp_path_factory, columns, dialect, mark, quoted):
    separator, point = dialect
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerow(columns)
    for row in zip(*columns.values()):
        writer.writerow([repr(cell).replace(".", point) if isinstance(cell, float) else cell for cell in row])
    folder = tmp_path_factory.getbasetemp()
    trials = read_trials(write(folder, text.getvalue(), encoding="utf-8-sig" if mark else "utf-8"))
    assert trials.studies == tuple(columns["study"])
    for name in columns.keys() - {"study"}:
        assert trials.table[name].tolist() == columns[name]
    pd.testing.assert_frame_equal(read_trials(pd.DataFrame(columns)).table, trials.table)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="surrogatepass")))
@settings(max_examples=200)
def test_any_bytes_are_trials_or_a_refusal(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"^any\.csv"):
        read_trials(file)


cells = st.sampled_from(["", "3", "20", "0.5", "-1", "NA", "x", "1e999", "A", '"', ";", "\t", "\n"]) | st.text(
    max_size=4
)
columns_known = st.sampled_from(
    ["study", "ai", "n1i", "bi", "ci", "n2i", "di", "yi", "vi", "sei", "trial", "outcome", "x"]
)


@given(
    st.lists(columns_known | st.text(max_size=3), max_size=8, unique=True),
    st.lists(st.lists(cells, max_size=8), max_size=4),
    st.sampled_from([",", ";", "\t"]),
    st.booleans(),
)
@settings(max_examples=200)
def test_anything_that_looks_like_a_table_is_trials_or_a_refusal(tmp_path_factory, header, rows, separator, escaped):
    if escaped:
        rows = [[*row, *[""] * len(header)][: len(header)] for row in rows]
        content = csv_text(header, rows, separator)
    else:
        content = "\n".join(separator.join(row) for row in [header, *rows])
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_bytes(content.encode(errors="surrogatepass"))
    try:
        trials = read_trials(file)
    except DataError as refused:
        fine = str(refused).startswith("any.csv")
    else:
        fine = trials.k >= 1 and (trials.has_counts | trials.has_estimate).all()
    assert fine


@given(st.lists(arms(), min_size=2, max_size=2), st.data())
@settings(max_examples=100)
def test_one_spoilt_cell_is_named_by_row_and_column(tmp_path_factory, both, data):
    rows = [[f"S{number}", *both[0], *both[1]] for number in range(4)]
    row, column = data.draw(st.integers(0, 3)), data.draw(st.integers(1, 4))
    rows[row][column] = data.draw(
        st.sampled_from(["", "?", "-1", "0.5", "1e12", "1e400", "nan", "12 children", "1,000"])
    )
    with pytest.raises(DataError) as caught:
        read_trials(write(tmp_path_factory.getbasetemp(), csv_text(OWN, rows)))
    message = str(caught.value)
    assert message.startswith(f"trials.csv, row {row + 2} (S{row}), column {OWN[column]}: ")
    assert str(rows[row][column] or "blank").replace("1e12", "1000000000000") in message
