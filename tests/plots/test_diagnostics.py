"""Diagnostic pictures: five figures with names, titles and every top-level parameter; nothing stays open."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

import bayesmeta as bm
from tests.plots.reading import normal, simulated, words

LABELS = ["trace", "rank", "energy", "ess", "pair"]


@pytest.fixture(scope="module")
def figures():
    posterior = normal(bm.load("attachment/secure"), moderators="~ sensitivity_focused")
    before = dict(mpl.rcParams)
    drawn = bm.plots.diagnostics(posterior)
    assert dict(mpl.rcParams) == before
    return drawn


def test_there_are_five_with_a_name_for_their_file(figures):
    assert [figure.get_label() for figure in figures] == LABELS


def test_no_figure_stays_open(figures):
    assert plt.get_fignums() == []


@pytest.mark.parametrize("label", ["trace", "rank", "ess", "pair"])
def test_every_top_level_parameter_is_shown_and_named(figures, label):
    texts = set(words(figures[LABELS.index(label)]))
    assert {"μ", "sensitivity_focused[T.yes]", "τ"} <= texts
    assert "theta_new" not in texts


def test_titles_say_what_to_look_for_and_sizes_are_those_of_a_page(figures):
    for figure in figures:
        assert ": " in figure.get_suptitle()
        assert figure.get_size_inches().max() <= 14


def test_they_can_be_saved(figures, tmp_path):
    for figure in figures:
        assert bm.plots.save_figure(figure, tmp_path / f"{figure.get_label()}.png").stat().st_size > 5000


def test_a_common_effect_model_has_one_parameter():
    figures = bm.plots.diagnostics(normal(simulated(3), random_effects="none"))
    assert "τ" not in words(figures[0])
