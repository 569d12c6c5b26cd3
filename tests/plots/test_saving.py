"""The same picture gives the same file, whatever the user's settings, and half a file never stays."""

import matplotlib as mpl
import pytest

import bayesmeta as bm
from bayesmeta.errors import BayesmetaError
from tests.plots.reading import normal, simulated


def draw_all(posterior, pools):
    yield bm.plots.forest(posterior, pools)
    yield bm.plots.prior_posterior(posterior)
    yield bm.plots.against_pools(posterior, pools)


@pytest.fixture(scope="module")
def fitted():
    trials = simulated(4)
    return normal(trials), bm.pool(trials)


def test_the_same_analysis_gives_the_same_bytes_whatever_the_settings(fitted, tmp_path):
    first = [bm.plots.save_figure(f, tmp_path / "1" / f"{f.get_label()}.png").read_bytes() for f in draw_all(*fitted)]
    with mpl.rc_context({"font.size": 20, "axes.facecolor": "red", "savefig.dpi": 30, "font.family": ["serif"]}):
        second = [bm.plots.save_figure(f, tmp_path / f"{f.get_label()}.png").read_bytes() for f in draw_all(*fitted)]
    assert first == second
    assert len(set(first)) == 3


@pytest.mark.parametrize("suffix", [".svg", ".pdf"])
def test_other_formats_repeat(fitted, tmp_path, suffix):
    paths = [bm.plots.save_figure(bm.plots.new_setting(fitted[0]), tmp_path / f"{i}{suffix}") for i in range(2)]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].stat().st_size > 1000


def test_labels_name_the_files(fitted):
    assert [f.get_label() for f in draw_all(*fitted)] == ["forest", "prior-posterior", "against-pools"]


def test_an_unknown_format_is_refused_before_a_file_is_made(fitted, tmp_path):
    with pytest.raises(BayesmetaError, match=r"forest\.docx: a picture ends in \.png"):
        bm.plots.save_figure(bm.plots.forest(fitted[0]), tmp_path / "forest.docx")
    assert list(tmp_path.iterdir()) == []


def test_nothing_but_the_picture_stays_in_the_folder(fitted, tmp_path):
    bm.plots.save_figure(bm.plots.new_setting(fitted[0]), tmp_path / "new.png")
    assert [path.name for path in tmp_path.iterdir()] == ["new.png"]
